"""A layer with another declaration of its neurons."""

from conductance.layers.neurons import NeuronLayer
from conductance.neurons.base import Neuron


def of_neuron(layer: NeuronLayer, neuron: Neuron) -> NeuronLayer:
    """The layer with another declaration: its rule, loop, values, and what is trained, where the new one has them."""
    names = {parameter.name for parameter in neuron.parameters}
    values = {name: value.detach().clone() for name, value in layer.values().items() if name in names}
    trainable = [name for name in values if getattr(layer, f"raw_{name}").requires_grad]
    states = {state.name for state in neuron.states}
    initial = {name: value.clone() for name, value in layer.initial.items() if name in states}
    return NeuronLayer(
        neuron, layer.size, dt=layer.dt, method=layer.rule.method, values=values, trainable=trainable,
        backend=layer.backend, recurrent=layer.recurrent, initial=initial,
    )  # fmt: skip
