"""The pair from a configuration file and from Python, at every rung; and where its phase goes from any start."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import torch

from conductance.layers import NeuronLayer, Projection, Recurrence
from conductance.networks import Network
from conductance.neurons import mtc
from conductance.neurons.presets import BURSTING
from excitable.config import shipped_text
from excitable.config.overrides import with_values
from excitable.ladder.rungs import Waveforms, discrete_rung, load_waveforms
from excitable.runs.folder import WAVEFORMS
from excitable.runs.series import SeriesRun, train_run
from excitable.runs.stages.series import compare_run, simulate_run
from excitable.trials import Result
from netlists.comparison.crossings import upward_crossings
from studies.base import Runner, settings_of

DT, METHOD, DRIVE, INHIBITION = 0.1, "heun", -1.0, 0.1
STARTS = {"um": (-1.9, -1.0), "us": (-1.8, -1.2), "uus": (-1.8, -1.5)}
SILENCE = 100.0
"""A silence of so long, in tau_m, parts two bursts: within one the intervals are 42 to 46, between two 247."""
SHOWN = 1.0
"""Step of the traces that are kept for the figure, in tau_m."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What the study may spend.

    Attributes:
        samples: steps of the run that is simulated at every rung.
        levels: of its circuits.
        inhibitions: weights of the loops whose phases are followed.
        phases: at which the second neuron starts, as shares of the period.
        periods: for which phases are followed.
    """

    samples: int
    levels: tuple[str, ...]
    inhibitions: tuple[float, ...]
    phases: tuple[float, ...]
    periods: int


BUDGETS: Mapping[str, Budget] = MappingProxyType(
    {
        "reduced": Budget(
            samples=20_000, levels=("behavioural", "macromodel", "transistor"),
            inhibitions=(0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3),
            phases=(0.0, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.48, 0.5, 0.52, 0.6, 0.7, 0.8, 0.9, 0.99), periods=40,
        ),
        "smoke": Budget(
            samples=900, levels=("behavioural",), inhibitions=(0.1,), phases=(0.4, 0.5), periods=4,
        ),
    }
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Rungs:
    """The run of the shipped configuration, at every rung."""

    budget: Budget
    name: str = "rungs"


@dataclass(frozen=True, kw_only=True)
class Phases:
    """Pairs of one inhibition, each from its own phase."""

    budget: Budget
    inhibition: float

    @property
    def name(self) -> str:
        """Its file."""
        return f"phases-{self.inhibition:g}".replace(".", "p")


@dataclass(frozen=True, kw_only=True)
class Found:
    """All that was found."""

    budget: Budget
    rungs: Result
    phases: Mapping[float, Result]


def run_study(budget: Budget, runner: Runner) -> Found:
    """Run what is missing."""
    rungs = runner.run("rungs", [Rungs(budget=budget)], at_every_rung)
    trials = [Phases(budget=budget, inhibition=g) for g in budget.inhibitions]
    phases = runner.run("phases", trials, followed)
    return Found(budget=budget, rungs=rungs["rungs"], phases={t.inhibition: phases[t.name] for t in trials})


def by_hand(inhibition: float = INHIBITION) -> Network:
    """The pair in Python, without the readout and the filter that a configuration's network has."""
    encoder = Projection(1, 2)
    with torch.no_grad():
        encoder.weight.zero_()
        encoder.bias.fill_(DRIVE)
    weights = torch.tensor([[0.0, -inhibition], [-inhibition, 0.0]])
    loop = Recurrence(weights, source="us", trainable=False)
    pair = NeuronLayer(mtc(), 2, dt=DT, method=METHOD, recurrent=loop, initial=STARTS)
    return Network({"encoder": encoder, "hidden": pair})


def spike_times(rung: Waveforms) -> list[list[float]]:
    """Upward crossings of 0 V0 by each neuron, in tau_m."""
    return [times.tolist() for times in upward_crossings(rung.time, rung.membrane)]


def at_every_rung(trial: Rungs) -> Result:
    """Spikes of each neuron at each rung, the same from Python, and the traces of model and circuit."""
    budget = trial.budget
    sizes = [f"{key}={budget.samples}" for key in ("task.held_out_samples", "simulation.samples")]
    text = with_values(shipped_text("half-centre"), sizes, source="half-centre")
    with (
        tempfile.TemporaryDirectory() as folder,
        SeriesRun.begun(Path(folder) / "run", text, source="half-centre") as run,
    ):
        train_run(run)
        simulate_run(run, budget.levels)
        ladder = compare_run(run)
        found = {rung.rung: rung for rung in load_waveforms(run.path / WAVEFORMS)}
    own = discrete_rung(by_hand(), np.zeros((budget.samples, 1)), dt=DT)
    grid = np.arange(0.0, budget.samples * DT, SHOWN)
    return {
        "spikes": {name: spike_times(rung) for name, rung in found.items()},
        "rms": {f"{pair.reference} to {pair.candidate}": pair.worst_rms_v0 for pair in ladder.comparisons},
        "python": float(np.abs(own.membrane - found["discrete"].membrane).max()),
        "trace": {
            name: [np.round(np.interp(grid, rung.time, column), 4).tolist() for column in rung.membrane.T]
            for name, rung in found.items()
            if name in ("discrete", "behavioural")
        },
    }  # fmt: skip


def one_period() -> np.ndarray:
    """The states of a single bursting neuron over its last period, (step, state), from the first spike of a burst."""
    layer = NeuronLayer(
        mtc(), 1, dt=DT, method=METHOD, initial=dict(zip(STARTS, BURSTING.start, strict=True))
    )
    record: list = []
    with torch.no_grad():
        layer(torch.full((int(2000 / DT), 1, 1), DRIVE), record=record)
    states = torch.stack([torch.cat(one, 1)[0] for one in record]).double().numpy()
    membrane = states[:, 0]
    begins = np.round(bursts(upward_crossings(DT * np.arange(len(membrane)), membrane)[0]) / DT).astype(int)
    return states[begins[-2] : begins[-1]]


def bursts(times: np.ndarray) -> np.ndarray:
    """The first spikes of bursts."""
    return times[np.diff(times, prepend=-np.inf) > SILENCE]


def phases_of(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """At which share of the first neuron's period each of the second one's bursts begins."""
    place = np.searchsorted(first, second, side="right") - 1
    inside = (place >= 0) & (place < len(first) - 1)
    place, second = place[inside], second[inside]
    return (second - first[place]) / (first[place + 1] - first[place])


def followed(trial: Phases) -> Result:
    """The phase of the second neuron, period by period, from every start; spikes and period at the end."""
    budget, g = trial.budget, trial.inhibition
    cycle = one_period()
    weights = torch.tensor([[0.0, -g], [-g, 0.0]], dtype=torch.float64)
    layer = NeuronLayer(mtc(), 2, dt=DT, method=METHOD).double()
    layer.recurrent = Recurrence(weights, source="us", trainable=False)
    places = [round(share * len(cycle)) % len(cycle) for share in budget.phases]
    pairs = np.stack([np.broadcast_to(cycle[0], (len(places), 3)), cycle[places]], axis=2)
    start = tuple(torch.tensor(np.ascontiguousarray(pairs[:, k])) for k in range(3))
    steps = int(1.2 * budget.periods * len(cycle))
    with torch.no_grad():
        output, _ = layer(torch.full((steps, len(places), 2), DRIVE, dtype=torch.float64), (*start, start[1]))
    # the output reaches one half where the membrane reaches 0.5 V0
    time, half = DT * np.arange(1, steps + 1), output.numpy()
    spikes = [upward_crossings(time, half[:, k], threshold=0.5) for k in range(len(places))]
    begins = [[bursts(one) for one in pair] for pair in spikes]
    late = [(one[one > time[-1] / 2], own) for pair, firsts in zip(spikes, begins, strict=True)
            for one, own in zip(pair, firsts, strict=True)]  # fmt: skip
    return {
        **settings_of(trial),
        "phases": [phases_of(*pair).tolist() for pair in begins],
        "period": float(np.median(np.concatenate([np.diff(own) for _, own in late]))),
        "burst": float(np.mean([len(one) / max(1, (own > time[-1] / 2).sum()) for one, own in late])),
    }
