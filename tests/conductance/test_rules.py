"""Update rules against what the publications write, and against closed forms."""

import math
from dataclasses import replace

import numpy as np
import pytest
import sympy
import torch
from scipy.integrate import solve_ivp

from conductance.derivation.methods import METHODS
from conductance.derivation.projective import quadratic_flow
from conductance.derivation.rules import RuleError, derive
from conductance.layers import NeuronLayer
from conductance.neurons import adlif, lif, low_pass, mtc, qif
from conductance.neurons.base import DT, INPUT, Neuron, State
from conductance.parameter import Parameter
from conductance.shaping.convergence import stepped


def test_forward_euler_of_mtc_is_the_papers():
    """Both lines use the states of time t: U_x += dt/tau_x (U_m - U_x), U_m += dt/tau_m (-U_m + ... - R sum I_x)."""
    made = mtc()
    u, s, us = made.state_symbols
    p = {parameter.name: parameter.symbol for parameter in made.parameters}
    elements = (
        -p["alpha_f_minus"] * sympy.tanh(u - p["delta_f_minus"])
        + p["alpha_s_plus"] * sympy.tanh(s - p["delta_s_plus"])
        - p["alpha_s_minus"] * sympy.tanh(s - p["delta_s_minus"])
        + p["alpha_us_plus"] * sympy.tanh(us - p["delta_us_plus"])
    )
    lines = {
        u: u + DT / p["tau_m"] * (-u + p["U_rest"] + p["R"] * INPUT - p["R"] * elements),
        s: s + DT / p["tau_s"] * (u - s),
        us: us + DT / p["tau_us"] * (u - us),
    }
    derived = derive(made, "forward_euler").next_states()
    assert list(derived) == [u, s, us]
    for state, line in lines.items():
        assert sympy.simplify(derived[state] - line) == 0


def test_one_step_of_mtc_by_hand():
    """At U = 1, U_s = -1, I = 0.5, dt = 0.1, one fast and one slow element: numbers on paper."""
    from conductance.elements import tanh

    made = mtc((tanh("fast", -2.0), tanh("slow", 3.0, 0.5)), tau_s=20.0)
    states, outputs = stepped(derive(made), [0.5], 0.1, start=(1.0, -1.0))
    membrane = 1.0 + 0.1 * (-1.0 + 0.5 + 2 * math.tanh(1.0) - 3 * math.tanh(-1.5))
    assert states[1] == pytest.approx([membrane, -1.0 + 0.1 / 20 * 2.0])
    assert outputs[0] == 1.0


def test_the_output_is_a_saturated_ramp_of_the_new_voltage():
    """s = clip((U - U_th)/(U_sat - U_th), 0, 1), read after the step."""
    made = mtc().with_values(U_th=-0.5, U_sat=1.5)
    for voltage, wanted in ((-0.7, 0.0), (0.5, 0.5), (1.4, 0.95), (3.0, 1.0)):
        states, outputs = stepped(derive(made), [0.0], 1e-12, start=(voltage, 0.0, 0.0))
        assert states[1, 0] == pytest.approx(voltage, abs=1e-9)
        assert outputs[0] == pytest.approx(wanted, abs=1e-9)
    _, outputs = stepped(derive(made), [0.8], 0.5, start=(0.0, 0.0, 0.0))
    assert outputs[0] == pytest.approx((voltage_after_one_step() + 0.5) / 2)


def voltage_after_one_step() -> float:
    """U after one step of 0.5 from 0 under 0.8: tanh elements at 0 read their offsets."""
    elements = -2 * math.tanh(0) + 2 * math.tanh(0) - 1.5 * math.tanh(0.9) + 1.5 * math.tanh(0.9)
    return 0.5 * (0.8 - elements)


def test_symplectic_adlif_is_the_recurrence_of_baronig():
    """u_hat = alpha u + (1 - alpha)(I - w); s; u = u_hat (1 - s) + u_rest s; w = beta w + (1 - beta)(a u + b s)."""
    a, b, tau_m, tau_w, theta, rest, dt = 0.7, 1.9, 2.0, 30.0, 0.8, -0.1, 0.3
    made = adlif(tau_m=tau_m, tau_w=tau_w, a=a, b=b).with_values(theta=theta, U_rest=rest)
    inputs = np.random.default_rng(1).normal(1.5, 1.5, 400)
    states, outputs = stepped(derive(made, "symplectic_euler"), inputs, dt, start=(0.2, 0.4))
    alpha, beta = math.exp(-dt / tau_m), math.exp(-dt / tau_w)
    u, w, spikes = 0.2, 0.4, []
    for index, current in enumerate(inputs):
        # their membrane rests at zero; ours at U_rest
        u_hat = alpha * u + (1 - alpha) * (rest + current - w)
        s = float(u_hat > theta)
        u = u_hat * (1 - s) + rest * s
        w = beta * w + (1 - beta) * (a * u + b * s)
        spikes.append(s)
        assert states[index + 1] == pytest.approx([u, w], abs=1e-12)
    assert outputs.tolist() == spikes
    assert 20 < sum(spikes) < 380


def test_the_interval_of_lif_is_the_closed_form():
    """Under constant I the exact step first exceeds theta after T = tau ln(I/(I - theta)), rounded up to a step."""
    for current, dt in ((1.5, 0.01), (2.0, 0.03), (5.0, 0.007)):
        _, outputs = stepped(derive(lif(), "exponential_euler"), [current] * 2000, dt)
        first = int(np.flatnonzero(outputs)[0]) + 1
        assert first == math.floor(math.log(current / (current - 1)) / dt) + 1
        assert set(np.diff(np.flatnonzero(outputs))) == {first}


def test_a_lif_below_rheobase_never_fires():
    """I = theta/R is the limit: the membrane approaches it from below."""
    _, outputs = stepped(derive(lif(), "exponential_euler"), [1.0] * 5000, 0.05)
    assert not outputs.any()


def test_exponential_euler_is_exact_for_a_linear_filter_at_any_step():
    """tau dy/dt = x - y under held x: y = x + (y0 - x) exp(-t/tau), whatever the step."""
    for dt in (0.01, 1.0, 100.0):
        states, _ = stepped(
            derive(low_pass(order=1, tau=5.0), "exponential_euler"), [2.0] * 3, dt, start=(-1.0,)
        )
        wanted = 2.0 - 3.0 * np.exp(-dt * np.arange(4) / 5.0)
        assert states[:, 0] == pytest.approx(wanted, abs=1e-12)


def test_heun_is_the_mean_of_the_slopes_at_both_ends():
    """x' = x + dt/2 (f(x) + f(x + dt f(x))), inputs held."""
    made = mtc(filter_limit=1.0)
    slopes = sympy.lambdify(
        [*made.state_symbols, INPUT], [s.derivative.subs(made.substitutions()) for s in made.states], "math"
    )
    state, current, dt = np.array([0.3, -0.6, -1.1]), -0.7, 0.4
    first = np.array(slopes(*state, current))
    second = np.array(slopes(*(state + dt * first), current))
    states, _ = stepped(derive(made, "heun"), [current], dt, start=state)
    assert states[1] == pytest.approx(state + dt / 2 * (first + second))


def test_constants_are_free_of_states_and_input():
    """What does not change in time is computed once: the body's other inputs are constants of parameters and dt."""
    for method in METHODS:
        rule = derive(mtc(tau_f=0.3), method)
        parameters = {parameter.symbol for parameter in rule.neuron.parameters} | {DT}
        for _, value in rule.constants:
            assert value.free_symbols <= parameters
        assert set(rule.body.inputs) == {*rule.neuron.state_symbols, INPUT, *rule.constant_symbols}


def test_a_method_that_does_not_fit_is_refused_in_words():
    """Unknown names list the known ones; the exact step asks for a quadratic neuron."""
    with pytest.raises(RuleError, match="forward_euler"):
        derive(mtc(), "runge_kutta")
    for neuron in (mtc(), lif(), adlif(), low_pass()):
        with pytest.raises(RuleError, match="quadratic"):
            derive(neuron, "moebius")


@pytest.mark.parametrize("method", list(METHODS))
def test_a_state_of_capacity_one_is_stepped(method):
    """FitzHugh-Nagumo, dV/dt = V - g V^3 - W + I: the step stands bare in its rule. Orders as stated, against scipy."""
    v, w = sympy.symbols("V W", real=True)
    cubic = Parameter(name="g", default=0.33, lower=0.0, meaning="cubic")
    fast = State(
        name="v",
        symbol=v,
        meaning="fast",
        currents={"own": v - cubic.symbol * v**3, "slow": -w, "input": INPUT},
    )
    slow = State(
        name="w", symbol=w, meaning="slow", capacity=sympy.Integer(12), currents={"own": v - 0.8 * w + 0.7}
    )
    neuron = Neuron(name="fhn", meaning="two states", parameters=(cubic,), states=(fast, slow), output=v)
    layer = NeuronLayer(neuron, 1, dt=0.01, method=method, backend="eager").double()
    outputs, _ = layer(torch.full((200, 1, 1), 0.5, dtype=torch.double))
    exact = solve_ivp(
        lambda _, y: [y[0] - 0.33 * y[0] ** 3 - y[1] + 0.5, (y[0] - 0.8 * y[1] + 0.7) / 12], (0, 2), [0, 0],
        rtol=1e-10, atol=1e-12,
    )  # fmt: skip
    assert float(outputs[-1].detach()) == pytest.approx(exact.y[0, -1], abs=0.02)


@pytest.mark.parametrize(
    "changed",
    [
        {"reset": {0: sympy.Rational(9, 10)}},
        {"margin": lambda v: v - 1},
        {"arrivals": lambda v: {v: v + INPUT}},
    ],
    ids=["reset", "margin", "arrivals"],
)
def test_the_exact_step_is_only_for_spikes_through_infinity(changed):
    """Another reset, a margin that does not match it, or arrivals at the voltage are no identity in V = p/q."""
    made = qif()
    voltage = made.state_symbols[0]
    event = made.event
    if "reset" in changed:
        event = replace(event, reset={voltage: changed["reset"][0]})
    if "margin" in changed:
        event = replace(event, margin=changed["margin"](voltage))
    arrivals = changed["arrivals"](voltage) if "arrivals" in changed else made.arrivals
    other = replace(made, event=event, arrivals=arrivals)
    assert derive(made, "moebius") is not None
    with pytest.raises(RuleError, match="moebius"):
        derive(other, "moebius")
    if "arrivals" not in changed:
        assert quadratic_flow(other) is None
