"""A neuron as its circuit is: its parts swept by DC and small signals, and composed into a declaration of tables."""

from circuits.measured.composition import measured_neuron
from circuits.measured.sweeps import Element, Fixed, Follower, Line, MeasureError, Slow, Swept

__all__ = ["Element", "Fixed", "Follower", "Line", "MeasureError", "Slow", "Swept", "measured_neuron"]
