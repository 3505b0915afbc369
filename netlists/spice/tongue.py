"""What one SPICE says otherwise than another, as a table."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import sympy

from netlists.analyses import Tolerances


@dataclass(frozen=True, kw_only=True)
class Tongue:
    """A tool's form of SPICE.

    Attributes:
        name: of the dialect.
        reader: the tool, in words.
        source: prints the law of a behavioural source, with all that the tool puts around it.
        value: prints the value of a card: a number, or an expression of parameters.
        levels: the tool's number of each transistor model, by ngspice's.
        hysteresis: whether its switch remembers; where it does not, switches are refused.
        options: the lines that set tolerances (and trapezoidal integration) and temperature in degrees Celsius.
        saves: the lines that keep voltages and currents, for the kind of analysis (`tran`, `dc`, `op`, `ac`).
        reserved: names that it keeps for itself, in lower case.
    """

    name: str
    reader: str
    source: Callable[[sympy.Expr | float], str]
    value: Callable[[sympy.Expr | float], str]
    levels: Mapping[int, int]
    hysteresis: bool
    options: Callable[[Tolerances, float], list[str]]
    saves: Callable[[str, list[str], list[str]], list[str]]
    reserved: frozenset[str]
