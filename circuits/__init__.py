"""How a neuron is built: the circuit as data in SI units, without any SPICE text."""

from circuits.data.circuit import Circuit, CircuitError, Subcircuit
from circuits.data.scaling import Scaling
from circuits.networks.single import neuron_circuit

__all__ = ["Circuit", "CircuitError", "Scaling", "Subcircuit", "neuron_circuit"]
