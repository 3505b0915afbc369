"""Figures of what a neuron does, and the colours that all figures share."""
