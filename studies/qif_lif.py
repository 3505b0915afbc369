"""QIF against LIF, both trained by exact gradients through spike times, at equal budget of search and equal seeds.

The claim (arXiv 2606.03935, arXiv 2309.14523): spikes of QIF neurons enter and leave only at the end of a trial, so
that its loss is continuous and silent neurons learn, while spikes of LIF neurons come and go in the middle of it.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar, cast

import torch

from conductance.events import EventLayer, EventNetwork, synaptic_lif, theta
from conductance.landscapes import (
    LandscapeError,
    NetworkSurface,
    PathResult,
    classifier_surface,
    measure_path,
    random_directions,
)
from conductance.neurons import Neuron, qif
from conductance.tasks import Digits, EventData, YinYang
from conductance.training.events import EpochRecord, EventTraining, NoGradientError, score, train_classifier
from excitable.trials import Progress, Result, run_trials

END = 5.0
"""Duration of a trial in tau, so that an output spike inside it decides."""
MODELS = ("qif", "lif")
OSCILLATING = "theta"
"""The paper's own neuron for silent starts; only those are trained. Its period is longer than a trial."""
PULLED = "qif_pulled"
"""QIF with `silence_penalty`, which is ours; only from silent starts."""
NEURONS: Mapping[str, Neuron] = MappingProxyType(
    {"qif": qif(), "lif": synaptic_lif(), OSCILLATING: theta(I_0=0.4), PULLED: qif()}
)
LEAST_WEIGHT = MappingProxyType(
    {"qif": torch.pi**2 / 4, "lif": 4.0, OSCILLATING: 1.0, PULLED: torch.pi**2 / 4}
)
"""The weight above which one input spike makes a neuron at rest spike (docs/models.md, section 2); of an oscillating
neuron, which has no such weight, the width of its parabola.
"""
PENALTY = 10.0
"""Weight of the silence penalty."""
HIDDEN = MappingProxyType({"yin_yang": 30, "digits": 50})
TARGETS = MappingProxyType({"yin_yang": 0.95, "digits": 0.9})
"""Validation accuracy whose first epoch is counted; ours."""
STARTS = ("active", "silent")
SILENT_SHARE = 0.9
REGULARISER = 0.03
SHARPNESS = 1.0
"""Of the pseudospikes, see `conductance.events.exact.pseudospikes.held_drive`."""
LANDSCAPE_TRIALS = 5
LANDSCAPE_LENGTH = 0.5
"""Length of a path over the norm of the network's weights."""
LANDSCAPE_POINTS = 13
LANDSCAPE_STREAM = 7
"""Distinguishes the directions' random numbers from those of the weights."""
DESCENT = "descent"
"""The direction against the gradient; random directions have a number."""


Key = tuple[str, str, str]
"""Task, model and kind of start."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What every model gets.

    Attributes:
        tasks: names.
        train_samples: of Yin-Yang; digits have their own number.
        epochs, batch: of one training.
        seeds: trainings at the best setting; other seeds than the search's.
        learning_rates, drives: the grid of the search; see `network_of`.
        landscapes: seeds around whose networks the landscape is measured.
        directions: random paths from each trained and each initial network; one more goes against the gradient.
    """

    tasks: tuple[str, ...]
    train_samples: int
    epochs: int
    batch: int
    seeds: int
    learning_rates: tuple[float, ...]
    drives: tuple[float, ...]
    landscapes: int
    directions: int


BUDGETS: Mapping[str, Budget] = MappingProxyType(
    {
        "reduced": Budget(
            tasks=("yin_yang",), train_samples=2000, epochs=20, batch=50, seeds=5,
            learning_rates=(0.003, 0.01, 0.03, 0.1, 0.3), drives=(0.7, 1.4, 2.8, 5.6), landscapes=2,
            directions=3,
        ),
        "full": Budget(
            tasks=("yin_yang", "digits"), train_samples=5000, epochs=60, batch=100, seeds=10,
            learning_rates=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0), drives=(0.35, 0.7, 1.4, 2.8, 5.6),
            landscapes=10, directions=10,
        ),
        "smoke": Budget(
            tasks=("yin_yang",), train_samples=30, epochs=2, batch=10, seeds=2,
            learning_rates=(0.01,), drives=(1.4,), landscapes=2, directions=1,
        ),
    }
)  # fmt: skip
"""`reduced` ends within about an hour on two cores. `smoke` only proves that the study runs."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One training: task, model, kind of start, setting, seed."""

    task: str
    model: str
    start: str
    learning_rate: float
    drive: float
    seed: int
    budget: Budget

    @property
    def name(self) -> str:
        """A file name that tells trials apart."""
        setting = f"lr{self.learning_rate:g}_drive{self.drive:g}"
        return f"{self.task}-{self.model}-{self.start}-{setting}-s{self.seed}"


def task_of(trial: Trial) -> YinYang | Digits:
    """The task of a trial."""
    if trial.task == "yin_yang":
        return YinYang(train_samples=trial.budget.train_samples, end=END)
    return Digits(end=END)


@lru_cache(maxsize=2)
def _data(task: YinYang | Digits) -> EventData:
    return task.generate(seed=0)


def network_of(trial: Trial) -> EventNetwork:
    """The untrained network of a trial, in double precision: one hidden layer, one output neuron for each class.

    Weights are normal, mean and spread both drive * (least weight that makes a neuron spike)/sqrt(inputs). For a silent
    start those of the hidden layer are then scaled down until nine tenths of its neurons spike in no trial.
    """
    data, neuron = _data(task_of(trial)), NEURONS[trial.model]
    generator = torch.Generator().manual_seed(trial.seed)
    weight = trial.drive * LEAST_WEIGHT[trial.model]
    widths = (data.inputs, HIDDEN[trial.task], len(data.classes))
    layers = {
        name: EventLayer(
            neuron, inputs, size, mean=weight, spread=weight, sharpness=SHARPNESS, generator=generator
        )
        for name, inputs, size in zip(("hidden", "output"), widths[:-1], widths[1:], strict=True)
    }
    network = EventNetwork(layers).double()
    if trial.start == "silent":
        _silence(network, data)
    return network


def _silence(network: EventNetwork, data: EventData) -> None:
    """Scale the hidden weights down until `SILENT_SHARE` of the hidden neurons spike in no validation trial."""
    weight = cast(EventLayer, network.layers["hidden"]).weight
    drawn, low, high = weight.detach().clone(), 0.0, 1.0
    for _ in range(20):
        middle = (low + high) / 2
        with torch.no_grad():
            weight.copy_(middle * drawn)
        if score(network, data.validation).silent["hidden"] >= SILENT_SHARE:
            low = middle
        else:
            high = middle
    with torch.no_grad():
        weight.copy_(low * drawn)


def run_trial(trial: Trial) -> Result:
    """Train one network and measure it on validation and test."""
    torch.set_num_threads(1)
    data, network, budget = _data(task_of(trial)), network_of(trial), trial.budget
    options = EventTraining(
        epochs=budget.epochs, batch=budget.batch, learning_rate=trial.learning_rate, regulariser=REGULARISER,
        silence=PENALTY if trial.model == PULLED else 0.0, seed=trial.seed,
    )  # fmt: skip
    before, records = score(network, data.validation), list[EpochRecord]()
    try:
        train_classifier(network, data, options, report=records.append)
        stopped = ""
    except NoGradientError as error:
        stopped = str(error)
    validation, test = score(network, data.validation), score(network, data.test)
    reached = [r.epoch + 1 for r in records if r.validation.accuracy >= TARGETS[trial.task]]
    return {
        **{key: value for key, value in asdict(trial).items() if key != "budget"},
        "stopped": stopped,
        "validation": validation.accuracy,
        "accuracy": test.accuracy,
        "decided": test.decided,
        "hidden_spikes": test.spikes["hidden"],
        "silent": validation.silent["hidden"],
        "epochs_to_target": min(reached, default=None),
        "silent_before": before.silent["hidden"],
        "curves": {
            "loss": [r.loss for r in records],
            "accuracy": [r.validation.accuracy for r in records],
            "silent": [r.validation.silent["hidden"] for r in records],
            "spikes": [r.validation.spikes["hidden"] for r in records],
            "gradient_norm": [r.gradient_norm for r in records],
            "gradient_variance": [r.gradient_variance for r in records],
            "skipped": [r.skipped for r in records],
        },
        "weights": {name: tensor.tolist() for name, tensor in network.state_dict().items()},
    }


@dataclass(frozen=True, kw_only=True)
class LandscapeTrial:
    """The loss along one path from a network: its direction's number or `DESCENT`, for one sample or for a batch."""

    trained: Result
    state: str
    samples: int
    direction: str
    training: Trial

    @property
    def name(self) -> str:
        """A file name that tells trials apart."""
        return f"landscape-{self.state}-{self.samples}-{self.direction}-{self.training.name}"


def run_landscape(trial: LandscapeTrial) -> Result:
    """Measure the loss along one direction from the initial or the trained weights; no path against a gradient of 0."""
    torch.set_num_threads(1)
    training = trial.training
    data, network = _data(task_of(training)), network_of(training)
    if trial.state == "trained":
        weights = {name: torch.tensor(values) for name, values in trial.trained["weights"].items()}
        network.load_state_dict({name: tensor.double() for name, tensor in weights.items()})
    surface = classifier_surface(
        network, data.test.select(range(trial.samples)), tau=EventTraining.loss_tau, regulariser=REGULARISER
    )
    start = surface.start()
    direction = _direction(trial, surface, start)
    paths, problem = [], "there is no gradient"
    if float(direction.norm()) > 0:
        length = LANDSCAPE_LENGTH * float(start.norm())
        try:
            paths = [measure_path(surface, start, direction, length=length, points=LANDSCAPE_POINTS)]
            problem = ""
        except LandscapeError as error:
            # the regulariser is exponential in the time of a late pseudospike, and overflows
            problem = str(error)
    return {
        "task": training.task, "model": training.model, "state": trial.state, "samples": trial.samples,
        "direction": trial.direction, "seed": training.seed, "norm": float(start.norm()),
        "paths": [path.as_json() for path in paths], "problem": problem,
    }  # fmt: skip


def _direction(trial: LandscapeTrial, surface: NetworkSurface, start: torch.Tensor) -> torch.Tensor:
    if trial.direction == DESCENT:
        return -surface.gradient(start)
    generator = torch.Generator().manual_seed(trial.training.seed * 2**8 + LANDSCAPE_STREAM)
    drawn = random_directions(len(start), trial.training.budget.directions, generator)
    return drawn[int(trial.direction)]


def search_trials(budget: Budget) -> list[Trial]:
    """The search from active starts: every setting once per task and model, with seed 0."""
    return [
        Trial(task=task, model=model, start="active", learning_rate=rate, drive=drive, seed=0, budget=budget)
        for task in budget.tasks
        for model in MODELS
        for rate in budget.learning_rates
        for drive in budget.drives
    ]


def silent_search_trials(best: Mapping[Key, Result], budget: Budget) -> list[Trial]:
    """The search from silent starts: every learning rate, at the drive of the best active start, of QIF where none."""
    return [
        Trial(
            task=task, model=model, start="silent", learning_rate=rate, seed=0, budget=budget,
            drive=best[task, model if model in MODELS else "qif", "active"]["drive"],
        )
        for task in budget.tasks
        for model in NEURONS
        for rate in budget.learning_rates
    ]  # fmt: skip


def best_of(results: Sequence[Result]) -> dict[Key, Result]:
    """The setting with the highest validation accuracy, by task, model and start; the first of equals."""
    best: dict[Key, Result] = {}
    for result in results:
        key = (result["task"], result["model"], result["start"])
        if key not in best or result["validation"] > best[key]["validation"]:
            best[key] = result
    return best


def seeded_trials(best: Mapping[Key, Result], budget: Budget) -> list[Trial]:
    """The comparison: each best setting with other seeds than the one that chose it."""
    return [
        Trial(
            task=task, model=model, start=start, learning_rate=setting["learning_rate"], drive=setting["drive"],
            seed=seed, budget=budget,
        )
        for (task, model, start), setting in best.items()
        for seed in range(1, budget.seeds + 1)
    ]  # fmt: skip


AnyTrial = TypeVar("AnyTrial", Trial, LandscapeTrial)


@dataclass(frozen=True, kw_only=True)
class StudyResult:
    """All trainings of the study and the landscapes around them."""

    budget: Budget
    search: tuple[Result, ...]
    comparison: tuple[Result, ...]
    landscapes: tuple[Result, ...]

    def paths(self, model: str, state: str, samples: int, *, descent: bool = False) -> list[PathResult]:
        """The measured paths of a model, all seeds together, their lengths over the norm of the weights.

        They are those in random directions, or those against the gradient.
        """
        return [
            _scaled(PathResult.of_json(path), result["norm"])
            for result in self.landscapes
            if (result["model"], result["state"], result["samples"]) == (model, state, samples)
            and (result["direction"] == DESCENT) == descent
            for path in result["paths"]
        ]


def _scaled(path: PathResult, norm: float) -> PathResult:
    return replace(
        path,
        length=path.length / norm,
        places=tuple(place / norm for place in path.places),
        slopes=tuple(slope * norm for slope in path.slopes),
        jumps=tuple(replace(jump, place=jump.place / norm) for jump in path.jumps),
    )


def run_study(
    budget: Budget,
    folder: Path,
    *,
    executor: Executor | None = None,
    progress: Callable[[str], Progress] | None = None,
) -> StudyResult:
    """Search, compare, and look at the landscapes; whatever is in the folder already is not run again.

    Raises:
        TrialError: some trainings failed.
    """

    def run(stage: str, trials: Sequence[AnyTrial], work: Callable[[AnyTrial], Result]) -> list[Result]:
        found = run_trials(
            {trial.name: trial for trial in trials}, work, folder=folder, executor=executor,
            progress=None if progress is None else progress(stage),
        )  # fmt: skip
        return list(found.values())

    active = run("search", search_trials(budget), run_trial)
    best = best_of(active)
    seeded = seeded_trials(best, budget)
    comparison = run("seeds", seeded, run_trial)
    silent = run("search from silent starts", silent_search_trials(best, budget), run_trial)
    silent_seeds = run("seeds from silent starts", seeded_trials(best_of(silent), budget), run_trial)
    around = [
        LandscapeTrial(trained=result, state=state, samples=samples, direction=direction, training=trial)
        for trial, result in sorted(zip(seeded, comparison, strict=True), key=lambda pair: pair[0].seed)
        if trial.task == budget.tasks[0] and trial.seed <= budget.landscapes
        for state in ("initial", "trained")
        for samples in (1, LANDSCAPE_TRIALS)
        for direction in (*map(str, range(budget.directions)), DESCENT)
    ]
    landscapes = run("landscapes", around, run_landscape)
    return StudyResult(
        budget=budget,
        search=(*active, *silent),
        comparison=(*comparison, *silent_seeds),
        landscapes=tuple(landscapes),
    )
