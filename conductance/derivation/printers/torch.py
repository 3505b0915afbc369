"""Programs printed as torch: the eager step, which is the oracle of every faster form."""

import re
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import sympy
import torch
from sympy.printing.pycode import PythonCodePrinter

from conductance.derivation.program import Program
from conductance.surrogates import MARGIN, Surrogate
from conductance.tables import Samples, Tabulated

FUNCTIONS = {
    "tanh": "tanh", "exp": "exp", "log": "log", "sin": "sin", "cos": "cos", "tan": "tan", "sinh": "sinh",
    "cosh": "cosh", "atan": "atan", "Abs": "abs", "sign": "sign", "sqrt": "sqrt",
}  # fmt: skip


class TorchPrinter(PythonCodePrinter):
    """Sympy expressions as torch source; `torch` and the spikes are names of its scope.

    Symbols become local names made of a number and their letters, so that any declared name can be stepped.
    """

    def __init__(self) -> None:
        super().__init__({"fully_qualified_modules": False, "inline": True})
        self._names: dict[sympy.Symbol, str] = {}
        self.surrogates: dict[Surrogate, str] = {}
        """The surrogates of what was printed, by the names of their spikes."""

    def name(self, symbol: sympy.Symbol) -> str:
        """The local name of a symbol."""
        letters = re.sub(r"[^A-Za-z0-9_]", "", symbol.name)
        return self._names.setdefault(symbol, f"v{len(self._names)}_{letters}")

    def _print_Symbol(self, expression: sympy.Symbol) -> str:
        return self.name(expression)

    def _print_Function(self, expression: sympy.Function) -> str:
        name = type(expression).__name__
        if name == "SpikeStep":
            spike_name = self.surrogates.setdefault(expression.surrogate, f"spike_{len(self.surrogates)}")
            return f"{spike_name}({', '.join(map(self._print, expression.args[1:]))})"
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
        if expression.is_number:
            return repr(float(expression))
        base, exponent = expression.as_base_exp()
        if exponent == sympy.Rational(1, 2):
            return f"torch.sqrt({self._print(base)})"
        if exponent == -1:
            return f"(1.0 / ({self._print(base)}))"
        return f"(({self._print(base)}) ** ({self._print(exponent)}))"

    def _bound(self, expression: sympy.Expr, beyond: str, pair: str) -> str:
        numbers = [argument for argument in expression.args if argument.is_number]
        others = [self._print(argument) for argument in expression.args if not argument.is_number]
        value = others[0]
        for other in others[1:]:
            value = f"torch.{pair}({value}, {other})"
        for number in numbers:
            # clamp() has no slope where its argument is not a number, and would hide that in the gradient
            value = f"{beyond}({value}, {float(number)!r})"
        return value

    def _print_Max(self, expression: sympy.Max) -> str:
        return self._bound(expression, "at_least", "maximum")

    def _print_Min(self, expression: sympy.Min) -> str:
        return self._bound(expression, "at_most", "minimum")

    def _print_Piecewise(self, expression: sympy.Piecewise) -> str:
        *pieces, (last, _) = expression.args
        text = self._print(last)
        if last.is_number:
            # where() of two numbers would be float32 whatever the tensors are
            like = min(map(self.name, expression.args[0][1].free_symbols))
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


def source(program: Program, name: str) -> tuple[str, dict[Surrogate, str]]:
    """The program as the source of one Python function of its inputs that returns a tuple, and its spikes' names."""
    printer = TorchPrinter()
    show = printer.doprint
    lines = [f"def {name}({', '.join(map(printer.name, program.inputs))}):"]
    lines += [
        f"    {printer.name(symbol)} = {show(expression)}" for symbol, expression in program.assignments
    ]
    lines.append(f"    return ({''.join(show(sympy.sympify(output)) + ', ' for output in program.outputs)})")
    return "\n".join(lines) + "\n", printer.surrogates


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
    text, surrogates = source(program, name)
    scope: dict[str, object] = {
        "torch": torch,
        "above_zero": lambda value: (value > 0).to(value.dtype),
        "at_least": lambda value, bound: torch.where(value < bound, bound, value),
        "at_most": lambda value, bound: torch.where(value > bound, bound, value),
    }
    scope |= {spike_name: spike(surrogate) for surrogate, spike_name in surrogates.items()}
    expressions = [*(value for _, value in program.assignments), *map(sympy.sympify, program.outputs)]
    for table in set().union(*(value.atoms(Samples) for value in expressions)):
        scope[f"table_{table.digest}"] = partial(read_table, table)
    exec(compile(text, f"<torch form of {name}>", "exec"), scope)
    return scope[name]  # type: ignore[return-value]


def read_table(table: Samples, voltage: torch.Tensor) -> torch.Tensor:
    """The table at voltages in V0, differentiable any number of times; NaN where a voltage is."""
    place = (voltage - table.low) * (1 / table.interval) + 1
    piece = place.detach().nan_to_num(0.0).clamp(0, len(table.coefficients) - 1).long()
    c0, c1, c2, c3 = place.new_tensor(table.coefficients)[piece].unbind(-1)
    s = place - piece
    return ((c3 * s + c2) * s + c1) * s + c0


def step_of(margin: torch.Tensor) -> torch.Tensor:
    """1 where the margin is positive, else 0, and NaN where it is NaN: what is not a number must not look like rest."""
    return torch.where(margin.isnan(), margin, (margin > 0).to(margin.dtype))


@cache
def spike(surrogate: Surrogate) -> Callable[..., torch.Tensor]:
    """The step of a margin with the surrogate as its derivative, at values of the surrogate's symbols."""
    if surrogate.slope == 0:
        return lambda margin, *_: step_of(margin.detach())
    slope_of: list[Callable] = []

    class Step(torch.autograd.Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(margin: torch.Tensor, *values: torch.Tensor) -> torch.Tensor:
            return step_of(margin)

        @staticmethod
        def setup_context(context: Any, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
            context.save_for_backward(*inputs)
            context.save_for_forward(*inputs)

        @staticmethod
        def backward(context: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
            saved = context.saved_tensors
            return gradient * slope(*saved), *(None for _ in saved[1:])

        @staticmethod
        def jvp(context: Any, tangent: torch.Tensor, *_: torch.Tensor) -> torch.Tensor:
            return tangent * slope(*context.saved_tensors)

    def slope(*values: torch.Tensor) -> torch.Tensor:
        if not slope_of:
            inputs = (MARGIN, *surrogate.symbols)
            slope_of.append(
                compiled(Program(inputs=inputs, assignments=(), outputs=(surrogate.slope,)), "slope")
            )
        return slope_of[0](*values)[0]

    return Step.apply
