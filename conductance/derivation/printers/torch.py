"""Programs printed as torch: the eager step, which is the oracle of every faster form."""

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import sympy
import torch
from sympy.printing.pycode import PythonCodePrinter

from conductance.derivation.program import Program
from conductance.surrogates import MARGIN, SURROGATES
from conductance.tables import Samples, Tabulated

FUNCTIONS = {
    "tanh": "tanh", "exp": "exp", "log": "log", "sin": "sin", "cos": "cos", "tan": "tan", "sinh": "sinh",
    "cosh": "cosh", "atan": "atan", "Abs": "abs", "sign": "sign", "sqrt": "sqrt",
}  # fmt: skip


class TorchPrinter(PythonCodePrinter):
    """Sympy expressions as torch source; `torch` and the spikes are names of its scope."""

    def __init__(self) -> None:
        super().__init__({"fully_qualified_modules": False, "inline": True})

    def _print_Function(self, expression: sympy.Function) -> str:
        name = type(expression).__name__
        if name == "SpikeStep":
            surrogate, *values = expression.args
            return f"spike_{surrogate}({', '.join(map(self._print, values))})"
        if name == "Heaviside":
            value = self._print(expression.args[0])
            return (
                f"({value} > 0).to({value}.dtype)" if expression.args[0].is_Symbol else f"above_zero({value})"
            )
        if name not in FUNCTIONS:
            raise NotImplementedError(f"function {name} has no torch form; add it to printers/torch.py")
        return f"torch.{FUNCTIONS[name]}({self._print(expression.args[0])})"

    _print_tanh = _print_exp = _print_log = _print_sin = _print_cos = _print_tan = _print_Function
    _print_sinh = _print_cosh = _print_atan = _print_Abs = _print_sign = _print_Heaviside = _print_Function

    def _print_Tabulated(self, expression: Tabulated) -> str:
        return f"table_{expression.samples.digest}({self._print(expression.voltage)})"

    def _print_Pow(self, expression: sympy.Pow, **_: object) -> str:
        base, exponent = expression.as_base_exp()
        if exponent == sympy.Rational(1, 2):
            return f"torch.sqrt({self._print(base)})"
        if exponent == -1:
            return f"(1.0 / ({self._print(base)}))"
        return f"(({self._print(base)}) ** ({self._print(exponent)}))"

    def _bound(self, expression: sympy.Expr, limit: str, pair: str) -> str:
        numbers = [argument for argument in expression.args if argument.is_number]
        others = [self._print(argument) for argument in expression.args if not argument.is_number]
        value = others[0]
        for other in others[1:]:
            value = f"torch.{pair}({value}, {other})"
        for number in numbers:
            value = f"torch.clamp({value}, {limit}={float(number)!r})"
        return value

    def _print_Max(self, expression: sympy.Max) -> str:
        return self._bound(expression, "min", "maximum")

    def _print_Min(self, expression: sympy.Min) -> str:
        return self._bound(expression, "max", "minimum")

    def _print_Piecewise(self, expression: sympy.Piecewise) -> str:
        *pieces, (last, _) = expression.args
        text = self._print(last)
        if last.is_number:
            # where() of two numbers would be float32 whatever the tensors are
            like = min(map(str, expression.args[0][1].free_symbols))
            text = f"torch.full_like({like}, {text})"
        for value, condition in reversed(pieces):
            text = f"torch.where({self._print(condition)}, {self._print(value)}, {text})"
        return text

    def _print_Relational(self, expression: sympy.Rel) -> str:
        return f"({self._print(expression.lhs)} {expression.rel_op} {self._print(expression.rhs)})"

    def _print_Or(self, expression: sympy.Or) -> str:
        return "(" + " | ".join(map(self._print, expression.args)) + ")"

    def _print_And(self, expression: sympy.And) -> str:
        return "(" + " & ".join(map(self._print, expression.args)) + ")"

    def _print_Not(self, expression: sympy.Not) -> str:
        return f"(~{self._print(expression.args[0])})"

    def _print_Pi(self, _: sympy.Expr) -> str:
        return repr(float(sympy.pi))

    def _print_Rational(self, expression: sympy.Rational) -> str:
        return repr(float(expression))

    def _print_Half(self, expression: sympy.Rational) -> str:
        return "0.5"


def source(program: Program, name: str) -> str:
    """The program as the source of one Python function of its inputs that returns a tuple."""
    show = TorchPrinter().doprint
    lines = [f"def {name}({', '.join(str(symbol) for symbol in program.inputs)}):"]
    lines += [f"    {symbol} = {show(expression)}" for symbol, expression in program.assignments]
    lines.append(f"    return ({''.join(show(sympy.sympify(output)) + ', ' for output in program.outputs)})")
    return "\n".join(lines) + "\n"


def compiled(program: Program, name: str) -> "Compiled":
    """The printed program as a Python function on tensors, differentiable by autograd."""
    return Compiled(program, name)


class Compiled:
    """A printed program that can be called, copied and pickled: a pickle holds the program, never its code."""

    def __init__(self, program: Program, name: str) -> None:
        self.program, self.name = program, name
        self._function = _function(program, name)

    def __call__(self, *values: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """The program's outputs at tensors for its inputs."""
        return self._function(*values)

    def __reduce__(self) -> tuple[Callable[..., "Compiled"], tuple[Program, str]]:
        return compiled, (self.program, self.name)

    def __deepcopy__(self, _: dict[int, object]) -> "Compiled":
        return self


def _function(program: Program, name: str) -> Callable[..., tuple[torch.Tensor, ...]]:
    scope: dict[str, object] = {"torch": torch, "above_zero": lambda value: (value > 0).to(value.dtype)}
    scope |= {f"spike_{surrogate}": spike(surrogate) for surrogate in SURROGATES}
    expressions = [*(value for _, value in program.assignments), *map(sympy.sympify, program.outputs)]
    for table in set().union(*(value.atoms(Samples) for value in expressions)):
        scope[f"table_{table.digest}"] = partial(read_table, table)
    text = source(program, name)
    exec(compile(text, f"<torch form of {name}>", "exec"), scope)
    return scope[name]  # type: ignore[return-value]


def read_table(table: Samples, voltage: torch.Tensor) -> torch.Tensor:
    """The table at voltages in V0, differentiable any number of times; NaN where a voltage is."""
    place = (voltage - table.low) * (1 / table.interval) + 1
    piece = place.detach().nan_to_num(0.0).clamp(0, len(table.coefficients) - 1).long()
    c0, c1, c2, c3 = place.new_tensor(table.coefficients)[piece].unbind(-1)
    s = place - piece
    return ((c3 * s + c2) * s + c1) * s + c0


@cache
def spike(surrogate: str) -> Callable[..., torch.Tensor]:
    """The step of a margin with the named surrogate as its derivative, at values of the surrogate's symbols."""
    slope_of: list[Callable] = []

    class Step(torch.autograd.Function):
        @staticmethod
        def forward(context: Any, margin: torch.Tensor, *values: torch.Tensor) -> torch.Tensor:
            context.save_for_backward(margin, *values)
            return (margin > 0).to(margin.dtype)

        @staticmethod
        def backward(context: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
            saved = context.saved_tensors
            if not slope_of:
                chosen = SURROGATES[surrogate]
                program = Program(inputs=(MARGIN, *chosen.symbols), assignments=(), outputs=(chosen.slope,))
                slope_of.append(compiled(program, "slope"))
            return gradient * slope_of[0](*saved)[0], *(None for _ in saved[1:])

    return Step.apply
