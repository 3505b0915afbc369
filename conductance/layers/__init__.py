"""Layers: (time, batch, neuron) in, (time, batch, neuron) out."""

from typing import TYPE_CHECKING

from conductance.loading.lazy import lazily

if TYPE_CHECKING:
    from conductance.layers.batch_first import BatchFirst as BatchFirst
    from conductance.layers.fixed import AveragePool as AveragePool
    from conductance.layers.fixed import Delay as Delay
    from conductance.layers.fixed import Skip as Skip
    from conductance.layers.neurons import NeuronLayer as NeuronLayer
    from conductance.layers.weights.codes import Code as Code
    from conductance.layers.weights.projection import Projection as Projection
    from conductance.layers.weights.recurrence import Recurrence as Recurrence

__getattr__, __dir__, __all__ = lazily(__name__, __file__)
