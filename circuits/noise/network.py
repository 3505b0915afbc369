"""A network under the noise of its circuit, and without it again."""

import math
from collections.abc import Callable, Mapping
from numbers import Real

from torch import nn

from circuits.data.scaling import Scaling
from circuits.data.values import CircuitError
from circuits.noise.law import POWER, circuit_noise
from circuits.noise.sampling import SAMPLING_POWER
from circuits.technologies import Technology
from conductance.layers import NeuronLayer
from conductance.layers.rebuilt import of_neuron
from conductance.networks import Network
from conductance.networks.chain import Layer
from conductance.neurons.base import Neuron
from conductance.neurons.noisy import silent
from conductance.neurons.spiking import is_spiking


def noisy_network(
    network: Network,
    technology: Technology | None = None,
    *,
    scaling: Scaling | None = None,
    power: float = 1.0,
    at: Mapping[str, float] | None = None,
    flicker: tuple[float, float] | None = None,
) -> Network:
    """A copy of the network whose neurons have the noise of their circuits: transistors, or switches of a map.

    Linear filters stay silent, as their ideal circuits are, and so do projections.

    Args:
        network: of neurons that have a circuit.
        technology: see `circuit_noise`.
        scaling: likewise.
        power: of noise, times that of the circuit; 4 is a capacitor a quarter as large.
        at: see `circuit_noise`.
        flicker: band of flicker noise in Hz; white noise alone where none is given.

    Raises:
        TechnologyError, CircuitError: as `circuit_noise`; CircuitError also for a power that is no positive number,
            or where no layer has such neurons.
    """
    given: object = power
    if isinstance(given, bool) or not isinstance(given, Real) or not 0 < float(given) < math.inf:
        raise CircuitError(f"noise: power = {power!r}; give a positive number of times the circuit's, as 4")

    owner: object = network
    if isinstance(owner, Network) and not layers_with_noise(network):
        raise CircuitError(
            f"network: none of its layers ({', '.join(network.chain)}) has noise of its circuit: filters are ideal; "
            f"noise goes into spiking neurons in continuous time and into maps"
        )

    def noisy(neuron: Neuron) -> Neuron:
        made = circuit_noise(neuron, technology, scaling=scaling, at=at, flicker=flicker)
        own = SAMPLING_POWER if neuron.is_map else POWER
        return made.with_values(**{own: power * made.defaults[own]})

    return _converted(network, noisy)


def silent_network(network: Network) -> Network:
    """A copy of the network without noise."""
    return _converted(network, silent)


def _converted(network: Network, convert: Callable[[Neuron], Neuron]) -> Network:
    owner: object = network
    if not isinstance(owner, Network):
        raise CircuitError(f"noise: the network is a {type(owner).__name__}; give a Network")
    made_noisy = layers_with_noise(network)
    layers: dict[str, Layer | nn.Linear | Network] = {}
    for label, layer in network.chain.items():
        if isinstance(layer, NeuronLayer) and label in made_noisy:
            layer = of_neuron(layer, convert(layer.neuron))
        layers[label] = layer
    return Network(layers)


def layers_with_noise(network: Network) -> dict[str, NeuronLayer]:
    """The layers whose circuits make noise: spiking neurons in continuous time, and maps; linear filters are ideal."""
    return {
        label: layer
        for label, layer in network.chain.items()
        if isinstance(layer, NeuronLayer) and (layer.neuron.is_map or is_spiking(layer.neuron))
    }
