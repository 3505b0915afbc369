"""A network whose weights can be made: every projection and every loop gets a code."""

import copy

from conductance.layers import Code, NeuronLayer, Projection
from conductance.layers.weights.recurrence import Recurrence
from conductance.networks.chain import Network


def coded_layers(network: Network) -> dict[str, Projection | Recurrence]:
    """What has weights, by name: projections, and the loop of a layer under `<layer>.recurrent`."""
    found: dict[str, Projection | Recurrence] = {}
    for name, layer in network.chain.items():
        if isinstance(layer, Projection):
            found[name] = layer
        elif isinstance(layer, NeuronLayer) and layer.recurrent is not None:
            found[f"{name}.recurrent"] = layer.recurrent
    return found


def coded(network: Network, bits: int | None) -> Network:
    """A copy of a network whose weights and biases have so many bits, sign included; None takes the codes away.

    Of a trained network this rounds after training; a copy that is trained further learns with what it will be rounded
    to, since gradients pass straight through.

    Args:
        network: of any number of layers, coded or not.
        bits: see `Code`.

    Raises:
        ParameterError: bits out of range.
    """
    made = copy.deepcopy(network)
    for layer in coded_layers(made).values():
        layer.code = None if bits is None else Code(bits=bits)
    return made
