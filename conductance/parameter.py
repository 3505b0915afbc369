"""A declared number: name, unit, bounds, meaning and source on one line.

The declaration feeds the sympy symbol, the bounds check, the trainable torch parameter, the `.param` line and
the tables of the documentation.
"""

import keyword
import math
import re
from dataclasses import dataclass
from typing import Literal

import sympy

from conductance.errors import ExcitableError, refuse_truth_values

Transform = Literal["identity", "softplus", "log"]
IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
TAKEN = re.compile(
    r"dt|I_in|spike|last_spike|fired|output|V_rest|(const|temp|adj|bar|share|inverse)_\d+|\w*_(next|before|step)|"
    r"a?(sin|cos|tan)h?|arctan|exp|log|sqrt|abs|sign|min|max|a?m(in|ax)(imum)?|select|where|less|greater|pi|nan|inf"
)
"""Symbols of the equations themselves: the time step, the input, the spike, what a derivation adds, and functions."""


def name_fault(name: object, *, symbol: bool = True) -> str:
    """Why a parameter, state or element cannot have this name, in words; empty if it can.

    A name that is no `symbol` of the equations may be a word of Python, or one that has a meaning in them.
    """
    if not isinstance(name, str) or not IDENTIFIER.fullmatch(name):
        return "cannot be carried to files and circuits; use at most 64 letters a to z, digits and _, no digit first"
    if not symbol:
        return ""
    if keyword.iskeyword(name):
        return f"is a word of Python; rename it, as {name}_"
    if TAKEN.fullmatch(name):
        return f"has a meaning of its own in every equation; rename it, as {name}_"
    return ""


class ParameterError(ExcitableError):
    """A parameter has a value that its declaration does not allow."""


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One number of a neuron or element.

    `transform` names the map by which it is trained without leaving its bounds: `softplus` for gains,
    `log` for time constants, `identity` where any value in the bounds is legal.
    """

    name: str
    default: float
    meaning: str
    unit: str = "1"
    lower: float = -math.inf
    upper: float = math.inf
    lower_open: bool = False
    upper_open: bool = False
    transform: Transform = "identity"
    source: str = ""

    def __post_init__(self) -> None:
        if fault := name_fault(self.name):
            raise ParameterError(f"parameter name {self.name!r} {fault}")
        if not self.meaning:
            raise ParameterError(f"parameter {self.name}: it needs a meaning")
        if self.transform != "identity" and not (self.lower >= 0 and self.upper == math.inf):
            raise ParameterError(
                f"parameter {self.name}: transform {self.transform!r} needs bounds [0, inf), "
                f"received {self.bounds}; use 'identity'"
            )
        self.check(self.default, owner="its declaration")

    @property
    def symbol(self) -> sympy.Symbol:
        """The sympy symbol, real, and positive where the bounds say so."""
        if self.lower > 0 or (self.lower == 0 and self.lower_open):
            return sympy.Symbol(self.name, positive=True)
        return sympy.Symbol(self.name, real=True)

    @property
    def bounds(self) -> str:
        """The allowed interval as text, e.g. `(0, inf)`."""
        left = "(" if self.lower_open or self.lower == -math.inf else "["
        right = ")" if self.upper_open or self.upper == math.inf else "]"
        return f"{left}{self.lower:g}, {self.upper:g}{right}"

    def allows(self, value: float) -> bool:
        """Whether one value lies inside the bounds; NaN and infinities never do."""
        if not math.isfinite(value):
            return False
        above = value > self.lower if self.lower_open else value >= self.lower
        below = value < self.upper if self.upper_open else value <= self.upper
        return above and below

    def check(self, value: float, *, owner: str) -> float:
        """Return `value` as float, or raise `ParameterError` naming the owner, the value and the bounds."""
        refuse_truth_values(owner, **{self.name: value})
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise ParameterError(
                f"{owner}: parameter {self.name} = {value!r} is not a number; allowed is {self.bounds}"
            ) from None
        if not self.allows(number):
            raise ParameterError(
                f"{owner}: parameter {self.name} = {number:g} is not allowed; "
                f"{self.meaning}, unit {self.unit}, lies in {self.bounds}"
            )
        return number
