"""Which form a declared current has, slope width tanh((plus - minus)/width), an output, an event: read off it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

import sympy

from circuits.data.circuit import CircuitError
from conductance.elements import tanh
from conductance.neurons.base import INPUT, SPIKE, Neuron, State
from conductance.neurons.limits import with_elements

MEASURED = "measured amplifier"
"""Name of the law of an element that was tabulated from an amplifier's sweep."""
Terminal: TypeAlias = sympy.Expr
"""An input of an amplifier: the symbol of a state, or a reference voltage made of parameters, in V0."""


def check_continuous(neuron: Neuron) -> None:
    """Refuse a map, which has no capacitor that integrates, by `CircuitError`."""
    if neuron.is_map:
        raise CircuitError(
            f"neuron {neuron.name}: it steps by a map and has no continuous circuit; its clocked one is made by "
            f"circuits.networks.sampled, and excitable.ladder.maps exports and simulates networks of it"
        )


@dataclass(frozen=True, kw_only=True)
class Transfer:
    """The current slope width tanh((plus - minus)/width) into a state's node; an infinite width is a linear one.

    `slope` in I0/V0 is positive, `width` in V0; `width_parameters` are the parameters that the width depends on.
    """

    slope: sympy.Expr
    plus: Terminal
    minus: Terminal
    width: float
    width_parameters: frozenset[str] = frozenset()

    @property
    def peak(self) -> sympy.Expr:
        """Largest current in I0."""
        return self.slope * self.width


@dataclass(frozen=True, kw_only=True)
class Current:
    """One declared current of a neuron: `expression` in I0, into the node of `state`.

    `transfer` is its form, or None where it is neither linear nor one tanh of one voltage difference. The width is that
    of the neuron's default parameters, since it decides how many pairs are built; slope and references stay expressions
    of the parameters.
    """

    neuron: Neuron
    state: State
    name: str
    expression: sympy.Expr
    transfer: Transfer | None

    @property
    def label(self) -> str:
        """What its devices are named after."""
        return f"{self.state.name}_{self.name}"

    @property
    def all_states(self) -> frozenset[sympy.Symbol]:
        """The symbols of all states of the neuron."""
        return frozenset(self.neuron.state_symbols)

    @property
    def states(self) -> tuple[sympy.Symbol, ...]:
        """The symbols of the states that it reads."""
        return tuple(symbol for symbol in self.neuron.state_symbols if self.expression.has(symbol))


def drawn(neuron: Neuron) -> Neuron:
    """The neuron as it is drawn: an element with the measured law of an amplifier is that amplifier, a pair."""
    pairs = {
        element.name: tanh(
            element.timescale,
            element.sign * element.values["alpha"],
            element.values["delta"],
            name=element.name,
        )
        for element in neuron.elements
        if element.law.name == MEASURED
    }
    return with_elements(neuron, pairs)


def _transfer(
    current: sympy.Expr, symbols: tuple[sympy.Symbol, ...], numbers: Mapping[sympy.Symbol, float]
) -> Transfer | None:
    states = set(symbols)
    found = [part for part in current.atoms(sympy.tanh) if part.free_symbols & states]
    if not found:
        return _between(sympy.expand(current), sympy.S.One, math.inf, symbols, numbers)
    if len(found) != 1:
        return None
    (curve,) = found
    peak = sympy.simplify(current / curve)
    slopes = [sympy.diff(curve.args[0], symbol) for symbol in symbols if curve.args[0].has(symbol)]
    if any(part.free_symbols & states for part in (peak, *slopes)):
        return None
    width = 1 / abs(float(slopes[0].subs(numbers)))
    # a width that is exactly one, as that of a declared tanh element, is no product of floats
    form = _between(curve.args[0], peak, 1.0 if slopes[0] in (1, -1) else width, symbols, numbers)
    names = frozenset(str(symbol) for symbol in slopes[0].free_symbols)
    return None if form is None else replace(form, width_parameters=names)


def _between(
    difference: sympy.Expr,
    factor: sympy.Expr,
    width: float,
    symbols: tuple[sympy.Symbol, ...],
    numbers: Mapping[sympy.Symbol, float],
) -> Transfer | None:
    """The two ends of a linear expression of one state and a reference, or of two states."""
    slopes = {s: sympy.diff(difference, s) for s in symbols if difference.has(s)}
    if not slopes or any(slope.free_symbols & set(symbols) for slope in slopes.values()):
        return None
    rising = [s for s, slope in slopes.items() if float((factor * slope).subs(numbers)) > 0]
    if len(slopes) == 1:
        (state,) = slopes
        reference = sympy.expand(state - difference / slopes[state])
        plus, minus = (state, reference) if rising else (reference, state)
    elif len(slopes) == 2 and len(rising) == 1 and sympy.simplify(sum(slopes.values())) == 0:
        (plus,) = rising
        (minus,) = set(slopes) - {plus}
        if sympy.simplify(difference - slopes[plus] * (plus - minus)) != 0:
            return None
    else:
        return None
    slope = sympy.simplify(factor * slopes[plus if plus in slopes else minus])
    return Transfer(slope=slope if plus in slopes else -slope, plus=plus, minus=minus, width=width)


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


@dataclass(frozen=True, kw_only=True)
class EventForm:
    """The membrane spikes at `threshold` and returns to `reset`, both expressions of parameters, in V0."""

    threshold: sympy.Expr
    reset: sympy.Expr

    @property
    def swing(self) -> sympy.Expr:
        """How far the membrane falls at a spike."""
        return sympy.simplify(self.threshold - self.reset)


def event_form(neuron: Neuron) -> EventForm | None:
    """Threshold and reset of a neuron's event, or None where it has none.

    Raises:
        CircuitError: an event that a comparator and one switch cannot make, named.
    """
    for state in neuron.states:
        for name, current in state.currents.items():
            if SPIKE in current.free_symbols:
                raise CircuitError(
                    f"neuron {neuron.name}: current {name} of {state.name} flows during the one time step of a spike, "
                    f"so it depends on the step and has no circuit; use a neuron whose spike only resets its membrane"
                )
    if neuron.event is None:
        return None
    membrane, states = neuron.membrane.symbol, set(neuron.state_symbols)
    threshold = sympy.expand(membrane - neuron.event.margin)
    reset = dict(neuron.event.reset)
    value = sympy.sympify(reset.pop(membrane, membrane))
    if reset or (threshold.free_symbols | value.free_symbols) & states:
        raise CircuitError(
            f"neuron {neuron.name}: its event, {neuron.event.margin} > 0 with reset {dict(neuron.event.reset)}, has no "
            f"circuit; allowed is a fixed threshold of the membrane and a reset of the membrane to a fixed voltage"
        )
    form = EventForm(threshold=threshold, reset=value)
    if not form.swing.subs(neuron.substitutions()) > 0:
        raise CircuitError(f"neuron {neuron.name}: its threshold must lie above its reset voltage")
    return form


def arrival_state(neuron: Neuron) -> State | None:
    """The state that an input spike moves by its weight, or None where the neuron has none.

    Raises:
        CircuitError: an arrival that is no charge on one state.
    """
    if not neuron.arrivals:
        return None
    moved = [state for state in neuron.states if state.symbol in neuron.arrivals]
    if len(neuron.arrivals) != 1 or neuron.arrivals[moved[0].symbol] - moved[0].symbol != INPUT:
        raise CircuitError(
            f"neuron {neuron.name}: its arrivals {dict(neuron.arrivals)} are no charge on one state, so they have no "
            f"synapse"
        )
    return moved[0]


def named_currents(neuron: Neuron) -> tuple[Current, ...]:
    """All currents but the input, by state and name."""
    return tuple(
        read_current(neuron, state, name, current)
        for state in neuron.states
        for name, current in state.currents.items()
        if current != INPUT
    )


def read_current(neuron: Neuron, state: State, name: str, expression: sympy.Expr) -> Current:
    """A current with the form that its expression has."""
    form = _transfer(expression, neuron.state_symbols, neuron.substitutions())
    return Current(neuron=neuron, state=state, name=name, expression=expression, transfer=form)
