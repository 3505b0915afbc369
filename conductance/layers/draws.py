"""The draws of noise of a layer as tensors: what the kernels draw, for the eager step."""

from collections.abc import Iterator

import torch

from conductance.derivation.threefry import LARGEST_SEED, SCALE, sums
from conductance.layers.base import ShapeError
from conductance.neurons.base import Neuron


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
