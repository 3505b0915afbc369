"""How many bits a code may have; configurations ask before anything heavy is loaded."""

FEWEST, MOST = 2, 12
"""Bits of a code, the sign included; beyond 12 a unit is smaller than what a transistor leaks."""
