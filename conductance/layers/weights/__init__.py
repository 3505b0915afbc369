"""Weights: between layers, inside one, and as they can be made."""
