"""A network left to itself: no series, a constant input, nothing that it is to give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from conductance.loading.lazy import torch
from conductance.tasks.base import TaskData
from conductance.tasks.options import check_options, option
from conductance.tasks.splits import Split, Standardisation

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class FreeRun:
    """Run a network on a constant input, as an oscillator is run. There is nothing to learn in it.

    What commands show as its error is the rms of the output, by which the rungs of the ladder can be told apart.
    """

    name: ClassVar[str] = "free_run"
    error_name: ClassVar[str] = "rms output"

    held_out_samples: int = option(
        5000, lower=2, upper=10**8, whole=True, unit="step", meaning="length of the run in steps of the model"
    )
    level: float = option(0.0, lower=-1e6, upper=1e6, meaning="the input, which never changes")

    def __post_init__(self) -> None:
        check_options(self)

    def generate(self, seed: int = 0) -> TaskData:
        """The constant input, the same in every split; the seed has no effect."""
        shape = (self.held_out_samples, 1, 1)
        split = Split(
            inputs=torch.full(shape, float(self.level)),
            targets=torch.zeros(shape),
            mask=torch.ones(shape[:2], dtype=torch.bool),
        )
        return TaskData(
            name=self.name, train=split, validation=split, test=split, held_out=split,
            scale=Standardisation(mean=0.0, std=1.0), sample_step=1.0, time_unit="step",
            sample="one step of the model", input_names=("level",), target_names=("nothing",), seed=seed,
            target_scale=Standardisation(mean=0.0, std=1.0),
        )  # fmt: skip

    def error(self, prediction: Tensor, split: Split) -> float:
        """The rms of the output where it counts."""
        return float(prediction.detach()[split.mask].double().square().mean().sqrt())

    def baselines(self, data: TaskData, split: Split) -> Mapping[str, float]:
        """None: there is nothing to predict."""
        return {}
