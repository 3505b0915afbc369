"""The data of a circuit: devices, subcircuits, model cards, and the scaling between model and SI units."""
