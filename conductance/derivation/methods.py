"""How a flow is stepped: each method maps derivatives to the states one step later.

A flow gets `derivatives` (of every state, at the symbols of the states) and returns the new value of each state,
inputs held over the step.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import sympy

from conductance.derivation.program import substituted
from conductance.neurons.base import DT

Derivatives = Mapping[sympy.Symbol, sympy.Expr]
Flow = Callable[[Derivatives], dict[sympy.Symbol, sympy.Expr]]
Sequence = Callable[[tuple[sympy.Symbol, ...]], tuple[sympy.Symbol, ...]]
Spread = Callable[[sympy.Symbol, sympy.Expr], sympy.Expr]


@dataclass(frozen=True, kw_only=True)
class Method:
    """A named flow and its order of convergence.

    `sequence` puts the states in the order in which they advance one after another, each with the newest values of
    those before it; None lets all advance at once from the values at t. `spread` gives, for a state and its derivative,
    the standard deviation after a step of noise of amplitude 1.
    """

    name: str
    order: int
    flow: Flow
    sequence: Sequence | None
    spread: Spread
    source: str


def _forward(derivatives: Derivatives) -> dict[sympy.Symbol, sympy.Expr]:
    return {state: state + DT * derivative for state, derivative in derivatives.items()}


def _heun(derivatives: Derivatives) -> dict[sympy.Symbol, sympy.Expr]:
    ahead = substituted(derivatives, _forward(derivatives))
    return {state: state + DT / 2 * (slope + ahead[state]) for state, slope in derivatives.items()}


def _tangent_heun(derivatives: Derivatives) -> dict[sympy.Symbol, sympy.Expr]:
    """Heun's rule, whose second slope takes every function of other states than the membrane along its tangent.

    A tangent is off by the square of the step, as the first order before it, so that the rule stays of order 2; a
    function and its slope together cost about as much as the function, a table even the same reads.
    """
    membrane = next(iter(derivatives))
    functions = {
        part
        for slope in derivatives.values()
        for part in slope.atoms(sympy.Function)
        if membrane not in part.free_symbols and not part.free_symbols.isdisjoint(derivatives)
    }
    held = {part: sympy.Dummy(real=True) for part in functions}
    tangents = {
        held[part]: part + DT * sympy.Add(*(part.diff(state) * slope for state, slope in derivatives.items()))
        for part in functions
    }
    given = {state: slope.xreplace(held) for state, slope in derivatives.items()}
    ahead = substituted(given, _forward(derivatives))
    return {
        state: state + DT / 2 * (slope + ahead[state].xreplace(tangents))
        for state, slope in derivatives.items()
    }


def _exponential(derivatives: Derivatives) -> dict[sympy.Symbol, sympy.Expr]:
    return {state: _exponential_step(state, derivative) for state, derivative in derivatives.items()}


def _exponential_step(state: sympy.Symbol, derivative: sympy.Expr) -> sympy.Expr:
    """Exact for the part of the derivative that is linear in the state itself; the rest is held over the step."""
    rate, rest = _own_rate(state, derivative)
    if rate == 0:
        return state + DT * derivative
    decay = sympy.exp(rate * DT)
    return decay * state + sympy.simplify((decay - 1) / rate) * rest


def _own_rate(state: sympy.Symbol, derivative: sympy.Expr) -> tuple[sympy.Expr, sympy.Expr]:
    """The factor of the state in its own derivative, and the rest."""
    terms = sympy.Add.make_args(sympy.expand(derivative))
    rates = [term / state for term in terms if state not in (term / state).free_symbols]
    rest = [term for term in terms if state in (term / state).free_symbols]
    return sympy.Add(*rates), sympy.factor_terms(sympy.Add(*rest))


def _wiener(_: sympy.Symbol, __: sympy.Expr) -> sympy.Expr:
    """Euler-Maruyama: noise as if nothing pulled the state back within the step."""
    return sympy.sqrt(DT)


def _ornstein_uhlenbeck(state: sympy.Symbol, derivative: sympy.Expr) -> sympy.Expr:
    """Exact for the part of the derivative that is linear in the state itself."""
    rate, _ = _own_rate(state, derivative)
    if rate == 0:
        return sympy.sqrt(DT)
    return sympy.sqrt((sympy.exp(2 * rate * DT) - 1) / (2 * rate))


def _swapped_pairs(states: tuple[sympy.Symbol, ...]) -> tuple[sympy.Symbol, ...]:
    """The second before the first, the fourth before the third, and so on."""
    pairs = [states[index : index + 2][::-1] for index in range(0, len(states), 2)]
    return tuple(state for pair in pairs for state in pair)


FORWARD_EULER = Method(
    name="forward_euler",
    order=1,
    flow=_forward,
    sequence=None,
    spread=_wiener,
    source="the paper's, arXiv 2605.11835",
)
HEUN = Method(
    name="heun", order=2, flow=_heun, sequence=None, spread=_wiener, source="explicit trapezoidal rule"
)
TANGENT_HEUN = Method(
    name="tangent_heun", order=2, flow=_tangent_heun, sequence=None, spread=_wiener,
    source="explicit trapezoidal rule, slow states along tangents: ours, for laws of many tables",
)  # fmt: skip
EXPONENTIAL_EULER = Method(
    name="exponential_euler", order=1, flow=_exponential, sequence=None, spread=_ornstein_uhlenbeck,
    source="exact for each state's own linear part",
)  # fmt: skip
SYMPLECTIC_EULER = Method(
    name="symplectic_euler", order=1, flow=_exponential, sequence=tuple, spread=_ornstein_uhlenbeck,
    source="Baronig et al., arXiv 2408.07517: exponential Euler, each state with the newest values of those before it",
)  # fmt: skip
ALTERNATING_EULER = Method(
    name="alternating_euler", order=1, flow=_exponential, sequence=_swapped_pairs, spread=_ornstein_uhlenbeck,
    source="ours: in a chain of filters fed with end-of-step values, the half steps by which couplings lead (newest "
    "value) and lag (old value) cancel, and the chain's output is of order 2 (as in the leapfrog scheme)",
)  # fmt: skip
METHODS = {
    method.name: method
    for method in (FORWARD_EULER, EXPONENTIAL_EULER, HEUN, SYMPLECTIC_EULER, ALTERNATING_EULER)
}
"""Those that a user chooses from."""
STEPPERS = {**METHODS, TANGENT_HEUN.name: TANGENT_HEUN}
"""All of them."""
