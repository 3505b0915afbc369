"""Straight-line programs: assignments of sympy expressions, the form that every printer and the adjoint work on."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import sympy
from sympy.core.function import Function
from sympy.logic.boolalg import Boolean

Assignment = tuple[sympy.Symbol, sympy.Expr]


@dataclass(frozen=True, kw_only=True)
class Program:
    """`outputs` as functions of `inputs` by way of `assignments`, each of which uses only what came before."""

    inputs: tuple[sympy.Symbol, ...]
    assignments: tuple[Assignment, ...]
    outputs: tuple[sympy.Expr, ...]

    def expanded(self) -> tuple[sympy.Expr, ...]:
        """The outputs with every assignment substituted."""
        values: dict[sympy.Symbol, sympy.Expr] = {}
        for symbol, expression in self.assignments:
            values[symbol] = expression.xreplace(values)
        return tuple(sympy.sympify(output).xreplace(values) for output in self.outputs)


def names(prefix: str) -> Iterator[sympy.Symbol]:
    """Real symbols prefix0, prefix1, ..."""
    return sympy.numbered_symbols(prefix, real=True)


def used_only(assignments: Sequence[Assignment], outputs: Iterable[sympy.Expr]) -> tuple[Assignment, ...]:
    """The assignments that the outputs need, in order."""
    needed: set[sympy.Basic] = set().union(*(sympy.sympify(output).free_symbols for output in outputs))
    kept = []
    for symbol, expression in reversed(assignments):
        if symbol in needed:
            needed |= expression.free_symbols
            kept.append((symbol, expression))
    return tuple(reversed(kept))


def hoist(
    assignments: Sequence[Assignment], dynamic: set[sympy.Symbol], fresh: Iterator[sympy.Symbol]
) -> tuple[tuple[Assignment, ...], tuple[Assignment, ...]]:
    """Split off what does not change in time.

    Every largest subexpression free of `dynamic` symbols becomes a named constant (single symbols and numbers stay
    as they are), so that a time loop computes it once and a kernel accumulates one gradient for it.

    Returns the constants and the remaining assignments. Assigned symbols count as dynamic.
    """
    moving = dynamic | {symbol for symbol, _ in assignments}
    constants: dict[sympy.Expr, sympy.Symbol] = {}

    def named(expression: sympy.Expr) -> sympy.Expr:
        if expression.is_Symbol or expression.is_number:
            return expression
        if expression not in constants:
            constants[expression] = next(fresh)
        return constants[expression]

    def visit(expression: sympy.Basic) -> sympy.Basic:
        if not isinstance(expression, sympy.Expr):
            return expression.func(*map(visit, expression.args)) if expression.args else expression
        if not expression.free_symbols & moving:
            return named(expression)
        if not expression.args:
            return expression
        if expression.is_Add or expression.is_Mul:
            still, changing = expression.as_independent(*moving, as_Add=expression.is_Add)
            inside = [visit(argument) for argument in expression.func.make_args(changing)]
            return expression.func(named(still), *inside)
        return expression.func(*map(visit, expression.args))

    body = tuple((symbol, visit(expression)) for symbol, expression in assignments)
    return tuple((symbol, expression) for expression, symbol in constants.items()), body


def flattened(assignments: Sequence[Assignment], fresh: Iterator[sympy.Symbol]) -> tuple[Assignment, ...]:
    """The same program with each function of a variable, and its argument, in an assignment of its own.

    Equal subexpressions share one assignment, so that the adjoint of a shared value is computed once.
    """
    symbols = [symbol for symbol, _ in assignments]
    shared, reduced = sympy.cse([e for _, e in assignments], symbols=fresh, order="none", list=True)
    pending = dict(shared)
    result: list[Assignment] = []
    known: dict[sympy.Expr, sympy.Symbol] = {}

    def assign(symbol: sympy.Symbol, expression: sympy.Expr) -> None:
        result.append((symbol, expression))
        known.setdefault(expression, symbol)

    def atom(expression: sympy.Expr) -> sympy.Expr:
        if not expression.args:
            return expression
        if expression not in known:
            assign(next(fresh), expression)
        return known[expression]

    def visit(expression: sympy.Basic) -> sympy.Basic:
        if expression in pending:
            definition = pending[expression]
            if isinstance(definition, Boolean):
                return visit(definition)
            del pending[expression]
            assign(expression, visit(definition))
            return expression
        if not expression.args:
            return expression
        if isinstance(expression, sympy.Piecewise | Boolean):
            return expression.func(*[visit(argument) for argument in expression.args])
        inside = [visit(argument) for argument in expression.args]
        if isinstance(expression, Function | sympy.Max | sympy.Min):
            return atom(expression.func(*map(atom, inside)))
        return expression.func(*inside)

    for symbol, expression in zip(symbols, reduced, strict=True):
        assign(symbol, visit(expression))
    return tuple(result)


def adjoint(program: Program, seeds: Sequence[sympy.Symbol], fresh: Iterator[sympy.Symbol]) -> Program:
    """The reverse-mode derivative of a program: inputs and output seeds in, adjoints of the inputs out.

    Its assignments begin with those of the program that the adjoint needs (they are recomputed, not stored).
    A spike's derivative is its surrogate's slope.
    """
    bar: dict[sympy.Symbol, sympy.Expr] = {}
    values = {expression: symbol for symbol, expression in program.assignments if expression.args}

    def push(expression: sympy.Expr, weight: sympy.Expr) -> None:
        for symbol in sorted(expression.free_symbols, key=str):
            slope = sympy.diff(expression, symbol).xreplace(values)
            if slope != 0:
                bar[symbol] = bar.get(symbol, sympy.S.Zero) + weight * slope

    backward: list[Assignment] = []
    for output, seed in zip(program.outputs, seeds, strict=True):
        push(sympy.sympify(output), seed)
    for symbol, expression in reversed(program.assignments):
        if symbol not in bar:
            continue
        weight = bar.pop(symbol)
        if weight.args:
            name = next(fresh)
            backward.append((name, weight))
            weight = name
        push(expression, weight)
    outputs = []
    for symbol in program.inputs:
        total = bar.get(symbol, sympy.S.Zero)
        if total.args:
            name = next(fresh)
            backward.append((name, total))
            total = name
        outputs.append(total)
    return Program(
        inputs=(*program.inputs, *seeds),
        assignments=used_only([*program.assignments, *backward], outputs),
        outputs=tuple(outputs),
    )


def tangent(program: Program, by: Sequence[sympy.Symbol], fresh: Iterator[sympy.Symbol]) -> Program:
    """The forward-mode derivative of a program: the derivatives of its outputs by some of its inputs.

    Nothing is substituted, so it is about as many times longer than the program as there are inputs asked for, where
    the derivative of the expanded outputs grows with the product of all steps on the way.

    Returns:
        A program of the same inputs; its outputs are those of the first output by every symbol of `by`, then those of
        the second, and so on.
    """
    slopes: dict[sympy.Symbol, tuple[sympy.Expr, ...]] = {
        symbol: tuple(sympy.Integer(symbol == other) for other in by) for symbol in by
    }

    def along(expression: sympy.Expr) -> list[sympy.Expr]:
        moving = sorted(expression.free_symbols & slopes.keys(), key=str)
        partial = [(sympy.diff(expression, symbol), slopes[symbol]) for symbol in moving]
        return [sympy.Add(*(slope * inner[k] for slope, inner in partial)) for k in range(len(by))]

    steps: list[Assignment] = []
    for symbol, expression in program.assignments:
        steps.append((symbol, expression))
        following = list[sympy.Expr]()
        for slope in along(expression):
            if slope.args:
                name = next(fresh)
                steps.append((name, slope))
                slope = name
            following.append(slope)
        if any(following):
            slopes[symbol] = tuple(following)
    outputs = [slope for output in program.outputs for slope in along(sympy.sympify(output))]
    return Program(inputs=program.inputs, assignments=used_only(steps, outputs), outputs=tuple(outputs))


def substituted(
    expressions: Mapping[sympy.Symbol, sympy.Expr], values: Mapping[sympy.Symbol, sympy.Expr]
) -> dict:
    """The same mapping with `values` put into every expression at once."""
    return {
        key: sympy.sympify(expression).subs(values, simultaneous=True)
        for key, expression in expressions.items()
    }
