"""A layer with another declaration of its neurons, or stepped by a law of theirs."""

from conductance.layers.neurons import NeuronLayer
from conductance.neurons.base import Neuron


def of_neuron(layer: NeuronLayer, neuron: Neuron, *, dt: float | None = None) -> NeuronLayer:
    """The layer with another declaration: its rule, loop, values, and what is trained, where the new one has them.

    `dt` is another time step in tau_m; the layer's own where none is given.
    """
    names = {parameter.name for parameter in neuron.parameters}
    values = {name: value.detach().clone() for name, value in layer.values().items() if name in names}
    trainable = [name for name in values if getattr(layer, f"raw_{name}").requires_grad]
    states = {state.name for state in neuron.states}
    initial = {name: value.clone() for name, value in layer.initial.items() if name in states}
    return NeuronLayer(
        neuron, layer.size, dt=layer.dt if dt is None else dt, method=layer.rule.method, values=values,
        trainable=trainable, backend=layer.backend, recurrent=layer.recurrent, initial=initial,
    )  # fmt: skip


def under_law(layer: NeuronLayer, law: Neuron, method: str, *, dt: float | None = None) -> NeuronLayer:
    """The layer stepped by a law of its neurons by that method; what follows the membrane begins where it does."""
    initial = {name: value.clone() for name, value in layer.initial.items()}
    membrane = layer.neuron.membrane.name
    if membrane in initial:
        behind = law.states[len(layer.neuron.states) :]
        initial |= {state.name: initial[membrane].clone() for state in behind}
    values = {name: value.detach().clone() for name, value in layer.values().items()}
    trainable = [name for name in values if getattr(layer, f"raw_{name}").requires_grad]
    return NeuronLayer(
        layer.neuron, layer.size, dt=layer.dt if dt is None else dt, method=method, values=values,
        trainable=trainable, backend=layer.backend, recurrent=layer.recurrent, initial=initial, law=law,
    )  # fmt: skip
