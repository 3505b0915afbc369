"""A current that stays ideal: a source that states its equation, a transconductance or a resistor where it is linear.

All currents of the behavioural level are such, and at the others those that no amplifier makes: a constant one, and a
linear one between two states, since both inputs of its pairs would move.
"""

import math
from collections.abc import Iterator, Mapping

import sympy

from circuits.data.circuit import (
    GROUND,
    BehaviouralCurrent,
    BehaviouralVoltage,
    Device,
    Resistor,
    Transconductance,
)
from circuits.data.values import sensed_nodes
from circuits.realisations.forms import Current
from circuits.realisations.interface import I0, OUTPUT, V0, circuit_symbols
from circuits.realisations.parts.base import Output, Part
from conductance.neurons.base import Neuron


def ideal(current: Current) -> Part:
    """Any current as the declaration has it."""
    return Part(
        current=current,
        build=lambda _: behavioural_current(current),
        keeps_volts=bool(current.states),
        timescale=lambda site: line_timescale(current, site.capacitances[current.state.name], site.numbers),
    )


def source(current: Current) -> Part | None:
    """A constant, or a line between two states: no pairs make them."""
    form = current.transfer
    between = form is not None and form.width == math.inf and {form.plus, form.minus} <= current.all_states
    return ideal(current) if between or not current.states else None


def output_source(neuron: Neuron) -> Output:
    """A source that states the output's expression."""
    return Output(build=lambda _: iter((stated_output(neuron),)))


def stated_output(neuron: Neuron) -> BehaviouralVoltage:
    """The output's expression as a source."""
    value = V0 * sympy.sympify(neuron.output).xreplace(circuit_symbols(neuron))
    return BehaviouralVoltage(name="b_out", positive=OUTPUT, negative=GROUND, voltage=value, note="output")


def line_timescale(
    current: Current, capacitance: sympy.Expr, numbers: Mapping[sympy.Symbol, sympy.Expr]
) -> sympy.Expr | None:
    """Time constant in s of a line that draws its state, with a capacitor in F, to another one or to a voltage."""
    form = current.transfer
    if form is None or form.width != math.inf or form.minus != current.state.symbol:
        return None
    return capacitance * V0 / (I0 * form.slope.xreplace(numbers))


def behavioural_current(declared: Current) -> Iterator[Device]:
    """The devices that bring one named current into the state's node."""
    name, current = declared.label, declared.expression
    state, neuron = declared.state, declared.neuron
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
