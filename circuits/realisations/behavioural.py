"""The behavioural level: every capacity is a capacitor and every named current a source that states its equation."""

import sympy

from circuits.data.circuit import GROUND, Capacitor, Device, Subcircuit
from circuits.data.scaling import Scaling
from circuits.realisations.forms import event_form, named_currents
from circuits.realisations.interface import (
    C0,
    OUTPUT,
    V0,
    circuit_symbols,
    declared_parameter,
    pins,
    unit_parameters,
)
from circuits.realisations.parts.comparator_reset import Comparator
from circuits.realisations.parts.source import behavioural_current, line_timescale, stated_output
from conductance.neurons.base import Neuron


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
    timescales: dict[str, sympy.Expr] = {}
    currents = named_currents(neuron)
    for state in neuron.states:
        capacitance = C0 * state.capacity.xreplace(numbers)
        devices.append(
            Capacitor(
                name=f"c_{state.name}",
                positive=state.name,
                negative=GROUND,
                capacitance=capacitance,
                note=state.meaning,
            )
        )
        own = [current for current in currents if current.state is state]
        devices += (device for current in own for device in behavioural_current(current))
        lines = [line_timescale(current, capacitance, numbers) for current in own]
        drawn = [value for value in lines if value is not None]
        timescales |= {state.name: drawn[0]} if len(drawn) == 1 else {}
    if event is None:
        devices.append(stated_output(neuron))
    else:
        devices += Comparator.of(neuron, event, out=OUTPUT, numbers=numbers).ideal()
    return Subcircuit(
        name=neuron.name,
        title=neuron.meaning,
        pins=pins(neuron),
        parameters=(*unit_parameters(scaling), *map(declared_parameter, neuron.parameters)),
        devices=tuple(devices),
        initial={state.name: V0 * sympy.sympify(state.initial).xreplace(numbers) for state in neuron.states},
        timescales=timescales,
    )
