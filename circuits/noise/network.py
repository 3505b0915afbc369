"""A network under the noise of its circuit, and without it again."""

import math
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from numbers import Real

from torch import nn

from circuits.data.scaling import Scaling
from circuits.data.values import CircuitError
from circuits.noise.law import POWER, circuit_noise
from circuits.noise.outputs import synapse_noise
from circuits.noise.sampling import SAMPLING_POWER
from circuits.realisations.forms import clipped_form
from circuits.technologies import Technology
from conductance.layers import NeuronLayer, Projection
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
    biases: bool = False,
) -> Network:
    """A copy of the network whose neurons and synapses have the noise of their circuits.

    Neurons have that of their transistors, or of the switches of a map. The synapses behind neurons of amplifiers copy
    the noise of their output stages, and have their own (`circuits.noise.synapse_noise`). Linear filters stay silent,
    as their ideal circuits are, and so do the synapses of inputs, and recurrent ones.

    Args:
        network: of neurons that have a circuit.
        technology: see `circuit_noise`.
        scaling: likewise.
        power: of noise, times that of the circuit; 4 is a capacitor a quarter as large.
        at: see `circuit_noise`.
        flicker: band of flicker noise in Hz; white noise alone where none is given.
        biases: see `circuit_noise`.

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
        made = circuit_noise(neuron, technology, scaling=scaling, at=at, flicker=flicker, biases=biases)
        own = SAMPLING_POWER if neuron.is_map else POWER
        return made.with_values(**{own: power * made.defaults[own]})

    loud = _converted(network, noisy)
    synapses = {
        label: synapse_noise(source, technology, scaling=scaling, power=float(power))
        for label, source in _behind_stages(network)
    }
    return Network(dict(loud.chain), synapse_noise=synapses)


def _behind_stages(network: Network) -> Iterator[tuple[str, NeuronLayer]]:
    """The projections right behind a layer of neurons with an output stage, and that layer."""
    chosen = layers_with_noise(network)
    for (before, source), (label, layer) in pairwise(network.chain.items()):
        if (
            before in chosen
            and isinstance(source, NeuronLayer)
            and isinstance(layer, Projection)
            and not source.neuron.is_map
            and clipped_form(silent(source.neuron)) is not None
        ):
            yield label, source


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
