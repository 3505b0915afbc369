"""Sympy expressions printed in the language of ngspice.

Two grammars are served. A behavioural source reads node voltages as `v(node)` and parameters as `{name}`; a
value in braces, `{...}`, is computed once from parameters alone, which then stand bare.

Traps that the printed form avoids, measured with ngspice 39:

* `x^y`, `x**y` and `pow(x, y)` are all |x|^y, also for x < 0: integer powers are products;
* a negative power fails at the first iteration, where every node is at 0 V: it is printed as a division;
* `a^b^c` associates to the left, `-a^b` differs between the grammars: `^` is never used;
* a literal inside an expression keeps 11 digits, a parameter all of them: what must be exact is a parameter,
  and rational numbers are divisions of integers.
"""

from typing import ClassVar, Literal

import sympy

from netlists.errors import NetlistError
from netlists.writing.expressions import ExpressionPrinter, print_number, print_rounded

__all__ = ["print_expression", "print_number", "print_rounded", "print_value"]

Grammar = Literal["source", "value"]


def print_expression(expression: sympy.Expr | float, grammar: Grammar = "source") -> str:
    """`expression` as text for a behavioural source (`source`) or for a value in braces (`value`).

    Raises `NetlistError` for what ngspice cannot evaluate.

    >>> from circuits.data.circuit import voltage
    >>> i0 = sympy.Symbol("i0")
    >>> print_expression(-i0 * sympy.tanh(voltage("um")) ** 3)
    '-{i0}*tanh(v(um))*tanh(v(um))*tanh(v(um))'
    """
    printer = _SourcePrinter() if grammar == "source" else _ValuePrinter()
    return printer.doprint(sympy.sympify(expression))


def print_value(value: sympy.Expr | float) -> str:
    """Value of a device card: a plain number, or an expression of parameters in braces."""
    if isinstance(value, sympy.Expr) and value.free_symbols:
        return "{" + print_expression(value, "value") + "}"
    return print_number(value.evalf() if isinstance(value, sympy.Expr) else value)


class _SourcePrinter(ExpressionPrinter):
    """The language of behavioural sources."""

    tool: ClassVar[str] = "ngspice"

    def parameter(self, name: str) -> str:
        return "{" + name + "}"

    def sensed(self, symbol: sympy.Symbol, node: str, reference: str) -> str:
        return symbol.name


class _ValuePrinter(ExpressionPrinter):
    """The language of values in braces."""

    tool: ClassVar[str] = "ngspice"

    def sensed(self, symbol: sympy.Symbol, node: str, reference: str) -> str:
        raise NetlistError(f"a value in braces cannot read {symbol.name}; use a behavioural source")
