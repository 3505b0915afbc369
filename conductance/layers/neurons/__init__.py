"""A layer of independent neurons of one declaration: the layer, its clock, its checks and its loop over time."""

from conductance.layers.neurons.clock import CLOCK, StepError
from conductance.layers.neurons.layer import NeuronLayer

__all__ = ["CLOCK", "NeuronLayer", "StepError"]
