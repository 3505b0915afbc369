"""Values of VACASK's cards: numbers, or expressions of parameters."""

from typing import ClassVar

import sympy

from netlists.writing.expressions import FUNCTIONS, ExpressionPrinter, print_number


def print_value(value: sympy.Expr | float) -> str:
    """A plain number, or an expression of parameters in parentheses.

    >>> print_value(sympy.Symbol("i0") / 4)
    '(i0/4.0)'
    """
    if isinstance(value, sympy.Expr) and value.free_symbols:
        return f"({_Printer().doprint(value)})"
    return print_number(value.evalf() if isinstance(value, sympy.Expr) else value)


class _Printer(ExpressionPrinter):
    tool: ClassVar[str] = "VACASK"
    functions: ClassVar[dict[str, str]] = {**FUNCTIONS, "log": "ln"}

    def _print_Integer(self, number: sympy.Integer) -> str:
        return print_number(number)

    def _print_Rational(self, number: sympy.Rational) -> str:
        return f"{print_number(number.p)}/{print_number(number.q)}"
