"""Programs printed as C statements on vectors, the body of every generated CPU kernel.

The text uses the types and functions of `conductance/kernels/vectors.h`. Symbols become local names made of a number
and their letters, so that no text of a declaration reaches the compiler.
"""

import re
from collections.abc import Mapping

import sympy
from sympy.logic.boolalg import Boolean
from sympy.printing.c import C99CodePrinter

from conductance.derivation.program import Assignment
from conductance.errors import ExcitableError

FUNCTIONS = {
    "tanh": "tanh_", "exp": "exp_", "log": "log_", "sin": "sin_", "cos": "cos_", "tan": "tan_", "sinh": "sinh_",
    "cosh": "cosh_", "atan": "atan_", "Abs": "abs_", "sign": "sign_",
}  # fmt: skip


class PrintError(ExcitableError):
    """An expression has no form in C."""


class CPrinter(C99CodePrinter):
    """Sympy expressions as C on vectors; `names` gives symbols that are not local their text."""

    def __init__(self, names: Mapping[sympy.Symbol, str] | None = None) -> None:
        super().__init__({"contract": False})
        self._names = dict(names or {})

    def name(self, symbol: sympy.Symbol) -> str:
        """The C name of a symbol, a new local one where none is given."""
        if symbol not in self._names:
            letters = re.sub(r"[^A-Za-z0-9_]", "", symbol.name)
            self._names[symbol] = f"v{len(self._names)}_{letters}"
        return self._names[symbol]

    def vector(self, expression: sympy.Expr) -> str:
        """The expression as a vector, even where it is a number."""
        text = self._print(expression)
        return text if expression.free_symbols else f"splat({text})"

    def assignments(self, assignments: tuple[Assignment, ...]) -> list[str]:
        """One statement for each assignment."""
        return [
            f"const vec {self.name(symbol)} = {self.vector(expression)};"
            for symbol, expression in assignments
        ]

    def _print_Symbol(self, expression: sympy.Symbol) -> str:
        return self.name(expression)

    def _print_Function(self, expression: sympy.Function) -> str:
        name = type(expression).__name__
        if name not in FUNCTIONS:
            raise PrintError(f"function {name} has no C form; add it to printers/c.py and kernels/vectors.h")
        return f"{FUNCTIONS[name]}({self.vector(expression.args[0])})"

    _print_tanh = _print_exp = _print_log = _print_sin = _print_cos = _print_tan = _print_Function
    _print_sinh = _print_cosh = _print_atan = _print_Abs = _print_sign = _print_Function

    def _print_SpikeStep(self, expression: sympy.Expr) -> str:
        return self._step(expression.args[1], ">")

    def _print_Heaviside(self, expression: sympy.Heaviside) -> str:
        return self._step(expression.args[0], ">=" if expression.args[1] == 1 else ">")

    def _step(self, expression: sympy.Expr, relation: str) -> str:
        return f"pick({self.vector(expression)} {relation} splat(0), splat(1), splat(0))"

    def _print_Pow(self, expression: sympy.Pow) -> str:
        base, exponent = expression.as_base_exp()
        text = self.vector(base)
        if exponent == sympy.Rational(1, 2):
            return f"sqrt_({text})"
        if exponent == 2:
            return f"square({text})"
        if exponent.is_Integer and exponent < 0:
            return f"(1 / ({self._print(base**-exponent)}))"
        if exponent.is_Integer:
            return f"power({text}, {exponent})"
        return f"pow_({text}, {self.vector(exponent)})"

    def _print_Max(self, expression: sympy.Max) -> str:
        return self._bound(expression, "at_least", "larger")

    def _print_Min(self, expression: sympy.Min) -> str:
        return self._bound(expression, "at_most", "smaller")

    def _bound(self, expression: sympy.Expr, by_number: str, of_two: str) -> str:
        first, *others = sorted(expression.args, key=lambda argument: argument.is_number)
        text = self.vector(first)
        for other in others:
            text = f"{by_number if other.is_number else of_two}({self.vector(other)}, {text})"
        return text

    def _print_Piecewise(self, expression: sympy.Piecewise) -> str:
        *pieces, (last, _) = expression.args
        if isinstance(last, Boolean):
            text = self._print(last)
            for value, condition in reversed(pieces):
                where = self._print(condition)
                text = f"(({where} & {self._print(value)}) | (~{where} & {text}))"
            return text
        text = self.vector(last)
        for value, condition in reversed(pieces):
            text = f"pick({self._print(condition)}, {self.vector(value)}, {text})"
        return text

    def _print_ITE(self, expression: sympy.ITE) -> str:
        where, yes, no = map(self._print, expression.args)
        return f"(({where} & {yes}) | (~{where} & {no}))"

    def _print_BooleanTrue(self, _: sympy.Basic) -> str:
        return "((mask){0} == 0)"

    def _print_BooleanFalse(self, _: sympy.Basic) -> str:
        return "((mask){0})"

    def _print_Relational(self, expression: sympy.Rel) -> str:
        return f"({self.vector(expression.lhs)} {expression.rel_op} {self.vector(expression.rhs)})"

    def _print_Or(self, expression: sympy.Or) -> str:
        return "(" + " | ".join(map(self._print, expression.args)) + ")"

    def _print_And(self, expression: sympy.And) -> str:
        return "(" + " & ".join(map(self._print, expression.args)) + ")"

    def _print_Not(self, expression: sympy.Not) -> str:
        return f"(~{self._print(expression.args[0])})"

    def _number(self, value: sympy.Expr) -> str:
        number = float(value)
        if not abs(number) < float("inf"):
            raise PrintError(f"number {value} has no C form; allowed are finite numbers")
        return f"((real){number!r})"

    _print_Float = _print_Rational = _print_Integer = _print_Half = _print_Pi = _print_Exp1 = _number
    _print_Zero = _print_One = _print_NegativeOne = _print_NumberSymbol = _number
    _print_Infinity = _print_NegativeInfinity = _print_NaN = _print_ComplexInfinity = _number
