"""One training of an event-based network on Fashion-MNIST, and what all of them may spend."""

import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType

import torch

from conductance.events import EventLayer, EventNetwork
from conductance.tasks import EventData, Mnist
from conductance.tasks.events import EventSplit
from conductance.training.events import EpochRecord, EventTraining, NoGradientError, score, train_classifier
from excitable.trials import Result
from studies.base import settings_of
from studies.fashion import fashion_folder
from studies.fashion_events.forms import FORMS, SILENT, Form

TRAINED = ("weight", "initial_voltage")
DEEP, SHALLOW = (100, 100), (100,)
"""Hidden layers."""
VALIDATION = 2000
"""The last images of the training file."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What every form gets.

    Attributes:
        search_images, search_epochs: of the search, which has one seed and networks with two hidden layers.
        learning_rates: searched at the first of `drives`.
        drives: searched at the best learning rate; they multiply the first weights.
        images, epochs: of the comparison; 0 images are all that are not held back for validation.
        seeds: of the comparison, other ones than the search's.
        silent_images, silent_epochs: of the trainings from silent starts.
        forms: that are searched and compared.
        networks: hidden layers of what is compared.
        batch: trials per step.
    """

    search_images: int
    search_epochs: int
    learning_rates: tuple[float, ...]
    drives: tuple[float, ...]
    images: int
    epochs: int
    seeds: int
    silent_images: int
    silent_epochs: int
    forms: tuple[str, ...] = ("qif", "lif", "oscillating")
    networks: tuple[tuple[int, ...], ...] = (DEEP, SHALLOW)
    batch: int = 100


BUDGETS: Mapping[str, Budget] = MappingProxyType(
    {
        "reduced": Budget(
            search_images=5000, search_epochs=4, learning_rates=(0.003, 0.01, 0.03), drives=(0.5,),
            images=0, epochs=3, seeds=1, silent_images=3000, silent_epochs=8, forms=("qif", "lif"),
            networks=(DEEP,),
        ),
        "full": Budget(
            search_images=10_000, search_epochs=10, learning_rates=(0.0003, 0.001, 0.003, 0.01, 0.03, 0.1),
            drives=(0.5, 0.0625, 0.125, 0.25, 1.0, 2.0), images=0, epochs=30, seeds=5, silent_images=0,
            silent_epochs=30,
        ),
        "smoke": Budget(
            search_images=40, search_epochs=1, learning_rates=(0.003,), drives=(0.5,), images=40, epochs=1, seeds=1,
            silent_images=40, silent_epochs=1, batch=20,
        ),
    }
)  # fmt: skip
"""`reduced` takes about 15 minutes of one core. `smoke` only proves that the study runs."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One training."""

    stage: str
    form: str
    hidden: tuple[int, ...]
    learning_rate: float
    drive: float
    images: int
    epochs: int
    seed: int
    budget: Budget

    @property
    def name(self) -> str:
        """A file name that tells trials apart."""
        widths = "x".join(map(str, self.hidden))
        return f"{self.stage}-{self.form}-{widths}-lr{self.learning_rate:g}-drive{self.drive:g}-s{self.seed}"


def form_of(trial: Trial) -> Form:
    """What a trial trains."""
    return (SILENT if trial.stage == "silent" else FORMS)[trial.form]


@lru_cache(maxsize=2)
def _data(task: Mnist) -> EventData:
    """In single precision, which halves time and memory."""

    def single(split: EventSplit) -> EventSplit:
        return replace(split, spikes=replace(split.spikes, times=split.spikes.times.float()))

    data = task.generate()
    return replace(data, train=single(data.train), validation=single(data.validation), test=single(data.test))


def data_of(trial: Trial) -> EventData:
    """Latencies of the images; the split is the same for every seed, which decides weights and order."""
    form = form_of(trial)
    task = Mnist(
        folder=str(fashion_folder()), validation_samples=VALIDATION, train_samples=trial.images, dark=form.dark,
        levels=form.levels, late=form.late, end=form.end,
    )  # fmt: skip
    return _data(task)


def network_of(trial: Trial, inputs: int, classes: int) -> EventNetwork:
    """The untrained network."""
    form, generator = form_of(trial), torch.Generator().manual_seed(trial.seed)
    layers = {
        f"hidden_{depth + 1}" if depth < len(trial.hidden) else "output": EventLayer(
            form.neuron, before, size, mean=form.mean * trial.drive, spread=form.spread * trial.drive,
            initial_voltage=form.voltage, sharpness=form.sharpness, trainable=TRAINED, generator=generator,
        )
        for depth, (before, size) in enumerate(pairwise((inputs, *trial.hidden, classes)))
    }  # fmt: skip
    return EventNetwork(layers)


def run_trial(trial: Trial, *, checkpoints: Path) -> Result:
    """Train one network and measure it on validation and, beyond the search, on test.

    Args:
        trial: what to train.
        checkpoints: keeps a training that was stopped, from which it goes on.
    """
    torch.set_num_threads(1)
    data, form = data_of(trial), form_of(trial)
    network = network_of(trial, data.inputs, len(data.classes))
    options = EventTraining(
        epochs=trial.epochs, batch=trial.budget.batch, learning_rate=trial.learning_rate, loss_tau=form.loss_tau,
        regulariser=form.regulariser, seed=trial.seed,
    )  # fmt: skip
    before, records, stopped = score(network, data.validation), list[EpochRecord](), ""
    began, folder = time.process_time(), checkpoints / trial.name
    folder.mkdir(parents=True, exist_ok=True)
    try:
        train_classifier(network, data, options, report=records.append, folder=folder)
    except NoGradientError as error:
        stopped = str(error)
    seconds = time.process_time() - began
    validation = score(network, data.validation)
    test = validation if trial.stage == "search" else score(network, data.test)
    shutil.rmtree(folder)
    return {
        **settings_of(trial),
        "hidden": list(trial.hidden),
        "stopped": stopped,
        "validation": validation.accuracy,
        "accuracy": None if trial.stage == "search" else test.accuracy,
        "decided": test.decided,
        "silent_before": _mean_silence(before.silent),
        "silent": _mean_silence(test.silent),
        "spikes": test.spikes,
        "skipped": sum(record.skipped for record in records),
        "gradient_norm": [record.gradient_norm for record in records],
        "gradient_variance": [record.gradient_variance for record in records],
        "curve": [record.validation.accuracy for record in records],
        "silence": [_mean_silence(record.validation.silent) for record in records],
        "seconds": seconds,
    }


def _mean_silence(shares: Mapping[str, float]) -> float:
    """Over all hidden neurons; the layers are alike in size."""
    return sum(shares.values()) / len(shares)
