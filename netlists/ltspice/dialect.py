"""LTspice: `if(c, a, b)` for conditions, `&` and `|` between them, parameters in braces, nodes inside by colons."""

from typing import ClassVar

import sympy

from circuits.data.circuit import GROUND
from netlists.analyses import Tolerances
from netlists.errors import NetlistError
from netlists.spice.dialect import dialect_of
from netlists.spice.tongue import Tongue
from netlists.writing.expressions import FUNCTIONS, ExpressionPrinter, print_number

_RESERVED = "time temp freq boltz echarge kelvin planck c e j k pi u buf inv rand random white table"


class _ValuePrinter(ExpressionPrinter):
    tool: ClassVar[str] = "LTspice"
    functions: ClassVar[dict[str, str]] = {**FUNCTIONS, "log": "ln"}

    def _print_Heaviside(self, expression: sympy.Heaviside) -> str:
        argument, at_zero = expression.args
        x = self._operand(argument)
        return f"if({x} > 0, 1, if({x} < 0, 0, {self._operand(at_zero)}))"

    def _print_Piecewise(self, expression: sympy.Piecewise) -> str:
        *cases, (default, condition) = expression.args
        if condition != sympy.true:
            raise NetlistError(
                f"{expression} has no value where its conditions all fail; end it with (value, True)"
            )
        text = self._print(default)
        for value, condition in reversed(cases):
            text = f"if({self._print(condition)}, {self._print(value)}, {text})"
        return text

    def _print_And(self, expression: sympy.And) -> str:
        return " & ".join(f"({self._print(a)})" for a in sorted(expression.args, key=sympy.default_sort_key))

    def _print_Or(self, expression: sympy.Or) -> str:
        return " | ".join(f"({self._print(a)})" for a in sorted(expression.args, key=sympy.default_sort_key))


class _Printer(_ValuePrinter):
    def parameter(self, name: str) -> str:
        return "{" + name + "}"

    def sensed(self, symbol: sympy.Symbol, node: str, reference: str) -> str:
        return f"v({node})" if reference == GROUND else f"v({node},{reference})"


def _source(expression: sympy.Expr | float) -> str:
    return _Printer().doprint(sympy.sympify(expression))


def _value(value: sympy.Expr | float) -> str:
    if isinstance(value, sympy.Expr) and value.free_symbols:
        return "{" + _ValuePrinter().doprint(value) + "}"
    return print_number(value.evalf() if isinstance(value, sympy.Expr) else value)


def _options(tolerances: Tolerances, temperature: float) -> list[str]:
    numbers = {
        "reltol": tolerances.relative,
        "abstol": tolerances.current,
        "vntol": tolerances.voltage,
        "chgtol": tolerances.charge,
        "gmin": tolerances.conductance,
    }
    words = " ".join(f"{name}={print_number(value)}" for name, value in numbers.items())
    return [
        f".options method=trap trtol={tolerances.truncation:g} {words}",
        f".temp {print_number(temperature)}",
    ]


def _saves(kind: str, nodes: list[str], sources: list[str]) -> list[str]:
    return [".save " + " ".join([*(f"v({node})" for node in nodes), *(f"i({source})" for source in sources)])]


DIALECT = dialect_of(
    Tongue(
        name="ltspice", reader="LTspice 24", source=_source, value=_value, levels={8: 8, 49: 8, 14: 14, 54: 14},
        hysteresis=True, options=_options, saves=_saves, reserved=frozenset(_RESERVED.split()),
    )
)  # fmt: skip
