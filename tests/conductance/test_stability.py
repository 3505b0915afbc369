"""The largest stable time step of rules against closed forms and against simulation."""

import math

import numpy as np
import pytest

from conductance.derivation.rules import derive
from conductance.elements import linear, tanh
from conductance.events import synaptic_lif
from conductance.neurons import adlif, lif, low_pass, mtc, qif
from conductance.neurons.presets import BURSTING
from conductance.shaping.convergence import stepped
from conductance.shaping.equilibria import equilibria
from conductance.shaping.stability import largest_stable_dt, step_jacobian


@pytest.mark.parametrize("method", ["forward_euler", "heun"])
@pytest.mark.parametrize("tau", [0.3, 1.0, 7.0])
def test_explicit_rules_of_linear_neurons_stop_at_two_time_constants(method, tau):
    """|1 - dt/tau| < 1 and |1 - z + z^2/2| < 1 both end at dt = 2 tau."""
    assert largest_stable_dt(derive(lif(tau_m=tau), method)).dt == pytest.approx(2 * tau, rel=1e-6)
    assert largest_stable_dt(derive(low_pass(tau=tau), method)).dt == pytest.approx(2 * tau, rel=1e-6)


@pytest.mark.parametrize("method", ["exponential_euler", "symplectic_euler"])
def test_exponential_rules_of_linear_neurons_have_no_limit(method):
    """exp(-dt/tau) < 1 for every step."""
    for neuron in (lif(), low_pass(), adlif()):
        found = largest_stable_dt(derive(neuron, method))
        assert found.dt == math.inf
        assert math.isnan(found.voltage)


def test_two_time_constants_stop_at_the_shorter():
    """tau_m = 1 and tau_s = 20 with a passive slow element: 2 over the fastest rate, the larger eigenvalue of J."""
    neuron = mtc((linear("slow", 1.5),))
    fastest = max(abs(np.linalg.eigvals(np.array([[-1.0, -1.5], [1 / 20, -1 / 20]]))))
    found = largest_stable_dt(derive(neuron))
    assert found.dt == pytest.approx(2 / fastest, rel=1e-6)
    assert abs(found.eigenvalue) == pytest.approx(fastest)


def test_the_fastest_place_of_the_branch_limits():
    """I = V + 3 tanh V decays fastest at V = 0, rate 1 + 3: dt = 2/4, found at that voltage."""
    found = largest_stable_dt(derive(mtc((tanh("fast", 3.0),))))
    assert found.dt == pytest.approx(0.5, rel=1e-3)
    assert found.voltage == pytest.approx(0.0, abs=0.05)
    far = largest_stable_dt(derive(mtc((tanh("fast", 3.0),))), low=2.0, high=4.0)
    assert far.dt == pytest.approx(2 / (1 + 3 / math.cosh(2.0) ** 2), rel=1e-3)


def test_simulation_rings_beyond_and_not_before():
    """At I = V = 0 of the same membrane, forward Euler dies out at 0.98 of the limit and not at 1.02."""
    neuron = mtc((tanh("fast", 3.0),))
    limit = largest_stable_dt(derive(neuron)).dt
    for factor, decays in ((0.98, True), (1.02, False)):
        states, _ = stepped(derive(neuron), [0.0] * 2000, factor * limit, start=(0.01,))
        assert bool(abs(states[-1, 0]) < 1e-6) is decays


def test_the_paper_s_step_is_well_inside():
    """dt = 0.2 for the bursting set, whose limit is 2.0: spike counts hold up to dt = 1."""
    assert largest_stable_dt(derive(BURSTING.neuron)).dt == pytest.approx(2.0, rel=1e-2)
    assert largest_stable_dt(derive(BURSTING.neuron, "exponential_euler")).dt > 20


def test_a_fast_reading_limits_the_step():
    """tau_f = 0.5 adds a rate: the step must shrink below a tau_f of its own, 2 x 0.5."""
    assert largest_stable_dt(derive(mtc(tau_f=0.5))).dt < 1.0


def test_near_a_hopf_point_modes_are_not_asked_to_decay():
    """Asked for every mode that decays at all, forward Euler stops at -2 Re/|l|^2, which goes to zero there."""
    neuron = mtc((tanh("fast", -2.0), tanh("slow", 2.0)))
    rule = derive(neuron)
    (point,) = equilibria(neuron, -0.85)
    value = point.eigenvalues[0]
    limit = -2 * value.real / abs(value) ** 2
    assert 0 < limit < 0.3
    assert largest_stable_dt(rule, low=-0.87, high=-0.85, damping=0.0).dt == pytest.approx(limit, rel=1e-6)
    assert largest_stable_dt(rule, low=-0.87, high=-0.85).dt == math.inf


def test_neurons_of_arrivals_are_judged_at_their_own_equilibria():
    """A membrane and its synaptic current: rates 1 and 2, so dt = 1; the exact step has no limit."""
    assert largest_stable_dt(derive(synaptic_lif(), "forward_euler")).dt == pytest.approx(1.0, rel=1e-6)
    slower = derive(synaptic_lif(tau_m=3.0), "forward_euler")
    assert largest_stable_dt(slower).dt == pytest.approx(3.0, rel=1e-6)
    assert largest_stable_dt(derive(qif(), "moebius")).dt == math.inf


@pytest.mark.parametrize("peak", [20.0, 200.0])
def test_the_state_after_the_reset_limits_a_step(peak):
    """At -V_p the quadratic decays at 2 V_p + 1: forward Euler is stable up to 2/(2 V_p + 1), far from rest."""
    found = largest_stable_dt(derive(qif(V_peak=peak), "forward_euler"))
    assert found.after_reset
    assert found.dt == pytest.approx(2 / (2 * peak + 1), rel=1e-6)


@pytest.mark.parametrize("method", ["forward_euler", "exponential_euler", "heun"])
def test_a_step_below_the_limit_spikes_once_and_one_above_it_does_not(method):
    """One input spike of weight 4 makes one spike of QIF, at 1.54 tau; above the limit the reset throws it up again."""
    rule = derive(qif(), method)
    limit = largest_stable_dt(rule).dt
    for factor, wanted in ((0.5, True), (0.95, True), (2.0, False)):
        dt = factor * limit
        drive = np.zeros(round(8 / dt))
        drive[0] = 4.0
        _, spikes = stepped(rule, drive, dt)
        assert bool(spikes.sum() == 1) is wanted
        assert (spikes.argmax() + 1) * dt == pytest.approx(1.54, abs=0.05)


def test_the_jacobian_of_a_step_is_the_derivative_of_the_step():
    """Against differences of the stepped rule, at a resting state."""
    for method in ("forward_euler", "exponential_euler", "heun", "symplectic_euler"):
        neuron = mtc(filter_limit=1.0)
        rule, dt = derive(neuron, method), 0.7
        (point,) = equilibria(neuron, -1.0)
        exact = np.array(step_jacobian(rule)(*point.states, -1.0, dt, *neuron.defaults.values()))
        for column in range(3):
            shift = np.zeros(3)
            shift[column] = 1e-6
            ahead, _ = stepped(rule, [-1.0], dt, start=np.array(point.states) + shift)
            behind, _ = stepped(rule, [-1.0], dt, start=np.array(point.states) - shift)
            assert exact[:, column] == pytest.approx((ahead[1] - behind[1]) / 2e-6, abs=1e-8)
