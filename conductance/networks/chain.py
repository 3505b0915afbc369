"""A network is a chain of layers and has a layer's interface itself."""

from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import nn

from conductance.layers.base import ShapeError
from conductance.layers.neurons import NeuronLayer
from conductance.layers.projection import Projection

State = dict[str, tuple[torch.Tensor, ...]]


class Network(nn.Module):
    """Named layers, each fed by the one before.

    Args:
        layers: name to layer, in order. The names appear in errors, run folders and netlists. A torch Linear becomes a
            `Projection` with its own weights; the layers of a network join the chain as `<its name>_<layer>`.
    """

    def __init__(self, layers: Mapping[str, "Projection | NeuronLayer | nn.Linear | Network"]) -> None:
        super().__init__()
        self.layers = nn.ModuleDict(_flattened(layers))
        width = None
        for name, layer in self.chain.items():
            if not isinstance(layer, Projection | NeuronLayer):
                raise ShapeError(
                    f"network: layer {name} is a {type(layer).__name__}; a network on a time grid is made of "
                    f"Projection and NeuronLayer. An event-based layer joins by Spikes.binned and Spikes.of_binned"
                )
            expected = layer.inputs if isinstance(layer, Projection) else layer.size
            if width is not None and width != expected:
                raise ShapeError(
                    f"network: layer {name} takes {expected} inputs and gets {width} from the layer before"
                )
            width = layer.outputs if isinstance(layer, Projection) else layer.size

    @property
    def chain(self) -> Mapping[str, Projection | NeuronLayer]:
        """The layers by name, in order."""
        return cast(Mapping[str, Projection | NeuronLayer], self.layers)

    def forward(
        self, values: torch.Tensor, state: State | None = None, *, record: dict[str, Any] | None = None
    ) -> tuple[torch.Tensor, State]:
        """(time, batch, inputs) to (time, batch, outputs), and every layer's final state by name.

        `record`, when given, receives each layer's output under its name and, for neuron layers, its states after
        every step under `name.states`.
        """
        after: State = {}
        for name, layer in self.chain.items():
            begin = (state or {}).get(name, ())
            if record is not None and isinstance(layer, NeuronLayer):
                record[f"{name}.states"] = []
                values, after[name] = layer(values, begin, record=record[f"{name}.states"])
            else:
                values, after[name] = layer(values, begin)
            if record is not None:
                record[name] = values
        return values, after


def _flattened(layers: Mapping[str, Any]) -> dict[str, nn.Module]:
    """The layers with networks opened and Linears as projections."""
    found: dict[str, nn.Module] = {}
    for name, layer in layers.items():
        inside = layer.chain if isinstance(layer, Network) else None
        parts = (
            {name: layer} if inside is None else {f"{name}_{label}": part for label, part in inside.items()}
        )
        for label, part in parts.items():
            if label in found:
                raise ShapeError(f"network: two layers are named {label}; rename one")
            found[label] = Projection.of_linear(part) if isinstance(part, nn.Linear) else part
    return found
