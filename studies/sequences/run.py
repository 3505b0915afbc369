"""Trainings: a search on a validation split of train, then seeds at what it chose, each measured once on test."""

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

import torch

from conductance.networks import Network
from conductance.tasks import Split, Table, TaskData
from conductance.tasks.decisions import evidence, labels
from conductance.training import TrainingOptions, train
from conductance.training.activity import activity, layer_outputs, spiking_layers
from conductance.training.batches import draw_batch
from excitable.trials import Result
from studies.base import settings_of
from studies.sequences.models import GRU, MODELS, Gated, network_of, parameters_of

NAMES = (*MODELS, GRU)
PROBLEMS = ("basic_motions", "japanese_vowels")
SEARCH, FINAL = "search", "final"


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What every model gets.

    Attributes:
        models: those that are trained, the GRU among them.
        steps: updates of one training, by data set.
        batch: sequences per update.
        learning_rates: the first axis of the grid.
        gains: the second: factors on the input weights as drawn.
        search_seeds: trainings of each setting of the grid.
        seeds: trainings at the best setting.
        share: of the train split that is validation in the search.
        circuits: sequences of test for the behavioural circuit, by data set.
        transistors: sequences of test for transistors, by data set.
    """

    models: tuple[str, ...]
    steps: Mapping[str, int]
    batch: int
    learning_rates: tuple[float, ...]
    gains: tuple[float, ...]
    search_seeds: int
    seeds: int
    share: float
    circuits: Mapping[str, int]
    transistors: Mapping[str, int]


BUDGETS: Mapping[str, Budget] = MappingProxyType(
    {
        "reduced": Budget(
            models=NAMES, steps={"basic_motions": 150, "japanese_vowels": 300}, batch=32,
            learning_rates=(0.01, 0.03, 0.1), gains=(0.5, 1.0, 2.0), search_seeds=1, seeds=5, share=0.3,
            circuits={"basic_motions": 40, "japanese_vowels": 370},
            transistors={"basic_motions": 1, "japanese_vowels": 5},
        ),
        "smoke": Budget(
            models=NAMES, steps={"basic_motions": 2, "japanese_vowels": 2}, batch=4, learning_rates=(0.03,),
            gains=(1.0,), search_seeds=1, seeds=2, share=0.3, circuits={"basic_motions": 1, "japanese_vowels": 2},
            transistors={"basic_motions": 0, "japanese_vowels": 0},
        ),
    }
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One training: a data set, a model, a setting, a seed; in the search, or to be measured on test."""

    problem: str
    path: str
    model: str
    part: str
    learning_rate: float
    gain: float
    seed: int
    budget: Budget

    @property
    def name(self) -> str:
        """A file name that tells trials apart."""
        setting = f"lr{self.learning_rate:g}_gain{self.gain:g}"
        return f"{self.part}-{self.problem}-{self.model}-{setting}-s{self.seed}"


@lru_cache(maxsize=4)
def task_of(path: str, steps: int, share: float) -> Table:
    """The table as a task: a sample is held for some steps, and a share of train is validation."""
    return Table(
        path=path, label="label", sequence="sequence", split="split", steps_per_sample=steps, validation=share
    )


@lru_cache(maxsize=4)
def _data(task_key: tuple[str, int, float], seed: int) -> TaskData:
    return task_of(*task_key).generate(seed)


def data_of(trial: Trial) -> tuple[Table, TaskData]:
    """The task and its data; each seed draws another validation split of train."""
    steps = 1 if trial.model == GRU else MODELS[trial.model].steps[trial.problem]
    key = (trial.path, steps, trial.budget.share if trial.part == SEARCH else FINAL_SHARE)
    return task_of(*key), _data(key, trial.seed)


FINAL_SHARE = 0.1
"""Of train that the measured networks do not see; nothing is chosen by it."""


def train_trial(trial: Trial) -> tuple[Network | Gated, TaskData]:
    """The trained network of a trial, with the weights of its last update."""
    torch.set_num_threads(1)
    task, data = data_of(trial)
    network = network_of(
        trial.model, inputs=len(data.input_names), outputs=len(data.classes), gain=trial.gain, seed=trial.seed
    )
    steps = trial.budget.steps[trial.problem]
    batch = min(trial.budget.batch, data.train.series)
    if isinstance(network, Gated):
        train_gated(network, data.train, steps=steps, batch=batch, rate=trial.learning_rate, seed=trial.seed)
    else:
        options = TrainingOptions(
            steps=steps, batch=batch, learning_rate=trial.learning_rate, evaluate_every=steps, keep="last"
        )
        train(network, task, data, options, seed=trial.seed)
    return network, data


def train_gated(network: Gated, train: Split, *, steps: int, batch: int, rate: float, seed: int) -> None:
    """What `train` does: the same batches, loss, clipping, Adam and cosine annealing."""
    adam = torch.optim.Adam(network.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(adam, steps)
    for step in range(steps):
        part = draw_batch(train, seed=seed, step=step, size=batch)
        shown = evidence(network(part.inputs)[0], part.mask, "mean")
        loss = torch.nn.functional.cross_entropy(shown, labels(part.targets, part.mask))
        adam.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        adam.step()
        schedule.step()


@torch.no_grad()
def judged(network: Network | Gated, split: Split) -> tuple[float, int]:
    """Cross-entropy, and the number of right decisions."""
    shown = evidence(network(split.inputs)[0], split.mask, "mean")
    wanted = labels(split.targets, split.mask)
    return float(torch.nn.functional.cross_entropy(shown, wanted)), int((shown.argmax(1) == wanted).sum())


def run_trial(trial: Trial) -> Result:
    """Train a network; one of the search is measured on validation, one of the seeds on test."""
    began = time.process_time()
    network, data = train_trial(trial)
    seconds = time.process_time() - began
    split = data.validation if trial.part == SEARCH else data.test
    loss, right = judged(network, split)
    return {
        **settings_of(trial), "parameters": parameters_of(network), "loss": loss, "right": right,
        "of": split.series, "trained_on": data.train.series, "seconds": seconds, **_activity(network, split),
    }  # fmt: skip


@torch.no_grad()
def _activity(network: Network | Gated, split: Split) -> Result:
    if isinstance(network, Gated):
        return {"width": network.cell.hidden_size, "spikes": None, "spikes_per_decision": None}
    with layer_outputs(network) as outputs:
        network(split.inputs)
    spiking = spiking_layers(network)
    found = activity(spiking, outputs, split.mask)
    sizes = [outputs[name].shape[2] for name in spiking]
    rate = 0.0 if found is None else found.spikes
    each = rate * sum(sizes) * float(split.mask.sum()) / split.series
    return {"width": sizes[0], "spikes": rate, "spikes_per_decision": each}


def search_trials(budget: Budget, paths: Mapping[str, str]) -> list[Trial]:
    """Every setting of the grid for every model and data set."""
    return [
        Trial(
            problem=problem, path=path, model=model, part=SEARCH, learning_rate=rate, gain=gain, seed=100 + seed,
            budget=budget,
        )
        for problem, path in paths.items()
        for model in budget.models
        for rate in budget.learning_rates
        for gain in budget.gains
        for seed in range(budget.search_seeds)
    ]  # fmt: skip


Setting = tuple[float, float]
"""Learning rate and gain."""


def mean_losses(search: Sequence[Result]) -> dict[tuple[str, str], dict[Setting, float]]:
    """Mean cross-entropy on validation of each setting, by data set and model."""
    losses: dict[tuple[str, str], dict[Setting, list[float]]] = {}
    for one in search:
        own = losses.setdefault((one["problem"], one["model"]), {})
        own.setdefault((one["learning_rate"], one["gain"]), []).append(one["loss"])
    return {key: {at: statistics.mean(values) for at, values in own.items()} for key, own in losses.items()}


def chosen_settings(search: Sequence[Result]) -> dict[tuple[str, str], Setting]:
    """The setting with the lowest of these, by data set and model."""
    return {key: min(own, key=lambda at: own[at]) for key, own in mean_losses(search).items()}
