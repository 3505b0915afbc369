"""The exact step of QIF against scipy in another coordinate, random draws with and without spikes."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from conductance.derivation.rules import derive
from conductance.layers import NeuronLayer
from conductance.neurons import qif
from conductance.shaping.convergence import stepped

RULE = derive(qif(), "moebius")


def by_angle(voltage: float, current: float, duration: float) -> tuple[float, float, int]:
    """V = tan(a) turns the equation into one without a pole, a' = sin^2 - sin cos + I cos^2; spikes lie at pi/2."""

    def slope(t: float, angle: np.ndarray) -> list[float]:
        s, c = math.sin(angle[0]), math.cos(angle[0])
        return [s * s - s * c + current * math.exp(-2 * t) * c * c]

    result = solve_ivp(slope, (0, duration), [math.atan(voltage)], method="DOP853", rtol=1e-13, atol=1e-14)
    angle = float(result.y[0, -1])
    return math.tan(angle), current * math.exp(-2 * duration), math.floor((angle + math.pi / 2) / math.pi)


@settings(max_examples=150)
@given(voltage=st.floats(-8, 8), current=st.floats(-5, 20), duration=st.floats(0.01, 0.6))
def test_one_step_is_the_equations_solution(voltage, current, duration):
    """Voltage to 1e-9 (as an angle, so that the pole counts like any other point), current, and the spike."""
    wanted, left, spikes = by_angle(voltage, current, duration)
    states, outputs = stepped(RULE, [0.0], duration, start=(voltage, current))
    apart = math.atan(states[1, 0]) - math.atan(wanted)
    assert abs((apart + math.pi / 2) % math.pi - math.pi / 2) < 1e-9
    assert states[1, 1] == pytest.approx(left, rel=1e-12, abs=1e-14)
    if abs(abs(math.atan(wanted)) - math.pi / 2) > 1e-6:
        assert int(outputs[0]) == spikes


@settings(max_examples=30)
@given(voltage=st.floats(-3, 3), drive=st.floats(-2e-2, 2e-2))
def test_the_branches_of_the_step_meet(voltage, drive):
    """Around I = 0, where series, cosine and hyperbolic cosine meet, the step is smooth and right."""
    wanted, _, _ = by_angle(voltage, drive, 0.3)
    states, _ = stepped(RULE, [0.0], 0.3, start=(voltage, drive))
    assert states[1, 0] == pytest.approx(wanted, rel=1e-9, abs=1e-10)


def test_an_arriving_charge_is_current_from_the_beginning_of_the_step():
    """I -> I + w first, then the step."""
    arrived, _ = stepped(RULE, [1.7], 0.2, start=(0.3, 0.4))
    present, _ = stepped(RULE, [0.0], 0.2, start=(0.3, 2.1))
    assert arrived[1] == pytest.approx(present[1], rel=1e-14)


def test_from_rest_a_spike_needs_a_quarter_of_pi_squared():
    """The least weight that makes a spike from rest is pi^2/4 = 2.467."""
    for weight, spikes in ((math.pi**2 / 4 - 1e-3, 0), (math.pi**2 / 4 + 1e-3, 1)):
        _, outputs = stepped(RULE, [weight, *[0.0] * 400], 0.05)
        assert outputs.sum() == spikes


def test_the_spike_falls_into_the_step_of_the_closed_form():
    """From V0 = 0 with I0 > 0: at D = -tau ln(1 - s*), s* = (pi/2 - atan(V0/k))/k, k = sqrt(I0)."""
    for current in (3.0, 6.0, 15.0):
        k = math.sqrt(current)
        time = -math.log(1 - math.pi / 2 / k)
        _, outputs = stepped(RULE, [current, *[0.0] * 500], 0.01)
        assert int(np.flatnonzero(outputs)[0]) == math.floor(time / 0.01)


def test_steps_compose():
    """Two steps of dt are one step of 2 dt: the step is exact, not an approximation."""
    two, _ = stepped(RULE, [0.0, 0.0], 0.1, start=(0.7, 3.0))
    one, _ = stepped(RULE, [0.0], 0.2, start=(0.7, 3.0))
    assert two[-1] == pytest.approx(one[-1], rel=1e-13)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("backend", ["eager", "c"])
def test_a_strong_inhibition_is_a_number(backend, dtype):
    """cosh of the step's argument would overflow: V follows -sqrt(-I) instead, with the slope of that root."""
    layer = NeuronLayer(qif(), 1, dt=0.1, backend=backend).to(dtype)
    for strength in (1e4, 1e8, 1e14):
        x = torch.zeros(2, 1, 1, dtype=dtype)
        x[0] = -strength
        x.requires_grad_()
        _, (voltage, current) = layer(x)
        assert float(voltage.detach()) == pytest.approx(-math.sqrt(-float(current.detach())), rel=0.02)
        (slope,) = torch.autograd.grad(voltage.sum(), x)
        assert float(slope[0]) == pytest.approx(float(voltage.detach()) / (-2 * strength), rel=0.02)
