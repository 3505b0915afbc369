"""Xyce: laws in braces with parameters bare, `**` for powers, output by `.print`, BSIM3 is level 9."""

from typing import ClassVar

import sympy

from circuits.data.circuit import GROUND
from netlists.analyses import Tolerances
from netlists.errors import NetlistError
from netlists.spice.dialect import dialect_of
from netlists.spice.tongue import Tongue
from netlists.writing.expressions import FUNCTIONS, ExpressionPrinter, print_number

_RESERVED = "time temp temper freq vt gmin pi"


class _Printer(ExpressionPrinter):
    tool: ClassVar[str] = "Xyce"
    functions: ClassVar[dict[str, str]] = {**FUNCTIONS, "log": "ln"}

    def sensed(self, symbol: sympy.Symbol, node: str, reference: str) -> str:
        return f"v({node})" if reference == GROUND else f"v({node},{reference})"


class _ValuePrinter(ExpressionPrinter):
    tool: ClassVar[str] = "Xyce"
    functions: ClassVar[dict[str, str]] = {**FUNCTIONS, "log": "ln"}


def _source(expression: sympy.Expr | float) -> str:
    return "{" + _Printer().doprint(sympy.sympify(expression)) + "}"


def _value(value: sympy.Expr | float) -> str:
    if isinstance(value, sympy.Expr) and value.free_symbols:
        return "{" + _ValuePrinter().doprint(value) + "}"
    return print_number(value.evalf() if isinstance(value, sympy.Expr) else value)


def _options(tolerances: Tolerances, temperature: float) -> list[str]:
    if tolerances.truncation != 1:
        raise NetlistError(
            f"Xyce: truncation = {tolerances.truncation:g} of the tolerances is not written here; leave it at 1"
        )
    time = f"reltol={print_number(tolerances.relative)} abstol={print_number(tolerances.voltage)}"
    return [
        f".options timeint method=trap {time}",
        f".options device temp={print_number(temperature)} gmin={print_number(tolerances.conductance)}",
    ]


def _saves(kind: str, nodes: list[str], sources: list[str]) -> list[str]:
    kept = [*(f"v({node})" for node in nodes), *(f"i({source})" for source in sources)]
    return [f".print {'dc' if kind == 'op' else kind} format=raw {' '.join(kept)}"]


DIALECT = dialect_of(
    Tongue(
        name="xyce", reader="Xyce 7", source=_source, value=_value, levels={8: 9, 49: 9, 14: 54, 54: 54, 103: 103},
        hysteresis=False, options=_options, saves=_saves, reserved=frozenset(_RESERVED.split()),
    )
)  # fmt: skip
