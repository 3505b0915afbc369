"""The behavioural level: every capacity is a capacitor and every named current a source that states its equation."""

from collections.abc import Iterator

import sympy

from circuits.data.circuit import (
    GROUND,
    BehaviouralCurrent,
    BehaviouralVoltage,
    Capacitor,
    CircuitError,
    Device,
    Param,
    Pin,
    Resistor,
    Subcircuit,
    Transconductance,
    voltage,
)  # fmt: skip
from circuits.data.devices import sensed_nodes
from circuits.data.scaling import Scaling
from circuits.realisations.comparator_reset import Comparator
from circuits.realisations.forms import arrival_state, event_form
from conductance.neurons.base import INPUT, Neuron, State
from conductance.parameter import Parameter

V0, I0, C0 = sympy.symbols("v0 i0 c0", positive=True)
OUTPUT = "out"


def parameter_name(parameter: str) -> str:
    """The name of a neuron's parameter in a circuit: lower case, since SPICE does not tell cases apart."""
    return parameter.lower()


def behavioural(neuron: Neuron, scaling: Scaling) -> Subcircuit:
    """The subcircuit of a neuron (or filter), its parameters dimensionless, its units v0, i0, c0 in SI.

    The first pin is the node into which input current flows (current unit = 1); the last gives the output (v0 = 1; the
    spike of a neuron with an event is a pulse whose area is v0 tau_m). Where input spikes arrive at another state, its
    node is a pin, too. A current that is linear becomes a transconductance or a resistor, any other one behavioural
    source, an event a comparator with a reset.

    Raises:
        CircuitError: an event or arrivals that have no circuit.
    """
    event = event_form(neuron)
    known = circuit_symbols(neuron)
    numbers = {p.symbol: known[p.symbol] for p in neuron.parameters}
    devices: list[Device] = []
    for state in neuron.states:
        capacity = C0 * state.capacity.xreplace(numbers)
        devices.append(
            Capacitor(
                name=f"c_{state.name}",
                positive=state.name,
                negative=GROUND,
                capacitance=capacity,
                note=state.meaning,
            )
        )
        for name, current in state.currents.items():
            if current != INPUT:
                devices += behavioural_current(f"{state.name}_{name}", current, state, neuron)
    if event is None:
        output = V0 * sympy.sympify(neuron.output).xreplace(known)
        devices.append(
            BehaviouralVoltage(name="b_out", positive=OUTPUT, negative=GROUND, voltage=output, note="output")
        )
    else:
        made = Comparator.of(neuron, event, out=OUTPUT, numbers=numbers, unit=V0, current_unit=I0)
        devices += made.ideal()
    return Subcircuit(
        name=neuron.name,
        title=neuron.meaning,
        pins=pins(neuron),
        parameters=(*unit_parameters(scaling), *map(declared_parameter, neuron.parameters)),
        devices=tuple(devices),
        initial={state.name: V0 * sympy.sympify(state.initial).xreplace(numbers) for state in neuron.states},
    )


def pins(neuron: Neuron) -> tuple[Pin, ...]:
    """The pins of a neuron at any level, but for its supplies."""
    entry, arrival = input_state(neuron), arrival_state(neuron)
    meanings = {entry.name: f"{entry.meaning}; input current flows in here"}
    if arrival is not None and arrival is not entry:
        meanings[arrival.name] = f"{arrival.meaning}; the charge of an input spike arrives here"
    meanings[OUTPUT] = "output, v0 = 1" if neuron.event is None else "spikes, pulses of area v0 tau_m"
    return tuple(Pin(name=name, meaning=meaning) for name, meaning in meanings.items())


def input_state(neuron: Neuron) -> State:
    """The state into which the input current flows: the membrane of a neuron that only declares arrivals."""
    for state in neuron.states:
        if INPUT in state.currents.values():
            return state
    if neuron.arrivals:
        return neuron.membrane
    raise CircuitError(
        f"neuron {neuron.name}: no state has I_in as a current of its own, so it has no input pin"
    )


def unit_parameters(scaling: Scaling) -> tuple[Param, ...]:
    """The SI units of a circuit as its parameters."""
    return (
        Param(name="v0", value=scaling.voltage_unit, unit="V", meaning="voltage unit"),
        Param(name="i0", value=scaling.current_unit, unit="A", meaning="current unit"),
        Param(
            name="c0",
            value=scaling.capacitance,
            unit="F",
            meaning="capacitance of a membrane with tau_m = R = 1",
        ),
    )


def circuit_symbols(neuron: Neuron) -> dict[sympy.Symbol, sympy.Expr]:
    """What the neuron's symbols are in a circuit: parameters in lower case, states as voltages over v0."""
    numbers = {p.symbol: sympy.Symbol(parameter_name(p.name), real=True) for p in neuron.parameters}
    return numbers | {state.symbol: voltage(state.name) / V0 for state in neuron.states}


def declared_parameter(parameter: Parameter) -> Param:
    """A neuron's parameter as that of its subcircuit."""
    return Param(
        name=parameter_name(parameter.name),
        value=parameter.default,
        unit=parameter.unit,
        meaning=parameter.meaning,
    )


def behavioural_current(name: str, current: sympy.Expr, state: State, neuron: Neuron) -> Iterator[Device]:
    """The devices that bring one named current into the state's node."""
    known = circuit_symbols(neuron)
    slopes = {symbol: sympy.diff(current, symbol) for symbol in neuron.state_symbols if current.has(symbol)}
    nodes = {other.symbol: other.name for other in neuron.states}
    numbers = {symbol: value for symbol, value in known.items() if symbol not in nodes}
    linear = not any(slope.has(*neuron.state_symbols) for slope in slopes.values())
    if not linear:
        yield _source(name, current.xreplace(known), state.name)
        return
    constant = sympy.simplify(current - sum(slope * symbol for symbol, slope in slopes.items()))
    gains = {nodes[symbol]: I0 / V0 * slope.xreplace(numbers) for symbol, slope in slopes.items()}
    if len(gains) == 2 and sympy.simplify(sum(gains.values())) == 0 and state.name in gains:
        (other,) = set(gains) - {state.name}
        yield _transconductance(name, state.name, other, state.name, gains[other])
    else:
        for node, gain in gains.items():
            label = name if len(gains) == 1 else f"{name}_{node}"
            if node == state.name and gain.could_extract_minus_sign():
                yield Resistor(
                    name=f"r_{label}", positive=node, negative=GROUND, resistance=-1 / gain, note="leak"
                )
            else:
                yield _transconductance(label, state.name, node, GROUND, gain)
    if constant != 0:
        yield _source(f"{name}_offset", constant.xreplace(numbers), state.name)


def _transconductance(name: str, node: str, plus: str, minus: str, gain: sympy.Expr) -> Device:
    return Transconductance(
        name=f"g_{name}", out_from=GROUND, out_to=node, sense_positive=plus, sense_negative=minus, gain=gain
    )


def _source(name: str, current: sympy.Expr, node: str) -> Device:
    """A source that brings I0 * current into the node.

    It is turned so that its expression grows with the voltage it reads: a positive conductance points out of the
    node, a negative one into it, and both are read as alpha tanh(v - delta).
    """
    if _falls(current):
        return BehaviouralCurrent(name=f"b_{name}", source=node, sink=GROUND, current=-I0 * current)
    return BehaviouralCurrent(name=f"b_{name}", source=GROUND, sink=node, current=I0 * current)


def _falls(current: sympy.Expr) -> bool:
    """Whether the current falls with the voltages it reads, around zero and for parameters of one."""
    voltages = [symbol for symbol in current.free_symbols if sensed_nodes(symbol)]
    slope = sympy.Add(*[sympy.diff(current, symbol) for symbol in voltages])
    return bool(slope.subs({symbol: 0 if symbol in voltages else 1 for symbol in slope.free_symbols}) < 0)
