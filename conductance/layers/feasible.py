"""The free numbers of a layer moved to where its values are, after an update of the optimiser (projected gradient)."""

import torch

from conductance.layers.neurons import NeuronLayer
from conductance.layers.transforms import constrained, unconstrained


@torch.no_grad()
def make_feasible(layer: NeuronLayer) -> None:
    """Write the values that the layer computes with back into its free numbers, where the two differ.

    Values keep their bounds and relations anyway; without this a free number could wander on beyond them and would
    need as many steps to come back.
    """
    values = layer.values()
    for parameter in layer.neuron.parameters:
        raw = getattr(layer, f"raw_{parameter.name}")
        if not raw.requires_grad:
            continue
        inside = values[parameter.name]
        # a value without a transform may lie outside its bounds, one with a transform outside a relation
        free = constrained(raw, parameter) if parameter.transform != "identity" else raw
        moved = (inside != free) & torch.isfinite(inside)
        if bool(moved.any()):
            known = torch.where(moved, inside, torch.full_like(inside, parameter.default))
            raw.copy_(torch.where(moved, unconstrained(known, parameter), raw))
