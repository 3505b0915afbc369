"""A layout checked: what was extracted of it beside the drawn circuit and the equation, in one bench."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure

from circuits.technologies import Technology, chosen_technology
from conductance.neurons.base import Neuron
from conductance.neurons.spiking import spike_threshold
from conductance.shaping.figures.palette import colour
from conductance.stimulus import Stimulus
from excitable.checks.neuron import WINDOW, CircuitCheck, check_circuit, swept_trims, unmatched
from excitable.ladder.accuracy import chosen_simulator
from netlists.comparison import Rung, RungComparison, compare
from netlists.reading import read_extracted


@dataclass(frozen=True, kw_only=True)
class ExtractedCheck:
    """A neuron's layout beside its drawn circuit: `drawn` and `extracted` against the equation, and `comparison` of the
    one with the other.
    """

    drawn: CircuitCheck
    extracted: CircuitCheck
    comparison: RungComparison

    def __str__(self) -> str:
        (neuron,) = self.comparison.neurons
        late = neuron.max_time_error_tau_m
        pairs = "" if late is None else f", matched within {late:.2g} tau_m"
        return "\n".join(
            [
                f"{unmatched(neuron.missing, neuron.extra, neuron.undecided)}drawn {neuron.reference_spikes} spikes, "
                f"extracted {neuron.candidate_spikes}{pairs}; voltages differ by {neuron.rms_v0:.2g} V0 rms",
                f"drawn: {self.drawn}",
                f"extracted: {self.extracted}",
            ]
        )

    def figure(self) -> Figure:
        """Equation, drawn and extracted circuit over time."""
        figure = Figure(figsize=(8, 2.8), layout="constrained")
        axes = figure.subplots()
        time = self.drawn.time
        axes.plot(time, self.drawn.model, color=colour("model"), linewidth=2.5, alpha=0.5, label="equation")
        axes.plot(time, self.drawn.circuit, color=colour("circuit"), linewidth=0.9, label="drawn")
        axes.plot(
            time,
            self.extracted.circuit,
            color=colour("circuit"),
            linewidth=0.9,
            linestyle="--",
            label="extracted",
        )
        axes.set(xlabel="time / tau_m", ylabel="U_m / V0")
        axes.set_title(str(self).splitlines()[0], loc="left", fontsize=9)
        axes.legend(loc="upper right", frameon=False, ncols=3)
        axes.spines[["top", "right"]].set_visible(False)
        return figure


def check_extracted(
    neuron: Neuron, file: Path | str, stimulus: Stimulus | float, stop: float, *,
    technology: Technology | None = None, start: Sequence[float] | None = None, simulator: str = "ngspice",
) -> ExtractedCheck:  # fmt: skip
    """Simulate a layout's extracted netlist in the bench of the drawn circuit, and compare both.

    Both have the trims of the drawn amplifiers, so what differs is the layout's own.

    Args:
        neuron: an event-free declaration, as mtc.
        file: SPICE of a layout tool; its subcircuits have the names of those that they replace, a cell or the neuron.
        stimulus: current in current units over time in tau_m; a number is held for ever.
        stop: end, in tau_m.
        technology: of the layout; `generic_180nm` where none is given.
        start: initial states in V0, membrane first.
        simulator: ngspice, vacask, or auto.

    Raises:
        NetlistError: a file that cannot be read. CircuitError: a layout with other names or pins.
        SimulatorMissing, SimulationFailed: the simulator.
    """
    chosen = chosen_technology(technology, "transistor")
    found = read_extracted(file, chosen)
    program = chosen_simulator(simulator, "transistor")
    units, trims = swept_trims(neuron, "transistor", chosen, chosen.scaling(), program)

    def checked(name: str, extracted: Sequence) -> CircuitCheck:
        return check_circuit(
            neuron, stimulus, stop, start=start, scaling=units, name=name, level="transistor", technology=chosen,
            trims=trims, simulator=program, extracted=extracted,
        )  # fmt: skip

    drawn, extracted = checked("drawn", ()), checked("extracted", found)
    rungs = [
        Rung(name=name, time=each.time, voltage=each.circuit[:, None], neurons=(neuron.name,))
        for name, each in (("drawn", drawn), ("extracted", extracted))
    ]
    ladder = compare(rungs, window=WINDOW, step=1.0, threshold=spike_threshold(neuron))
    return ExtractedCheck(drawn=drawn, extracted=extracted, comparison=ladder.between("drawn", "extracted"))
