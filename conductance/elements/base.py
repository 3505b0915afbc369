"""What an I-V element is: a law (current as a function of voltage) placed at a timescale with a sign."""

import math
import numbers
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

import sympy

from conductance.errors import ExcitableError
from conductance.frozen import FrozenMapping
from conductance.parameter import Parameter, ParameterError, name_fault

V = sympy.Symbol("V", real=True)

Timescale = Literal["fast", "slow", "ultraslow"]
TIMESCALES: Mapping[Timescale, str] = MappingProxyType({"fast": "f", "slow": "s", "ultraslow": "us"})
"""Timescales from the fastest to the slowest, with the index that the literature gives their symbols."""


class DeclarationError(ExcitableError):
    """A law, element or neuron contradicts itself."""


@dataclass(frozen=True, kw_only=True)
class Law:
    """Current through an element as a function of the voltage it reads, `current` in `V` and `parameters`.

    The current is written for a positive conductance: it grows with V and flows out of the membrane.
    """

    name: str
    parameters: tuple[Parameter, ...]
    current: sympy.Expr
    meaning: str
    source: str = ""

    def __post_init__(self) -> None:
        if any(parameter.name == V.name for parameter in self.parameters):
            raise DeclarationError(
                f"law {self.name}: a parameter is named {V.name}, which is the voltage that the law reads; rename it"
            )
        allowed = {V, *(parameter.symbol for parameter in self.parameters)}
        undeclared = sorted(str(symbol) for symbol in self.current.free_symbols - allowed)
        if undeclared:
            raise DeclarationError(
                f"law {self.name}: symbols {', '.join(undeclared)} are not declared; "
                f"declare them as parameters or use V"
            )
        if V not in self.current.free_symbols:
            raise DeclarationError(f"law {self.name}: its current {self.current} does not depend on V")


@dataclass(frozen=True, kw_only=True)
class Element:
    """A law read at a timescale: the current `sign * law(U_x)` leaves the membrane.

    A negative sign makes a negative conductance, which drives the membrane away from the offset.
    `values` replaces the law's defaults. The name is made from timescale and sign where none is given.
    """

    law: Law
    timescale: Timescale
    sign: int
    values: Mapping[str, float]
    name: str = ""

    def __post_init__(self) -> None:
        if self.timescale not in TIMESCALES:
            raise DeclarationError(
                f"element {self.name or self.law.name}: timescale {self.timescale!r} is unknown; "
                f"allowed are {', '.join(TIMESCALES)}"
            )
        if self.sign not in (-1, 1):
            raise DeclarationError(f"element {self.name or self.law.name}: sign {self.sign} must be +1 or -1")
        if not self.name:
            object.__setattr__(
                self, "name", f"{TIMESCALES[self.timescale]}_{'plus' if self.sign > 0 else 'minus'}"
            )
        if fault := name_fault(self.name):
            raise DeclarationError(f"element name {self.name!r} {fault}")
        known = {parameter.name for parameter in self.law.parameters}
        unknown = sorted(set(self.values) - known)
        if unknown:
            raise DeclarationError(
                f"element {self.name}: unknown value {', '.join(unknown)}; law {self.law.name} "
                f"has {', '.join(sorted(known))}"
            )
        checked = {
            parameter.name: parameter.check(
                self.values.get(parameter.name, parameter.default), owner=f"element {self.name}"
            )
            for parameter in self.law.parameters
        }
        object.__setattr__(self, "values", FrozenMapping(checked))

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The law's parameters under the element's own names, e.g. `alpha_f_minus`."""
        return tuple(
            replace(parameter, name=f"{parameter.name}_{self.name}", default=self.values[parameter.name])
            for parameter in self.law.parameters
        )

    def current(self, voltage: sympy.Expr) -> sympy.Expr:
        """The signed current that leaves the membrane when the element reads `voltage`."""
        renamed = {
            law.symbol: own.symbol for law, own in zip(self.law.parameters, self.parameters, strict=True)
        }
        return self.sign * self.law.current.subs({V: voltage, **renamed}, simultaneous=True)


def signed(law: Law, timescale: Timescale, gain: float, values: Mapping[str, float], name: str) -> Element:
    """An element whose sign is that of `gain` and whose alpha is its magnitude.

    Raises:
        ParameterError: the gain is no finite number, or zero.
    """
    owner = f"element {name or law.name}, {timescale}"
    given: object = gain
    if isinstance(given, bool) or not isinstance(given, numbers.Real):
        raise ParameterError(f"{owner}: gain = {gain!r} is not a number; give one, as -2.0")
    if not math.isfinite(gain) or gain == 0:
        raise ParameterError(f"{owner}: gain = {float(gain):g}: it must be finite and not zero")
    return Element(
        law=law,
        timescale=timescale,
        sign=-1 if gain < 0 else 1,
        values={"alpha": abs(gain), **values},
        name=name,
    )
