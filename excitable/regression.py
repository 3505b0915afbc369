"""A circuit held to its model in a test: spikes and waveforms, or an error that says what differs."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from circuits.realisations import Level, Trim
from circuits.technologies import Technology
from conductance.neurons.base import Neuron
from conductance.stimulus import Stimulus
from conductance.storage.files import whole_file
from excitable.check import CircuitCheck, check_circuit


class CircuitDiffers(AssertionError):
    """A circuit does not do what its model does."""


def assert_circuit_matches(
    model: Neuron, stimulus: Stimulus, *, stop: float, level: Level = "behavioural", tolerance: float = 0.02,
    start: Sequence[float] | None = None, technology: Technology | None = None,
    trims: Mapping[str, Trim] | None = None, spikes: bool = True, figure: Path | str | None = None,
) -> CircuitCheck:  # fmt: skip
    """Simulate a neuron's circuit in ngspice, and raise unless it does what the equation does.

    Args:
        model: an event-free declaration. A filter or leak that it declares as linear stays linear at every level, so
            declare `filter_limit` = 1 for follower-integrators.
        stimulus: current in current units over time in tau_m.
        stop: end, in tau_m.
        level: behavioural, macromodel or transistor.
        tolerance: largest rms difference of the voltages, over the standard deviation of the equation's. Spikes
            that come late count heavily: 0.02 suits the behavioural level over some periods.
        start: initial states in V0, membrane first; the declared ones where not given.
        technology: of the amplifiers; `ideal` where none is given.
        trims: of a calibration.
        spikes: whether every spike must have a partner within two tau_m, on both sides.
        figure: PNG or SVG file that is drawn where they differ.

    Returns:
        What was measured.

    Raises:
        CircuitDiffers: they differ; the message has the numbers.
        CircuitError: the neuron has no circuit. SimulatorMissing, SimulationFailed: ngspice.
    """
    check = check_circuit(model, stimulus, stop, start=start, level=level, technology=technology, trims=trims)
    (found,) = check.comparison.neurons
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
    if faults:
        raise CircuitDiffers(
            f"neuron {model.name}, {level} level: " + "; ".join(faults) + _drawn(check, figure)
        )
    return check


def _drawn(check: CircuitCheck, figure: Path | str | None) -> str:
    """Draw the figure where one is wanted; what the message says of it."""
    if figure is None:
        return ""
    with whole_file(Path(figure)) as part:
        check.figure().savefig(part, dpi=120)
    return f"; figure: {figure}"
