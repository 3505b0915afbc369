"""A circuit held to its trained model in a test: spikes, waveforms, decisions, or an error that says what differs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike

from circuits.data.circuit import CircuitError
from circuits.realisations import Level, Trim
from circuits.technologies import Technology
from conductance.events import EventNetwork, Spikes
from conductance.files import whole_file
from conductance.networks import Network
from conductance.neurons.base import Neuron
from conductance.stimulus import Stimulus
from conductance.tasks.decisions import Decision
from excitable.checks.decisions import Reference
from excitable.checks.events import EventCheck, check_events
from excitable.checks.network import NetworkCheck, check_network
from excitable.checks.neuron import CircuitCheck, check_circuit
from netlists.comparison import NeuronComparison

SHOWN = 5
"""Differences that a message names, those of the time step and of decisions first."""


Check = CircuitCheck | NetworkCheck | EventCheck


class CircuitDiffers(AssertionError):
    """A circuit does not do what its model does."""


@overload
def assert_circuit_matches(
    model: Neuron, stimulus: Stimulus | float, *, stop: float, level: Level = ..., tolerance: float = ...,
    start: Sequence[float] | None = ..., technology: Technology | None = ...,
    trims: Mapping[str, Trim] | None = ..., spikes: bool = ..., figure: Path | str | None = ...,
    simulator: str = ..., against: Reference = ..., dt: float | None = ..., method: str | None = ...,
) -> CircuitCheck: ...  # fmt: skip


@overload
def assert_circuit_matches(
    model: Network, stimulus: np.ndarray, *, level: Level = ..., tolerance: float = ...,
    technology: Technology | None = ..., trims: Mapping[str, Trim] | None = ..., spikes: bool = ...,
    figure: Path | str | None = ..., simulator: str = ..., against: Reference = ..., labels: ArrayLike | None = ...,
    targets: ArrayLike | None = ..., mask: ArrayLike | None = ..., decision: Decision | None = ...,
) -> NetworkCheck: ...  # fmt: skip


@overload
def assert_circuit_matches(
    model: EventNetwork, stimulus: Spikes, *, tolerance: float = ..., spikes: bool = ..., simulator: str = ...,
    against: Reference = ..., labels: ArrayLike | None = ...,
) -> EventCheck: ...  # fmt: skip


def assert_circuit_matches(
    model: Neuron | Network | EventNetwork, stimulus: Stimulus | float | np.ndarray | Spikes, *,
    stop: float | None = None, level: Level = "behavioural", tolerance: float = 0.02,
    start: Sequence[float] | None = None, technology: Technology | None = None,
    trims: Mapping[str, Trim] | None = None, spikes: bool = True, figure: Path | str | None = None,
    simulator: str = "ngspice", against: Reference = "model", dt: float | None = None, method: str | None = None,
    labels: ArrayLike | None = None, targets: ArrayLike | None = None, mask: ArrayLike | None = None,
    decision: Decision | None = None,
) -> CircuitCheck | NetworkCheck | EventCheck:  # fmt: skip
    """Simulate the circuit of a neuron or of a network, and raise unless it does what the trained model does.

    Args:
        model: an event-free declaration, a network of such neurons with its readout, or an event-based network. A
            filter or leak that is declared as linear stays linear at every level, so declare `filter_limit` = 1 for
            follower-integrators.
        stimulus: of a neuron, current in current units over time in tau_m, a number is held for ever; of a network,
            its inputs (time, feature) or (time, trial, feature), each held for the network's time step; of an
            event-based one its input spikes.
        stop: end, in tau_m; of a neuron only.
        level: behavioural, macromodel or transistor.
        tolerance: largest rms difference of each membrane voltage and of each output, over the standard deviation of
            the reference's. Spikes that come late count heavily: 0.02 suits the behavioural level over some periods
            and a small dt. Of an event-based network, the largest median time error in tau.
        start: initial states in V0, membrane first; the declared ones where not given; of a neuron only.
        technology: of the amplifiers; where none is given `generic_180nm` for transistors, else `ideal`.
        trims: of a calibration. Where none are given, networks of amplifiers and neurons of transistors are calibrated.
        spikes: whether every spike must have a partner within two tau_m, on both sides.
        figure: PNG or SVG file that is drawn where they differ.
        simulator: ngspice, vacask, or auto.
        against: `model` holds the circuit to what is trained: the network in its own steps of dt, with its decision in
            each trial; of a neuron the layer with `dt`, or the equation where none is given. `equation` holds it to the
            differential equations, which tests the netlist alone.
        dt: of a neuron only: step of its layer in tau_m.
        method: of a neuron only: update rule of its layer.
        labels: of a network only, see `check_network`, as the next three.
        targets: what outputs should follow.
        mask: where outputs count.
        decision: how outputs become a class.

    Returns:
        What was measured.

    Raises:
        CircuitDiffers: they differ; the message has the numbers, and says first where the time step makes them.
        CircuitError: the model has no circuit, or arguments of the other kind of model.
        SimulatorMissing, SimulationFailed: ngspice.
    """
    built: dict[str, Any] = {"level": level, "technology": technology, "trims": trims, "simulator": simulator}
    given: dict[str, Any] = {"labels": labels, "targets": targets, "mask": mask, "decision": decision}
    if isinstance(model, EventNetwork):
        return _events_match(model, stimulus, against, tolerance, spikes, labels=labels, simulator=simulator)
    check: CircuitCheck | NetworkCheck
    if isinstance(model, Network):
        _check_for_network(stimulus, (stop, start, dt, method))
        check = check_network(model, stimulus, **built, **given)  # type: ignore[arg-type]
        subject, faults = "network", _output_faults(check, against, tolerance)
    else:
        if isinstance(stimulus, np.ndarray | Spikes) or stop is None:
            raise CircuitError(f"neuron {model.name}: give a Stimulus, and its end stop = ... in tau_m")
        if any(value is not None for value in given.values()):
            raise CircuitError(f"neuron {model.name}: labels, targets, mask and decision are of networks")
        check = check_circuit(model, stimulus, stop, start=start, dt=dt, method=method, **built)
        subject, faults = f"neuron {model.name}", []
    faults += _of_neurons(check, against, tolerance, spikes)
    if faults and against == "model" and check.dominance:
        faults.insert(0, check.dominance)
    _hold(check, f"{subject}, {level} level", faults, figure)
    return check


def _check_for_network(stimulus: object, of_neurons: tuple[object, ...]) -> None:
    """Raise for a stimulus that is no array, or arguments that are of a neuron alone."""
    if not isinstance(stimulus, np.ndarray) or any(each is not None for each in of_neurons):
        raise CircuitError(
            "a network takes its inputs as an array (time, feature) in place of a stimulus, and runs over all of "
            "them from its own initial state with its own dt and rules: give no stop, start, dt or method"
        )


def _events_match(
    model: EventNetwork, stimulus: object, against: Reference, tolerance: float, spikes: bool, *,
    labels: ArrayLike | None, simulator: str,
) -> EventCheck:  # fmt: skip
    """The check of an event-based network; `CircuitDiffers` where it fails."""
    if not isinstance(stimulus, Spikes):
        raise CircuitError("an event-based network takes its input spikes, as Spikes.of_trains makes them")
    found = check_events(model, stimulus, labels=labels, simulator=simulator)
    _hold(found, "event network, behavioural level", found.faults(against, tolerance, spikes), None)
    return found


def _of_neurons(
    check: CircuitCheck | NetworkCheck, against: Reference, tolerance: float, spikes: bool
) -> list[str]:
    """What is wrong with each neuron, under its name where there are several."""
    neurons = check.compared(against).neurons
    return [
        f"{found.neuron}: {fault}" if len(neurons) > 1 else fault
        for found in neurons
        for fault in _faults(found, tolerance, spikes)
    ]


def _hold(check: Check, subject: str, faults: list[str], figure: Path | str | None) -> None:
    """Raise `CircuitDiffers` where there are faults."""
    if faults:
        more = f"; and {len(faults) - SHOWN} more" if len(faults) > SHOWN else ""
        raise CircuitDiffers(f"{subject}: {'; '.join(faults[:SHOWN])}{more}{_drawn(check, figure)}")


def _faults(found: NeuronComparison, tolerance: float, spikes: bool) -> list[str]:
    """In what a neuron's circuit differs from its equation."""
    faults = []
    if spikes and (found.missing or found.extra):
        faults.append(
            f"{found.missing} spikes of the model are missing and {found.extra} are extra "
            f"({found.reference_spikes} in the model, {found.candidate_spikes} in the circuit)"
        )
    if found.nrmse is None:
        if found.rms_v0 > tolerance:
            faults.append(
                f"the model rests, the circuit is off by {found.rms_v0:.3g} V0 rms (allowed {tolerance:g})"
            )
    elif found.nrmse > tolerance:
        faults.append(
            f"the voltages differ by {found.nrmse:.3g} of their standard deviation (allowed {tolerance:g})"
        )
    return faults


def _output_faults(check: NetworkCheck, against: Reference, tolerance: float) -> list[str]:
    """In what a network's decisions and outputs differ; an output that rests may be off by the tolerance itself."""
    output = check.output_error(against)
    sizes = np.where(np.isnan(output.normalised), output.rms, output.normalised)
    differing = check.judged.differing if against == "model" and check.judged.stated else ()
    faults = [check.judged.line()] if differing else []
    return faults + [
        f"output {k} differs by {size:.3g} of its standard deviation (allowed {tolerance:g})"
        for k, size in enumerate(sizes)
        if size > tolerance
    ]


def _drawn(check: Check, figure: Path | str | None) -> str:
    """Draw the figure where one is wanted; what the message says of it."""
    if figure is None or isinstance(check, EventCheck):
        return ""
    with whole_file(Path(figure)) as part:
        check.figure().savefig(part, dpi=120)
    return f"; figure: {figure}"
