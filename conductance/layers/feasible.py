"""Trained parameters brought back to where the relations between them that their neuron declares hold."""

import torch

from conductance.layers.neurons import NeuronLayer
from conductance.layers.transforms import unconstrained
from conductance.neurons.base import Neuron

HALVINGS = 30
"""Of the way back to the declared values; what is left is below a float32's rounding."""


@torch.no_grad()
def make_feasible(layer: NeuronLayer) -> None:
    """Move values that break a constraint towards the declared defaults, just until none is broken.

    The defaults keep every constraint, so the straight way back to them ends inside. Values that are not trained
    stay; a constraint that they alone break is left for `check_values` to name.
    """
    neuron = layer.neuron
    trained = {p.name: p for p in neuron.parameters if getattr(layer, f"raw_{p.name}").requires_grad}
    if not trained or not neuron.constraints:
        return
    values = layer.values()
    broken = ~_kept(layer, values)
    if not bool(broken.any()):
        return
    share = torch.zeros_like(next(iter(values.values())))
    step = 0.5
    for _ in range(HALVINGS):
        tried = share + step
        kept = _kept(layer, {**values, **_moved(neuron, values, trained, tried)})
        share = torch.where(kept, tried, share)
        step /= 2
    for name, moved in _moved(neuron, values, trained, share).items():
        raw = getattr(layer, f"raw_{name}")
        raw.copy_(torch.where(broken, unconstrained(moved, trained[name]), raw))


def _moved(neuron: Neuron, values: dict, trained: dict, share: torch.Tensor) -> dict[str, torch.Tensor]:
    """Trained values at a share of the way from the defaults (0) to where they are (1)."""
    return {name: neuron.defaults[name] + share * (values[name] - neuron.defaults[name]) for name in trained}


def _kept(layer: NeuronLayer, values: dict[str, torch.Tensor]) -> torch.Tensor:
    """(neuron,) whether all constraints hold; a value that is not a number breaks them."""
    kept = torch.ones(layer.size, dtype=torch.bool, device=next(iter(values.values())).device)
    for distance in layer.distances(values):
        kept &= distance > 0
    return kept
