"""A neuron composed from the sweeps of its parts: a declaration like any other, whose currents are tables."""

from dataclasses import dataclass, replace

import numpy as np
import sympy
from scipy.interpolate import CubicSpline

from circuits.measured.relaxation import TIMES, fit_relaxation
from circuits.measured.sweeps import COARSE, RADIAN, VOLTAGES, Element, MeasureError, Slow, Swept
from conductance.neurons.base import INPUT, Neuron, State
from conductance.neurons.membrane import RESISTANCE, REST
from conductance.neurons.mtc import THRESHOLD
from conductance.parameter import Parameter
from conductance.tables import Tabulated, samples

SHORTEST_LAG = 0.15
"""Of an output, in tau_m: steps of 0.2 tau_m cannot follow a shorter one, and it delays an edge by less than a step."""
LEAK = "leak"
"""The current that resistance and rest decide."""
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

    Gain and offset of an element stay parameters, as do resistance, rest and threshold: they scale tables and move
    their argument. Whatever else was fixed by the sweep (limits, saturation of the output) is in the tables and no
    parameter any more.

    Raises:
        MeasureError: sweeps of another neuron.
    """
    _check_swept(neuron, swept)
    membrane, symbol = neuron.membrane, neuron.membrane.symbol
    states = {state.name: state for state in neuron.states}
    (at_once, *charges), residual = _charges(swept.admittance, symbol)
    currents: dict[str, sympy.Expr] = {"fixed": _fixed(neuron, swept.fixed.current)}
    for name, element in swept.elements.items():
        currents[name] = _element(neuron, name, element, states[element.reads].symbol, symbol)
    slow = [_slow_state(state, swept, symbol) for state in neuron.states[1:]]
    for state in slow:
        transfer = _table(swept.slow[state.name].transfer, state.symbol)
        currents[f"displacement_{state.name}"] = -transfer * state.derivative
    following = []
    for place, (time, charge) in enumerate(zip(TIMES, charges, strict=True)):
        behind = _relaxed(place)
        currents[f"relaxation_{place}"] = -charge * (symbol - behind) / time
        meaning = f"membrane voltage as charges see it that follow within {time:g} tau_m"
        following.append(_follower(f"urel{place}", behind, membrane, time, meaning))
    output = neuron.output
    if swept.fixed.output.size and swept.lag < SHORTEST_LAG:
        output = _table(swept.fixed.output, symbol - _moved(neuron, THRESHOLD))
    elif swept.fixed.output.size:
        meaning = "membrane voltage as the output stage follows it"
        following.append(_follower("uout", OUTPUT_STATE, membrane, swept.lag, meaning))
        output = _table(swept.fixed.output, OUTPUT_STATE - _moved(neuron, THRESHOLD))
    held = replace(
        membrane,
        capacity=_drawn(membrane.capacity - swept.left_out, swept) + at_once,
        currents={**currents, "input": INPUT},
    )
    slow = [_followed(state, swept.slow[state.name], held) for state in slow]
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


def _table(values: np.ndarray, voltage: sympy.Expr) -> sympy.Expr:
    return Tabulated(samples(VOLTAGES, values), voltage)


def _expressions(state: State) -> list[sympy.Expr]:
    return [sympy.sympify(part) for part in (state.capacity, state.initial, *state.currents.values())]


def _fixed(neuron: Neuron, current: np.ndarray) -> sympy.Expr:
    """The current of what depends on the membrane alone; a leak alone is scaled and moved by its parameters."""
    symbol = neuron.membrane.symbol
    elements = {element.name for element in neuron.elements}
    alone = {n for n, c in neuron.membrane.currents.items() if n not in elements and c != INPUT} == {LEAK}
    if not alone or RESISTANCE not in _kinds(neuron):
        return _table(current, symbol)
    factor = sympy.Float(neuron.defaults[RESISTANCE.name]) / RESISTANCE.symbol
    return factor * _table(current, symbol - _moved(neuron, REST))


def _moved(neuron: Neuron, voltage: Parameter) -> sympy.Expr:
    """How far a voltage is from where it was swept; nothing where the neuron has none of that name."""
    if voltage not in _kinds(neuron):
        return sympy.S.Zero
    return voltage.symbol - sympy.Float(neuron.defaults[voltage.name])


def _kinds(neuron: Neuron) -> set[Parameter]:
    """Its parameters, whatever their values: those that it shares with others are known by that."""
    known = {p.name: p for p in (RESISTANCE, REST, THRESHOLD)}
    return {
        known[p.name] for p in neuron.parameters
        if p.name in known and replace(p, default=known[p.name].default) == known[p.name]
    }  # fmt: skip


def _element(
    neuron: Neuron, name: str, swept: Element, reads: sympy.Symbol, membrane: sympy.Symbol
) -> sympy.Expr:
    """The current into the membrane: the tables, scaled with the gain and moved with the offset.

    Over a unit of gain an amplifier's current is the same within 5e-3 over an octave of bias currents; a line in the
    logarithm of the gain between two sweeps brings that to 2e-4, and to 8e-4 over two octaves.
    """
    gain, offset = (neuron.parameter(f"{key}_{name}").symbol for key in ("alpha", "delta"))
    moved = reads - (offset - sympy.Float(neuron.defaults[str(offset)]))
    total = sympy.S.Zero
    shares = _shares(gain, swept.gains)
    for share, swept_at, base in zip(shares, swept.gains, swept.base, strict=True):
        total += share * _table(base / swept_at, moved)
    slope = (swept.slope / swept.gains[:, None]).mean(axis=0)
    if slope.any():
        total += _table(slope, moved) * membrane
    return gain * total


def _shares(gain: sympy.Symbol, gains: np.ndarray) -> list[sympy.Expr]:
    """How much the sweep at each gain counts at another gain, in the logarithm; they add up to 1."""
    if len(gains) == 1:
        return [sympy.S.One]
    low, high = (float(each) for each in gains)
    upper = sympy.log(gain / low) / sympy.log(sympy.Float(high / low))
    return [1 - upper, upper]


def _drawn(capacity: sympy.Expr, swept: Swept) -> sympy.Expr:
    """A capacitor at the process corner."""
    return capacity if swept.corner == 1 else sympy.Float(swept.corner) * capacity


def _slow_state(state: State, swept: Swept, membrane: sympy.Symbol) -> State:
    """The declared state with the gates that hang on it, driven by its resistor or by its measured follower."""
    currents, own = dict(state.currents), swept.slow[state.name]
    if own.follower is not None:
        difference, made = membrane - state.symbol, own.follower.current
        current = _table(made.base, difference)
        if made.slope.any():
            current += _table(made.slope, difference) * state.symbol
        currents = dict.fromkeys(currents, current)
    return State(
        name=state.name, symbol=state.symbol, meaning=state.meaning, initial=state.initial, timescale=state.timescale,
        capacity=_drawn(state.capacity, swept) + _table(own.gates, state.symbol), currents=currents,
    )  # fmt: skip


def _followed(state: State, swept: Slow, membrane: State) -> State:
    """The state with the charges that its follower passes on from the membrane, at once and with a delay.

    Without them the filter follows a spike too early: tonic spikes came 0.05 tau_m early each.
    """
    if swept.follower is None:
        return state
    (at_once, *charges), _ = _charges(swept.follower.admittance, membrane.symbol - state.symbol)
    currents = {**state.currents, "passed_at_once": at_once * membrane.derivative}
    for place, (time, charge) in enumerate(zip(TIMES, charges, strict=True)):
        currents[f"passed_{place}"] = charge * (membrane.symbol - _relaxed(place)) / time
    return replace(state, currents=currents)


def _charges(admittance: np.ndarray, voltage: sympy.Expr) -> tuple[list[sympy.Expr], float]:
    """C_inf and the a_i as tables, and the residual of their fit."""
    found, residual = fit_relaxation(admittance, RADIAN)
    columns = (CubicSpline(COARSE, column)(VOLTAGES) for column in found.T)
    return [_table(column, voltage) for column in columns], residual


def _relaxed(place: int) -> sympy.Symbol:
    """The membrane as charges of that relaxation time see it."""
    return sympy.Symbol(f"U_relaxed_{place}", real=True)


def _follower(name: str, symbol: sympy.Symbol, membrane: State, time: float, meaning: str) -> State:
    return State(
        name=name, symbol=symbol, meaning=meaning, initial=membrane.initial, capacity=sympy.Float(time),
        currents={"follow": membrane.symbol - symbol},
    )  # fmt: skip
