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
TOLERANCE = 1e-4
"""Of a current, in I0, where a constant or a line stands in the place of a table: small ones cost a read each."""
FARTHEST = 4.0
"""What a voltage multiplies slopes and displacement currents by at most, in V0."""
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


def check_measurable(neuron: Neuron) -> None:
    """Raise `MeasureError` for a neuron that has no measured law: one with events, or that steps by a map."""
    if neuron.event is not None or neuron.arrivals or neuron.is_map:
        raise MeasureError(
            f"neuron {neuron.name}: it has events or steps by a map; measured are neurons without, as mtc"
        )


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
    at = symbol - _moved_rest(neuron)
    (at_once, *charges), residual = _charges(swept.admittance, at)
    currents: dict[str, sympy.Expr] = {"fixed": _fixed(neuron, swept.fixed.current, at)}
    for name, element in swept.elements.items():
        currents[name] = _element(neuron, name, element, states[element.reads].symbol, symbol)
    slow = [_slow_state(neuron, state, swept) for state in neuron.states[1:]]
    for state, transfer in slow:
        currents[f"displacement_{state.name}"] = -transfer * state.derivative
    following = []
    for place, (time, charge) in enumerate(zip(TIMES, charges, strict=True)):
        behind = _relaxed(place)
        currents[f"relaxation_{place}"] = -charge * (symbol - behind) / time
        meaning = f"membrane voltage as charges see it that follow within {time:g} tau_m"
        following.append(_follower(f"urel{place}", behind, membrane, time, meaning))
    output = neuron.output
    if swept.fixed.output.size and swept.lag < SHORTEST_LAG:
        output = _output(neuron, swept, symbol)
    elif swept.fixed.output.size:
        meaning = "membrane voltage as the output stage follows it"
        following.append(_follower("uout", OUTPUT_STATE, membrane, swept.lag, meaning))
        output = _output(neuron, swept, OUTPUT_STATE)
    held = replace(
        membrane,
        capacity=_drawn(membrane.capacity - swept.left_out, swept) + at_once,
        currents={**currents, "input": INPUT},
    )
    driven = [_followed(state, swept.slow[state.name], held) for state, _ in slow]
    return MeasuredNeuron(
        neuron=_declared(neuron, (held, *driven, *following), output),
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


def _short(values: np.ndarray, voltage: sympy.Expr, tolerance: float) -> sympy.Expr:
    """A constant or a line where one keeps within a tolerance, else a table."""
    for degree in (0, 1):
        numbers = np.polyfit(VOLTAGES, values, degree)
        if np.abs(np.polyval(numbers, VOLTAGES) - values).max() <= tolerance:
            return sympy.Add(*(float(c) * voltage**k for k, c in enumerate(numbers[::-1]) if c))
    return _table(values, voltage)


def _expressions(state: State) -> list[sympy.Expr]:
    return [sympy.sympify(part) for part in (state.capacity, state.initial, *state.currents.values())]


def _fixed(neuron: Neuron, current: np.ndarray, at: sympy.Expr) -> sympy.Expr:
    """The current of what depends on the membrane alone; a leak alone is scaled by its resistance.

    It is a table in any case: its ends say how far the law is known.
    """
    table = _table(current, at)
    if not _is_leak(neuron):
        return table
    return sympy.Float(neuron.defaults[RESISTANCE.name]) / RESISTANCE.symbol * table


def _is_leak(neuron: Neuron) -> bool:
    """Whether what depends on the membrane alone is a leak alone, with the usual parameters."""
    elements = {element.name for element in neuron.elements}
    alone = {n for n, c in neuron.membrane.currents.items() if n not in elements and c != INPUT} == {LEAK}
    return alone and RESISTANCE in _kinds(neuron)


def _moved_rest(neuron: Neuron) -> sympy.Expr:
    """How far the leak is from where it was swept, and the charges, most of which are its pairs', with it."""
    return _moved(neuron, REST) if _is_leak(neuron) else sympy.S.Zero


def _output(neuron: Neuron, swept: Swept, seen: sympy.Symbol) -> sympy.Expr:
    """The output stage at the voltage that it sees."""
    return _table(swept.fixed.output, seen - _moved(neuron, THRESHOLD))


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
    base, *beyond = swept.base / swept.gains[:, None]
    slope = (swept.slope / swept.gains[:, None]).mean(axis=0)
    total = _table(base, moved)
    for other in beyond:
        low, high = (float(each) for each in swept.gains)
        total += sympy.log(gain / low) / sympy.log(sympy.Float(high / low)) * _table(other - base, moved)
    total += _short(slope, moved, TOLERANCE / FARTHEST) * membrane
    return gain * total


def _drawn(capacity: sympy.Expr, swept: Swept) -> sympy.Expr:
    """A capacitor at the process corner."""
    return capacity if swept.corner == 1 else sympy.Float(swept.corner) * capacity


def _slow_state(neuron: Neuron, state: State, swept: Swept) -> tuple[State, sympy.Expr]:
    """The declared state with the gates that hang on it, driven by its resistor or by its measured follower.

    And the capacitance by which it moves the membrane.
    """
    currents, own, membrane = dict(state.currents), swept.slow[state.name], neuron.membrane.symbol
    if own.follower is not None:
        difference, made = membrane - state.symbol, own.follower.current
        slope = _short(made.slope, difference, TOLERANCE / FARTHEST)
        currents = dict.fromkeys(currents, _table(made.base, difference) + slope * state.symbol)
    # what they do is slower by the state's time constant, and so is what their errors do
    tau = float(sympy.sympify(state.capacity).subs(neuron.substitutions()))
    gates = _short(own.gates, state.symbol, TOLERANCE * tau)
    transfer = _short(own.transfer, state.symbol, TOLERANCE * tau / FARTHEST)
    driven = State(
        name=state.name, symbol=state.symbol, meaning=state.meaning, initial=state.initial, timescale=state.timescale,
        capacity=_drawn(state.capacity, swept) + gates, currents=currents,
    )  # fmt: skip
    return driven, transfer


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
    """C_inf and the a_i over a voltage, and the residual of their fit."""
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
