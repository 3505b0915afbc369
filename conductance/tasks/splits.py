"""A split of a task's data, and the map between its numbers and the series' own unit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from conductance.loading.lazy import torch
from conductance.tasks.options import TaskError

if TYPE_CHECKING:
    from torch import Tensor

SPLITS = ("train", "validation", "test", "held_out")
"""Names of the splits of every task, in the order in which they are drawn."""


@dataclass(frozen=True, kw_only=True)
class Split:
    """Series of one split, all of one length.

    Attributes:
        inputs: shape (time, batch, input feature), floating point.
        targets: shape (time, batch, output feature), the same dtype as `inputs`.
        mask: shape (time, batch), bool; True where loss and error count (False during the warm-up).
    """

    inputs: Tensor
    targets: Tensor
    mask: Tensor

    def __post_init__(self) -> None:
        faults = []
        for name, tensor in (("inputs", self.inputs), ("targets", self.targets)):
            if tensor.ndim != 3 or not tensor.is_floating_point():
                faults.append(
                    f"{name} has shape {tuple(tensor.shape)} and dtype {tensor.dtype}, "
                    "but floating point of shape (time, batch, feature) is needed"
                )
            elif not bool(torch.isfinite(tensor).all()):
                faults.append(f"{name} has values that are not finite")
        if self.mask.dtype != torch.bool or self.mask.shape != self.inputs.shape[:2]:
            faults.append(
                f"mask has shape {tuple(self.mask.shape)} and dtype {self.mask.dtype}, "
                f"but bool of shape {tuple(self.inputs.shape[:2])} is needed"
            )
        if self.inputs.shape[:2] != self.targets.shape[:2] or self.inputs.dtype != self.targets.dtype:
            faults.append("inputs and targets differ in time, batch or dtype")
        if not faults and not bool(self.mask.any()):
            faults.append("mask leaves no sample that counts; shorten the warm-up or lengthen the series")
        if faults:
            raise TaskError("split of a task: " + "; ".join(faults) + ".")

    @property
    def samples(self) -> int:
        """Length of every series, in samples (one per model step)."""
        return self.inputs.shape[0]

    @property
    def series(self) -> int:
        """Number of series: the size of the batch axis."""
        return self.inputs.shape[1]

    def select(self, indices: Tensor | Sequence[int]) -> Split:
        """The split made of the series at these indices of the batch axis: a mini-batch."""
        index = torch.as_tensor(indices, dtype=torch.long)
        return Split(inputs=self.inputs[:, index], targets=self.targets[:, index], mask=self.mask[:, index])


@dataclass(frozen=True, kw_only=True)
class Standardisation:
    """The map z = (x - mean) / std, whose numbers come from the train split alone.

    Attributes:
        mean: of all features, or one number per feature.
        std: the same.
    """

    mean: float | tuple[float, ...]
    std: float | tuple[float, ...]

    def __post_init__(self) -> None:
        means, stds = (v if isinstance(v, tuple) else (v,) for v in (self.mean, self.std))
        if len(means) != len(stds):
            raise TaskError(
                f"standardisation: {len(means)} means and {len(stds)} stds; give one of each per feature."
            )
        for mean, std in zip(means, stds, strict=True):
            # A constant series in float64 has a spread of rounding size, not 0.
            if not (math.isfinite(mean) and math.isfinite(std) and std > 1e-9 * abs(mean)):
                raise TaskError(
                    f"standardisation: mean {mean:g} and std {std:g} are not usable; "
                    "the series must vary and be finite."
                )

    def apply(self, x: Tensor) -> Tensor:
        """From the series' own unit to zero mean and unit standard deviation; (..., feature)."""
        return (x - x.new_tensor(self.mean)) / x.new_tensor(self.std)

    def invert(self, z: Tensor) -> Tensor:
        """From standardised values back to the series' own unit; (..., feature)."""
        return z * z.new_tensor(self.std) + z.new_tensor(self.mean)
