"""Programs printed as JavaScript, the step that the studio runs in the browser. Numbers are float64, as in Python."""

from collections.abc import Mapping, Sequence

import sympy
from sympy.logic.boolalg import Boolean
from sympy.printing.jscode import JavascriptCodePrinter

from conductance.derivation.printers.base import KernelPrinter
from conductance.derivation.program import Assignment, Program
from conductance.derivation.rules import Rule

FUNCTIONS = {
    "tanh": "Math.tanh", "exp": "Math.exp", "log": "Math.log", "sin": "Math.sin", "cos": "Math.cos",
    "tan": "Math.tan", "sinh": "Math.sinh", "cosh": "Math.cosh", "atan": "Math.atan", "Abs": "Math.abs",
    "sign": "Math.sign",
}  # fmt: skip
RELATIONS = {"==": "===", "!=": "!=="}


class JavaScriptPrinter(KernelPrinter, JavascriptCodePrinter):
    """Sympy expressions as JavaScript on numbers; `names` gives symbols that are not local their text."""

    language = "JavaScript"
    home = "printers/javascript.py"
    functions = FUNCTIONS

    def __init__(self, names: Mapping[sympy.Symbol, str] | None = None) -> None:
        JavascriptCodePrinter.__init__(self, {"contract": False})
        self._names = dict(names or {})

    def name(self, symbol: sympy.Symbol) -> str:
        """The name of a symbol: of a local one only its number, since a page carries many functions."""
        return self._names.setdefault(symbol, f"v{len(self._names)}")

    def number(self, value: float) -> str:
        """The text of a finite number."""
        text = f"{value:g}" if float(f"{value:g}") == value else repr(value)
        return text if value >= 0 else f"({text})"

    def assignments(self, assignments: Sequence[Assignment]) -> list[str]:
        """One statement for each assignment."""
        return [f"const {self.name(symbol)} = {self._print(value)};" for symbol, value in assignments]

    def _print_SpikeStep(self, expression: sympy.Expr) -> str:
        margin = self._print(expression.args[1])
        return f"({margin} > 0 ? 1 : {margin} <= 0 ? 0 : NaN)"

    def _print_Heaviside(self, expression: sympy.Heaviside) -> str:
        argument, at_zero = expression.args
        return f"({self._print(argument)} {'>=' if at_zero == 1 else '>'} 0 ? 1 : 0)"

    def _print_Pow(self, expression: sympy.Pow) -> str:
        base, exponent = expression.as_base_exp()
        text = self._print(base)
        if exponent == sympy.Rational(1, 2):
            return f"Math.sqrt({text})"
        if exponent == -1:
            return f"(1 / ({text}))"
        if exponent in (2, 3) and base.is_Symbol:
            return "(" + " * ".join([text] * int(exponent)) + ")"
        return f"Math.pow({text}, {self._print(exponent)})"

    def _print_Max(self, expression: sympy.Max) -> str:
        return f"Math.max({', '.join(map(self._print, expression.args))})"

    def _print_Min(self, expression: sympy.Min) -> str:
        return f"Math.min({', '.join(map(self._print, expression.args))})"

    def _print_Piecewise(self, expression: sympy.Piecewise) -> str:
        *pieces, (last, _) = expression.args
        text = self._print(last)
        for value, condition in reversed(pieces):
            text = f"({self._print(condition)} ? {self._print(value)} : {text})"
        return text

    def _print_Relational(self, expression: sympy.Rel) -> str:
        relation = RELATIONS.get(expression.rel_op, expression.rel_op)
        return f"({self._print(expression.lhs)} {relation} {self._print(expression.rhs)})"

    def _print_Or(self, expression: sympy.Or) -> str:
        return "(" + " || ".join(map(self._print, expression.args)) + ")"

    def _print_And(self, expression: sympy.And) -> str:
        return "(" + " && ".join(map(self._print, expression.args)) + ")"

    def _print_Not(self, expression: sympy.Not) -> str:
        return f"(!{self._print(expression.args[0])})"

    def _print_BooleanTrue(self, _: sympy.Basic) -> str:
        return "true"

    def _print_BooleanFalse(self, _: sympy.Basic) -> str:
        return "false"


def places(array: str, symbols: Sequence[sympy.Symbol]) -> dict[sympy.Symbol, str]:
    """The symbols as the elements of an array."""
    return {symbol: f"{array}[{index}]" for index, symbol in enumerate(symbols)}


def function(
    arguments: Sequence[str],
    names: Mapping[sympy.Symbol, str],
    outputs: Sequence[sympy.Expr | Boolean],
    *,
    single: bool = False,
) -> str:
    """A JavaScript function that returns the outputs as an array, or the only one as a number.

    Args:
        arguments: names of its arguments.
        names: text for each free symbol of the outputs, in terms of the arguments.
        outputs: expressions or conditions.
        single: return the first output itself.
    """
    shared, reduced = sympy.cse([sympy.sympify(output) for output in outputs], list=True)
    printer = JavaScriptPrinter(names)
    lines = printer.assignments(shared)
    results = [printer.doprint(output) for output in reduced]
    result = results[0] if single else f"[{', '.join(results)}]"
    return _function(arguments, [*lines, f"return {result};"])


def constants_function(rule: Rule) -> str:
    """`function (p, dt)`: parameters, in declared order, and the time step to the constants of the rule's loop."""
    prelude: Program = rule.prelude
    *parameters, step = prelude.inputs
    return function(("p", "dt"), {**places("p", parameters), step: "dt"}, prelude.outputs)


def trace_function(rule: Rule) -> str:
    """`function (c, x, input, out)`: the whole time loop of one neuron.

    `c` are the constants, `x` the states, which it leaves at their last values, `input` the input of every step,
    and `out` one array for each state after the step and one for the output. Noise is left out: every draw is 0.
    """
    states, drive, constants = _inputs(rule)
    names = {symbol: f"x{index}" for index, symbol in enumerate(states)}
    names |= {symbol: f"c{index}" for index, symbol in enumerate(constants)}
    names |= dict.fromkeys(rule.noise_symbols, "0")
    printer = JavaScriptPrinter({**names, drive: "current"})
    loop = printer.assignments(rule.body.assignments)
    outputs = [printer.doprint(output) for output in rule.body.outputs]
    recorded = range(len(outputs))
    head = [f"const c{i} = c[{i}];" for i in range(len(constants))]
    head += [f"let x{i} = x[{i}];" for i in range(len(states))]
    head += [f"const out{i} = out[{i}];" for i in recorded]
    body = ["const current = input[t];", *loop]
    body += [f"out{i}[t] = {output};" for i, output in enumerate(outputs)]
    body += [f"x{i} = out{i}[t];" for i in range(len(states))]
    tail = [f"x[{i}] = x{i};" for i in range(len(states))]
    return _function(
        ("c", "x", "input", "out"),
        [*head, "for (let t = 0; t < input.length; t++) {", *(f"  {line}" for line in body), "}", *tail],
    )


def _inputs(rule: Rule) -> tuple[tuple[sympy.Symbol, ...], sympy.Symbol, tuple[sympy.Symbol, ...]]:
    count = len(rule.neuron.states)
    return rule.body.inputs[:count], rule.body.inputs[count], rule.constant_symbols


def _function(arguments: Sequence[str], lines: Sequence[str]) -> str:
    return "\n".join([f"function ({', '.join(arguments)}) {{", *(f"  {line}" for line in lines), "}"])
