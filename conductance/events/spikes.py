"""Spike trains as events: ordered times with a mask, so that memory grows with spikes and not with time steps."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from conductance.errors import ExcitableError, refuse_truth_values
from conductance.grid import step_of, steps_until


class EventError(ExcitableError):
    """Spike times, weights or layers do not fit each other."""


@dataclass(frozen=True, kw_only=True)
class Spikes:
    """The spikes of `size` neurons in a batch of trials of one duration, in order of time.

    Build them by `Spikes.of_latencies` or `Spikes.of_trains`, which check; layers return them.

    Attributes:
        times: (event, batch), in units of time, never decreasing; `end` where the mask is False.
        neurons: (event, batch), which neuron spiked, int64; 0 where the mask is False.
        mask: (event, batch), True where there is a spike; all spikes of a trial come first.
        size: number of neurons.
        end: duration of the trial, from time 0.
        rates: (batch, neuron), the share of the way to its next spike that each neuron has gone at the end, in (0, 1);
            None for sources and neurons without pseudospikes.
        later: (pseudospike, batch, neuron), times after `end` at which each neuron would spike next; None as above.
    """

    times: torch.Tensor
    neurons: torch.Tensor
    mask: torch.Tensor
    size: int
    end: float
    rates: torch.Tensor | None = None
    later: torch.Tensor | None = None

    def __post_init__(self) -> None:
        shapes = {tuple(self.times.shape), tuple(self.neurons.shape), tuple(self.mask.shape)}
        if len(shapes) != 1 or self.times.dim() != 2:
            raise EventError(
                f"spikes: times, neurons and mask have shapes {tuple(self.times.shape)}, {tuple(self.neurons.shape)}, "
                f"{tuple(self.mask.shape)}; all must be (event, batch)"
            )
        refuse_truth_values("spikes", size=self.size)
        _check_end(self.end)

    @property
    def batch(self) -> int:
        """Number of trials."""
        return self.times.shape[1]

    @classmethod
    def of_latencies(cls, latencies: torch.Tensor, *, end: float) -> "Spikes":
        """At most one spike per neuron: `latencies` (batch, neuron), infinite where a neuron is silent.

        Raises:
            EventError: a time that is negative, NaN or not before `end`.
        """
        if not isinstance(latencies, torch.Tensor) or latencies.dim() != 2:
            raise EventError("latencies must be a tensor (batch, neuron), infinite where a neuron is silent")
        _check_end(end)
        mask = latencies.isposinf().logical_not().T
        times, neurons = latencies.masked_fill(mask.T.logical_not(), end).T.sort(dim=0, stable=True)
        mask = mask.gather(0, neurons)
        # silent neurons and a spike at `end` itself would tie: the check refuses the latter
        _check_times(times.detach(), mask, end)
        keep = int(mask.sum(0).max()) if mask.numel() else 0
        return cls(
            times=times[:keep],
            neurons=neurons.masked_fill(~mask, 0)[:keep],
            mask=mask[:keep],
            size=latencies.shape[1],
            end=end,
        )

    @classmethod
    def of_trains(
        cls,
        trains: Sequence[Sequence[tuple[float, int]]],
        *,
        size: int,
        end: float,
        dtype: torch.dtype | None = None,
    ) -> "Spikes":
        """One sequence of (time, neuron) per trial, in order of time.

        Raises:
            EventError: a time that is negative, NaN, out of order or not before `end`; a neuron that does not exist.
        """
        dtype = dtype or torch.get_default_dtype()
        length = max((len(train) for train in trains), default=0)
        times = torch.full((length, len(trains)), float(end), dtype=dtype)
        neurons = torch.zeros(length, len(trains), dtype=torch.long)
        mask = torch.zeros(length, len(trains), dtype=torch.bool)
        for trial, train in enumerate(trains):
            count = len(train)
            times[:count, trial] = torch.tensor([time for time, _ in train], dtype=dtype)
            neurons[:count, trial] = torch.tensor([neuron for _, neuron in train], dtype=torch.long)
            mask[:count, trial] = True
        spikes = cls(times=times, neurons=neurons, mask=mask, size=size, end=end)
        spikes.check()
        return spikes

    def check(self) -> None:
        """Raise `EventError` for the first spike that is out of place, out of order or of no neuron."""
        _check_times(self.times.detach(), self.mask, self.end)
        wrong = ((self.neurons < 0) | (self.neurons >= self.size)) & self.mask
        if bool(wrong.any()):
            event, trial = wrong.nonzero()[0].tolist()
            raise EventError(
                f"spikes: trial {trial}, event {event} is of neuron {int(self.neurons[event, trial])}; "
                f"there are neurons 0 to {self.size - 1}"
            )

    def select(self, trials: torch.Tensor | Sequence[int]) -> "Spikes":
        """The spikes of some trials, by their indices: a mini-batch."""
        index = torch.as_tensor(trials, dtype=torch.long)
        mask = self.mask.index_select(1, index)
        keep = int(mask.sum(0).max()) if mask.numel() else 0
        return Spikes(
            times=self.times[:keep].index_select(1, index),
            neurons=self.neurons[:keep].index_select(1, index),
            mask=mask[:keep],
            size=self.size,
            end=self.end,
            rates=None if self.rates is None else self.rates[index],
            later=None if self.later is None else self.later[:, index],
        )

    def counts(self) -> torch.Tensor:
        """Number of spikes, (batch, neuron), int64."""
        counts = torch.zeros(self.batch, self.size, dtype=torch.long, device=self.times.device)
        return counts.scatter_add_(1, self.neurons.T, self.mask.T.long())

    def by_neuron(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Ordered times per neuron, (spike, batch, neuron), `end` where there is none, and their mask."""
        event, trial = self.mask.nonzero(as_tuple=True)
        neuron = self.neurons[event, trial]
        key = trial * self.size + neuron
        order = torch.argsort(key, stable=True)
        counts = self.counts().flatten()
        first = counts.cumsum(0) - counts
        place = torch.empty_like(key)
        place[order] = torch.arange(len(key), device=key.device) - first[key[order]]
        length = int(counts.max()) if counts.numel() else 0
        shape = (length, self.batch, self.size)
        times = self.times.new_full(shape, self.end).index_put(
            (place, trial, neuron), self.times[event, trial]
        )
        mask = torch.zeros(shape, dtype=torch.bool, device=key.device).index_put(
            (place, trial, neuron), torch.ones_like(place, dtype=torch.bool)
        )
        return times, mask

    def nth(self, number: int = 0) -> torch.Tensor:
        """Time of spike `number` (from 0) of each neuron, (batch, neuron).

        Where a neuron spikes less often it is its pseudospike, so that the time is a smooth function of the weights;
        without pseudospikes it is `end`, with no gradient.

        Raises:
            EventError: more pseudospikes are asked for than the layer made.
        """
        times, counts = self._nth_inside(number)
        missing = counts <= number
        if self.later is not None:
            lack = (number - counts).clamp(min=0)
            if int(lack.max()) >= self.later.shape[0] and bool(missing.any()):
                raise EventError(
                    f"spike {number} of every neuron needs {int(lack.max()) + 1} pseudospikes and the layer makes "
                    f"{self.later.shape[0]}; build it with pseudospikes={int(lack.max()) + 1}"
                )
            late = self.later.gather(0, lack.clamp(max=self.later.shape[0] - 1)[None])[0]
        else:
            late = self.times.new_full((self.batch, self.size), self.end)
        return late if times is None else torch.where(missing, late, times)

    def _nth_inside(self, number: int) -> tuple[torch.Tensor | None, torch.Tensor]:
        """Time of spike `number` of each neuron where it has one, (batch, neuron), None where none has, and counts."""
        counts = self.counts()
        if number > 0 or not self.mask.shape[0]:
            times, _ = self.by_neuron()
            return (times[number] if number < times.shape[0] else None), counts
        # events are in order of time: a neuron's first spike is its lowest event
        length = self.mask.shape[0]
        events = torch.arange(length, device=self.times.device)[:, None].expand_as(self.neurons)
        places = torch.full_like(counts, length)
        places.scatter_reduce_(1, self.neurons.T, events.masked_fill(~self.mask, length).T, "amin")
        return self.times.T.gather(1, places.clamp(max=length - 1)), counts

    def first(self) -> torch.Tensor:
        """`nth(0)`: the time of each neuron's first spike or pseudospike, (batch, neuron)."""
        return self.nth(0)

    def binned(self, step: float, *, dtype: torch.dtype | None = None) -> torch.Tensor:
        """Number of spikes per time step, (time, batch, neuron), for layers on a time grid; no gradient to the times.

        Step k holds the spikes in [k step, (k + 1) step); a time within four units in the last place of k step is in
        step k.
        """
        if not (step > 0 and step < float("inf")):
            raise EventError(f"binned: step = {step} must be positive and finite")
        steps = steps_until(self.end, step)
        event, trial = self.mask.nonzero(as_tuple=True)
        times = self.times.detach()[event, trial]
        place = torch.from_numpy(step_of(times.cpu().numpy(), step)).to(times.device).clamp(max=steps - 1)
        counts = torch.zeros(steps, self.batch, self.size, dtype=dtype or self.times.dtype)
        counts = counts.to(self.times.device)
        ones = torch.ones(len(event), dtype=counts.dtype, device=counts.device)
        return counts.index_put((place, trial, self.neurons[event, trial]), ones, accumulate=True)

    @classmethod
    def of_binned(cls, counts: torch.Tensor, *, step: float) -> "Spikes":
        """The spikes of a layer on a time grid, (time, batch, neuron), each in the middle of its step; no gradient."""
        if counts.dim() != 3:
            raise EventError(
                f"of_binned: counts have shape {tuple(counts.shape)}; give (time, batch, neuron)"
            )
        whole = counts.detach().round().long()
        if bool((whole != counts).any()) or bool((whole < 0).any()):
            raise EventError(
                "of_binned: counts must be whole numbers of spikes, as a spiking layer returns them"
            )
        place, trial, neuron = whole.nonzero(as_tuple=True)
        times = whole[place, trial, neuron]
        place, trial, neuron = (index.repeat_interleave(times) for index in (place, trial, neuron))
        return merged(
            (place + 0.5).to(counts.dtype) * step,
            trial,
            neuron,
            batch=counts.shape[1],
            size=counts.shape[2],
            end=counts.shape[0] * step,
        )


def merged(
    times: torch.Tensor, trials: torch.Tensor, neurons: torch.Tensor, *, batch: int, size: int, end: float
) -> Spikes:
    """Spikes from flat times, trials and neurons (spike,) in any order; differentiable in the times."""
    order = torch.argsort(times.detach(), stable=True)
    order = order[torch.argsort(trials[order], stable=True)]
    times, trials, neurons = times[order], trials[order], neurons[order]
    counts = torch.bincount(trials, minlength=batch)
    first = counts.cumsum(0) - counts
    place = torch.arange(len(times), device=times.device) - first[trials]
    shape = (int(counts.max()) if batch else 0, batch)
    empty = torch.zeros(shape, dtype=torch.long, device=times.device)
    return Spikes(
        times=times.new_full(shape, end).index_put((place, trials), times),
        neurons=empty.index_put((place, trials), neurons),
        mask=empty.bool().index_put((place, trials), torch.ones_like(place, dtype=torch.bool)),
        size=size,
        end=end,
    )


def _check_end(end: float) -> None:
    refuse_truth_values("spikes", end=end)
    if not (0 < end < float("inf")):
        raise EventError(f"spikes: end = {end} is the trial's duration and must be positive and finite")


def _check_times(times: torch.Tensor, mask: torch.Tensor, end: float) -> None:
    wrong = ~((times >= 0) & (times < end)) & mask
    if bool(wrong.any()):
        event, trial = wrong.nonzero()[0].tolist()
        raise EventError(
            f"spikes: trial {trial}, event {event} has time {float(times[event, trial]):g}; "
            f"allowed are times from 0 to before the trial's end, {end:g}"
        )
    late = (times[1:] < times[:-1]) & mask[1:]
    if bool(late.any()):
        event, trial = late.nonzero()[0].tolist()
        raise EventError(
            f"spikes: trial {trial}, event {event + 1} at {float(times[event + 1, trial]):g} follows one at "
            f"{float(times[event, trial]):g}; sort the events by time"
        )
    if bool((mask[1:] & ~mask[:-1]).any()):
        raise EventError("spikes: the mask has a gap; the spikes of a trial must come first")
