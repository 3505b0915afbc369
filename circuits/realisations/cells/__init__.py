"""Subcircuits with pins of their own: amplifiers, synapses, translinear blocks, by numbers or by transistors."""
