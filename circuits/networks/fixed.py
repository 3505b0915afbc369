"""Layers of a network that no device makes."""

from circuits.data.circuit import CircuitError
from conductance.layers.fixed import FixedLayer
from conductance.networks import Network


def refuse_fixed(network: Network, name: str) -> None:
    """Raise `CircuitError` for a layer without a circuit, as a delay."""
    for label, layer in network.chain.items():
        if isinstance(layer, FixedLayer):
            raise CircuitError(f"circuit {name}: layer {label} has no circuit: {layer.circuit}")
