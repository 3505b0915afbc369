"""How a neuron is built: the circuit as data in SI units, without any SPICE text."""

from circuits.circuit import Circuit, CircuitError, Subcircuit
from circuits.scaling import Scaling
from circuits.single import neuron_circuit

__all__ = ["Circuit", "CircuitError", "Scaling", "Subcircuit", "neuron_circuit"]
