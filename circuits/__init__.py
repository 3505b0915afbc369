"""How a neuron is built: the circuit as data in SI units, without any SPICE text."""

from typing import TYPE_CHECKING

from conductance.loading.lazy import lazily

if TYPE_CHECKING:
    from circuits.data.circuit import Circuit as Circuit
    from circuits.data.circuit import CircuitError as CircuitError
    from circuits.data.circuit import Subcircuit as Subcircuit
    from circuits.data.scaling import Scaling as Scaling
    from circuits.networks.continuous import network_circuit as network_circuit
    from circuits.networks.single import neuron_circuit as neuron_circuit

__getattr__, __dir__, __all__ = lazily(__name__, __file__)
