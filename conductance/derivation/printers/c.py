"""Programs printed as C statements on vectors, the body of every generated CPU kernel.

The text uses the types and functions of `conductance/kernels/vectors.h`.
"""

import hashlib
from collections.abc import Mapping

import sympy
from sympy.logic.boolalg import Boolean
from sympy.printing.c import C99CodePrinter

from conductance.derivation.printers.base import KernelPrinter, PrintError
from conductance.derivation.program import Assignment
from conductance.tables import Samples, Tabulated

FUNCTIONS = {
    "tanh": "tanh_", "exp": "exp_", "log": "log_", "sin": "sin_", "cos": "cos_", "tan": "tan_", "sinh": "sinh_",
    "cosh": "cosh_", "atan": "atan_", "Abs": "abs_", "sign": "sign_",
}  # fmt: skip

FOUR = 4
"""Tables that are read at once."""
PARTS = ("value", "slope", "bend")
"""Of a table: it and its slopes, in order."""


def _reading(expression: Tabulated) -> tuple:
    """Where a table is read: tables of one place and grid share the search for the piece."""
    table = expression.samples
    return expression.voltage, table.low, table.interval, len(table.coefficients)


class CPrinter(KernelPrinter, C99CodePrinter):
    """Sympy expressions as C on vectors; `names` gives symbols that are not local their text."""

    language = "C"
    home = "printers/c.py and kernels/vectors.h"
    functions = FUNCTIONS

    def __init__(self, names: Mapping[sympy.Symbol, str] | None = None) -> None:
        # macros such as M_PI_2 are double, whatever the kernel's precision
        C99CodePrinter.__init__(self, {"contract": False, "math_macros": {}})
        self._names = dict(names or {})
        self.tables: dict[str, tuple[Samples, ...]] = {}
        """Tables that the text reads, one or four together, by the name of their array."""

    def vector(self, expression: sympy.Expr) -> str:
        """The expression as a vector, even where it is a number."""
        text = self._print(expression)
        return text if expression.free_symbols else f"splat({text})"

    def assignments(self, assignments: tuple[Assignment, ...]) -> list[str]:
        """One statement for each assignment; tables on one grid at one voltage are read together, before the first."""
        groups: dict[tuple, list[tuple[sympy.Symbol, Samples]]] = {}
        for symbol, expression in assignments:
            if isinstance(expression, Tabulated):
                groups.setdefault(_reading(expression), []).append((symbol, expression.samples))
        lines: list[str] = []
        for symbol, expression in assignments:
            if not isinstance(expression, Tabulated):
                lines.append(f"const vec {self.name(symbol)} = {self.vector(expression)};")
            elif group := groups.pop(_reading(expression), None):
                lines += self._read_together(expression.voltage, group)
        return lines

    def _read_together(self, voltage: sympy.Expr, group: list[tuple[sympy.Symbol, Samples]]) -> list[str]:
        """Statements that read tables and slopes of tables at one voltage, four tables at a time."""
        tables = list(dict.fromkeys(table.origin[0] for _, table in group))
        tables.sort(key=lambda table: table.digest)
        first = tables[0]
        place = f"place_{len(self.tables)}_{self.name(group[0][0])}"
        known: dict[Samples, tuple[list[str], int]] = {}
        grid = f"{self.number(first.low)}, {self.number(1 / first.interval)}, {len(first.coefficients) - 1}"
        lines = [f"const place_t {place} = placed({grid}, {self.vector(voltage)});"]
        for begin in range(0, len(tables), FOUR):
            own = tuple(tables[begin : begin + FOUR])
            name = (
                f"tables_{hashlib.sha256(''.join(table.digest for table in own).encode()).hexdigest()[:16]}"
            )
            self.tables[name] = own
            results = [f"{part}_{begin}_{place}" for part in PARTS]
            read, size = ("read_one", 1) if len(own) == 1 else ("read_four", FOUR)
            lines.append(f"vec {', '.join(f'{result}[{size}]' for result in results)};")
            lines.append(f"{read}({name}, {place}, {', '.join(results)});")
            known |= {table: (results, at) for at, table in enumerate(own)}
        for symbol, table in group:
            origin, order = table.origin
            results, at = known[origin]
            if order >= len(PARTS):
                raise PrintError("a table has no form in C for its third slope; add it to kernels/vectors.h")
            lines.append(f"const vec {self.name(symbol)} = {results[order]}[{at}];")
        return lines

    def operand(self, expression: sympy.Expr) -> str:
        """The expression as a vector."""
        return self.vector(expression)

    def number(self, value: float) -> str:
        """The text of a finite number in the kernel's precision."""
        return f"((real){value!r})"

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
