"""Programs printed as C statements on vectors, the body of every generated CPU kernel.

The text uses the types and functions of `conductance/kernels/vectors.h`.
"""

from collections.abc import Mapping

import sympy
from sympy.logic.boolalg import Boolean
from sympy.printing.c import C99CodePrinter

from conductance.derivation.printers.base import KernelPrinter
from conductance.derivation.program import Assignment
from conductance.tables import Samples, Tabulated

FUNCTIONS = {
    "tanh": "tanh_", "exp": "exp_", "log": "log_", "sin": "sin_", "cos": "cos_", "tan": "tan_", "sinh": "sinh_",
    "cosh": "cosh_", "atan": "atan_", "Abs": "abs_", "sign": "sign_",
}  # fmt: skip


class CPrinter(KernelPrinter, C99CodePrinter):
    """Sympy expressions as C on vectors; `names` gives symbols that are not local their text."""

    language = "C"
    home = "printers/c.py and kernels/vectors.h"
    functions = FUNCTIONS

    def __init__(self, names: Mapping[sympy.Symbol, str] | None = None) -> None:
        # macros such as M_PI_2 are double, whatever the kernel's precision
        C99CodePrinter.__init__(self, {"contract": False, "math_macros": {}})
        self._names = dict(names or {})
        self.tables: dict[str, Samples] = {}
        """Tables that the text reads, by the name of their array."""

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

    def operand(self, expression: sympy.Expr) -> str:
        """The expression as a vector."""
        return self.vector(expression)

    def number(self, value: float) -> str:
        """The text of a finite number in the kernel's precision."""
        return f"((real){value!r})"

    def _print_Tabulated(self, expression: Tabulated) -> str:
        name = f"table_{expression.samples.digest[:16]}"
        self.tables[name] = table = expression.samples
        grid = f"{self.number(table.low)}, {self.number(1 / table.interval)}, {len(table.coefficients) - 1}"
        return f"tabulated({name}, {grid}, {self.vector(expression.voltage)})"

    def _print_SpikeStep(self, expression: sympy.Expr) -> str:
        return f"step_({self.vector(expression.args[1])})"

    def _print_Heaviside(self, expression: sympy.Heaviside) -> str:
        return self._step(expression.args[0], ">=" if expression.args[1] == 1 else ">")

    def _step(self, expression: sympy.Expr, relation: str) -> str:
        return f"pick({self.vector(expression)} {relation} splat(0), splat(1), splat(0))"

    def _print_Pow(self, expression: sympy.Pow) -> str:
        if not expression.free_symbols:
            return self.number(float(expression))
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
        # sympy counts symbols as truth values too
        if isinstance(last, Boolean) and not last.is_Symbol:
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
