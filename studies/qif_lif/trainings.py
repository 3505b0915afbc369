"""Networks of QIF and LIF neurons that start alike, trained by exact gradients through spike times."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import cast

import torch

from conductance.events import EventLayer, EventNetwork, synaptic_lif, theta
from conductance.neurons import Neuron, qif
from conductance.tasks import Digits, EventData, YinYang
from conductance.training.events import EpochRecord, EventTraining, NoGradientError, score, train_classifier
from excitable.trials import Result
from studies.base import settings_of

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
def data_of(task: YinYang | Digits) -> EventData:
    """The samples, the same for every seed: seeds decide weights and order."""
    return task.generate(seed=0)


def network_of(trial: Trial) -> EventNetwork:
    """The untrained network of a trial, in double precision: one hidden layer, one output neuron for each class.

    Weights are normal, mean and spread both drive * (least weight that makes a neuron spike)/sqrt(inputs). For a silent
    start those of the hidden layer are then scaled down until nine tenths of its neurons spike in no trial.
    """
    data, neuron = data_of(task_of(trial)), NEURONS[trial.model]
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
    data, network, budget = data_of(task_of(trial)), network_of(trial), trial.budget
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
        **settings_of(trial),
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
