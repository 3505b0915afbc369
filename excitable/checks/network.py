"""One network, checked: the trained model, its equation and its circuit on the same inputs, and what they decide."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from circuits.data.circuit import CircuitError
from circuits.data.levels import check_level
from circuits.realisations import Level, Trim
from circuits.technologies import Technology, chosen_technology
from conductance.layers import NeuronLayer
from conductance.networks import Network
from conductance.shaping.figures.palette import colour
from conductance.tasks.decisions import Decision
from excitable.checks.decisions import Judged, Reference, aim_of, check_finite, judged, numbers_of
from excitable.ladder.accuracy import accuracy, chosen_simulator
from excitable.ladder.calibration import calibrated
from excitable.ladder.options import CircuitOptions
from excitable.ladder.rungs import Waveforms, continuous_rung, discrete_rung, layer_threshold, spiking_layers
from excitable.ladder.series import WINDOW, simulate_trials
from excitable.ladder.steps import NOTICED, called, dominance
from netlists.comparison import Ladder, Rung, RungComparison, WaveformError, compare, waveform_error

DRAWN = 5
"""Neurons that a figure shows."""


@dataclass(frozen=True, kw_only=True)
class NetworkCheck:
    """A network as it was trained, by its equation and by its circuit.

    Of several trials all waveforms lie side by side, and a neuron's name begins with its trial.

    Attributes:
        model: membranes and outputs of the trained network, in its steps of dt by its update rules.
        equation: those of the differential equations.
        circuit: those of the netlist.
        ladder: these three rungs, neuron by neuron: rms errors, spike counts, matched spikes and their time errors.
        judged: what each rung decides, or how far it is from the targets.
        simulator: which simulated the circuit.
    """

    model: Waveforms
    equation: Waveforms
    circuit: Waveforms
    ladder: Ladder
    judged: Judged
    simulator: str = "ngspice"

    @property
    def comparison(self) -> RungComparison:
        """The circuit against the trained model."""
        return self.compared("model")

    @property
    def output(self) -> WaveformError:
        """Errors of the circuit's outputs against the trained model's."""
        return self.output_error("model")

    def compared(self, reference: Reference) -> RungComparison:
        """The circuit against the trained model or against the equation."""
        return self.ladder.between(self._rung(reference).rung, self.circuit.rung)

    def output_error(self, reference: Reference) -> WaveformError:
        """Errors of the circuit's outputs against those of the trained model or of the equation."""
        rung = self._rung(reference)
        # the model has no output before its first step
        first = 1 if reference == "model" else 0
        return waveform_error(rung.time[first:], rung.output[first:], self.circuit.time, self.circuit.output)

    @property
    def dominance(self) -> str:
        """That the time step makes most of the difference, and what helps; empty where it does not."""
        noticed = bool(self.judged.differing) or bool((self.output.normalised > NOTICED).any())
        return dominance(self.ladder, noticed=noticed)

    def _rung(self, reference: Reference) -> Waveforms:
        return self.model if reference == "model" else self.equation

    def __str__(self) -> str:
        """One sentence a line: a time step that dominates first, what is decided last."""
        lines = (
            self.dominance,
            self._sentence("model"),
            self._sentence("equation"),
            self.judged.line() or self._outputs(),
        )
        return "\n".join(line for line in lines if line)

    def _sentence(self, reference: Reference) -> str:
        found, output = self.compared(reference), self.output_error(reference)
        unsure = sum(neuron.undecided for neuron in found.neurons)
        undecided = f", {unsure} undecided" if unsure else ""
        return (
            f"{called(found.reference)} and {called(found.candidate)}, {len(found.neurons)} neurons: {found.matched} "
            f"spikes matched, {found.missing} missing, {found.extra} extra{undecided}; voltages differ by up to "
            f"{found.worst_rms_v0:.2g} V0 rms, outputs by up to {output.rms.max():.2g}."
        )

    def _outputs(self) -> str:
        sizes = self.output.normalised
        if np.isnan(sizes).all():
            return f"The outputs rest; the circuit's differ from the model's by {self.output.rms.max():.2g}."
        return f"The circuit's outputs differ from the model's by up to {np.nanmax(sizes):.2g} of their deviation."

    def figure(self) -> Figure:
        """All three over time: the neurons that differ most, and the outputs below."""
        worst = sorted(range(len(self.model.neurons)), key=lambda k: -self.comparison.neurons[k].rms_v0)
        rungs = (self.model, self.equation, self.circuit)
        rows = [(self.model.neurons[k], *(rung.membrane[:, k] for rung in rungs)) for k in worst[:DRAWN]]
        rows += [
            (f"output {k}", *(rung.output[:, k] for rung in rungs))
            for k in range(min(DRAWN, self.model.output.shape[1]))
        ]
        figure = Figure(figsize=(8, 1.5 * len(rows) + 1), layout="constrained")
        grid = figure.subplots(len(rows), 1, sharex=True, squeeze=False)[:, 0]
        looks = (
            ("model", self.model.time, {"color": colour("model"), "linewidth": 2.5, "alpha": 0.5}),
            ("equation", self.equation.time, {"color": colour("equation"), "linewidth": 1.2}),
            (
                f"circuit ({self.simulator})",
                self.circuit.time,
                {"color": colour("circuit"), "linewidth": 0.9},
            ),
        )
        for axes, (name, *curves) in zip(grid, rows, strict=True):
            for (label, time, look), curve in zip(looks, curves, strict=True):
                axes.plot(time, curve, label=label, **look)
            axes.set(ylabel=name)
            axes.spines[["top", "right"]].set_visible(False)
        grid[0].legend(loc="upper right", frameon=False, ncols=3)
        grid[-1].set(xlabel="time / tau_m")
        figure.suptitle(str(self), fontsize="small")
        return figure


def check_network(
    network: Network, inputs: np.ndarray, *, labels: ArrayLike | None = None, targets: ArrayLike | None = None,
    mask: ArrayLike | None = None, decision: Decision | None = None, level: Level = "behavioural",
    technology: Technology | None = None, trims: Mapping[str, Trim] | None = None, simulator: str = "ngspice",
) -> NetworkCheck:  # fmt: skip
    """Simulate a network's circuit in ngspice beside the trained model and its differential equations.

    Args:
        network: projections and event-free neuron layers, as trained.
        inputs: (time, feature), or (time, trial, feature), dimensionless; each is held for the network's own time step.
        labels: the class of each trial, of a classifier.
        targets: what the outputs should follow, of a regression: (time, feature) or (time, trial, feature).
        mask: where outputs count, bool: (time,) or (time, trial); everywhere where not given.
        decision: how a classifier's outputs become a class: mean, last, max or count; mean where only labels are given.
        level: behavioural, macromodel or transistor, of all neurons.
        technology: of the amplifiers; where none is given `generic_180nm` for transistors, else `ideal`.
        trims: of a calibration; where none are given, amplifiers are calibrated first, as `excitable simulate` does.
        simulator: ngspice, vacask, or auto.

    Raises:
        CircuitError: the network has no circuit, inputs of another width, or labels, targets or mask of another shape.
        SimulatorMissing, SimulationFailed: ngspice.
    """
    check_level(level)
    layers = spiking_layers(network)
    if not layers:
        raise CircuitError("the network has no layer of spiking neurons, so there is nothing to compare")
    trials, outputs = _trials(inputs), _outputs(network)
    aim = aim_of(
        len(inputs), len(trials), outputs, labels=labels, targets=targets, mask=mask, decision=decision
    )
    options = _options(network, level, technology, trims, simulator)
    dt = network.dt
    found = {
        "discrete": [discrete_rung(network, each, dt=dt) for each in trials],
        "continuous": [continuous_rung(network, each, dt=dt) for each in trials],
        level: simulate_trials(network, trials, dt=dt, options=options),
    }
    model, equation, circuit = (_side_by_side(each) for each in found.values())
    predictions = {name: [rung.prediction(dt, len(inputs)) for rung in each] for name, each in found.items()}
    verdict = judged(aim, predictions)
    rungs = [
        Rung(
            name=rung.rung, time=rung.time, voltage=rung.membrane, neurons=rung.neurons, again=rung.again,
            task_error=verdict.errors.get(rung.rung),
        )
        for rung in (model, equation, circuit)
    ]  # fmt: skip
    threshold = layer_threshold(next(iter(layers.values())))
    return NetworkCheck(
        model=model, equation=equation, circuit=circuit,
        ladder=compare(rungs, window=WINDOW, step=dt, threshold=threshold), judged=verdict,
        simulator=options.simulator,
    )  # fmt: skip


def _options(
    network: Network, level: Level, technology: Technology | None, trims: Mapping[str, Trim] | None, simulator: str
) -> CircuitOptions:  # fmt: skip
    """How the circuit is built and simulated: tightly, its amplifiers calibrated where no trims are given."""
    chosen = chosen_technology(technology, level)
    program = chosen_simulator(simulator, level)
    tight = accuracy(program, level, tight=True)
    options = CircuitOptions(
        scaling=chosen.scaling(), levels=level, technology=chosen, trims=trims or {}, simulator=program,
        relative=tight.relative, max_step=tight.max_step,
    )  # fmt: skip
    if trims is None:
        options, _ = calibrated(network, options)
    return options


def _trials(inputs: np.ndarray) -> list[np.ndarray]:
    """The inputs (time, feature) of each trial."""
    values = numbers_of(inputs, "inputs")
    if values.ndim not in (2, 3) or not values.size:
        raise CircuitError(
            f"inputs have shape {values.shape}; give (time, feature), or (time, trial, feature) of several trials"
        )
    trials = values[:, None] if values.ndim == 2 else values
    check_finite(trials, "inputs")
    return list(trials.swapaxes(0, 1))


def _outputs(network: Network) -> int:
    """How many outputs the network has."""
    last = list(network.chain.values())[-1]
    return last.size if isinstance(last, NeuronLayer) else last.outputs


def _side_by_side(trials: Sequence[Waveforms]) -> Waveforms:
    """Waveforms of several trials as those of as many times the neurons; of a single trial as they are."""
    first = trials[0]
    if len(trials) == 1:
        return first
    again = None if first.again is None else np.concatenate([each.again for each in trials], axis=1)
    return replace(
        first,
        membrane=np.concatenate([each.membrane for each in trials], axis=1),
        output=np.concatenate([each.output for each in trials], axis=1),
        neurons=tuple(f"trial_{k}/{name}" for k, each in enumerate(trials) for name in each.neurons),
        again=again,
    )
