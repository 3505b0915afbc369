"""One neuron as a circuit, driven by a current: for known answers, overlays and the studio."""

from collections.abc import Sequence

from circuits.data.circuit import (
    GROUND,
    Circuit,
    CircuitError,
    CurrentSource,
    Device,
    HeldWaveform,
    Instance,
    VoltageSource,
)
from circuits.data.pulses import pulse_train
from circuits.data.scaling import Scaling
from circuits.networks.noise import CircuitDraws, needed
from circuits.realisations import Realisation, realise
from circuits.realisations.forms import arrival_state
from circuits.realisations.interface import OUTPUT, input_state, parameter_name
from conductance.errors import refuse_truth_values
from conductance.neurons.base import Neuron
from conductance.stimulus import Arrivals, Stimulus

INPUT_SOURCE = "i_in"
"""Name of the source of the held current."""
EDGE = 1e-3
"""Duration of a step of the current, in tau_m."""


def neuron_circuit(
    neuron: Neuron,
    stimulus: Stimulus | float,
    *,
    scaling: Scaling,
    start: Sequence[float] | None = None,
    name: str = "neuron",
    realisation: Realisation | None = None,
    arrivals: Arrivals | None = None,
    pin: str | None = None,
    edge: float = EDGE,
    noise: CircuitDraws | None = None,
    small_signal: float = 0.0,
) -> Circuit:
    """A neuron that a held current flows into; its probes are all state nodes and the output.

    Args:
        neuron: the declaration; its defaults are the parameter values.
        stimulus: current in current units over time in tau_m; a number is held for ever.
        scaling: the SI units.
        start: initial states in V0, membrane first; the declared ones where not given.
        name: of the circuit and its files.
        realisation: how the neuron is built, from `realise`; the behavioural level where none is given.
        arrivals: input spikes of a neuron that declares arrivals, as short pulses of charge.
        pin: that the held current flows into; the one of the neuron's input where not given.
        edge: duration of a step of the current, in tau_m.
        noise: the draws of a neuron with noise; it needs them.
        small_signal: amplitude of the current in a small-signal analysis, in current units.

    Raises:
        CircuitError: an event or law without a circuit, arrivals at a neuron without, a stimulus that changes faster
            than its edges, or noise without draws.
    """
    built = realise(neuron, scaling=scaling) if realisation is None else realisation
    _check_pins(neuron, built)
    refuse_truth_values(f"neuron {neuron.name}", edge=edge, small_signal=small_signal)
    beginning = _beginning(neuron, start)
    draws = needed(noise, neuron)
    outside = {pin.name for pin in built.subcircuit.pins}
    nodes = {
        state.name: state.name if state.name in outside else f"xn.{state.name}" for state in neuron.states
    }
    return Circuit(
        name=name,
        title=f"one {neuron.name} neuron",
        subcircuits=(*built.cells, built.subcircuit),
        models=built.models,
        temperature=built.temperature,
        corner=built.corner,
        devices=(
            *supplies(built),
            *_arriving(neuron, arrivals or Arrivals(), scaling),
            _stimulating(Stimulus.of(stimulus), scaling, pin or input_state(neuron).name, edge, small_signal),
            *(() if draws is None else draws.sources(neuron, scaling)),
            Instance(
                name="xn",
                subcircuit=built.subcircuit.name,
                connections={pin.name: pin.name for pin in built.subcircuit.pins},
                parameters={parameter_name(key): value for key, value in neuron.defaults.items()},
            ),
        ),
        initial={
            nodes[state.name]: float(value) * scaling.voltage_unit
            for state, value in zip(neuron.states, beginning, strict=True)
        },
        probes=(*nodes.values(), OUTPUT),
    )


def _check_pins(neuron: Neuron, built: Realisation) -> None:
    """Raise for a neuron whose pins are no voltages."""
    if built.pins_carry_currents:
        raise CircuitError(
            f"neuron {neuron.name}: the pins of its realisation carry currents "
            f"({', '.join(pin.name for pin in built.subcircuit.pins)}); place it in a Circuit of your own"
        )


def _beginning(neuron: Neuron, start: Sequence[float] | None) -> tuple[float, ...]:
    """The states at the beginning in V0, membrane first; the declared ones where not given."""
    refuse_truth_values(f"neuron {neuron.name}", start=start)
    initial = tuple(neuron.initial_state() if start is None else start)
    if len(initial) != len(neuron.states):
        raise CircuitError(
            f"neuron {neuron.name}: start has {len(initial)} values; give {len(neuron.states)}"
        )
    return initial


def _stimulating(
    stimulus: Stimulus, scaling: Scaling, pin: str, edge: float, small_signal: float
) -> CurrentSource:
    """The source of the held current."""
    waveform = HeldWaveform(
        times=tuple(time * scaling.time_unit for time in stimulus.times),
        values=tuple(value * scaling.current_unit for value in stimulus.values),
        edge=edge * scaling.time_unit,
    )
    amplitude = small_signal * scaling.current_unit
    return CurrentSource(
        name=INPUT_SOURCE, source=GROUND, sink=pin, waveform=waveform, small_signal=amplitude,
        note="input current",
    )  # fmt: skip


def _arriving(neuron: Neuron, arrivals: Arrivals, scaling: Scaling) -> tuple[Device, ...]:
    """The source of the charges that arrive; none where none does."""
    if not arrivals.times:
        return ()
    state = arrival_state(neuron)
    if state is None:
        raise CircuitError(f"neuron {neuron.name}: it declares no arrivals; drive it by the stimulus")
    capacity = float(state.capacity.subs(neuron.substitutions()))
    charges = [weight * capacity * scaling.current_unit for weight in arrivals.weights]
    waveform = pulse_train(arrivals.times, charges, scaling=scaling)
    return (
        CurrentSource(name="i_arrivals", source=GROUND, sink=state.name, waveform=waveform, note="arrivals"),
    )


def supplies(realisation: Realisation) -> tuple[VoltageSource, ...]:
    """One source for each supply pin; ground is midway between the rails."""
    return tuple(
        VoltageSource(name=f"v_{pin}", positive=pin, negative=GROUND, waveform=value, note="supply")
        for pin, value in realisation.supplies.items()
    )
