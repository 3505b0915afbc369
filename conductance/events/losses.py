"""Losses on spike times and voltages."""

import torch
from torch import nn

from conductance.events.spikes import EventError, Spikes

REGULARISER = 1e-2


def first_spike_loss(
    first: torch.Tensor,
    labels: torch.Tensor,
    *,
    end: float,
    tau: float = 1.0,
    regulariser: float = REGULARISER,
) -> torch.Tensor:
    """Cross-entropy of minus the first spike times, plus a push towards an early spike of the right neuron.

    loss = mean over the batch of -log softmax(-t/tau)[label] + regulariser (exp(t[label]/end) - 1).

    Args:
        first: (batch, class), from `Spikes.first`; a pseudospike's time lies after `end`.
        labels: (batch,), int64.
        end: duration of the trial.
        tau: the time by which two spikes are told apart.
        regulariser: 1e-2 in arXiv 2309.14523.
    """
    if labels.shape != first.shape[:1]:
        raise EventError(
            f"first spike loss: {tuple(labels.shape)} labels for {first.shape[0]} trials; give (batch,)"
        )
    right = first.gather(1, labels[:, None])[:, 0]
    return nn.functional.cross_entropy(-first / tau, labels) + regulariser * torch.expm1(right / end).mean()


def max_over_time_loss(maxima: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of each read-out's largest voltage, (batch, class), from `LeakyReadout`."""
    return nn.functional.cross_entropy(maxima, labels)


def spike_time_loss(spikes: Spikes, targets: torch.Tensor) -> torch.Tensor:
    """Mean squared distance of the first k spikes of every neuron from their targets.

    Args:
        spikes: of the layer; it needs k pseudospikes, so that a missing spike has a gradient.
        targets: (k, batch, neuron) or broadcast to it, NaN where a neuron has no such target.
    """
    times = torch.stack([spikes.nth(number) for number in range(targets.shape[0])])
    wanted = targets.expand_as(times)
    there = ~wanted.isnan()
    if not bool(there.any()):
        raise EventError("spike time loss: there is no target; give at least one that is not NaN")
    return ((times - wanted)[there] ** 2).mean()


def silence_penalty(spikes: Spikes) -> torch.Tensor:
    """How late the neurons that spike in no trial of the batch are: mean over the layer, in trial durations.

    For each neuron it is the time from the end to its earliest pseudospike, and 0 where it spikes in any trial. It is
    ours, not the published loss, and has an effect only on layers with pseudospikes.
    """
    late = spikes.first().amin(0) - spikes.end
    return late.clamp(min=0).mean() / spikes.end


def predicted_class(first: torch.Tensor) -> torch.Tensor:
    """The neuron that spikes first, (batch,)."""
    return first.argmin(1)
