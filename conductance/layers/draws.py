"""The draws of noise of a layer as tensors: what the kernels draw, for the eager step."""

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache

import numpy as np
import sympy
import torch

from conductance.derivation.printers.torch import compiled
from conductance.derivation.program import Program
from conductance.derivation.threefry import LARGEST_SEED, SCALE, start, sums
from conductance.layers.base import ShapeError
from conductance.neurons.base import Neuron
from conductance.neurons.flicker import HIGH


def seed_of(neuron: Neuron, given: int | None) -> int:
    """The seed of a run's noise: what is given, or one drawn from torch's generator; 0 where nothing is noisy.

    Raises:
        ShapeError: a seed for a neuron without noise, or one outside its range.
    """
    if given is None:
        return int(torch.randint(LARGEST_SEED + 1, ())) if neuron.noisy else 0
    if not neuron.noisy:
        raise ShapeError(
            f"layer {neuron.name}: seed = {given}, but the neuron has no noise; see conductance.neurons.noisy"
        )
    if isinstance(given, bool) or not isinstance(given, int) or not 0 <= given <= LARGEST_SEED:
        raise ShapeError(
            f"layer {neuron.name}: seed = {given!r}; allowed are whole numbers from 0 to {LARGEST_SEED}"
        )
    return given


def draws(neuron: Neuron, inputs: torch.Tensor, seed: int) -> Iterator[tuple[torch.Tensor, ...]]:
    """For every step of (time, batch, neuron) inputs one (batch, neuron) draw for each state that noise moves."""
    lanes = torch.arange(inputs[0].numel(), device=inputs.device).reshape(inputs.shape[1:])
    scale = torch.tensor(SCALE, dtype=inputs.dtype, device=inputs.device)
    for step in range(inputs.shape[0]):
        yield tuple(
            sums(lanes, step, seed, source).to(inputs.dtype) * scale for source in range(len(neuron.noisy))
        )


def moved(
    neuron: Neuron, values: Mapping[str, torch.Tensor], state: tuple[torch.Tensor, ...], seed: int
) -> tuple[torch.Tensor, ...]:
    """The declared start with each random process moved to its draw: where it stands when a run begins.

    Args:
        neuron: the declaration.
        values: (neuron,) of every parameter, in declared order.
        state: states (batch, neuron * places), and what else a layer carries.
        seed: of the noise.
    """
    if not neuron.processes:
        return state
    lanes = torch.arange(state[0].numel(), device=state[0].device).reshape(state[0].shape)
    spreads = dict(
        zip([process.name for process in neuron.processes], _spreads(neuron)(*values.values()), strict=True)
    )
    sources = {each.name: source for source, each in enumerate(neuron.noisy)}
    found = list(state)
    for place, each in enumerate(neuron.states):
        if each.name in spreads:
            draw = start(lanes, seed, sources[each.name]).to(state[0].dtype)
            size = next(iter(values.values())).shape[0]
            wide = spreads[each.name].expand(size).repeat_interleave(state[0].shape[1] // size)
            found[place] = state[place] + wide * draw
    return tuple(found)


@lru_cache(maxsize=64)
def _spreads(neuron: Neuron) -> Callable[..., tuple[torch.Tensor, ...]]:
    """The deviations of the processes' starts as a function of all parameters."""
    known = tuple(parameter.symbol for parameter in neuron.parameters)
    outputs = tuple(sympy.sympify(process.spread) for process in neuron.processes)
    return compiled(Program(inputs=known, assignments=(), outputs=outputs), "spreads")


def beyond_band(values: Mapping[str, np.ndarray], dt: float) -> tuple[int, float] | None:
    """The first neuron whose flicker noise ends above 1/(2 dt), and where; None where steps can hold all of it."""
    highest = values.get(HIGH)
    if highest is None or not (highest > 0.5 / dt).any():
        return None
    neuron = int((highest > 0.5 / dt).argmax())
    return neuron, float(highest[neuron])
