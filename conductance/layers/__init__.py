"""Layers: (time, batch, neuron) in, (time, batch, neuron) out."""

from conductance.layers.neurons import NeuronLayer
from conductance.layers.projection import Projection

__all__ = ["NeuronLayer", "Projection"]
