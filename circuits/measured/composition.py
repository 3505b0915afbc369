"""A neuron composed from the sweeps of its parts: a declaration like any other, whose currents are tables."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import sympy
from scipy.interpolate import CubicSpline

from circuits.measured.relaxation import TIMES, fit_relaxation
from circuits.measured.sweeps import COARSE, RADIAN, VOLTAGES, Element, MeasureError, Slow, Swept
from conductance.neurons.base import INPUT, Neuron, State
from conductance.neurons.membrane import RESISTANCE
from conductance.tables import Tabulated, samples

OUTPUT_STATE = sympy.Symbol("U_out", real=True)
"""The membrane as the output stage sees it, a moment later."""


@dataclass(frozen=True, kw_only=True)
class MeasuredNeuron:
    """The declaration, and how well its tables follow the sweeps.

    Attributes:
        neuron: states of the declared neuron, then one relaxation state for each time of `TIMES`, then the output's.
        relaxation_residual: of the membrane's capacitance, in C0, root mean square.
        element_residual: largest of an element's current, in I0.
    """

    neuron: Neuron
    relaxation_residual: float
    element_residual: float

    def start(self, states: tuple[float, ...]) -> tuple[float, ...]:
        """The states (V0) of the declared neuron, with what follows the membrane settled at it."""
        return (*states, *([states[0]] * (len(self.neuron.states) - len(states))))


def measured_neuron(neuron: Neuron, swept: Swept) -> MeasuredNeuron:
    """The measured law of a neuron, from sweeps of its parts at its default parameters.

    Gain and offset of an element stay parameters: they scale its tables and move their argument. Whatever else was
    fixed by the sweep (resistance, rest, thresholds of the output) is in the tables and no parameter any more.

    Raises:
        MeasureError: sweeps of another neuron.
    """
    # a measured neuron starts where the declared one does, whatever became of the parameter that says so
    neuron = replace(neuron, states=tuple(_started(neuron)))
    _check_swept(neuron, swept)
    membrane, symbol = neuron.membrane, neuron.membrane.symbol
    states = {state.name: state for state in neuron.states}
    capacitances, residual = fit_relaxation(swept.admittance, RADIAN)
    at_once, *charges = (
        Tabulated(samples(VOLTAGES, CubicSpline(COARSE, column)(VOLTAGES)), symbol)
        for column in capacitances.T
    )
    currents: dict[str, sympy.Expr] = {"fixed": _table(swept.fixed.current, symbol)}
    for name, element in swept.elements.items():
        currents[name] = _element(neuron, name, element, states[element.reads].symbol, symbol)
    slow = [_slow_state(state, swept.slow[state.name], symbol) for state in neuron.states[1:]]
    for state in slow:
        transfer = _table(swept.slow[state.name].transfer, state.symbol)
        currents[f"displacement_{state.name}"] = -transfer * state.derivative
    following = []
    for place, (time, charge) in enumerate(zip(TIMES, charges, strict=True)):
        behind = sympy.Symbol(f"U_relaxed_{place}", real=True)
        currents[f"relaxation_{place}"] = -charge * (symbol - behind) / time
        meaning = f"membrane voltage as charges see it that follow within {time:g} tau_m"
        following.append(_follower(f"urel{place}", behind, membrane, time, meaning))
    output = neuron.output
    if swept.fixed.output.size:
        meaning = "membrane voltage as the output stage follows it"
        following.append(_follower("uout", OUTPUT_STATE, membrane, swept.lag, meaning))
        output = _table(swept.fixed.output, OUTPUT_STATE)
    resistance = {RESISTANCE.symbol: sympy.Float(neuron.defaults[RESISTANCE.name])}
    held = replace(
        membrane,
        capacity=membrane.capacity.xreplace(resistance) + at_once,
        currents={**currents, "input": INPUT},
    )
    return MeasuredNeuron(
        neuron=_declared(neuron, (held, *slow, *following), output),
        relaxation_residual=residual,
        element_residual=max((element.residual for element in swept.elements.values()), default=0.0),
    )


def _check_swept(neuron: Neuron, swept: Swept) -> None:
    """Raise `MeasureError` unless the sweeps are of this neuron's states and elements."""
    if missing := sorted({state.name for state in neuron.states[1:]} - set(swept.slow)):
        raise MeasureError(f"neuron {neuron.name}: states {', '.join(missing)} were not swept")
    elements = sorted(element.name for element in neuron.elements)
    if elements != sorted(swept.elements):
        raise MeasureError(
            f"neuron {neuron.name}: it has the elements {', '.join(elements)}, and swept were "
            f"{', '.join(sorted(swept.elements)) or 'none'}"
        )


def _declared(neuron: Neuron, states: tuple[State, ...], output: sympy.Expr) -> Neuron:
    """The declaration of these states, with the parameters and constraints that are left in them."""
    used = output.free_symbols.union(*(part.free_symbols for state in states for part in _expressions(state)))
    return Neuron(
        name=f"measured_{neuron.name}",
        meaning=f"{neuron.meaning}, as its circuit was measured",
        parameters=tuple(parameter for parameter in neuron.parameters if parameter.symbol in used),
        states=states,
        output=output,
        constraints=tuple(c for c in neuron.constraints if c.relation.free_symbols <= used),
        source="sweeps of its parts in a circuit simulator",
    )


def _started(neuron: Neuron) -> Iterator[State]:
    for state, initial in zip(neuron.states, neuron.initial_state(), strict=True):
        yield replace(state, initial=sympy.Float(initial))


def _table(values: np.ndarray, voltage: sympy.Expr) -> sympy.Expr:
    return Tabulated(samples(VOLTAGES, values), voltage)


def _expressions(state: State) -> list[sympy.Expr]:
    return [sympy.sympify(part) for part in (state.capacity, state.initial, *state.currents.values())]


def _element(
    neuron: Neuron, name: str, swept: Element, reads: sympy.Symbol, membrane: sympy.Symbol
) -> sympy.Expr:
    """The current into the membrane: the tables, scaled with the gain and moved with the offset."""
    values: Mapping[str, float] = neuron.defaults
    gain, offset = (neuron.parameter(f"{key}_{name}").symbol for key in ("alpha", "delta"))
    moved = reads - (offset - sympy.Float(values[str(offset)]))
    total = _table(swept.base, moved)
    if swept.slope.any():
        total += _table(swept.slope, moved) * membrane
    return gain / sympy.Float(values[str(gain)]) * total


def _slow_state(state: State, swept: Slow, membrane: sympy.Symbol) -> State:
    """The declared state with the gates that hang on it, driven by its resistor or by its measured follower."""
    currents = dict(state.currents)
    if swept.follower is not None:
        difference = membrane - state.symbol
        current = _table(swept.follower.base, difference)
        if swept.follower.slope.any():
            current += _table(swept.follower.slope, difference) * state.symbol
        currents = dict.fromkeys(currents, current)
    return State(
        name=state.name, symbol=state.symbol, meaning=state.meaning, initial=state.initial, timescale=state.timescale,
        capacity=state.capacity + _table(swept.gates, state.symbol), currents=currents,
    )  # fmt: skip


def _follower(name: str, symbol: sympy.Symbol, membrane: State, time: float, meaning: str) -> State:
    return State(
        name=name, symbol=symbol, meaning=meaning, initial=membrane.initial, capacity=sympy.Float(time),
        currents={"follow": membrane.symbol - symbol},
    )  # fmt: skip
