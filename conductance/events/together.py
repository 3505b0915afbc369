"""Input spikes that come at one time as one arrival: how a layer hears an image of few brightness levels."""

import torch
from torch import nn

Arrivals = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]


def together(
    times: torch.Tensor, neurons: torch.Tensor, mask: torch.Tensor, weight: torch.Tensor
) -> Arrivals:
    """The same arrivals, those of a trial at exactly one time added up; differentiable in the weights.

    Each sum is the charge of a neuron of its own, so a trial has as many input neurons as times. What was given comes
    back where that saves less than half of the arrivals, or where the times have a gradient.

    Args:
        times: (event, batch), in order.
        neurons: (event, batch), int64.
        mask: (event, batch), True where there is a spike.
        weight: (neuron, input).

    Returns:
        Times, neurons and mask (time, batch), and weights (neuron, batch times time).
    """
    fresh = mask.clone()
    fresh[1:] &= times[1:] != times[:-1]
    counts = fresh.sum(0)
    most = int(counts.max()) if counts.numel() else 0
    if times.requires_grad or 2 * most > len(times):
        return times, neurons, mask, weight
    batch = times.shape[1]
    first = torch.arange(batch, device=times.device) * most
    sums = (first + fresh.cumsum(0) - 1).T[mask.T]
    sizes = torch.bincount(sums, minlength=batch * most)
    charges = nn.functional.embedding_bag(neurons.T[mask.T], weight.T, sizes.cumsum(0) - sizes, mode="sum")
    there = torch.arange(most, device=times.device)[:, None] < counts
    places = first + torch.arange(most, device=times.device)[:, None]
    merged = times.new_zeros(batch, most).masked_scatter_(there.T, times.T[fresh.T]).T
    # padding has the time of the trial's end, as every padding of spikes
    merged = torch.where(there, merged, times.amax(0, keepdim=True)) if len(times) else merged
    return merged.contiguous(), places.masked_fill(~there, 0), there.contiguous(), charges.T
