"""Errors of a prediction, over the samples that a mask lets count."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from conductance.tasks.options import TaskError


def nrmse(prediction: Tensor, target: Tensor, mask: Tensor | None = None) -> float:
    """Root mean square error over the target's standard deviation: 1 for the target's mean, 0 if perfect.

    Mean and standard deviation (population, no Bessel correction) run over all counted samples, series and
    features together, in float64. Any affine change of unit, applied to both, leaves it as it is.

    Args:
        prediction: shape (time, batch, feature).
        target: shape (time, batch, feature), the same unit.
        mask: shape (time, batch), bool, True where a sample counts; None counts all.

    Raises:
        TaskError: if the shapes differ, nothing counts, or the counted target is constant.

    >>> nrmse(torch.tensor([[[1.0]], [[1.0]]]), torch.tensor([[[0.0]], [[2.0]]]))
    1.0
    """
    if prediction.shape != target.shape:
        raise TaskError(
            f"nrmse: the prediction has shape {tuple(prediction.shape)}, the target {tuple(target.shape)}; "
            "both must be (time, batch, feature)."
        )
    if mask is not None:
        if mask.dtype != torch.bool or mask.shape != target.shape[:2]:
            raise TaskError(
                f"nrmse: the mask has shape {tuple(mask.shape)} and dtype {mask.dtype}, "
                f"but bool of shape {tuple(target.shape[:2])} is needed."
            )
        prediction, target = prediction[mask], target[mask]
    if target.numel() == 0:
        raise TaskError("nrmse: no sample counts; shorten the warm-up or lengthen the series.")
    prediction, target = prediction.detach().double(), target.detach().double()
    spread = float(target.std(correction=0))
    if spread == 0:
        raise TaskError(
            "nrmse: the counted target is constant, so its standard deviation is no scale for an error."
        )
    return math.sqrt(float(((prediction - target) ** 2).mean())) / spread
