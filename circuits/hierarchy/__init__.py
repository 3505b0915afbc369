"""The devices of a circuit that a layout has, in a hierarchy, with everything else behind pins."""

from circuits.hierarchy.drawn import drawn_circuit

__all__ = ["drawn_circuit"]
