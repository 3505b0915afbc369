"""What Python answers to the page: netlist and schematic, ngspice's trace, the regime by its protocol."""

import base64
from functools import lru_cache
from typing import Any

import numpy as np

from circuits.data.circuit import Circuit
from circuits.data.scaling import Scaling
from circuits.data.values import CircuitError
from circuits.networks.single import neuron_circuit
from circuits.realisations import Realisation, realise
from circuits.realisations.forms import arrival_state, event_form
from circuits.realisations.interface import OUTPUT
from circuits.schematic import schematic
from conductance.neurons.base import Neuron
from conductance.neurons.spiking import spike_threshold
from conductance.shaping.integrate import at_most
from conductance.shaping.regimes import classify
from conductance.stimulus import Stimulus
from excitable.ladder.accuracy import accuracy, chosen_simulator
from excitable.studio.questions import Question
from netlists.analyses import Tolerances, Transient
from netlists.comparison.crossings import count_upward_crossings
from netlists.netlist import Netlist
from netlists.simulation import known_simulator, simulate
from netlists.vacask.ahead import Ahead
from netlists.vacask.simulator import SIMULATOR as VACASK
from netlists.writing import write_netlist

RELATIVE_OF_SWITCHES = 1e-6
"""Where a switch resets the membrane: at 1e-7 ngspice finds no step that is short enough."""
EMPTY = 1e-3
"""An output in V that never rises above this has no pulse."""
EVALUATIONS = 400_000
"""Of the equation for a regime: the slowest preset takes 160 000."""
PATIENCE = 8.0
"""Seconds that ngspice has for a trace."""
SHOWN = 4000
"""Points of a trace that are sent to the page."""
KEPT = 64
"""Circuits of declarations that are kept."""


def describe(question: Question) -> dict[str, Any]:
    """The netlist with its test bench and the schematic, or in words why there are none."""
    try:
        circuit = _circuit(question)
    except CircuitError as error:
        return {"spice": f"* {error}\n", "schematic_problem": str(error)}
    files = _netlist(question, circuit).files
    found = {"spice": "\n".join(f"* file {name}\n{text}" for name, text in files.items())}
    try:
        return {**found, "schematic": picture(schematic(circuit, "xn"))}
    except CircuitError as error:
        return {**found, "schematic_problem": str(error)}


def overlay(question: Question, simulator: str = "ngspice", ahead: Ahead | None = None) -> dict[str, Any]:
    """The membrane by a simulator: `time` in tau_m, `voltage` in V0, and in words what was run.

    Where `ahead` is given, VACASK answers in the process that waits there.

    Raises:
        CircuitError: the neuron has no circuit. SimulatorMissing, SimulationFailed: ngspice.
    """
    event_form(question.neuron)
    circuit = _circuit(question, _derived(question.declared, question.scaling))
    program = chosen_simulator(simulator, "behavioural")
    netlist = _netlist(question, circuit, program)
    if ahead is not None and program == VACASK.name:
        run = ahead.simulate(netlist, time_limit=PATIENCE)
    else:
        run = simulate(netlist, simulator=program, time_limit=PATIENCE)
    waveforms = run.require()
    time = waveforms["time"].to_numpy() / question.scaling.time_unit
    voltages = waveforms["voltage"].sel(node=list(circuit.probes)).to_numpy()
    node = dict(zip(circuit.probes, voltages.T, strict=True))
    voltage = node[circuit.probes[0]] / question.scaling.voltage_unit
    kept = np.unique(np.linspace(0, time.size - 1, min(SHOWN, time.size)).astype(int))
    return {
        "time": np.round(time[kept], 4).tolist(),
        "voltage": np.round(voltage[kept], 5).tolist(),
        "words": f"{program}: {_counted(question, voltage, node[OUTPUT])} in {run.seconds:.2f} s",
    }


def _counted(question: Question, voltage: np.ndarray, output: np.ndarray) -> str:
    """How often the circuit fired: pulses of its output, or where it has no event, crossings of the membrane."""
    neuron = question.neuron
    if neuron.event is not None:
        pulses = count_upward_crossings(output, threshold=max(float(output.max()) / 2, EMPTY))
        return f"{pulses} spikes"
    spikes = count_upward_crossings(voltage, threshold=spike_threshold(neuron))
    return f"{spikes} upward crossings of the output's threshold"


def regime(question: Question) -> dict[str, Any]:
    """The regime at the last held input, found by the package's protocol."""
    with at_most(EVALUATIONS):
        found = classify(question.neuron, question.stimulus.values[-1], start=question.start)
    return {"regime": str(found.regime), "reason": found.reason}


@lru_cache(KEPT)
def _derived(declared: Neuron, scaling: Scaling) -> Realisation:
    """The circuit of a declaration, derived once: its instance has the values that the page asks for."""
    return realise(declared, scaling=scaling)


def _circuit(question: Question, built: Realisation | None = None) -> Circuit:
    """The neuron with its input; where charges arrive, a current into the synapse holds it at the drawn one."""
    neuron, stimulus = question.neuron, question.stimulus
    synapse = arrival_state(neuron)
    if synapse is not None:
        decay = -float(synapse.total.subs(neuron.substitutions()).subs(synapse.symbol, 1.0))
        stimulus = Stimulus(stimulus.times, tuple(decay * value for value in stimulus.values))
    return neuron_circuit(
        neuron, stimulus, scaling=question.scaling, start=question.start,
        pin=None if synapse is None else synapse.name, realisation=built,
    )  # fmt: skip


def _netlist(question: Question, circuit: Circuit, simulator: str = "ngspice") -> Netlist:
    units, exact = question.scaling, accuracy(simulator, "behavioural")
    return write_netlist(
        circuit,
        Transient(stop=question.duration * units.time_unit, max_step=exact.max_step * units.time_unit),
        Tolerances.scaled(
            voltage_unit=units.voltage_unit,
            current_unit=units.current_unit,
            capacitance=units.capacitance,
            relative=exact.relative if question.neuron.event is None else RELATIVE_OF_SWITCHES,
        ),
        dialect=known_simulator(simulator).dialect,
    )


def picture(svg: str) -> str:
    """An SVG as the page takes it: as an image, in which no script runs."""
    return base64.b64encode(svg.encode()).decode()
