"""Headroom, region and stability of a neuron's transistors, looked at in ngspice after every operating point."""
