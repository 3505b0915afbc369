"""The C source of a layer's time loop, forwards and backwards, printed from its rule."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

import numpy as np
import sympy

from conductance.derivation import threefry
from conductance.derivation.printers.c import FOUR, CPrinter
from conductance.derivation.program import Assignment, flattened, names, used_only
from conductance.derivation.rules import Rule
from conductance.neurons.base import INPUT
from conductance.tables import Samples

KEPT = (
    sympy.tanh, sympy.exp, sympy.log, sympy.sin, sympy.cos, sympy.tan, sympy.sinh, sympy.cosh, sympy.atan,
)  # fmt: skip
"""Functions whose values are kept for the steps of one segment, in cache, because a load costs less than a call."""

PLAIN, RECURRENT = "time_loop.c", "recurrent/loop.c"
"""The loops over time: of independent neurons, and of a layer with weights back to itself."""
PARTS = ("vectors.h", "draws.c", "batch_sums.c", PLAIN, RECURRENT)
"""The files of C around a printed step."""


@dataclass(frozen=True, kw_only=True)
class Gradients:
    """Which gradients a kernel returns: of the input, of the states at the start, and of each constant by place."""

    input: bool
    start: bool
    constants: tuple[int, ...]

    @property
    def encoded(self) -> tuple[int, ...]:
        """As numbers, the form in which operators carry it."""
        return (int(self.input), int(self.start), *self.constants)

    @staticmethod
    def decoded(wanted: Sequence[int]) -> "Gradients | None":
        """The gradients that `encoded` stands for; None for no numbers at all."""
        if not wanted:
            return None
        return Gradients(input=bool(wanted[0]), start=bool(wanted[1]), constants=tuple(wanted[2:]))


@dataclass(frozen=True, kw_only=True)
class KernelStep:
    """A rule split for a kernel: what to keep on the way forwards and what is left to compute backwards."""

    kept: tuple[sympy.Symbol, ...]
    reverse: tuple[Assignment, ...]
    state_bars: tuple[sympy.Expr, ...]
    input_bar: sympy.Expr
    constant_bars: tuple[sympy.Expr, ...]


def source(
    rule: Rule, dtype: str, gradients: Gradients | None, loop: str = PLAIN, course: int | None = None
) -> str:
    """The C text of a kernel, for `dtype` "float32" or "float64"; without `gradients` it only steps forwards.

    `loop` is the file of the loop over time, `PLAIN` or `RECURRENT`; `course` the place of a state that is given back
    after every step beside the output.

    Raises:
        PrintError: an expression of the rule has no form in C.
    """
    folder = files("conductance.kernels")
    head = "#define REAL_IS_DOUBLE\n" if dtype == "float64" else ""
    sizes = {
        "STATES": len(rule.neuron.states), "CONSTANTS": len(rule.constants), "NOISES": len(rule.noise_symbols),
    }  # fmt: skip
    tables: dict[str, tuple[Samples, ...]] = {}
    text = [_advance(rule, tables)]
    if gradients is not None:
        step = split(rule, gradients)
        sizes |= {"SUMS": len(gradients.constants), "TAPE": len(step.kept)}
        head += "#define BACKWARD\n" + "#define INPUT_GRADIENT\n" * gradients.input
        head += "#define START_GRADIENT\n" * gradients.start
        text += [_replay(rule, step, tables), _reverse(rule, step, tables)]
    if course is not None:
        sizes["COURSE"] = course
    head += "".join(f"#define {name} {size}\n" for name, size in sizes.items())
    vectors, *loops = (
        folder.joinpath(*name.split("/")).read_text("utf-8")
        for name in ("vectors.h", "draws.c", "batch_sums.c", loop)
    )
    generator = [threefry.c_text()] if rule.noise_symbols else []
    return "\n".join([head, vectors, *generator, *_arrays(tables), *text, *loops])


def split(rule: Rule, gradients: Gradients) -> KernelStep:
    """What the kernel of a rule keeps, and its adjoint with what is kept read instead of computed."""
    states = len(rule.neuron.states)
    adjoint, body = rule.adjoint, rule.body
    own = set(body.assignments)
    outputs = [_steps_at_ties(sympy.sympify(output)) for output in adjoint.outputs]
    wanted = [
        *outputs[:states],
        outputs[states] if gradients.input else sympy.S.Zero,
        *(outputs[states + 1 + index] for index in gradients.constants),
    ]
    assignments = [
        (symbol, value if (symbol, value) in own else _steps_at_ties(value))
        for symbol, value in adjoint.assignments
    ]
    replayed = used_only(body.assignments, body.outputs[:states])
    candidates = {symbol for symbol, value in replayed if isinstance(value, KEPT)}
    known = candidates | set(body.outputs[:states])
    reverse = used_only([pair for pair in assignments if pair[0] not in known], wanted)
    shared = _reciprocals(flattened(reverse, names("share_")))
    used = set().union(*(value.free_symbols for _, value in shared), *(bar.free_symbols for bar in wanted))
    return KernelStep(
        kept=tuple(symbol for symbol, _ in replayed if symbol in candidates & used),
        reverse=shared,
        state_bars=tuple(wanted[:states]),
        input_bar=wanted[states],
        constant_bars=tuple(wanted[states + 1 :]),
    )


def _reciprocals(assignments: Sequence[Assignment]) -> tuple[Assignment, ...]:
    """Each divisor's reciprocal in an assignment of its own.

    What divides an adjoint (a surrogate's slope) does not depend on it, so the division need not wait for the adjoint
    of the step after, which every step of the loop does otherwise.
    """
    fresh = names("inverse_")
    known: dict[sympy.Expr, sympy.Symbol] = {}
    result: list[Assignment] = []
    for symbol, expression in assignments:
        divisors = [p for p in expression.atoms(sympy.Pow) if p.exp.is_negative and p.free_symbols]
        for divisor in sorted(divisors, key=sympy.default_sort_key):
            if divisor not in known:
                known[divisor] = next(fresh)
                result.append((known[divisor], divisor))
        result.append((symbol, expression.xreplace(known)))
    return tuple(result)


def _steps_at_ties(expression: sympy.Expr) -> sympy.Expr:
    """At a bound the slope is 1, as in torch.clamp; where two variables are equal each has half of it."""

    def at_tie(step: sympy.Heaviside) -> sympy.Heaviside:
        argument = step.args[0]
        return sympy.Heaviside(argument, 1 if len(argument.free_symbols) < 2 else sympy.Rational(1, 2))

    return expression.replace(lambda part: isinstance(part, sympy.Heaviside), at_tie)


def _inputs(rule: Rule) -> dict[sympy.Symbol, str]:
    known = {symbol: f"state[{index}]" for index, symbol in enumerate(rule.neuron.state_symbols)}
    known |= {symbol: f"constant[{index}]" for index, symbol in enumerate(rule.constant_symbols)}
    known |= {symbol: f"noise[{index}]" for index, symbol in enumerate(rule.noise_symbols)}
    return {**known, INPUT: "input"}


def _arrays(tables: Mapping[str, tuple[Samples, ...]]) -> list[str]:
    """Each array: of one table its pieces, four numbers each; of up to four tables together c0 of all first."""
    lines = []
    for name, group in tables.items():
        numbers = np.stack([table.coefficients for table in group], axis=-1)
        if len(group) > 1:
            numbers = np.pad(numbers, ((0, 0), (0, 0), (0, FOUR - len(group))))
        text = ", ".join(f"(real){float(value)!r}" for value in numbers.flat)
        # a piece of four tables in single precision is then one line of the cache
        lines.append(f"static const real {name}[] __attribute__((aligned(64))) = {{{text}}};")
    return lines


def _function(header: str, statements: list[str]) -> str:
    return f"INLINE void {header} {{\n" + "".join(f"    {line}\n" for line in statements) + "}\n"


def _advance(rule: Rule, tables: dict[str, tuple[Samples, ...]]) -> str:
    printer = CPrinter(_inputs(rule))
    lines = printer.assignments(rule.body.assignments)
    *following, output = rule.body.outputs
    lines += [f"next[{index}] = {printer.vector(value)};" for index, value in enumerate(following)]
    lines.append(f"*output = {printer.vector(sympy.sympify(output))};")
    tables |= printer.tables
    return _function(
        "advance(const vec *state, vec input, const vec *constant, const vec *noise, vec *next, vec *output)",
        lines,
    )


def _replay(rule: Rule, step: KernelStep, tables: dict[str, tuple[Samples, ...]]) -> str:
    printer = CPrinter(_inputs(rule))
    following = rule.body.outputs[: len(rule.neuron.states)]
    lines = printer.assignments(used_only(rule.body.assignments, following))
    lines += [f"next[{index}] = {printer.vector(value)};" for index, value in enumerate(following)]
    lines += [f"tape[{index}] = {printer.name(symbol)};" for index, symbol in enumerate(step.kept)]
    tables |= printer.tables
    return _function(
        "replay(const vec *state, vec input, const vec *constant, const vec *noise, vec *next, vec *tape)",
        lines,
    )


def _reverse(rule: Rule, step: KernelStep, tables: dict[str, tuple[Samples, ...]]) -> str:
    states = len(rule.neuron.states)
    seeds = rule.adjoint.inputs[len(rule.body.inputs) :]
    known = _inputs(rule)
    known |= {symbol: f"next[{index}]" for index, symbol in enumerate(rule.body.outputs[:states])}
    known |= {symbol: f"tape[{index}]" for index, symbol in enumerate(step.kept)}
    known |= {symbol: f"bar[{index}]" for index, symbol in enumerate(seeds[:states])}
    known[seeds[states]] = "output_bar"
    printer = CPrinter(known)
    lines = printer.assignments(step.reverse)
    lines.append(f"*input_bar = {printer.vector(step.input_bar)};")
    lines += [
        f"sum[{index}] += {printer.vector(value)};"
        for index, value in enumerate(step.constant_bars)
        if value != 0
    ]
    # New adjoints may use the old ones: all are read before any is written.
    lines += [
        f"const vec bar_{index} = {printer.vector(value)};" for index, value in enumerate(step.state_bars)
    ]
    lines += [f"bar[{index}] = bar_{index};" for index in range(states)]
    tables |= printer.tables
    return _function(
        "reverse(const vec *state, const vec *next, vec input, const vec *constant, const vec *noise, "
        "const vec *tape, vec *bar, "
        "vec output_bar, vec *input_bar, vec *sum)",
        lines,
    )
