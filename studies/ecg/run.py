"""Networks that mark R peaks, their circuits in the recording's own time, and what these take from a supply."""

import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import torch

from conductance.storage import write_whole
from conductance.tasks import TaskData
from conductance.tasks.baselines import autoregression
from conductance.tasks.published import write_dataset
from excitable.ladder.rungs import load_waveforms
from excitable.runs.energy import energy_run
from excitable.runs.folder import WAVEFORMS
from excitable.runs.series import SeriesRun, train_run
from excitable.runs.stages.series import compare_run, simulate_run
from excitable.trials import Result
from studies.base import Runner, settings_of
from studies.ecg.peaks import bump_times, by_a_filter, matched

SOURCE, MARKED = "ecg.csv", "marked.csv"
DELAY = 0.06
"""Seconds after an R peak at which the bump is wanted: a detector in real time has seen the peak before it speaks."""
STEP = 0.01
NEURONS = ("mtc", "lif", "adlif")
CONFIGURATION = """name = "ecg-{neuron}-{seed}"
seed = {seed}
[task]
name = "table"
path = "{path}"
time = "t"
inputs = ["ecg"]
targets = ["peak"]
model_step = 0.01     # s: ten samples of the recording, averaged
between = "mean"
window = 500
warm_up = 100
[network]
neuron = "{neuron}"
hidden = {hidden}
dt = 0.5              # one step is 0.5 tau_m, so tau_m = 20 ms
low_pass_tau = 0.5
rates = [0.005, 0.3]
{values}
[training]
steps = {steps}
batch = 12
learning_rate = 0.02
readout = "both"
[circuit]
current_unit = "20 pA"
[simulation]
samples = {samples}
"""
VALUES = {"mtc": "values = {tau_s = [2, 6], tau_us = [8, 17]}"}
"""In tau_m: 40 to 120 ms and 160 to 340 ms, so that no capacitor is above 100 pF at the current chosen."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What the study may spend.

    Attributes:
        seeds: trainings of each neuron.
        hidden: neurons.
        steps: updates.
        samples: of the held-out part that circuits are simulated on, in steps.
        levels: of the circuits.
        energy_samples: of the transistors' energy.
    """

    seeds: int
    hidden: int
    steps: int
    samples: int
    levels: tuple[str, ...]
    energy_samples: int


BUDGETS: Mapping[str, Budget] = MappingProxyType(
    {
        "reduced": Budget(
            seeds=5,
            hidden=8,
            steps=300,
            samples=2990,
            levels=("behavioural", "transistor"),
            energy_samples=1000,
        ),
        "smoke": Budget(seeds=1, hidden=2, steps=2, samples=200, levels=("behavioural",), energy_samples=0),
    }
)


@dataclass(frozen=True, kw_only=True)
class Training:
    """One network on the recording."""

    budget: Budget
    neuron: str
    seed: int
    path: str

    @property
    def name(self) -> str:
        """Its file."""
        return f"{self.neuron}-{self.seed}"

    @property
    def text(self) -> str:
        """Its configuration."""
        return CONFIGURATION.format(
            neuron=self.neuron, seed=self.seed, path=self.path, hidden=self.budget.hidden, steps=self.budget.steps,
            samples=self.budget.samples, values=VALUES.get(self.neuron, ""),
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Found:
    """All that was found."""

    budget: Budget
    labels: Result
    trained: Mapping[str, Result]
    circuit: Result


@dataclass(frozen=True, kw_only=True)
class Labels:
    """The recording and its labels."""

    folder: str
    name: str = "labels"


@dataclass(frozen=True, kw_only=True)
class Circuit(Training):
    """The first MTC network again, and its circuit."""

    @property
    def name(self) -> str:
        """Its file."""
        return "circuit"


def run_study(budget: Budget, runner: Runner) -> Found:
    """Run what is missing; the recording is taken out of its package where it is not in the folder."""
    if not (runner.folder / SOURCE).is_file():
        write_dataset("ecg", runner.folder)
    labels = runner.run("labels", [Labels(folder=str(runner.folder))], marked)
    path = str((runner.folder / MARKED).resolve())
    trials = [
        Training(budget=budget, neuron=neuron, seed=seed, path=path)
        for neuron in NEURONS
        for seed in range(budget.seeds)
    ]
    trained = runner.run("trainings", trials, trained_once)
    circuit = runner.run("circuit", [Circuit(budget=budget, neuron="mtc", seed=0, path=path)], built)
    return Found(budget=budget, labels=labels["labels"], trained=trained, circuit=circuit["circuit"])


def marked(trial: Labels) -> Result:
    """Write the recording with bumps `DELAY` after the peaks; compare the peaks with those of an independent way."""
    folder = Path(trial.folder)
    time, ecg, bump = np.loadtxt(folder / SOURCE, delimiter=",", skiprows=1).T
    step = float(time[1] - time[0])
    late = round(DELAY / step)
    delayed = np.concatenate([np.zeros(late), bump[:-late]])
    rows = [f"{t:.3f},{v:.5f},{b:.4f}" for t, v, b in zip(time, ecg, delayed, strict=True)]
    write_whole(folder / MARKED, "\n".join(["t,ecg,peak", *rows]) + "\n")
    true = bump_times(bump, step)
    return {
        "duration": float(time[-1] + step), "rate": 1 / step, "peaks": len(true),
        "intervals": [float(v) for v in (np.diff(true).min(), np.diff(true).mean(), np.diff(true).max())],
        "other": asdict(matched(true, by_a_filter(ecg, 1 / step))),
    }  # fmt: skip


def trained_once(trial: Training) -> Result:
    """Error and found peaks of one network on the test split, and of a linear map of the same samples."""
    with (
        tempfile.TemporaryDirectory() as folder,
        SeriesRun.begun(Path(folder) / "run", trial.text, source=trial.name) as run,
    ):
        done = train_run(run)
        data = run.data
    with torch.no_grad():
        output, _ = done.network(data.test.inputs)
    linear = autoregression(data.train, data.test, lags=range(24))
    rows = run_metrics(done.result.test)
    return {
        **settings_of(trial), "error": done.result.test.error, "baselines": done.baselines, **rows,
        "trained": sum(p.numel() for p in done.network.parameters()),
        "score": scored(output, data), "linear": scored(linear, data), "remarks": list(done.remarks),
    }  # fmt: skip


def run_metrics(record: object) -> Result:
    """Spikes per step and duty cycle of the test split."""
    return {name: getattr(record, name) for name in ("spikes", "duty_cycle", "silent_neurons")}


def scored(output: torch.Tensor, data: TaskData) -> Result:
    """The peaks of an output (time, series, 1) of the test split against the true ones, after the warm-ups."""
    true, given = [], []
    for place in range(data.test.series):
        counted = data.test.mask[:, place].numpy()
        begin = place * len(counted) * STEP
        true.append(begin + bump_times(shown(data.test.targets, data, place)[counted], STEP))
        given.append(begin + bump_times(shown(output, data, place)[counted], STEP))
    return asdict(matched(np.concatenate(true), np.concatenate(given)))


def shown(values: torch.Tensor, data: TaskData, series: int = 0) -> np.ndarray:
    """A series as bumps of height 1."""
    scale = data.target_scale
    bumps = values if scale is None else scale.invert(values)
    found: np.ndarray = bumps[:, series, 0].double().numpy()
    return found


def built(trial: Circuit) -> Result:
    """One network's circuit on the held-out part: peaks, spikes and output at every rung; energy of transistors."""
    budget = trial.budget
    with (
        tempfile.TemporaryDirectory() as folder,
        SeriesRun.begun(Path(folder) / "run", trial.text, source=trial.name) as run,
    ):
        done = train_run(run)
        simulate_run(run, budget.levels)
        ladder = compare_run(run)
        rungs = {rung.rung: rung for rung in load_waveforms(run.path / WAVEFORMS)}
        energy = None
        if budget.energy_samples:
            spent = energy_run(run, samples=budget.energy_samples)
            energy = {**asdict(spent), "power": spent.power, "per_inference": spent.per_inference}
        data, units = run.data, run.built.circuit.scaling()
    steps, dt = budget.samples, run.configuration.network.dt
    counted = data.held_out.mask[:steps, 0].numpy()
    target = shown(data.held_out.targets[:steps], data)
    outputs = {
        name: shown(torch.as_tensor(rung.prediction(dt, steps))[:, None], data)
        for name, rung in rungs.items()
    }
    return {
        "units": {"tau_m": units.time_unit, "C": units.capacitance, "I0": units.current_unit},
        "remarks": list(done.remarks),
        "rungs": {rung.name: {"error": rung.task_error, "spikes": rung.spikes} for rung in ladder.rungs},
        "scores": {
            name: asdict(matched(bump_times(target[counted], STEP), bump_times(output[counted], STEP)))
            for name, output in outputs.items()
        },
        "energy": energy,
        "trace": {
            "ecg": np.round(data.held_out.inputs[:steps, 0, 0].double().numpy(), 3).tolist(),
            "target": np.round(target, 4).tolist(),
            **{name: np.round(output, 4).tolist() for name, output in outputs.items()},
        },
    }  # fmt: skip
