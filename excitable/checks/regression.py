"""A circuit held to its model in a test: spikes and waveforms, or an error that says what differs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import overload

import numpy as np

from circuits.data.circuit import CircuitError
from circuits.realisations import Level, Trim
from circuits.technologies import Technology
from conductance.files import whole_file
from conductance.networks import Network
from conductance.neurons.base import Neuron
from conductance.stimulus import Stimulus
from excitable.checks.network import NetworkCheck, check_network
from excitable.checks.neuron import CircuitCheck, check_circuit
from netlists.comparison import NeuronComparison

SHOWN = 4
"""Differences that a message names."""


class CircuitDiffers(AssertionError):
    """A circuit does not do what its model does."""


@overload
def assert_circuit_matches(
    model: Neuron, stimulus: Stimulus | float, *, stop: float, level: Level = ..., tolerance: float = ...,
    start: Sequence[float] | None = ..., technology: Technology | None = ...,
    trims: Mapping[str, Trim] | None = ..., spikes: bool = ..., figure: Path | str | None = ...,
    simulator: str = ...,
) -> CircuitCheck: ...  # fmt: skip


@overload
def assert_circuit_matches(
    model: Network, stimulus: np.ndarray, *, level: Level = ..., tolerance: float = ...,
    technology: Technology | None = ..., trims: Mapping[str, Trim] | None = ..., spikes: bool = ...,
    figure: Path | str | None = ..., simulator: str = ...,
) -> NetworkCheck: ...  # fmt: skip


def assert_circuit_matches(
    model: Neuron | Network, stimulus: Stimulus | float | np.ndarray, *, stop: float | None = None,
    level: Level = "behavioural", tolerance: float = 0.02, start: Sequence[float] | None = None,
    technology: Technology | None = None, trims: Mapping[str, Trim] | None = None, spikes: bool = True,
    figure: Path | str | None = None, simulator: str = "ngspice",
) -> CircuitCheck | NetworkCheck:  # fmt: skip
    """Simulate the circuit of a neuron or of a network, and raise unless it does what the equation does.

    Args:
        model: an event-free declaration, or a network of such neurons with its readout. A filter or leak that is
            declared as linear stays linear at every level, so declare `filter_limit` = 1 for follower-integrators.
        stimulus: of a neuron, current in current units over time in tau_m, a number is held for ever; of a network,
            its inputs (time, feature), each held for the network's time step.
        stop: end, in tau_m; of a neuron only.
        level: behavioural, macromodel or transistor.
        tolerance: largest rms difference of each membrane voltage and of each output, over the standard deviation of
            the equation's. Spikes that come late count heavily: 0.02 suits the behavioural level over some periods.
        start: initial states in V0, membrane first; the declared ones where not given; of a neuron only.
        technology: of the amplifiers; where none is given `generic_180nm` for transistors, else `ideal`.
        trims: of a calibration. Where none are given, networks of amplifiers and neurons of transistors are calibrated.
        spikes: whether every spike must have a partner within two tau_m, on both sides.
        figure: PNG or SVG file that is drawn where they differ.
        simulator: ngspice, vacask, or auto.

    Returns:
        What was measured.

    Raises:
        CircuitDiffers: they differ; the message has the numbers.
        CircuitError: the model has no circuit, or arguments of the other kind of model.
        SimulatorMissing, SimulationFailed: ngspice.
    """
    check: CircuitCheck | NetworkCheck
    if isinstance(model, Network):
        if not isinstance(stimulus, np.ndarray) or stop is not None or start is not None:
            raise CircuitError(
                "a network takes its inputs as an array (time, feature) in place of a stimulus, and runs over all of "
                "them from its own initial state: give neither stop nor start"
            )
        check = check_network(
            model, stimulus, level=level, technology=technology, trims=trims, simulator=simulator
        )
        subject, faults = "network", _output_faults(check, tolerance)
    else:
        if isinstance(stimulus, np.ndarray) or stop is None:
            raise CircuitError(f"neuron {model.name}: give a Stimulus, and its end stop = ... in tau_m")
        check = check_circuit(
            model,
            stimulus,
            stop,
            start=start,
            level=level,
            technology=technology,
            trims=trims,
            simulator=simulator,
        )
        subject, faults = f"neuron {model.name}", []
    several = len(check.comparison.neurons) > 1
    for found in check.comparison.neurons:
        prefix = f"{found.neuron}: " if several else ""
        faults += [f"{prefix}{fault}" for fault in _faults(found, tolerance, spikes)]
    if faults:
        more = f"; and {len(faults) - SHOWN} more" if len(faults) > SHOWN else ""
        raise CircuitDiffers(
            f"{subject}, {level} level: {'; '.join(faults[:SHOWN])}{more}{_drawn(check, figure)}"
        )
    return check


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


def _output_faults(check: NetworkCheck, tolerance: float) -> list[str]:
    """In what a network's outputs differ from the equation's; one that rests may be off by the tolerance itself."""
    sizes = np.where(np.isnan(check.output.normalised), check.output.rms, check.output.normalised)
    return [
        f"output {k} differs by {size:.3g} of its standard deviation (allowed {tolerance:g})"
        for k, size in enumerate(sizes)
        if size > tolerance
    ]


def _drawn(check: CircuitCheck | NetworkCheck, figure: Path | str | None) -> str:
    """Draw the figure where one is wanted; what the message says of it."""
    if figure is None:
        return ""
    with whole_file(Path(figure)) as part:
        check.figure().savefig(part, dpi=120)
    return f"; figure: {figure}"
