"""A trained event-based QIF network as a circuit: how far ngspice is from the model, spike by spike.

The network is trained with the ideal peak at infinity. Its circuit has a finite peak and reset, which the declaration
carries: against the equation with the same two the circuit is checked, against the ideal one the shift is predicted.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
from safetensors.torch import load_file, save_file

from conductance.events import EventLayer, EventNetwork, Spikes
from conductance.neurons import qif
from conductance.storage import whole_file, write_whole
from conductance.tasks import EventData, YinYang
from conductance.training.events import EventTraining, score, train_classifier
from excitable.ladder.events import (
    WINDOW,
    EventCircuitOptions,
    EventComparison,
    compare_events,
    declared_events,
    exact_events,
    simulate_events,
)
from studies.base import Runner

HIDDEN, INPUTS, CLASSES = 30, 5, 3
END = 5.0
"""Duration of a trial in tau, so that an output spike inside it decides."""
Record = Mapping[str, Spikes]


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What the study spends.

    Attributes:
        train_samples: of Yin-Yang.
        epochs: of training.
        samples: held-out trials that are simulated.
        peaks: peak voltages V_p of the circuits, in V0, the one that is proposed first; the reset is at -V_p.
    """

    train_samples: int
    epochs: int
    samples: int
    peaks: tuple[float, ...]


BUDGETS: Mapping[str, Budget] = MappingProxyType(
    {
        "reduced": Budget(train_samples=5000, epochs=40, samples=50, peaks=(50.0, 10.0, 20.0, 100.0, 200.0)),
        "smoke": Budget(train_samples=40, epochs=1, samples=2, peaks=(10.0,)),
    }
)
"""`reduced` ends within ten minutes on one core."""


@dataclass(frozen=True, kw_only=True)
class Shift:
    """How much earlier than the ideal model's the circuit's n-th spikes in a trial come, in tau.

    Attributes:
        layer: name.
        number: n, from 1.
        spikes: how many there are.
        measured: the median.
        predicted: by the formula for one neuron under unchanged input; None behind a layer that is itself early.
    """

    layer: str
    number: int
    spikes: int
    measured: float
    predicted: float | None


@dataclass(frozen=True, kw_only=True)
class PeakResult:
    """The circuit of one peak against the declared equation and against the ideal model."""

    peak: float
    declared: EventComparison
    ideal: EventComparison
    shifts: tuple[Shift, ...]
    declared_spikes: Record
    circuit_spikes: Record


@dataclass(frozen=True, kw_only=True)
class StudyResult:
    """The whole study: test accuracy and decided share of the ideal model, and every peak's result."""

    budget: Budget
    accuracy: float
    decided: float
    labels: torch.Tensor
    ideal_spikes: Record
    peaks: tuple[PeakResult, ...]


def network_of(peak: float, *, seed: int = 0) -> EventNetwork:
    """The untrained 5-30-3 network of QIF neurons with that peak, in double precision."""
    shared = {
        "generator": torch.Generator().manual_seed(seed), "sharpness": 1.0,
        "trainable": ("weight", "initial_voltage"),
    }  # fmt: skip
    neuron = qif(V_peak=peak)
    layers = {
        "hidden": EventLayer(neuron, INPUTS, HIDDEN, mean=4.0, spread=4.0, **shared),  # type: ignore[arg-type]
        "output": EventLayer(neuron, HIDDEN, CLASSES, mean=5.0, spread=5.0, **shared),  # type: ignore[arg-type]
    }
    return EventNetwork(layers).double()


def early_by(peak: float, number: int, *, tau: float = 1.0) -> float:
    """How much earlier than with an infinite peak and reset a neuron's spike `number` (from 1) comes, in tau.

    The first one from rest by tau ln(V_p/(V_p - 1)), each later one by tau ln((V_p + 1)/(V_p - 1)) more, where the
    current is small against V_p^2 (docs/models.md, section 2).
    """
    return tau * (math.log(peak / (peak - 1)) + (number - 1) * math.log((peak + 1) / (peak - 1)))


def run_study(budget: Budget, runner: Runner) -> StudyResult:
    """Train, simulate and compare; a network that is in the folder already is not trained again.

    Args:
        budget: what it spends.
        runner: its folder receives the trained network, each trial's netlist and waveforms, and `comparison.json`;
            its executor runs the simulations.

    Raises:
        SimulatorMissing, SimulationFailed: ngspice.
    """
    data = YinYang(train_samples=budget.train_samples, end=END).generate()
    weights = _trained(budget, data, runner)
    held_out = data.test.select(range(budget.samples))
    ideal = _loaded(budget.peaks[0], weights)
    reached = score(ideal, data.test)
    ideal_spikes = exact_events(ideal, held_out.spikes)
    results = [
        _simulated(peak, _loaded(peak, weights), held_out.spikes, ideal_spikes, runner)
        for peak in budget.peaks
    ]
    found = StudyResult(
        budget=budget, accuracy=reached.accuracy, decided=reached.decided, labels=held_out.labels,
        ideal_spikes=ideal_spikes, peaks=tuple(results),
    )  # fmt: skip
    text = json.dumps(_summary(found), indent=1, allow_nan=False) + "\n"
    write_whole(runner.folder / "comparison.json", text)
    return found


def _simulated(
    peak: float, network: EventNetwork, inputs: Spikes, ideal: Record, runner: Runner
) -> PeakResult:
    """One peak's circuit against the equation that declares the peak, and against the ideal model."""
    declared = declared_events(network, inputs, progress=runner.counted(f"equation, peak {peak:g}"))
    circuit = simulate_events(
        network, inputs, EventCircuitOptions(), executor=runner.executor,
        progress=runner.counted(f"circuit, peak {peak:g}"), keep=runner.folder / f"peak_{peak:g}",
    )  # fmt: skip
    return PeakResult(
        peak=peak, declared=compare_events(declared, circuit, name="the declared equation"),
        ideal=compare_events(ideal, circuit, name="the ideal model", window=WINDOW + early_by(peak, 2)),
        shifts=tuple(shifts(ideal, circuit, peak)), declared_spikes=declared, circuit_spikes=circuit,
    )  # fmt: skip


def _trained(budget: Budget, data: EventData, runner: Runner) -> dict[str, torch.Tensor]:
    """The trained weights, read from the folder where they are."""
    path = runner.folder / "network.safetensors"
    if not path.exists():
        network = network_of(budget.peaks[0])
        step = runner.counted("training")
        train_classifier(
            network, data, EventTraining(epochs=budget.epochs, regulariser=0.03),
            report=None if step is None else lambda record: step(record.epoch + 1, budget.epochs),
        )  # fmt: skip
        with whole_file(path) as part:
            save_file(network.state_dict(), part)
    return load_file(path)


def _loaded(peak: float, weights: Mapping[str, torch.Tensor]) -> EventNetwork:
    network = network_of(peak)
    network.load_state_dict(dict(weights))
    return network


def shifts(ideal: Record, circuit: Record, peak: float) -> list[Shift]:
    """The circuit's n-th spikes against the ideal model's, by layer, for the n that occur in both."""
    first = next(iter(ideal))
    found = []
    for label in ideal:
        (ours, there), (theirs, too) = ideal[label].by_neuron(), circuit[label].by_neuron()
        for number in range(1, min(len(ours), len(theirs)) + 1):
            both = there[number - 1] & too[number - 1]
            if not bool(both.any()):
                continue
            earlier = (ours[number - 1] - theirs[number - 1])[both]
            found.append(
                Shift(
                    layer=label, number=number, spikes=int(both.sum()), measured=float(earlier.median()),
                    predicted=early_by(peak, number) if label == first else None,
                )
            )  # fmt: skip
    return found


def _summary(study: StudyResult) -> dict[str, object]:
    """What is kept of the comparison, as JSON data."""
    return {
        "accuracy": study.accuracy,
        "decided": study.decided,
        "peaks": [
            {
                "peak": result.peak,
                **{
                    name: {
                        "spikes": found.spikes, "missing": found.missing, "extra": found.extra,
                        "median_error_tau": found.median_error if len(found.errors) else None,
                        "same_class": found.same_class, "decided": found.decided, "trials": found.trials,
                    }
                    for name, found in (("declared", result.declared), ("ideal", result.ideal))
                },
                "shifts": [vars(shift) for shift in result.shifts],
            }
            for result in study.peaks
        ],
    }  # fmt: skip
