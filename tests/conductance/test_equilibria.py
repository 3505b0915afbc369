"""Equilibria, their stability and folds against closed forms."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conductance.elements import linear, tabulated, tanh
from conductance.neurons import adlif, lif, mtc, qif
from conductance.neurons.presets import BISTABLE, BURSTING, PRESETS, SLOW_BURSTING, TONIC
from conductance.shaping.curves import CurveError
from conductance.shaping.equilibria import Branch, equilibria
from conductance.shaping.flow import flow
from conductance.shaping.integrate import integrate
from conductance.stimulus import Stimulus

SWITCH = mtc((tanh("fast", -2.0),))


@pytest.mark.parametrize("preset", [TONIC, BURSTING, SLOW_BURSTING], ids=lambda p: p.name)
@given(current=st.floats(-4, 4))
@settings(max_examples=15)
def test_paired_gains_cancel_and_the_membrane_rests_at_the_current(preset, current):
    """With gains in cancelling pairs I_ss(V) = V: U = I_app is the only equilibrium, for every I_app."""
    (only,) = equilibria(preset.neuron, current)
    assert only.voltage == pytest.approx(current, abs=1e-9)
    assert only.states == pytest.approx((current,) * len(only.states), abs=1e-9)


@pytest.mark.parametrize("name", PRESETS)
def test_at_an_equilibrium_nothing_changes(name):
    """Every derivative of the continuous equation is zero there."""
    preset = PRESETS[name]
    for current in (-3.0, preset.current, 0.3):
        found = equilibria(preset.neuron, current)
        assert found
        for point in found:
            assert flow(preset.neuron).derivative(point.states, current) == pytest.approx(
                [0.0] * len(point.states)
            )


def test_a_switch_has_three_equilibria_between_its_folds():
    """alpha = 2: folds at |V| = arccosh(sqrt 2) = 0.8814 where V - 2 tanh V = -+0.5328; outside them one."""
    branch, half = Branch(SWITCH), math.acosh(math.sqrt(2))
    assert branch.turns == pytest.approx((-half, half))
    assert tuple(map(branch.currents, branch.turns)) == pytest.approx(
        (2 * math.tanh(half) - half, half - 2 * math.tanh(half))
    )
    assert [point.stable for point in equilibria(SWITCH, 0.0)] == [True, False, True]
    assert len(equilibria(SWITCH, 0.53)) == 3
    assert len(equilibria(SWITCH, 0.54)) == 1
    assert equilibria(SWITCH, 0.0)[1].voltage == pytest.approx(0.0, abs=1e-12)


def test_stability_changes_at_the_hopf_points_of_the_closed_form():
    """J = [[-1 + 2 c, -2 c], [1/20, -1/20]], c = 1/cosh^2 V: trace 0 at c = 21/40, frequency sqrt(det) = sqrt 0.05.

    Below, rest is stable; between, it is not; above, it is again: depolarised block.
    """
    voltage, branch = math.acosh(math.sqrt(40 / 21)), Branch(TONIC.neuron)
    assert branch.turns == ()
    for side in (-1, 1):
        (point,) = equilibria(TONIC.neuron, side * voltage)
        assert [value.real for value in point.eigenvalues] == pytest.approx([0, 0], abs=1e-12)
        assert sorted(value.imag for value in point.eigenvalues) == pytest.approx(
            [-math.sqrt(1 / 20), math.sqrt(1 / 20)]
        )
        assert branch.at(side * (voltage + 1e-6)).stable
        assert not branch.at(side * (voltage - 1e-6)).stable
    inside = np.linspace(1e-6 - voltage, voltage - 1e-6, 101)
    assert (branch.eigenvalues(inside).real.max(1) > 0).all()


def test_simulation_agrees_with_stability():
    """From 0.01 V0 beside it, a stable equilibrium is approached and an unstable one left."""
    for current, stable in ((-1.0, True), (-0.7, False)):
        (point,) = equilibria(TONIC.neuron, current)
        start = (point.voltage + 0.01, *point.states[1:])
        trace = integrate(TONIC.neuron, Stimulus.constant(current), 300.0, start=start)
        assert point.stable is stable
        assert bool(abs(trace.states[-1, 0] - point.voltage) < 1e-4) is stable


def test_the_bistable_set_has_one_stable_rest_and_two_unstable_equilibria():
    """At I = -0.8 it rests at -2.00; its folds lie at the falling part of the slow curve."""
    found = equilibria(BISTABLE.neuron, -0.8)
    assert [point.stable for point in found] == [True, False, False]
    assert found[0].voltage == pytest.approx(-2.00, abs=0.01)
    branch = Branch(BISTABLE.neuron)
    low, high = map(branch.currents, branch.turns)
    assert high < -0.8 < low


def test_qif_has_its_roots_and_its_fold():
    """V^2 - V + I = 0: V = (1 -+ sqrt(1 - 4 I))/2, stable and unstable, meeting at I = 1/4."""
    for current in (-2.0, 0.0, 0.2):
        root = math.sqrt(1 - 4 * current)
        low, high = equilibria(qif(), current)
        assert (low.voltage, high.voltage) == pytest.approx(((1 - root) / 2, (1 + root) / 2), abs=1e-9)
        assert (low.stable, high.stable) == (True, False)
        assert low.eigenvalues == pytest.approx([-root, -2.0])
    branch = Branch(qif())
    assert (*branch.turns, branch.currents(branch.turns[0])) == pytest.approx((0.5, 0.25))
    assert equilibria(qif(), 0.26) == ()


def test_an_equilibrium_above_threshold_is_never_reached():
    """LIF rests at R I + U_rest up to theta, and has no equilibrium beyond."""
    (point,) = equilibria(lif(), 0.6, {"R": 1.5, "U_rest": -0.2})
    assert point.voltage == pytest.approx(0.7)
    assert point.eigenvalues == (pytest.approx(-1.0),)
    assert equilibria(lif(), 1.01) == ()


def test_adlif_rests_where_leak_and_adaptation_meet():
    """U = I/(1 + a), whatever b is: at rest no spike flows."""
    for b in (0.0, 3.0):
        (point,) = equilibria(adlif(a=1.5, b=b), 0.5)
        assert point.states == pytest.approx((0.2, 0.3))
        assert point.stable


def test_equilibria_far_outside_the_offsets_are_found():
    """The leak alone carries large currents."""
    for current in (-300.0, 55.0):
        (point,) = equilibria(SWITCH, current)
        assert point.voltage == pytest.approx(current + 2 * np.sign(current), abs=1e-9)


def test_a_leak_that_saturates_cannot_carry_every_current():
    """With a leak of at most 5 units, and 2 from the element, 8 units hold no equilibrium."""
    saturating = mtc((tanh("fast", 2.0),), leak_limit=5.0)
    assert len(equilibria(saturating, 6.5)) == 1
    assert equilibria(saturating, 8.0) == ()


def test_a_tabulated_element_has_the_equilibria_of_its_law():
    """A table of -2 tanh at 0.4 V0 gives the switch's equilibria to 2e-2."""
    points = np.arange(-4, 4.1, 0.4)
    table = mtc((tabulated("fast", list(points), list(-2 * np.tanh(points))),))
    found, wanted = equilibria(table, 0.2), equilibria(SWITCH, 0.2)
    assert [point.stable for point in found] == [True, False, True]
    for one, other in zip(found, wanted, strict=True):
        assert one.voltage == pytest.approx(other.voltage, abs=2e-2)


def test_a_steady_current_without_slope_is_refused():
    """An element that cancels the leak exactly leaves equilibria everywhere or nowhere."""
    with pytest.raises(CurveError, match="every voltage"):
        Branch(mtc((linear("fast", -1.0),)))
