"""Layers: (time, batch, neuron) in, (time, batch, neuron) out."""

from conductance.layers.neurons import NeuronLayer
from conductance.layers.projection import Projection
from conductance.layers.recurrence import Recurrence

__all__ = ["NeuronLayer", "Projection", "Recurrence"]
