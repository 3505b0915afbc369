"""Programs printed as Triton statements on blocks of lanes, the body of every generated GPU kernel.

The text uses the functions of `conductance/kernels/triton/functions.py`. Symbols become local names made of a number
and their letters, so that no text of a declaration reaches the compiler.
"""

import re
from collections.abc import Mapping

import sympy
from sympy.printing.pycode import AbstractPythonCodePrinter

from conductance.derivation.program import Assignment
from conductance.errors import ExcitableError

FUNCTIONS = {
    "tanh": "tanh", "exp": "tl.exp", "log": "tl.log", "sin": "tl.sin", "cos": "tl.cos", "tan": "tan",
    "sinh": "sinh", "cosh": "cosh", "Abs": "tl.abs", "sign": "sign",
}  # fmt: skip
LIKE = "current"
"""The name of the step's input in every printed function: numbers take its shape and type."""


class TritonPrintError(ExcitableError):
    """An expression has no form in Triton."""


class TritonPrinter(AbstractPythonCodePrinter):
    """Sympy expressions as Triton on blocks; `names` gives symbols that are not local their text."""

    def __init__(self, names: Mapping[sympy.Symbol, str] | None = None) -> None:
        super().__init__({"fully_qualified_modules": False})
        self._names = dict(names or {})

    def name(self, symbol: sympy.Symbol) -> str:
        """The name of a symbol in the text, a new local one where none is given."""
        if symbol not in self._names:
            letters = re.sub(r"[^A-Za-z0-9_]", "", symbol.name)
            self._names[symbol] = f"v{len(self._names)}_{letters}"
        return self._names[symbol]

    def block(self, expression: sympy.Expr) -> str:
        """The expression as a block, even where it is a number."""
        text = self._print(expression)
        return text if expression.free_symbols else f"splat({text}, {LIKE})"

    def assignments(self, assignments: tuple[Assignment, ...]) -> list[str]:
        """One statement for each assignment."""
        return [f"{self.name(symbol)} = {self.block(expression)}" for symbol, expression in assignments]

    def _print_Symbol(self, expression: sympy.Symbol) -> str:
        return self.name(expression)

    def _print_Function(self, expression: sympy.Function) -> str:
        name = type(expression).__name__
        if name not in FUNCTIONS:
            raise TritonPrintError(
                f"function {name} has no Triton form; add it to printers/triton.py and kernels/triton/functions.py"
            )
        return f"{FUNCTIONS[name]}({self.block(expression.args[0])})"

    _print_tanh = _print_exp = _print_log = _print_sin = _print_cos = _print_tan = _print_Function
    _print_sinh = _print_cosh = _print_Abs = _print_sign = _print_Function

    def _print_SpikeStep(self, expression: sympy.Expr) -> str:
        return f"above({self.block(expression.args[1])})"

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

    def _print_Relational(self, expression: sympy.Rel) -> str:
        return f"({self.block(expression.lhs)} {expression.rel_op} {self.block(expression.rhs)})"

    def _print_Or(self, expression: sympy.Or) -> str:
        return "(" + " | ".join(map(self._print, expression.args)) + ")"

    def _print_And(self, expression: sympy.And) -> str:
        return "(" + " & ".join(map(self._print, expression.args)) + ")"

    def _print_Not(self, expression: sympy.Not) -> str:
        return f"(~{self._print(expression.args[0])})"

    def _number(self, value: sympy.Expr) -> str:
        if not (value.is_finite and value.is_real):
            raise TritonPrintError(f"number {value} has no Triton form; allowed are finite numbers")
        number = float(value)
        return repr(number) if number >= 0 else f"({number!r})"

    _print_Float = _print_Rational = _print_Integer = _print_Half = _print_Pi = _print_Exp1 = _number
    _print_Zero = _print_One = _print_NegativeOne = _print_NumberSymbol = _number
    _print_Infinity = _print_NegativeInfinity = _print_NaN = _print_ComplexInfinity = _number
