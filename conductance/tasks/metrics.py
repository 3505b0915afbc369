"""Errors of a prediction, over the samples that a mask lets count."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from conductance.loading.lazy import torch
from conductance.tasks.options import TaskError

if TYPE_CHECKING:
    from torch import Tensor


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


def wrong_share(evidence: Tensor, labels: Tensor) -> float:
    """Share of series whose largest evidence is not their class: 0 if all are decided rightly.

    Args:
        evidence: (batch, class).
        labels: (batch,), int64.
    """
    return float((evidence.detach().argmax(-1) != labels).double().mean())


@dataclass(frozen=True, kw_only=True)
class ClassificationScore:
    """How well classes are told apart.

    Attributes:
        accuracy: share of right decisions.
        confusion: (class, decided) counts; row i are the series of class i.
        f1: per class, 2 TP/(2 TP + FP + FN); 0 for a class that is never decided rightly.
        calibration: expected calibration error: mean distance between the confidence (largest softmax of the
            evidence) and the share of right decisions, over ten bins of confidence weighted by their sizes
            (Guo et al., ICML 2017).
    """

    accuracy: float
    confusion: tuple[tuple[int, ...], ...]
    f1: tuple[float, ...]
    calibration: float


def classification_score(evidence: Tensor, labels: Tensor) -> ClassificationScore:
    """Accuracy, confusion, F1 and calibration of decisions.

    Args:
        evidence: (batch, class).
        labels: (batch,), int64.

    >>> score = classification_score(torch.tensor([[2.0, 0.0], [0.0, 2.0], [1.0, 0.0]]), torch.tensor([0, 1, 1]))
    >>> score.confusion, round(score.accuracy, 3)
    (((1, 0), (1, 1)), 0.667)
    """
    classes = evidence.shape[1]
    decided = evidence.detach().argmax(-1)
    counts = torch.zeros(classes, classes, dtype=torch.long)
    counts.index_put_(
        (labels.cpu(), decided.cpu()), torch.ones(len(labels), dtype=torch.long), accumulate=True
    )
    right = counts.diagonal().double()
    f1 = 2 * right / (counts.sum(0) + counts.sum(1)).clamp(min=1)
    confidence = torch.softmax(evidence.detach().double().cpu(), -1).amax(-1)
    hit = (decided == labels).double().cpu()
    bins = (confidence * 10).long().clamp(max=9)
    gaps = [
        (confidence[bins == k].mean() - hit[bins == k].mean()).abs() * (bins == k).sum()
        for k in bins.unique()
    ]
    return ClassificationScore(
        accuracy=float(hit.mean()),
        confusion=tuple(tuple(row) for row in counts.tolist()),
        f1=tuple(f1.tolist()),
        calibration=float(sum(gaps)) / len(labels),
    )


def smape(prediction: Tensor, target: Tensor) -> float:
    """Symmetric mean absolute percentage error, 200 mean(|p - y|/(|p| + |y|)), from 0 to 200, as NeuroBench has it.

    A prediction that is not a number counts as the worst, 200.

    Args:
        prediction: any shape.
        target: the same shape, in a unit whose zero means nothing.

    Raises:
        TaskError: the shapes differ.

    >>> smape(torch.tensor([1.0, 3.0]), torch.tensor([1.0, 1.0]))
    50.0
    """
    if prediction.shape != target.shape:
        raise TaskError(
            f"smape: the prediction has shape {tuple(prediction.shape)}, the target {tuple(target.shape)}; "
            "both must be the same."
        )
    parts = 200 * (prediction - target).abs() / (prediction.abs() + target.abs())
    return float(parts.mean().nan_to_num(nan=200.0))
