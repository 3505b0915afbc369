"""LTspice's form of SPICE."""
