"""Losses on answers at every step: of the mean answer (rate), and of each answer (TET, Deng et al. 2022)."""

import torch
from torch.nn.functional import cross_entropy, mse_loss

from conductance.layers.base import ShapeError

LAMBDA = 0.05
"""Weight of TET's regulariser: as its authors use on CIFAR."""
GOAL = 1.0
"""Potential to which TET's regulariser pulls every answer; the threshold of its authors' neurons."""


def rate_loss(answers: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of the mean over time.

    Args:
        answers: (time, batch, class).
        labels: (batch,) whole numbers.
    """
    _check(answers, labels)
    return cross_entropy(answers.mean(0), labels)


def tet_loss(
    answers: torch.Tensor, labels: torch.Tensor, *, weight: float = LAMBDA, goal: float = GOAL
) -> torch.Tensor:
    """(1 - weight) times the mean over time of the cross-entropy, plus weight times the mean square distance to `goal`.

    The temporal efficient training loss: every step has to answer rightly, not only their mean.

    Args:
        answers: (time, batch, class).
        labels: (batch,) whole numbers.
        weight: lambda, in [0, 1].
        goal: phi.
    """
    _check(answers, labels)
    entropy = cross_entropy(answers.flatten(0, 1), labels.repeat(len(answers)))
    return (1 - weight) * entropy + weight * mse_loss(answers, torch.full_like(answers, goal))


def _check(answers: torch.Tensor, labels: torch.Tensor) -> None:
    if answers.dim() != 3 or labels.shape != answers.shape[1:2]:
        raise ShapeError(
            f"loss: answers have shape {tuple(answers.shape)} and labels {tuple(labels.shape)}; "
            f"allowed are (time, batch, class) and (batch,)"
        )


def accuracy(answers: torch.Tensor, labels: torch.Tensor) -> float:
    """Share of images whose largest mean answer is that of their class."""
    _check(answers, labels)
    return float((answers.mean(0).argmax(1) == labels).float().mean())


LOSSES = {"rate": rate_loss, "tet": tet_loss}
"""The losses by name, as configurations name them."""
