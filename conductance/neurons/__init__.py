"""Neurons, declared once each."""

from conductance.neurons.accumulator import accumulator
from conductance.neurons.adlif import adlif
from conductance.neurons.base import Event, Neuron, State
from conductance.neurons.clocked_lif import clocked_lif
from conductance.neurons.dqif import dlif, dqif
from conductance.neurons.lif import lif
from conductance.neurons.low_pass import low_pass
from conductance.neurons.mtc import mtc
from conductance.neurons.qif import qif

__all__ = [
    "Event",
    "Neuron",
    "State",
    "accumulator",
    "adlif",
    "clocked_lif",
    "dlif",
    "dqif",
    "lif",
    "low_pass",
    "mtc",
    "qif",
]
