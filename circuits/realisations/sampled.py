"""The sampled circuit of a map: its next value is computed from the held one, sampled, then held.

    held value -> arithmetic -> + input -> switch (phase sample) -> capacitor -> buffer -> switch (phase hold) -> held

Arithmetic that is no weighted sum of the states, as the parabola of DQIF, is an amplifier of its own, a multiplier with
one pole of the switches' time constant. A comparator makes the spike from the held value, which resets the next step.
All expressions are those of the declaration, so that every declared map has a circuit. What the switches leave on the
capacitors is the declaration's noise: a pin for each noisy state carries its draws, 1 V for a draw of 1, and the next
value gets its share of it.
"""

from collections.abc import Iterator

import sympy

from circuits.data.circuit import (
    GROUND,
    BehaviouralVoltage,
    Capacitor,
    CircuitError,
    Device,
    Param,
    Pin,
    Resistor,
    Subcircuit,
    Switch,
    parameter_names,
    voltage,
)
from circuits.data.clock import HIGH, LOW, RESISTANCE_RATIO
from circuits.data.scaling import Scaling
from circuits.realisations.interface import (
    C0,
    I0,
    OUTPUT,
    V0,
    unit_parameters,
)
from circuits.realisations.noise import noise_pin
from conductance.neurons.base import INPUT, LAST_SPIKE, SPIKE, Neuron, State

ENTRY, SPIKES, SAMPLE, HOLD = "entry", "spike", "sample", "hold"
COMPARATOR_GAIN = 1e5
"""Over V0: voltages closer to the threshold than about the inverse of this are not told apart."""


def sampled(neuron: Neuron, scaling: Scaling) -> Subcircuit:
    """The subcircuit of a map; pins are the summing node, every state's held value, the output and two clocks.

    Currents into the pin `entry` add up in a resistor V0/I0. Switches, too, have V0/I0, and every capacitor is C.

    Raises:
        CircuitError: a differential equation, or a map whose event resets states by itself.
    """
    if not neuron.is_map:
        raise CircuitError(
            f"neuron {neuron.name}: it has a differential equation and needs no clock; use neuron_circuit or "
            f"network_circuit. Sampled circuits are for maps: dqif, dlif, accumulator"
        )
    if neuron.event is not None and neuron.event.reset:
        raise CircuitError(
            f"neuron {neuron.name}: its event resets states within the step; let `following` read LAST_SPIKE"
        )
    known = {p.symbol: sympy.Symbol(map_parameter(p.name), real=True) for p in neuron.parameters}
    known |= {state.symbol: voltage(held_node(state)) / V0 for state in neuron.states}
    known[INPUT] = voltage(ENTRY) / V0
    devices: list[Device] = [
        Resistor(name="r_entry", positive=ENTRY, negative=GROUND, resistance=V0 / I0, note="sum of currents"),
        Capacitor(name="c_entry", positive=ENTRY, negative=GROUND, capacitance=C0, note="its wires"),
    ]
    if neuron.event is not None:
        known |= dict.fromkeys((SPIKE, LAST_SPIKE), voltage(SPIKES) / V0)
        margin = sympy.sympify(neuron.event.margin).xreplace(known)
        step = (1 + sympy.tanh(COMPARATOR_GAIN * margin)) / 2
        devices.append(
            BehaviouralVoltage(
                name="b_spike", positive=SPIKES, negative=GROUND, voltage=V0 * step, note="comparator"
            )
        )
    for state in neuron.states:
        devices += _state(state, neuron, known)
    output = V0 * sympy.sympify(neuron.output).xreplace(known)
    devices.append(
        BehaviouralVoltage(name="b_out", positive=OUTPUT, negative=GROUND, voltage=output, note="output")
    )
    return Subcircuit(
        name=neuron.name,
        title=f"{neuron.meaning}, sampled",
        pins=(
            Pin(name=ENTRY, meaning="input currents flow in here"),
            *(
                Pin(name=held_node(state), meaning=f"{state.meaning}, held, v0 = 1")
                for state in neuron.states
            ),
            Pin(name=OUTPUT, meaning="output, v0 = 1"),
            *(
                Pin(name=noise_pin(state.name), meaning=f"draws of {state.meaning}, 1 V is a draw of 1")
                for state in neuron.noisy
            ),
            Pin(name=SAMPLE, meaning="clock, 1 V while the next value is sampled"),
            Pin(name=HOLD, meaning="clock, 1 V while it is passed on to be held"),
        ),
        parameters=(*unit_parameters(scaling), *_used(neuron, devices)),
        devices=tuple(devices),
        initial=_initial(neuron, known),
    )


def _initial(neuron: Neuron, known: dict[sympy.Symbol, sympy.Expr]) -> dict[str, sympy.Expr]:
    """Voltages at the start: states at their initial values, what is computed at zero."""
    found: dict[str, sympy.Expr] = {ENTRY: sympy.S.Zero}
    for state in neuron.states:
        start = V0 * sympy.sympify(state.initial).xreplace(known)
        found |= {held_node(state): start, f"{state.name}_sampled": start}
        if arithmetic(neuron, state)[1]:
            found[f"{state.name}_product"] = sympy.S.Zero
    return found


def map_parameter(name: str) -> str:
    """A parameter's name in the circuit; bare ones, as u2, are functions of ngspice."""
    return f"map_{name.lower()}"


def held_node(state: State) -> str:
    """The node that holds a state."""
    return f"{state.name}_held"


def arithmetic(neuron: Neuron, state: State) -> tuple[sympy.Expr, bool]:
    """What a state maps to without input, and whether that takes a multiplier: it is no weighted sum of the states."""
    free = sympy.sympify(state.following).xreplace({INPUT: sympy.S.Zero})
    between = free.xreplace({LAST_SPIKE: sympy.S.Zero})
    slopes = [sympy.diff(between, symbol) for symbol in neuron.state_symbols]
    return free, any(slope.has(*neuron.state_symbols) for slope in slopes)


def _state(state: State, neuron: Neuron, known: dict[sympy.Symbol, sympy.Expr]) -> Iterator[Device]:
    """The way of one state from its held value back to it."""
    following = sympy.sympify(state.following)
    free, multiplies = arithmetic(neuron, state)
    name, product = state.name, f"{state.name}_product"
    goal = V0 * following.xreplace(known)
    draw = (
        V0 * sympy.sympify(state.diffusion).xreplace(known) * voltage(noise_pin(name)) if state.noise else 0
    )
    if multiplies:
        yield BehaviouralVoltage(
            name=f"b_{name}_map", positive=f"{name}_map", negative=GROUND, voltage=V0 * free.xreplace(known),
            note="multiplier",
        )  # fmt: skip
        yield Resistor(name=f"r_{name}_map", positive=f"{name}_map", negative=product, resistance=V0 / I0)
        yield Capacitor(
            name=f"c_{name}_map", positive=product, negative=GROUND, capacitance=C0, note="its pole"
        )
        goal = voltage(product) + V0 * sympy.expand(following - free).xreplace(known)
    yield BehaviouralVoltage(
        name=f"b_{name}_next",
        positive=f"{name}_next",
        negative=GROUND,
        voltage=goal + draw,
        note="next value",
    )
    yield _switch(f"s_{name}_sample", f"{name}_next", f"{name}_sampled", SAMPLE)
    yield Capacitor(
        name=f"c_{name}_sampled", positive=f"{name}_sampled", negative=GROUND, capacitance=C0, note="sampled"
    )
    yield BehaviouralVoltage(
        name=f"b_{name}_buffer", positive=f"{name}_buffer", negative=GROUND, voltage=voltage(f"{name}_sampled"),
        note="buffer",
    )  # fmt: skip
    yield _switch(f"s_{name}_hold", f"{name}_buffer", held_node(state), HOLD)
    yield Capacitor(
        name=f"c_{name}_held", positive=held_node(state), negative=GROUND, capacitance=C0, note=state.meaning
    )


def _switch(name: str, positive: str, negative: str, clock: str) -> Switch:
    return Switch(
        name=name, positive=positive, negative=negative, sense_positive=clock, sense_negative=GROUND,
        on_above=HIGH, off_below=LOW, on_resistance=V0 / I0, off_resistance=RESISTANCE_RATIO * V0 / I0,
        note=f"closed in the phase {clock}",
    )  # fmt: skip


def _used(neuron: Neuron, devices: list[Device]) -> tuple[Param, ...]:
    """The neuron's parameters that its circuit needs: the slope of a spike is training's affair."""
    names = {name for device in devices for value in device.expressions for name in parameter_names(value)}
    return tuple(
        Param(name=map_parameter(p.name), value=p.default, unit=p.unit, meaning=p.meaning)
        for p in neuron.parameters
        if map_parameter(p.name) in names
    )
