"""How the output of a network on a time grid becomes a decision between classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from conductance.errors import nearest
from conductance.loading.lazy import torch
from conductance.tasks.options import TaskError

if TYPE_CHECKING:
    from torch import Tensor

Decision = Literal["mean", "last", "max", "count"]
"""mean: of the output over the samples that count (of spikes their rate); last: the last sample that counts; max: the
largest; count: the sum (of spikes their number)."""


def check_decision(decision: str, owner: str) -> None:
    """Raise `TaskError` unless the decision is a known one."""
    if decision not in get_args(Decision):
        raise TaskError(
            f"{owner}: decision = {decision!r} is unknown; {nearest(decision, get_args(Decision))}"
            f"allowed are {', '.join(get_args(Decision))}."
        )


def evidence(output: Tensor, mask: Tensor, decision: Decision) -> Tensor:
    """What speaks for each class, (batch, class); the largest wins, and a softmax of it is compared with the label.

    Args:
        output: (time, batch, class).
        mask: (time, batch), bool, True where a sample counts, at least once in each series.
        decision: see `Decision`.

    >>> rising = torch.tensor([[[0.0, 1.0]], [[4.0, 1.0]], [[9.0, 9.0]]])
    >>> counted = torch.tensor([[True], [True], [False]])
    >>> {how: evidence(rising, counted, how).tolist() for how in ("mean", "last", "max", "count")}
    {'mean': [[2.0, 1.0]], 'last': [[4.0, 1.0]], 'max': [[4.0, 1.0]], 'count': [[4.0, 2.0]]}
    """
    counted = mask.unsqueeze(-1)
    if decision == "last":
        steps = torch.arange(len(mask), device=mask.device).unsqueeze(1)
        last = torch.where(mask, steps, -1).amax(0)
        return output[last, torch.arange(output.shape[1], device=mask.device)]
    if decision == "max":
        return output.masked_fill(~counted, -torch.inf).amax(0)
    total = (output * counted).sum(0)
    return total if decision == "count" else total / counted.sum(0)


def labels(targets: Tensor, mask: Tensor) -> Tensor:
    """The class of each series, (batch,), int64, from targets that are 1 in its column wherever they count."""
    return (targets * mask.unsqueeze(-1)).amax(0).argmax(-1)
