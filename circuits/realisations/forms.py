"""Which amplifier a declared current asks for: bias * tanh((plus - minus)/width), read off its expression."""

from dataclasses import dataclass

import sympy

from circuits.circuit import CircuitError
from conductance.neurons.base import INPUT, Neuron, State

Terminal = sympy.Symbol | sympy.Expr
"""An input of an amplifier: the symbol of a state, or a reference voltage made of parameters, in V0."""


@dataclass(frozen=True, kw_only=True)
class Saturating:
    """The current peak * tanh((plus - minus)/width) into a state's node, peak > 0 in I0, width in V0."""

    peak: sympy.Expr
    plus: Terminal
    minus: Terminal
    width: float


def saturating_form(current: sympy.Expr, neuron: Neuron) -> Saturating | None:
    """The form of a current, or None where it is not one tanh of one voltage difference.

    The width is that of the neuron's default parameters, since it decides how many pairs are built; the peak and
    the references stay expressions of the parameters.
    """
    states = set(neuron.state_symbols)
    found = [part for part in current.atoms(sympy.tanh) if part.free_symbols & states]
    if len(found) != 1:
        return None
    (curve,) = found
    peak = sympy.simplify(current / curve)
    slopes = {s: sympy.diff(curve.args[0], s) for s in neuron.state_symbols if curve.args[0].has(s)}
    if (peak.free_symbols | set().union(*(slope.free_symbols for slope in slopes.values()))) & states:
        return None
    numbers = neuron.substitutions()
    rising = [s for s, slope in slopes.items() if float(slope.subs(numbers)) > 0]
    falling = [s for s, slope in slopes.items() if float(slope.subs(numbers)) < 0]
    if len(slopes) == 1:
        (state,) = slopes
        reference = sympy.expand(state - curve.args[0] / slopes[state])
        plus, minus = (state, reference) if rising else (reference, state)
    elif len(rising) == len(falling) == 1 and sympy.simplify(sum(slopes.values())) == 0:
        plus, minus = rising[0], falling[0]
        if sympy.simplify(curve.args[0] - slopes[plus] * (plus - minus)) != 0:
            return None
    else:
        return None
    if float(peak.subs(numbers)) < 0:
        peak, plus, minus = -peak, minus, plus
    width = 1 / abs(float(next(iter(slopes.values())).subs(numbers)))
    return Saturating(peak=peak, plus=plus, minus=minus, width=width)


def is_linear_current(current: sympy.Expr, neuron: Neuron) -> bool:
    """Whether a current is linear in the states."""
    slopes = [sympy.diff(current, symbol) for symbol in neuron.state_symbols]
    return not any(slope.free_symbols & set(neuron.state_symbols) for slope in slopes)


@dataclass(frozen=True, kw_only=True)
class Clipped:
    """The output clip((voltage - lower)/(upper - lower), 0, 1) of one state."""

    state: sympy.Symbol
    lower: sympy.Expr
    upper: sympy.Expr


def clipped_form(neuron: Neuron) -> Clipped | None:
    """The neuron's output as a clipped line of one state, or None."""
    output = sympy.sympify(neuron.output)
    lines = [part for part in sympy.preorder_traversal(output) if part.has(*neuron.state_symbols)]
    lines = [part for part in lines if not part.has(sympy.Min, sympy.Max) and part.is_Mul | part.is_Add]
    for line in lines:
        states = [symbol for symbol in neuron.state_symbols if line.has(symbol)]
        if len(states) == 1 and sympy.Min(sympy.Max(line, 0), 1) == output:
            (state,) = states
            slope = sympy.simplify(sympy.diff(line, state))
            lower = sympy.simplify(state - line / slope)
            return Clipped(state=state, lower=lower, upper=sympy.simplify(lower + 1 / slope))
    return None


def checked_currents(neuron: Neuron) -> list[tuple[State, str, sympy.Expr]]:
    """All currents but the input, by state and name; neurons with events are refused."""
    if neuron.event is not None or neuron.arrivals:
        raise CircuitError(
            f"neuron {neuron.name}: a neuron with spikes as events has no circuit of amplifiers yet; "
            f"build a mtc neuron"
        )
    return [
        (state, name, current)
        for state in neuron.states
        for name, current in state.currents.items()
        if current != INPUT
    ]
