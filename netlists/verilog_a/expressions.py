"""Sympy expressions printed in Verilog-A.

Every number is a real: an integer would divide as one, and 1/4 be 0.
"""

from typing import ClassVar

import sympy

from circuits.data.circuit import GROUND
from netlists.writing.expressions import FUNCTIONS, ExpressionPrinter, print_number


def print_expression(expression: sympy.Expr | float) -> str:
    """`expression` as Verilog-A; node voltages are read as `V(node)` or `V(node, reference)`.

    Raises `NetlistError` for what Verilog-A cannot evaluate.

    >>> from circuits.data.circuit import voltage
    >>> print_expression(sympy.Symbol("i0") * sympy.tanh(voltage("um")) / 4)
    'i0*tanh(V(um))/4.0'
    """
    return _Printer().doprint(sympy.sympify(expression))


class _Printer(ExpressionPrinter):
    tool: ClassVar[str] = "Verilog-A"
    functions: ClassVar[dict[str, str]] = {**FUNCTIONS, "log": "ln"}

    def sensed(self, symbol: sympy.Symbol, node: str, reference: str) -> str:
        return f"V({node})" if reference == GROUND else f"V({node}, {reference})"

    def _print_Integer(self, number: sympy.Integer) -> str:
        return print_number(number)

    def _print_Rational(self, number: sympy.Rational) -> str:
        return f"{print_number(number.p)}/{print_number(number.q)}"

    def _print_sign(self, expression: sympy.sign) -> str:
        x = self._operand(expression.args[0])
        return f"({x} > 0.0 ? 1.0 : ({x} < 0.0 ? -1.0 : 0.0))"

    def _print_ceiling(self, expression: sympy.ceiling) -> str:
        # the compiler of the wheel dies of ceil
        return f"(-floor({self._print(-expression.args[0])}))"

    def _print_Heaviside(self, expression: sympy.Heaviside) -> str:
        argument, at_zero = expression.args
        x = self._operand(argument)
        return f"({x} > 0.0 ? 1.0 : ({x} < 0.0 ? 0.0 : {self._operand(at_zero)}))"
