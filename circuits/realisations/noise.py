"""The noise that a declaration gives its currents, in its circuit: a source at each state's node, driven from outside.

A circuit's own devices make no noise over time in a simulator. So each state that noise moves gets a current whose size
follows the declaration's amplitude, times the voltage of a pin that carries the draws: white noise of unit power, in
1/sqrt(tau_m). The same draws drive the model and the circuit, at any level. A random process of the declaration (of
flicker noise) comes over its own pin, too, and the current that it makes is a source at the node that it flows into.
"""

from collections.abc import Mapping
from dataclasses import replace

import sympy

from circuits.data.circuit import GROUND, BehaviouralCurrent, Device, Pin, Transconductance, voltage
from circuits.realisations.interface import I0, circuit_symbols, declared_parameter
from circuits.realisations.realisation import Realisation
from conductance.neurons.base import Neuron, State


def noise_pin(state: str) -> str:
    """The pin that carries the draws of a state."""
    return f"noise_{state}"


def _white(neuron: Neuron, state: State, known: Mapping[sympy.Symbol, sympy.Expr]) -> Device:
    """The source of a state's white noise: linear where no state moves its amplitude, which a simulator then computes
    once and not in each of its iterations.
    """
    amplitude = I0 * sympy.sympify(state.diffusion * state.capacity)
    name, pin, note = f"{state.name}_noise", noise_pin(state.name), "noise of its currents"
    if not amplitude.free_symbols & set(neuron.state_symbols):
        return Transconductance(
            name=f"g_{name}", out_from=GROUND, out_to=state.name, sense_positive=pin, sense_negative=GROUND,
            gain=amplitude.xreplace(known), note=note, part=name,
        )  # fmt: skip
    return BehaviouralCurrent(
        name=f"b_{name}", source=GROUND, sink=state.name, current=amplitude.xreplace(known) * voltage(pin),
        note=note, part=name,
    )  # fmt: skip


def with_declared_noise(built: Realisation, neuron: Neuron) -> Realisation:
    """The circuit of the neuron without noise, with a source of noise at each state that noise moves.

    Args:
        built: of the silent neuron.
        neuron: with its noise.
    """
    if not neuron.noisy:
        return built
    own, known = built.subcircuit, circuit_symbols(neuron)
    has = {parameter.name for parameter in own.parameters}
    missing = [declared_parameter(p) for p in neuron.parameters if declared_parameter(p).name not in has]
    processes = {state.symbol for state in neuron.processes}
    white = [state for state in neuron.noisy if state not in neuron.processes]
    sources: list[Device] = [_white(neuron, state, known) for state in white]
    sources += [
        BehaviouralCurrent(
            name=f"b_{state.name}_{name}", source=GROUND, sink=state.name,
            current=I0 * sympy.sympify(current).xreplace(known), note="noise from outside", part=f"{state.name}_noise",
        )
        for state in neuron.states
        if state.symbol not in processes
        for name, current in state.currents.items()
        if sympy.sympify(current).free_symbols & processes
    ]  # fmt: skip
    pins = [
        Pin(name=noise_pin(state.name), meaning=f"white noise of {state.meaning}, 1 V is 1/sqrt(tau_m)")
        for state in white
    ]
    pins += [Pin(name=state.name, meaning=f"{state.meaning}, V0 is 1") for state in neuron.processes]
    noisy = replace(
        own,
        pins=(*own.pins, *pins),
        parameters=(*own.parameters, *missing),
        devices=(*own.devices, *sources),
    )
    return replace(built, subcircuit=noisy)
