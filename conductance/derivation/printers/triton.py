"""Programs printed as Triton statements on blocks of lanes, the body of every generated GPU kernel.

The text uses the functions of `conductance/kernels/triton/functions.py`.
"""

from collections.abc import Mapping

import sympy
from sympy.printing.pycode import AbstractPythonCodePrinter

from conductance.derivation.printers.base import KernelPrinter
from conductance.derivation.program import Assignment

FUNCTIONS = {
    "tanh": "tanh", "exp": "tl.exp", "log": "tl.log", "sin": "tl.sin", "cos": "tl.cos", "tan": "tan",
    "sinh": "sinh", "cosh": "cosh", "Abs": "tl.abs", "sign": "sign",
}  # fmt: skip
LIKE = "current"
"""The name of the step's input in every printed function: numbers take its shape and type."""
DIGITS = 17
"""Of a number that is computed before it is printed: a double's."""


class TritonPrinter(KernelPrinter, AbstractPythonCodePrinter):
    """Sympy expressions as Triton on blocks; `names` gives symbols that are not local their text."""

    language = "Triton"
    home = "printers/triton.py and kernels/triton/functions.py"
    functions = FUNCTIONS

    def __init__(self, names: Mapping[sympy.Symbol, str] | None = None) -> None:
        AbstractPythonCodePrinter.__init__(self, {"fully_qualified_modules": False})
        self._names = dict(names or {})

    def block(self, expression: sympy.Expr) -> str:
        """The expression as a block, even where it is a number."""
        if expression.free_symbols:
            return self._print(expression)
        # pi**2 is a number before it is printed: functions of blocks, as `power`, take no numbers
        number = expression if expression.is_Atom else expression.evalf(DIGITS)
        return f"splat({self._print(number)}, {LIKE})"

    def assignments(self, assignments: tuple[Assignment, ...]) -> list[str]:
        """One statement for each assignment."""
        return [f"{self.name(symbol)} = {self.block(expression)}" for symbol, expression in assignments]

    def operand(self, expression: sympy.Expr) -> str:
        """The expression as a block."""
        return self.block(expression)

    def _print_SpikeStep(self, expression: sympy.Expr) -> str:
        return f"step({self.block(expression.args[1])})"

    def _print_Heaviside(self, expression: sympy.Heaviside) -> str:
        argument, at_zero = expression.args
        return f"{'not_below' if at_zero == 1 else 'above'}({self.block(argument)})"

    def _print_Pow(self, expression: sympy.Pow, **_: object) -> str:
        base, exponent = expression.as_base_exp()
        text = self.block(base)
        if exponent == sympy.Rational(1, 2):
            return f"tl.sqrt({text})"
        if exponent.is_Integer:
            whole = text if abs(exponent) == 1 else f"power({text}, {abs(exponent)})"
            return whole if exponent > 0 else f"(1.0 / ({whole}))"
        return f"tl.exp({self.block(exponent)} * tl.log({text}))"

    def _print_Max(self, expression: sympy.Max) -> str:
        return self._bound(expression, "larger")

    def _print_Min(self, expression: sympy.Min) -> str:
        return self._bound(expression, "smaller")

    def _bound(self, expression: sympy.Expr, function: str) -> str:
        first, *others = sorted(expression.args, key=lambda argument: argument.is_number)
        text = self.block(first)
        for other in others:
            text = f"{function}({text}, {self.block(other)})"
        return text

    def _print_Piecewise(self, expression: sympy.Piecewise) -> str:
        *pieces, (last, _) = expression.args
        text = self.block(last)
        for value, condition in reversed(pieces):
            text = f"tl.where({self._print(condition)}, {self.block(value)}, {text})"
        return text
