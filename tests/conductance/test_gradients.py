"""Gradients of every rule of every neuron: symbolic adjoint, autograd and finite differences agree in float64."""

from collections.abc import Callable
from dataclasses import replace

import declared
import pytest
import sympy
import torch

from conductance.derivation.printers.torch import compiled
from conductance.derivation.rules import Rule, derive
from conductance.neurons import adlif, lif
from conductance.surrogates import CENTRE, DETACHED, HALF_WIDTH, MARGIN, SURROGATES, SpikeStep

BATCH = 5
DT = 0.1
STEP = 1e-5
"""Of the central differences: their truncation is of STEP^2, their rounding of 1e-16/STEP, both near 1e-10."""


def drawn(rule: Rule, seed: int, scale: float) -> list[torch.Tensor]:
    """Random states and input, and the constants at the declared values, all (batch,)."""
    generator = torch.Generator().manual_seed(seed)
    count = len(rule.neuron.states) + 1
    states = scale * torch.randn(count, BATCH, generator=generator, dtype=torch.float64)
    numbers = [torch.full((BATCH,), p.default, dtype=torch.float64) for p in rule.neuron.parameters]
    constants = compiled(rule.prelude, "constants")(*numbers, torch.tensor(DT, dtype=torch.float64))
    return [*states, *(torch.as_tensor(c, dtype=torch.float64).expand(BATCH).clone() for c in constants)]


def linearised(rule: Rule, inputs: list[torch.Tensor]) -> Callable[..., tuple[torch.Tensor, ...]]:
    """The step with each spike replaced by its tangent at `inputs`: the function whose slope a surrogate declares.

    Its value there is the spike itself, its slope the surrogate's, so finite differences see what gradients should.
    """
    spikes = sorted({a for _, e in rule.body.assignments for a in e.atoms(SpikeStep)}, key=str)
    margins = compiled(replace(rule.body, outputs=tuple(s.args[1] for s in spikes)), "margins")(*inputs)
    known = dict(zip(rule.body.inputs, inputs, strict=True))
    tangents, extra = {}, []
    for place, (spike_, margin) in enumerate(zip(spikes, margins, strict=True)):
        value, slope, base = sympy.symbols(f"value_{place} slope_{place} base_{place}", real=True)
        tangents[spike_] = value + slope * (spike_.args[1] - base)
        surrogate = spike_.surrogate
        formula = sympy.lambdify((MARGIN, *surrogate.symbols), surrogate.slope, "numpy")
        values = [known[symbol].numpy() for symbol in spike_.args[2:]]
        slopes = torch.as_tensor(formula(margin.numpy(), *values), dtype=torch.float64)
        extra += [(value, (margin > 0).double()), (slope, slopes), (base, margin)]
    smooth = replace(
        rule.body,
        inputs=(*rule.body.inputs, *(symbol for symbol, _ in extra)),
        assignments=tuple((symbol, e.xreplace(tangents)) for symbol, e in rule.body.assignments),
    )
    step = compiled(smooth, "step")
    return lambda *arguments: step(*arguments, *(value for _, value in extra))


def weighted(step: Callable, inputs: list[torch.Tensor], seeds: list[torch.Tensor]) -> torch.Tensor:
    """(batch,) outputs of one step, weighted."""
    return sum(seed * output for seed, output in zip(seeds, step(*inputs), strict=True))


def smooth(rule: Rule, inputs: list[torch.Tensor]) -> bool:
    """The clipped output lies away from its kinks, and the spikes from their thresholds."""
    output = compiled(rule.body, "step")(*inputs)[-1]
    if rule.neuron.event is not None:
        return True
    return bool((((output - 0.5).abs() - 0.5).abs() > 0.01).logical_or((output == 0) | (output == 1)).all())


def seeds_of(rule: Rule) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(7)
    return [torch.randn(BATCH, generator=generator, dtype=torch.float64) for _ in rule.body.outputs]


def by_autograd(rule: Rule, inputs: list[torch.Tensor], seeds: list[torch.Tensor]) -> list[torch.Tensor]:
    leaves = [value.clone().requires_grad_() for value in inputs]
    total = weighted(compiled(rule.body, "step"), leaves, seeds).sum()
    found = torch.autograd.grad(total, leaves, allow_unused=True)
    return [torch.zeros(BATCH, dtype=torch.float64) if g is None else g for g in found]


def by_adjoint(rule: Rule, inputs: list[torch.Tensor], seeds: list[torch.Tensor]) -> list[torch.Tensor]:
    found = compiled(rule.adjoint, "adjoint")(*inputs, *seeds)
    return [torch.as_tensor(g, dtype=torch.float64).expand(BATCH) for g in found]


def by_differences(rule: Rule, inputs: list[torch.Tensor], seeds: list[torch.Tensor]) -> list[torch.Tensor]:
    function, found = linearised(rule, inputs), []
    for place, value in enumerate(inputs):
        step = STEP * value.abs().clamp(min=1.0)
        ahead, behind = list(inputs), list(inputs)
        ahead[place], behind[place] = value + step, value - step
        found.append((weighted(function, ahead, seeds) - weighted(function, behind, seeds)) / (2 * step))
    return found


def close(left: list[torch.Tensor], right: list[torch.Tensor], tolerance: float) -> None:
    for one, other in zip(left, right, strict=True):
        assert (one - other).abs().max() <= tolerance * (1 + other.abs().max())


@pytest.mark.parametrize(("name", "method"), declared.CASES)
def test_adjoint_autograd_and_finite_differences_agree(name, method):
    """To 1e-6 against differences, and to 1e-11 between the two exact forms."""
    rule = derive(declared.NEURONS[name], method)
    inputs = next(values for seed in range(200) if smooth(rule, values := drawn(rule, seed, scale=0.3)))
    seeds = seeds_of(rule)
    autograd, adjoint = by_autograd(rule, inputs, seeds), by_adjoint(rule, inputs, seeds)
    close(adjoint, autograd, 1e-11)
    close(adjoint, by_differences(rule, inputs, seeds), 1e-6)
    assert any(gradient.abs().max() > 0.1 for gradient in adjoint)


def some_spikes(rule: Rule, inputs: list[torch.Tensor]) -> bool:
    """Some of the batch spike and some do not, and none ends near a pole or overflows."""
    *states, output = compiled(rule.body, "step")(*inputs)
    largest = 60 if rule.method == "moebius" else 1e4
    return bool(0 < output.sum() < BATCH and all(state.abs().max() < largest for state in states))


SPIKING = [(name, method) for name, method in declared.CASES if declared.NEURONS[name].event is not None]


@pytest.mark.parametrize(("name", "method"), SPIKING)
def test_they_agree_across_spikes_with_the_named_surrogate(name, method):
    """With spikes in the batch the slope of a spike is the declared surrogate's, in all three forms."""
    rule = derive(declared.NEURONS[name], method)
    draws = (drawn(rule, seed, scale=2.0**exponent) for exponent in range(7) for seed in range(60))
    inputs = next(values for values in draws if some_spikes(rule, values))
    seeds = seeds_of(rule)
    adjoint = by_adjoint(rule, inputs, seeds)
    close(adjoint, by_autograd(rule, inputs, seeds), 1e-11)
    close(adjoint, by_differences(rule, inputs, seeds), 1e-6)


@pytest.mark.parametrize("method", ["forward_euler", "exponential_euler", "heun"])
@pytest.mark.parametrize("name", ["mtc with every option", "low_pass"])
def test_gradients_by_parameters_through_the_constants(name, method):
    """d(outputs)/d(parameter) of three steps, through the hoisted constants, against central differences."""
    rule = derive(declared.NEURONS[name], method)
    constants, step = compiled(rule.prelude, "constants"), compiled(rule.body, "step")
    dt = torch.tensor(DT, dtype=torch.float64)
    start = [torch.tensor(v, dtype=torch.float64) for v in (0.31, -0.52, 0.17, -0.11)]

    def run(values: torch.Tensor) -> torch.Tensor:
        state, held = start[: len(rule.neuron.states)], constants(*values, dt)
        total = torch.zeros((), dtype=torch.float64)
        for current in (0.2, 0.1, 0.3):
            *state, output = step(*state, torch.tensor(current, dtype=torch.float64), *held)
            total = total + output + sum(state)
        return total

    numbers = [parameter.default for parameter in rule.neuron.parameters]
    values = torch.tensor(numbers, dtype=torch.float64, requires_grad=True)
    (exact,) = torch.autograd.grad(run(values), values)
    for place, number in enumerate(numbers):
        shift = torch.zeros(len(numbers), dtype=torch.float64)
        shift[place] = STEP * max(1.0, abs(number))
        difference = (run(values.detach() + shift) - run(values.detach() - shift)) / (2 * shift[place])
        assert float(exact[place]) == pytest.approx(float(difference), rel=1e-6, abs=1e-8)


def test_the_slope_of_each_surrogate_is_its_formula():
    """arctan: 1/(1 + (pi v)^2); SLAYER: exp(-5 |v|), c alpha = 1; that of resets has none; 1 inside a window."""
    from conductance.derivation.printers.torch import spike

    margin = torch.linspace(-1, 1, 41, dtype=torch.float64, requires_grad=True)
    wanted = {"arctan": 1 / (1 + (torch.pi * margin) ** 2), "slayer": torch.exp(-5 * margin.abs())}
    wanted["detached"] = torch.zeros_like(margin)
    wanted["window"] = ((margin - 0.2).abs() <= 0.43).double()
    assert set(wanted) == set(SURROGATES)
    given = {CENTRE: torch.tensor(0.2), HALF_WIDTH: torch.tensor(0.43)}
    for name, formula in wanted.items():
        values = [given[symbol] for symbol in SURROGATES[name].symbols]
        spikes = spike(SURROGATES[name])(margin, *values)
        (slope,) = torch.autograd.grad((spikes + 0 * margin).sum(), margin)
        assert torch.allclose(slope, formula, atol=1e-14)


def test_the_list_is_complete():
    """Every method and every surrogate is in the list, which is not empty."""
    assert declared.CASES
    assert {method for _, method in declared.CASES} == set(declared.METHOD_NAMES)
    used = {neuron.event.surrogate.name for neuron in declared.NEURONS.values() if neuron.event is not None}
    assert used == set(SURROGATES) - {DETACHED.name}


@pytest.mark.parametrize("make", [lif, adlif])
def test_a_reset_has_no_gradient(make):
    """After a spike the next voltage does not depend on the one before it: only the spike's own surrogate does."""
    neuron = make()
    step = compiled(derive(neuron, "symplectic_euler").body, "step")
    held = compiled(derive(neuron, "symplectic_euler").prelude, "constants")
    values = torch.tensor([p.default for p in neuron.parameters], dtype=torch.float64)
    constants = held(*values, torch.tensor(0.2, dtype=torch.float64))
    start = torch.tensor(1.4, dtype=torch.float64, requires_grad=True)
    rest = [torch.zeros((), dtype=torch.float64) for _ in neuron.states[1:]]
    following, *_, output = step(start, *rest, torch.tensor(2.0, dtype=torch.float64), *constants)
    assert output == 1
    (slope,) = torch.autograd.grad(following, start, retain_graph=True)
    assert slope == 0
    (surrogate,) = torch.autograd.grad(output, start)
    assert surrogate > 0
