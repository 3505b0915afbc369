"""Noise: draws that any machine makes alike, Ito's equation behind them, and its orders of convergence."""

import dataclasses
import math

import numpy as np
import pytest
import sympy
import torch

from circuits import CircuitError, Scaling, neuron_circuit
from conductance import EventLayer, NeuronLayer, derive, dqif, lif, mtc, qif
from conductance.derivation.printers.torch import compiled
from conductance.derivation.rules import RuleError
from conductance.derivation.threefry import LARGEST_SEED, SCALE, sums, words
from conductance.elements import DeclarationError, tanh
from conductance.events import EventError
from conductance.layers.base import ShapeError
from conductance.networks.recipes import recipe_of
from conductance.neurons.base import INPUT, Neuron, State
from conductance.neurons.noisy import noisy, silent
from conductance.parameter import Parameter, ParameterError
from conductance.storage import decode_neuron, encode_neuron

SMOOTH = noisy(mtc((tanh("fast", -2.0), tanh("slow", 1.5))), {"leak": 0.3})


def membrane(amplitude, **values):
    """A leaky membrane alone, tau dv/dt = -v + I, with noise of an amplitude that may depend on it."""
    v = sympy.Symbol("v", real=True)
    tau = Parameter(
        name="tau", default=1.0, lower=0.0, lower_open=True, transform="log", meaning="time constant"
    )
    spread = Parameter(name="s", default=0.5, lower=0.0, transform="softplus", meaning="amplitude")
    currents = {"leak": -v, "input": INPUT}
    noise = {"leak": amplitude(spread.symbol, v)}
    state = State(
        name="v",
        symbol=v,
        meaning="voltage",
        capacity=tau.symbol,
        currents=currents,
        noise=noise,
        initial=sympy.S.One,
    )
    plain = Neuron(name="membrane", meaning="a membrane", parameters=(tau, spread), states=(state,), output=v)
    return plain.with_values(**values)


def additive(s, _):
    return s


def proportional(s, v):
    return s * v


# The draws


@pytest.mark.parametrize(
    ("counter", "key", "found"),
    [
        ((0, 0), (0, 0), (0x9D1C5EC6, 0x8BD50731)),
        ((0xFFFFFFFF,) * 2, (0xFFFFFFFF,) * 2, (0xFD36D048, 0x2D17272C)),
        ((0x243F6A88, 0x85A308D3), (0x13198A2E, 0x03707344), (0xBA3E4725, 0xF27D669E)),
    ],
)
def test_the_generator_is_threefry(counter, key, found):
    """The published answers of Random123 for Threefry-2x32 with 13 rounds."""
    assert words(*counter, *key) == found


def test_a_draw_has_the_moments_that_are_claimed():
    """Variance 1 and fourth moment 2.7 in closed form for four even 16-bit numbers; a million draws agree."""
    number = np.arange(2**16) - (2**16 - 1) / 2
    second, fourth = (number**2).mean(), (number**4).mean()
    assert 4 * second * SCALE**2 == pytest.approx(1, rel=1e-12)
    assert (4 * fourth + 36 * second**2) * SCALE**4 == pytest.approx(2.7, rel=1e-4)
    drawn = sums(np.arange(1000)[:, None], np.arange(1000)[None], 5, 0) * SCALE
    assert abs(drawn.mean()) < 4e-3
    assert drawn.var() == pytest.approx(1, abs=4 * math.sqrt(1.7e-6))
    assert abs((drawn**3).mean()) < 4 * math.sqrt(15e-6)


def test_draws_are_independent_of_each_other():
    """Neighbouring lanes, steps, sources and seeds are uncorrelated within four standard deviations."""
    lanes, steps = np.arange(500)[:, None], np.arange(1000)[None]
    first = sums(lanes, steps, 7, 0) * SCALE
    others = (
        sums(lanes + 1, steps, 7, 0),
        sums(lanes, steps + 1, 7, 0),
        sums(lanes, steps, 7, 1),
        sums(lanes, steps, 8, 0),
    )
    for other in others:
        assert abs((first * other * SCALE).mean()) < 4 / math.sqrt(first.size)


# The back ends


def run(backend, dtype, size, batch, *, seed=7, neuron=SMOOTH, steps=70):
    """Outputs, final states and gradients of a layer."""
    kept = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        layer = NeuronLayer(neuron, size, dt=0.1, backend=backend, trainable=("noise_leak", "tau_s"))
        inputs = torch.randn(steps, batch, size, generator=torch.Generator().manual_seed(1)).requires_grad_()
        outputs, state = layer(inputs, seed=seed)
        (outputs.square().sum() + sum(each.square().sum() for each in state)).backward()
    finally:
        torch.set_default_dtype(kept)
    return [
        outputs.detach(),
        *(s.detach() for s in state),
        inputs.grad,
        *(p.grad for p in layer.parameters()),
    ]


@pytest.mark.parametrize(("size", "batch"), [(1, 1), (5, 3), (64, 32)])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 2e-4), (torch.float64, 1e-11)])
def test_the_kernel_draws_what_the_eager_step_draws(size, batch, dtype, tolerance):
    """Outputs, states and all gradients, the noise amplitude's among them, from one lane to many tiles."""
    for eager, fast in zip(run("eager", dtype, size, batch), run("c", dtype, size, batch), strict=True):
        assert torch.allclose(eager, fast, rtol=tolerance, atol=tolerance * float(eager.abs().max()))


def test_threads_change_no_bit():
    """One thread and three give the same outputs and gradients."""
    kept = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = run("c", torch.float32, 61, 33)
        torch.set_num_threads(3)
        three = run("c", torch.float32, 61, 33)
    finally:
        torch.set_num_threads(kept)
    assert all(torch.equal(a, b) for a, b in zip(one, three, strict=True))


def test_seeds_decide_the_noise():
    """The same seed gives the same numbers, another seed others; without one torch's generator decides."""
    same, other = run("c", torch.float32, 5, 3), run("c", torch.float32, 5, 3, seed=8)
    assert torch.equal(same[0], run("c", torch.float32, 5, 3)[0])
    assert not torch.equal(same[1], other[1])
    layer, inputs = NeuronLayer(SMOOTH, 4, dt=0.1), torch.zeros(9, 2, 4)
    ends = []
    for seed in (3, 3, 4):
        torch.manual_seed(seed)
        ends.append(layer(inputs)[1][0])
    assert torch.equal(ends[0], ends[1]) and not torch.equal(ends[0], ends[2])
    assert len(set(ends[0].flatten().tolist())) == 8


def test_gradients_are_those_of_the_same_draws():
    """Back-propagation through a smooth noisy neuron agrees with central differences at a fixed seed."""
    torch.set_default_dtype(torch.float64)
    try:
        layer = NeuronLayer(SMOOTH, 3, dt=0.1, trainable=("noise_leak", "tau_s"), backend="c")
        inputs = torch.zeros(50, 4, 3)

        def loss():
            return layer(inputs, seed=11)[1][0].square().sum()

        loss().backward()
        for parameter in layer.parameters():
            for place in range(3):
                found, step = [], 1e-5
                for sign in (1, -1):
                    with torch.no_grad():
                        parameter[place] += sign * step
                        found.append(float(loss()))
                        parameter[place] -= sign * step
                assert float(parameter.grad[place]) == pytest.approx(
                    (found[0] - found[1]) / (2 * step), rel=1e-6, abs=1e-9
                )
    finally:
        torch.set_default_dtype(torch.float32)


# The equation


@pytest.mark.parametrize("dt", [0.05, 1.0, 4.0])
def test_the_exponential_rule_has_the_exact_variance_at_any_step(dt):
    """A leaky membrane alone: s^2/(2 tau), the form of kT/C, whatever the step, within four standard deviations."""
    neuron = membrane(additive, tau=2.0, s=0.6)
    layer = NeuronLayer(neuron, 200, dt=dt, method="exponential_euler")
    _, (ends,) = layer(torch.zeros(int(30 / dt) + 1, 200, 200), seed=3)
    assert float(ends.var()) == pytest.approx(0.6**2 / (2 * 2.0), rel=4 * math.sqrt(2 / ends.numel()))


def test_eulers_variance_is_that_of_the_recursion():
    """v' = (1 - h) v + s sqrt(h) x has the variance s^2/(2 - h), h = dt/tau: the error of a step that is large."""
    layer = NeuronLayer(membrane(additive, s=0.6), 200, dt=0.5, method="forward_euler")
    _, (ends,) = layer(torch.zeros(60, 200, 200), seed=3)
    assert float(ends.var()) == pytest.approx(0.6**2 / 1.5, rel=4 * math.sqrt(2 / ends.numel()))


def test_the_noises_of_a_state_add_in_power():
    """Leak 0.3 and input 0.4 together are one noise of 0.5, with one draw."""
    both = derive(noisy(lif(), {"leak": 0.3, "input": 0.4}))
    (draw,) = both.noise_symbols
    step = next(iter(both.next_states().values())).free_symbols
    assert draw in step
    (state,) = both.neuron.noisy
    assert float(state.diffusion.subs(both.neuron.substitutions())) == pytest.approx(0.5)


def paths(neuron, method, draws, dt):
    """(path,) ends of a rule under given draws (step, path), in double precision."""
    rule = derive(neuron, method)
    step, prelude = compiled(rule.body, "step"), compiled(rule.prelude, "constants")
    values = [torch.tensor(value, dtype=torch.float64) for value in (*neuron.defaults.values(), dt)]
    constants = prelude(*values)
    state = tuple(torch.full_like(draws[0], start) for start in neuron.initial_state())
    still = torch.zeros_like(draws[0])
    for draw in draws:
        *state, _ = step(*state, still, *constants, draw)
    return state[0]


def coarser(draws):
    """The draws of steps twice as long from the same Wiener path."""
    return (draws[0::2] + draws[1::2]) / math.sqrt(2)


def orders(neuron, method, exact=None, *, halvings=7, stop=1.0, power=2):
    """Strong and weak order: slopes of E|x - X| and |E x^power - E X^power| over the step, on the same paths.

    The truth is `exact` of the Wiener path's end, or the rule itself at an eighth of the finest step. The strong order
    is that of the five finest steps, where it is reached; the weak one that of the five coarsest, where paths suffice.
    """
    random = torch.Generator().manual_seed(0)
    fine = stop / 2 ** (halvings + (0 if exact else 3))
    draws = torch.randn(round(stop / fine), 20_000, generator=random, dtype=torch.float64)
    truth = paths(neuron, method, draws, fine) if exact is None else exact(draws.sum(0) * math.sqrt(fine))
    rows = []
    while len(draws) > 2:
        if len(draws) <= 2**halvings:
            found = paths(neuron, method, draws, fine)
            weak = abs(float((found**power - truth**power).mean()))
            rows.append((fine, float((found - truth).abs().mean()), weak))
        draws, fine = coarser(draws), 2 * fine
    steps, strong, weak = np.log(np.array(rows)).T
    return float(np.polyfit(steps[:5], strong[:5], 1)[0]), float(np.polyfit(steps[-5:], weak[-5:], 1)[0])


@pytest.mark.parametrize("method", ["forward_euler", "exponential_euler"])
def test_additive_noise_has_strong_order_one_and_weak_order_one(method):
    """A membrane with a tanh element: on the same paths the error halves with the step, along paths and on average."""
    neuron = noisy(mtc((tanh("fast", -0.8),)), {"leak": 0.4}).with_values(U_rest=0.5)
    strong, weak = orders(neuron, method, halvings=5)
    assert strong == pytest.approx(1.0, abs=0.15)
    assert weak == pytest.approx(1.0, abs=0.25)


def test_state_dependent_noise_has_strong_order_one_half_and_weak_order_one():
    """dv = -v dt + v dW against its solution exp(-(1 + 1/2) t + W), which only Ito's sense has."""
    strong, weak = orders(
        membrane(proportional, s=1.0), "forward_euler", lambda w: torch.exp(-1.5 + w), halvings=9, power=1
    )
    assert strong == pytest.approx(0.5, abs=0.1)
    assert weak == pytest.approx(1.0, abs=0.2)


# Refusals


def test_noise_is_kept_in_files():
    """A noisy declaration comes back equal; one without noise is written as before there was any."""
    assert decode_neuron(encode_neuron(SMOOTH)) == SMOOTH
    assert all("noise" not in state for state in encode_neuron(mtc())["states"])


def test_silence_is_the_neuron_without_its_noise():
    """Noise and its parameters go; nothing else; recipes do not train them."""
    assert silent(noisy(lif(), {"leak": 0.1})) == lif()
    assert "noise_leak" not in recipe_of(noisy(lif(), {"leak": 0.1})).trainable
    given = {"size": 3, "dt": 0.1, "method": "exponential_euler"}  # a noisy neuron has another default rule
    quiet, plain = NeuronLayer(noisy(lif(), {"leak": 0.0}), **given), NeuronLayer(lif(), **given)
    inputs = 3 * torch.rand(40, 2, 3)
    assert torch.equal(quiet(inputs, seed=1)[0], plain(inputs)[0])


def test_equations_show_their_noise():
    """The printed neuron names the noise of its current."""
    assert "+ (noise_leak) * dW_leak/dt" in repr(noisy(lif(), {"leak": 0.1}))


@pytest.mark.parametrize(
    ("error", "match", "make"),
    [
        (ParameterError, "noise_leak", lambda: noisy(lif(), {"leak": -0.1})),
        (ParameterError, "noise_leak", lambda: noisy(lif(), {"leak": math.nan})),
        (DeclarationError, "noise of 'leek'; did you mean leak", lambda: noisy(lif(), {"leek": 0.1})),
        (DeclarationError, "discrete time", lambda: noisy(dqif(), {"leak": 0.1})),
        (DeclarationError, "noise of pump, but its currents are leak", lambda: dataclasses.replace(
            membrane(additive).states[0], noise={"pump": sympy.S.One})),
        (RuleError, "moebius step has no noise", lambda: derive(noisy(qif(), {"decay": 0.1}), "moebius")),
        (EventError, "it has noise", lambda: EventLayer(noisy(qif(), {"decay": 0.1}), 2, 2)),
        (CircuitError, "say which draws", lambda: neuron_circuit(SMOOTH, 0.0, scaling=Scaling())),
        (ShapeError, "has no noise", lambda: NeuronLayer(lif(), 1, dt=0.1)(torch.zeros(1, 1, 1), seed=1)),
        (ShapeError, f"0 to {LARGEST_SEED}", lambda: NeuronLayer(SMOOTH, 1, dt=0.1)(torch.zeros(1, 1, 1), seed=-1)),
    ],
)  # fmt: skip
def test_what_noise_cannot_do_is_refused(error, match, make):
    """One error names the neuron, what was received, and what is allowed or there instead."""
    with pytest.raises(error, match=match):
        make()
