"""I-V elements: the parts from which a neuron's current-voltage curve is shaped."""

from conductance.elements.base import TIMESCALES, DeclarationError, Element, Law, V
from conductance.elements.linear import linear
from conductance.elements.quadratic import quadratic
from conductance.elements.tabulated import tabulated
from conductance.elements.tanh import tanh

__all__ = [
    "TIMESCALES",
    "DeclarationError",
    "Element",
    "Law",
    "V",
    "linear",
    "quadratic",
    "tabulated",
    "tanh",
]
