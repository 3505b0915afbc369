"""Names, values, parameters and pins of circuits: a value is a number or a sympy expression of its scope's parameters.

Names are lower-case, node `0` is ground. Behavioural sources may also use node voltages, which `voltage` makes.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import sympy

from conductance.errors import ExcitableError

GROUND = "0"
Value: TypeAlias = sympy.Expr | float

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_VOLTAGE = re.compile(r"v\(([a-z0-9_]+)(?:,([a-z0-9_]+))?\)")


class CircuitError(ExcitableError):
    """A circuit contradicts itself."""


def check_name(name: object, owner: str) -> str:
    """Return `name`, or raise `CircuitError` saying that `owner` is badly named."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise CircuitError(
            f"{owner}: the name {name!r} is not allowed; use a lower-case letter, then a to z, 0 to 9 and _"
        )
    return name


def check_node(node: object, owner: str) -> None:
    """Raise `CircuitError` where `node` is neither ground nor a name."""
    if node != GROUND:
        check_name(node, f"{owner}, node")


def voltage(node: str, reference: str = GROUND) -> sympy.Symbol:
    """Voltage of `node` against `reference` in V, as a symbol to be used inside expressions.

    >>> voltage("um")
    v(um)
    """
    check_node(node, "voltage")
    check_node(reference, "voltage")
    return sympy.Symbol(f"v({node})" if reference == GROUND else f"v({node},{reference})", real=True)


def sensed_nodes(symbol: sympy.Symbol) -> tuple[str, str] | None:
    """Node and reference that a symbol made by `voltage` reads; None for every other symbol."""
    match = _VOLTAGE.fullmatch(symbol.name)
    return (match[1], match[2] or GROUND) if match else None


def parameter_names(value: Value) -> set[str]:
    """Names of the parameters that a value uses."""
    if not isinstance(value, sympy.Expr):
        return set()
    return {symbol.name for symbol in value.free_symbols if sensed_nodes(symbol) is None}


def evaluate(value: Value, parameters: Mapping[str, float], owner: str = "value") -> float:
    """Number that a value has for given parameters; it must not read voltages."""
    if not isinstance(value, sympy.Expr):
        return float(value)
    missing = sorted(symbol.name for symbol in value.free_symbols if symbol.name not in parameters)
    if missing:
        raise CircuitError(f"{owner}: {', '.join(missing)} has no value; give it as a parameter")
    number = value.subs({symbol: parameters[symbol.name] for symbol in value.free_symbols}).evalf()
    if not number.is_number or not number.is_finite or not number.is_real:
        raise CircuitError(f"{owner}: {value} = {number} is not a finite real number")
    return float(number)


def check_value(value: object, owner: str, *, senses: bool = False, positive: bool = False) -> None:
    """Refuse what is no finite real number or expression; voltages only where the device `senses` them."""
    number = value
    if isinstance(value, sympy.Expr):
        if any(sensed_nodes(symbol) for symbol in value.free_symbols) and not senses:
            raise CircuitError(f"{owner}: {value} reads a node voltage; only behavioural sources can")
        if value.free_symbols:
            if value.has(sympy.nan, sympy.zoo, sympy.oo, -sympy.oo):
                raise CircuitError(f"{owner}: {value} is not finite")
            return
        number = value.evalf()
        number = float(number) if number.is_real else math.nan
    if (
        isinstance(number, bool)
        or not isinstance(number, int | float | np.number)
        or not math.isfinite(number)
    ):
        raise CircuitError(f"{owner}: received {value!r}; allowed is a finite number or a sympy expression")
    if positive and number <= 0:
        raise CircuitError(f"{owner}: received {value}; it must be greater than zero")


@dataclass(frozen=True, kw_only=True)
class Param:
    """A named number of a circuit or subcircuit: `value` in SI (or `1`), `unit`, what it means, and its bounds."""

    name: str
    value: float
    unit: str = "1"
    meaning: str = ""
    lower: float = -math.inf
    upper: float = math.inf
    lower_open: bool = False
    upper_open: bool = False

    def __post_init__(self) -> None:
        check_name(self.name, f"parameter {self.name!r}")
        check_value(self.value, f"parameter {self.name}")
        if isinstance(self.value, sympy.Expr):
            raise CircuitError(f"parameter {self.name}: received {self.value}; allowed is a number")


@dataclass(frozen=True, kw_only=True)
class Pin:
    """A node by which a subcircuit is connected, and what it carries."""

    name: str
    meaning: str = ""

    def __post_init__(self) -> None:
        check_name(self.name, f"pin {self.name!r}")
