"""How a neuron is built: the circuit as data in SI units, without any SPICE text."""
