"""The neurons that the package declares, found by its exports."""

import inspect

import conductance.neurons
from conductance.neurons.base import Neuron


def declared_neurons() -> tuple[Neuron, ...]:
    """Every neuron that an exported function of `conductance.neurons` makes without arguments."""
    exported = [getattr(conductance.neurons, name) for name in conductance.neurons.__all__]
    return tuple(make() for make in exported if inspect.isfunction(make))
