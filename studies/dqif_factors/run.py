"""The twins on digits with one thing changed; network, data and training are those of the study of DQIF."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

import torch

from conductance.deep.data.arrays import digits
from conductance.deep.data.base import ImageData
from conductance.deep.networks import digits_network
from conductance.deep.training import ImageTrainingOptions, train_images
from excitable.trials import Result
from studies.base import Runner, settings_of
from studies.dqif.run import LEARNING_RATE, TARGET
from studies.dqif_factors.variants import VARIANTS


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What every training gets.

    Attributes:
        epochs: passes over the train split.
        seeds: of weights, order and augmentation, for the variants in `DECISIVE`.
        other_seeds: of all others.
        variants: that are trained.
    """

    epochs: int
    seeds: int
    other_seeds: int
    variants: tuple[str, ...] = tuple(VARIANTS)


BUDGETS: Mapping[str, Budget] = MappingProxyType(
    {
        "reduced": Budget(epochs=40, seeds=1, other_seeds=1, variants=tuple(VARIANTS)[:11]),
        "full": Budget(epochs=40, seeds=10, other_seeds=10),
        "smoke": Budget(epochs=1, seeds=2, other_seeds=1),
    }
)
"""`reduced` takes about ten minutes of one core, `full` two hours. `smoke` only proves that the study runs."""
DECISIVE = ("dqif", "dlif", "dqif-fixed", "dlif-decay-0", "dlif-analytic")
"""The twins, and the twins with each other's window or without memory."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One training."""

    variant: str
    seed: int
    budget: Budget

    @property
    def name(self) -> str:
        """A file name that tells trials apart."""
        return f"{self.variant}-s{self.seed}"


@lru_cache(maxsize=1)
def _data() -> ImageData:
    return digits(seed=0)


def run_trial(trial: Trial) -> Result:
    """Train one network and measure it."""
    torch.set_num_threads(1)
    torch.manual_seed(trial.seed)
    network = digits_network(VARIANTS[trial.variant].options)
    options = ImageTrainingOptions(
        epochs=trial.budget.epochs, batch=32, optimiser="adam", learning_rate=LEARNING_RATE
    )
    began = time.process_time()
    result = train_images(network, _data(), options, seed=trial.seed)
    reached = [int(row["epoch"]) for row in result.history if row["validation"] >= TARGET]
    return {
        **settings_of(trial),
        "accuracy": result.test,
        "validation": [row["validation"] for row in result.history],
        "epochs_to_target": reached[0] if reached else None,
        "seconds": time.process_time() - began,
    }


@dataclass(frozen=True, kw_only=True)
class StudyResult:
    """The budget and all trainings."""

    budget: Budget
    trainings: tuple[Result, ...]

    def accuracies(self, variant: str) -> list[float]:
        """Test accuracies of a variant, by seed."""
        return [row["accuracy"] for row in self.trainings if row["variant"] == variant]


def trials(budget: Budget) -> list[Trial]:
    """Seed by seed, so that a study that was stopped has as many seeds of each variant."""
    return [
        Trial(variant=variant, seed=seed, budget=budget)
        for seed in range(budget.seeds)
        for variant in budget.variants
        if seed < budget.other_seeds or variant in DECISIVE
    ]


def run_study(budget: Budget, runner: Runner) -> StudyResult:
    """Train all variants.

    Raises:
        TrialError: some trainings failed.
    """
    return StudyResult(
        budget=budget, trainings=tuple(runner.run("trainings", trials(budget), run_trial).values())
    )
