"""What printers of kernels share: names of symbols, numbers, conditions, and the form of a function."""

import re
from collections.abc import Mapping
from typing import Any

import sympy

from conductance.errors import ExcitableError


class PrintError(ExcitableError):
    """An expression has no form in a printer's language."""


class KernelPrinter:
    """Mixed into a printer of sympy. Symbols become local names made of a number and their letters, so that no text
    of a declaration reaches a compiler; `names` gives symbols that are not local their text.
    """

    language = ""
    home = ""
    """The files in which a missing function is to be added."""
    functions: Mapping[str, str] = {}
    """The language's functions by their names in sympy."""

    _print: Any
    _names: dict[sympy.Symbol, str]

    def name(self, symbol: sympy.Symbol) -> str:
        """The name of a symbol in the text, a new local one where none is given."""
        if symbol not in self._names:
            letters = re.sub(r"[^A-Za-z0-9_]", "", symbol.name)
            self._names[symbol] = f"v{len(self._names)}_{letters}"
        return self._names[symbol]

    def operand(self, expression: sympy.Expr) -> str:
        """The expression as every lane needs it, even where it is a number."""
        return self._print(expression)

    def number(self, value: float) -> str:
        """The text of a finite number."""
        return repr(value) if value >= 0 else f"({value!r})"

    def _print_Symbol(self, expression: sympy.Symbol) -> str:
        return self.name(expression)

    def _print_Function(self, expression: sympy.Function) -> str:
        name = type(expression).__name__
        if name not in self.functions:
            raise PrintError(f"function {name} has no {self.language} form; add it to {self.home}")
        return f"{self.functions[name]}({self.operand(expression.args[0])})"

    _print_tanh = _print_exp = _print_log = _print_sin = _print_cos = _print_tan = _print_Function
    _print_sinh = _print_cosh = _print_atan = _print_Abs = _print_sign = _print_Function

    def _print_Relational(self, expression: sympy.Rel) -> str:
        return f"({self.operand(expression.lhs)} {expression.rel_op} {self.operand(expression.rhs)})"

    def _print_Or(self, expression: sympy.Or) -> str:
        return "(" + " | ".join(map(self._print, expression.args)) + ")"

    def _print_And(self, expression: sympy.And) -> str:
        return "(" + " & ".join(map(self._print, expression.args)) + ")"

    def _print_Not(self, expression: sympy.Not) -> str:
        return f"(~{self._print(expression.args[0])})"

    def _number(self, value: sympy.Expr) -> str:
        if not (value.is_finite and value.is_real):
            raise PrintError(f"number {value} has no {self.language} form; allowed are finite numbers")
        return self.number(float(value))

    _print_Float = _print_Rational = _print_Integer = _print_Half = _print_Pi = _print_Exp1 = _number
    _print_Zero = _print_One = _print_NegativeOne = _print_NumberSymbol = _number
    _print_Infinity = _print_NegativeInfinity = _print_NaN = _print_ComplexInfinity = _number
