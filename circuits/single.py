"""One neuron as a circuit, driven by a current: for known answers, overlays and the studio."""

from collections.abc import Sequence

from circuits.circuit import (
    GROUND,
    Circuit,
    CircuitError,
    CurrentSource,
    HeldWaveform,
    Instance,
    VoltageSource,
)
from circuits.realisations import Realisation, realise
from circuits.realisations.behavioural import OUTPUT, input_state, parameter_name
from circuits.scaling import Scaling
from conductance.neurons.base import Neuron
from conductance.stimulus import Stimulus

EDGE = 1e-3
"""Duration of a step of the current, in tau_m."""


def neuron_circuit(
    neuron: Neuron,
    stimulus: Stimulus,
    *,
    scaling: Scaling,
    start: Sequence[float] | None = None,
    name: str = "neuron",
    realisation: Realisation | None = None,
) -> Circuit:
    """A neuron whose input pin a held current flows into; its probes are all state nodes and the output.

    Args:
        neuron: an event-free declaration; its defaults are the parameter values.
        stimulus: current in current units over time in tau_m.
        scaling: the SI units.
        start: initial states in V0, membrane first; the declared ones where not given.
        name: of the circuit and its files.
        realisation: how the neuron is built, from `realise`; the behavioural level where none is given.

    Raises:
        CircuitError: a neuron with events, or a stimulus that changes faster than its edges.
    """
    built = realise(neuron, scaling=scaling) if realisation is None else realisation
    subcircuit = built.subcircuit
    entry = input_state(neuron)
    initial = tuple(neuron.initial_state() if start is None else start)
    if len(initial) != len(neuron.states):
        raise CircuitError(
            f"neuron {neuron.name}: start has {len(initial)} values; give {len(neuron.states)}"
        )
    nodes = {state.name: entry.name if state is entry else f"xn.{state.name}" for state in neuron.states}
    waveform = HeldWaveform(
        times=tuple(time * scaling.time_unit for time in stimulus.times),
        values=tuple(value * scaling.current_unit for value in stimulus.values),
        edge=EDGE * scaling.time_unit,
    )
    return Circuit(
        name=name,
        title=f"one {neuron.name} neuron",
        subcircuits=(*built.cells, subcircuit),
        models=built.models,
        temperature=built.temperature,
        devices=(
            *supplies(built),
            CurrentSource(
                name="i_in", source=GROUND, sink=entry.name, waveform=waveform, note="input current"
            ),
            Instance(
                name="xn",
                subcircuit=subcircuit.name,
                connections={
                    entry.name: entry.name,
                    OUTPUT: OUTPUT,
                    **{pin: pin for pin in (*built.supplies, built.axon)},
                },
                parameters={parameter_name(key): value for key, value in neuron.defaults.items()},
            ),
        ),
        initial={
            nodes[state.name]: float(value) * scaling.voltage_unit
            for state, value in zip(neuron.states, initial, strict=True)
        },
        probes=(*nodes.values(), OUTPUT),
    )


def supplies(realisation: Realisation) -> tuple[VoltageSource, ...]:
    """One source for each supply pin; ground is midway between the rails."""
    return tuple(
        VoltageSource(name=f"v_{pin}", positive=pin, negative=GROUND, waveform=value, note="supply")
        for pin, value in realisation.supplies.items()
    )
