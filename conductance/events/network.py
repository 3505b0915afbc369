"""A network of event-based layers is a chain with the interface of one layer."""

from collections.abc import Mapping
from typing import cast

import torch
from torch import nn

from conductance.events.layer import EventLayer
from conductance.events.spikes import EventError, Spikes


class EventNetwork(nn.Module):
    """Named event-based layers, each fed by the one before; their neurons may differ.

    Args:
        layers: name to layer, in order. The names appear in errors and run folders.
    """

    def __init__(self, layers: Mapping[str, EventLayer]) -> None:
        super().__init__()
        if not layers:
            raise EventError("event network: it has no layer")
        width = None
        for name, layer in layers.items():
            if not isinstance(layer, EventLayer):
                raise EventError(
                    f"event network: layer {name} is a {type(layer).__name__}; a layer on a time grid joins by "
                    f"Spikes.binned and Spikes.of_binned between two networks"
                )
            if width is not None and layer.inputs != width:
                raise EventError(
                    f"event network: layer {name} takes {layer.inputs} inputs and gets {width} from the layer before"
                )
            width = layer.size
        self.layers = nn.ModuleDict(dict(layers))

    def forward(self, spikes: Spikes, *, record: dict[str, Spikes] | None = None) -> Spikes:
        """The last layer's spikes; `record`, when given, receives every layer's under its name."""
        for name, layer in self.layers.items():
            spikes = cast(EventLayer, layer)(spikes)
            if record is not None:
                record[name] = spikes
        return spikes


def silent_share(spikes: Spikes) -> torch.Tensor:
    """Share of a layer's neurons that spike in no trial of the batch, a number in [0, 1]."""
    return (spikes.counts().sum(0) == 0).double().mean()
