"""Sympy expressions printed in the language of a tool: one printer, and what each tool says otherwise."""

from typing import ClassVar

import sympy
from sympy.printing.printer import Printer

from circuits.data.circuit import sensed_nodes
from netlists.errors import NetlistError

FUNCTIONS = {
    "exp": "exp",
    "log": "log",
    "sin": "sin",
    "cos": "cos",
    "tan": "tan",
    "asin": "asin",
    "acos": "acos",
    "atan": "atan",
    "sinh": "sinh",
    "cosh": "cosh",
    "tanh": "tanh",
    "asinh": "asinh",
    "acosh": "acosh",
    "atanh": "atanh",
    "Abs": "abs",
    "sign": "sgn",
    "floor": "floor",
    "ceiling": "ceil",
}
"""Functions of one argument, by their sympy names."""

_SHORT_POWER = 8


def print_number(value: float) -> str:
    """Shortest plain decimal that reads back as the same double.

    >>> print_number(2.5e-13)
    '2.5e-13'
    """
    return repr(float(value))


def print_rounded(value: float) -> str:
    """A number with at most 12 digits: for starts and times, which no equation multiplies.

    >>> print_rounded(-0.13679999999999998)
    '-0.1368'
    """
    return print_number(float(f"{value:.12g}"))


class ExpressionPrinter(Printer):
    """Prints one expression, every compound operand in parentheses: little precedence is relied on.

    A tool is a subclass that says its name, what it calls functions, and how parameters and voltages are read.
    """

    printmethod = "_netlist"
    tool: ClassVar[str]
    functions: ClassVar[dict[str, str]] = FUNCTIONS
    _relations: ClassVar[dict[str, str]] = {
        "==": "==",
        "!=": "!=",
        "<": "<",
        "<=": "<=",
        ">": ">",
        ">=": ">=",
    }

    def parameter(self, name: str) -> str:
        """How a parameter is read."""
        return name

    def sensed(self, symbol: sympy.Symbol, node: str, reference: str) -> str:
        """How the voltage of a node against a reference is read."""
        raise NetlistError(f"a value cannot read {symbol.name}; use a behavioural source")

    def emptyPrinter(self, expr: sympy.Basic) -> str:
        """Refuse what has no form here."""
        raise NetlistError(
            f"the expression {expr} cannot be written for {self.tool}: {type(expr).__name__} is unknown there; "
            f"allowed are + - * / powers, {self._allowed()}"
        )

    def _allowed(self) -> str:
        return ", ".join([*self.functions, "sqrt", "Max", "Min", "Heaviside", "Piecewise"])

    def _operand(self, expression: sympy.Basic) -> str:
        text = self._print(expression)
        if isinstance(expression, sympy.Float | sympy.Integer):
            is_atom = text[0] != "-"
        else:
            is_atom = expression.is_Symbol or isinstance(expression, sympy.Function | sympy.NumberSymbol)
            is_atom = is_atom and not isinstance(expression, sympy.Piecewise | sympy.Heaviside)
        return text if is_atom else f"({text})"

    def _print_Symbol(self, symbol: sympy.Symbol) -> str:
        nodes = sensed_nodes(symbol)
        return self.parameter(symbol.name) if nodes is None else self.sensed(symbol, *nodes)

    def _print_Integer(self, number: sympy.Integer) -> str:
        return str(number) if abs(number) < 10**9 else print_number(number)

    def _print_Rational(self, number: sympy.Rational) -> str:
        if abs(number.p) >= 10**9 or number.q >= 10**9:
            return print_number(number)
        return f"{number.p}/{number.q}"

    def _print_Float(self, number: sympy.Float) -> str:
        return print_number(number)

    def _print_NumberSymbol(self, number: sympy.Expr) -> str:
        return print_number(number.evalf())

    def _print_not_finite(self, number: sympy.Expr) -> str:
        raise NetlistError(f"{number} is not a finite number; {self.tool} cannot use it")

    _print_NaN = _print_Infinity = _print_NegativeInfinity = _print_ComplexInfinity = _print_not_finite
    _print_ImaginaryUnit = _print_not_finite

    def _print_Add(self, expression: sympy.Add) -> str:
        first, *rest = expression.as_ordered_terms()
        text = self._term(first)
        for term in rest:
            if term.could_extract_minus_sign():
                text += f" - {self._term(-term)}"
            else:
                text += f" + {self._term(term)}"
        return text

    def _term(self, term: sympy.Expr) -> str:
        return self._print(term) if isinstance(term, sympy.Mul) else self._operand(term)

    def _print_Mul(self, expression: sympy.Mul) -> str:
        if expression.could_extract_minus_sign():
            return "-" + self._term(-expression)
        numerator: list[str] = []
        denominator: list[str] = []
        for factor in expression.as_ordered_factors():
            if isinstance(factor, sympy.Rational):
                numerator += [self._print(sympy.Integer(factor.p))] if factor.p != 1 else []
                denominator += [self._print(sympy.Integer(factor.q))] if factor.q != 1 else []
            elif _has_negative_exponent(factor):
                denominator.append(self._factor(1 / factor))
            else:
                numerator.append(self._factor(factor))
        text = "*".join(numerator) or "1"
        if len(denominator) == 1 and "*" not in denominator[0]:
            return f"{text}/{denominator[0]}"
        return f"{text}/({'*'.join(denominator)})" if denominator else text

    def _factor(self, factor: sympy.Expr) -> str:
        return self._print(factor) if isinstance(factor, sympy.Pow) else self._operand(factor)

    def _print_Pow(self, expression: sympy.Pow) -> str:
        base, exponent = expression.as_base_exp()
        if base == sympy.E:
            return f"exp({self._print(exponent)})"
        if _has_negative_exponent(expression):
            return f"1/({self._print(1 / expression)})"
        if exponent == sympy.Rational(1, 2):
            return f"sqrt({self._print(base)})"
        if not exponent.is_Integer:
            return f"pow({self._print(base)}, {self._print(exponent)})"
        operand = self._operand(base)
        if exponent <= _SHORT_POWER:
            return "*".join([operand] * int(exponent))
        even = f"pow({operand}*{operand}, {exponent // 2})"
        return even if exponent % 2 == 0 else f"{operand}*{even}"

    def _print_Function(self, expression: sympy.Function) -> str:
        name = self.functions.get(type(expression).__name__)
        if name is None or len(expression.args) != 1:
            return self.emptyPrinter(expression)
        return f"{name}({self._print(expression.args[0])})"

    _print_Abs = _print_sign = _print_exp = _print_log = _print_floor = _print_ceiling = _print_Function

    def _nested(self, name: str, arguments: tuple[sympy.Expr, ...]) -> str:
        if len(arguments) == 1:
            return self._print(arguments[0])
        return f"{name}({self._print(arguments[0])}, {self._nested(name, arguments[1:])})"

    def _print_Max(self, expression: sympy.Max) -> str:
        return self._nested("max", tuple(sorted(expression.args, key=sympy.default_sort_key)))

    def _print_Min(self, expression: sympy.Min) -> str:
        return self._nested("min", tuple(sorted(expression.args, key=sympy.default_sort_key)))

    def _print_Heaviside(self, expression: sympy.Heaviside) -> str:
        argument, at_zero = expression.args
        x = self._operand(argument)
        return f"({x} > 0) ? 1 : (({x} < 0) ? 0 : {self._operand(at_zero)})"

    def _print_Piecewise(self, expression: sympy.Piecewise) -> str:
        *cases, (default, condition) = expression.args
        if condition != sympy.true:
            raise NetlistError(
                f"{expression} has no value where its conditions all fail; end it with (value, True)"
            )
        text = self._print(default)
        for value, condition in reversed(cases):
            text = f"({self._print(condition)}) ? ({self._print(value)}) : ({text})"
        return text

    def _print_Relational(self, relation: sympy.core.relational.Relational) -> str:
        return (
            f"{self._operand(relation.lhs)} {self._relations[relation.rel_op]} {self._operand(relation.rhs)}"
        )

    def _print_And(self, expression: sympy.And) -> str:
        return " && ".join(f"({self._print(a)})" for a in sorted(expression.args, key=sympy.default_sort_key))

    def _print_Or(self, expression: sympy.Or) -> str:
        return " || ".join(f"({self._print(a)})" for a in sorted(expression.args, key=sympy.default_sort_key))

    def _print_Not(self, expression: sympy.Not) -> str:
        return f"!({self._print(expression.args[0])})"


def _has_negative_exponent(expression: sympy.Expr) -> bool:
    return (
        isinstance(expression, sympy.Pow)
        and expression.base != sympy.E
        and expression.exp.could_extract_minus_sign()
    )
