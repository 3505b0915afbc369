"""DQIF in deep networks: against its leaky twin, its analytic window against fixed and measured ones, trained maps.

Digits are real (scikit-learn's), the images in CIFAR's format are generated. The paper's data sets are not at hand
(arXiv 2510.05168), so this answers its questions at a small scale and says nothing about its accuracies.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

import torch

from conductance.deep.data.arrays import digits, generated
from conductance.deep.data.base import ImageData
from conductance.deep.networks import digits_network
from conductance.deep.training import ImageTrainingOptions, train_images
from excitable.trials import Result
from studies.base import Runner
from studies.dqif.gradients import GradientTrial, gradient_mismatch
from studies.dqif.variants import VARIANTS

LEARNING_RATE = 0.003
"""Of Adam, at the start."""
TARGET = 0.95
"""Validation accuracy whose first epoch is reported."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What every training gets.

    Attributes:
        epochs: on digits.
        seeds: of the comparison of DQIF with its twin.
        window_seeds: of everything else.
        generated_images: size of the generated set.
        generated_epochs: on it.
        samples: inputs over which the expected loss is measured.
        directions: along which its slope is measured.
    """

    epochs: int
    seeds: int
    window_seeds: int
    generated_images: int
    generated_epochs: int
    samples: int
    directions: int


BUDGETS: Mapping[str, Budget] = MappingProxyType(
    {
        "reduced": Budget(
            epochs=40, seeds=5, window_seeds=3, generated_images=1000, generated_epochs=6, samples=100_000,
            directions=24,
        ),
        "smoke": Budget(
            epochs=1, seeds=2, window_seeds=1, generated_images=120, generated_epochs=1, samples=500, directions=3
        ),
    }
)  # fmt: skip
"""`reduced` takes about half an hour of one core. `smoke` only proves that the study runs."""

TWINS = ("dqif", "dlif")


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One training."""

    data: str
    variant: str
    seed: int
    budget: Budget

    @property
    def name(self) -> str:
        """A file name that tells trials apart."""
        return f"{self.data}-{self.variant}-s{self.seed}"


@lru_cache(maxsize=2)
def _data(name: str, images: int) -> ImageData:
    """The split is the same for every seed: seeds decide weights, order and augmentation."""
    return digits(seed=0) if name == "digits" else generated(images, seed=0)


def run_trial(trial: Trial) -> Result:
    """Train one network and measure it."""
    torch.set_num_threads(1)
    budget, on_digits = trial.budget, trial.data == "digits"
    torch.manual_seed(trial.seed)
    network = digits_network(VARIANTS[trial.variant], channels=1 if on_digits else 3)
    options = ImageTrainingOptions(
        epochs=budget.epochs if on_digits else budget.generated_epochs,
        batch=32,
        optimiser="adam",
        learning_rate=LEARNING_RATE,
    )
    began = time.process_time()  # one thread: the wall time of an idle core, whatever else the machine does
    result = train_images(network, _data(trial.data, budget.generated_images), options, seed=trial.seed)
    reached = [int(row["epoch"]) for row in result.history if row["validation"] >= TARGET]
    first = network.body[0][-1]  # type: ignore[index]
    middle, half_width = first.window()
    return {
        "data": trial.data,
        "variant": trial.variant,
        "seed": trial.seed,
        "accuracy": result.test,
        "validation": [row["validation"] for row in result.history],
        "epochs_to_target": reached[0] if reached else None,
        "middle": float(middle.mean()),
        "half_width": float(half_width.mean()),
        "values": {name: float(value.mean()) for name, value in first.layer.values().items()},
        "seconds": time.process_time() - began,
    }


def trials(budget: Budget) -> list[Trial]:
    """The twins on both data sets, then every other variant on digits."""
    twins = [
        Trial(data="digits", variant=variant, seed=seed, budget=budget)
        for seed in range(budget.seeds)
        for variant in TWINS
    ]
    others = [
        Trial(data="digits", variant=variant, seed=seed, budget=budget)
        for seed in range(budget.window_seeds)
        for variant in VARIANTS
        if variant not in TWINS
    ]
    images = [
        Trial(data="generated", variant=variant, seed=seed, budget=budget)
        for seed in range(budget.window_seeds)
        for variant in TWINS
    ]
    return [*twins, *others, *images]


@dataclass(frozen=True, kw_only=True)
class StudyResult:
    """All trainings, and the mismatch of each window's gradient."""

    budget: Budget
    trainings: tuple[Result, ...]
    gradients: tuple[Result, ...]

    def accuracies(self, data: str, variant: str) -> list[float]:
        """Test accuracies of a variant, by seed."""
        return [r["accuracy"] for r in self.trainings if (r["data"], r["variant"]) == (data, variant)]


def run_study(budget: Budget, runner: Runner) -> StudyResult:
    """Train all variants and measure the gradients.

    Raises:
        TrialError: some trials failed.
    """
    windows = [
        GradientTrial(variant=variant, samples=budget.samples, directions=budget.directions)
        for variant in VARIANTS
        if variant in ("dqif", "after_reset", "measured") or variant.startswith("fixed")
    ]
    return StudyResult(
        budget=budget,
        gradients=tuple(runner.run("gradients", windows, gradient_mismatch).values()),
        trainings=tuple(runner.run("trainings", trials(budget), run_trial).values()),
    )
