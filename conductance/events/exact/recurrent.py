"""Recurrent layers: spikes are inputs again, so the layer goes from event to event, all trials side by side."""

import torch

from conductance.events.exact.engines import Engine, Pair
from conductance.events.spikes import EventError


def respond_recurrent(
    engine: Engine,
    times: torch.Tensor,
    charges: torch.Tensor,
    state: Pair,
    end: float,
    weight: torch.Tensor,
    delay: float,
    *,
    limit: int | None,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, Pair, torch.Tensor]:
    """All spikes of a layer whose own spikes arrive at it again.

    Args:
        engine: of the layer's neuron.
        times: (event, batch, 1), as for `conductance.events.exact.response.respond`.
        charges: (event, batch, neuron).
        state: at time 0.
        end: duration of the trial.
        weight: (neuron, neuron), from the second to the first.
        delay: from a spike to its arrival, at least 0.
        limit: the most spikes of a trial; None for any number.

    Returns:
        Spike times, trials and neurons, each (spike,), the state at the end, and the charge (batch, neuron) of spikes
        that are still under way at the end.
    """
    if times.shape[2] != 1:
        raise EventError("a recurrent layer cannot have one delay per synapse; give one per input, (inputs,)")
    batch, size = state[0].shape
    rows = torch.arange(batch, device=times.device)
    loop = _Loop(engine, times, charges, state, end)
    spike_times: list[torch.Tensor] = []
    spike_neurons: list[torch.Tensor] = []
    spiked: list[torch.Tensor] = []
    pending: list[torch.Tensor] = []
    arrived = torch.zeros(0, batch, dtype=torch.bool, device=times.device)
    while not bool(loop.done.all()):
        waits = loop.now[:, None] + engine.wait(loop.state)
        own, neuron = waits.min(1)
        coming = loop.next_input()
        if pending:
            queue = torch.stack(pending).masked_fill(arrived, torch.inf)
            back, place = queue.min(0)
        else:
            back, place = torch.full_like(own, torch.inf), torch.zeros_like(neuron)
        event = torch.stack([own, coming, back, torch.full_like(own, end)])
        kind = torch.where(loop.done, 3, event.detach().argmin(0))
        loop.advance(event.gather(0, kind[None])[0])
        spiking = (kind == 0)[:, None] & (torch.arange(size, device=times.device) == neuron[:, None])
        loop.state = engine.reset(loop.state, spiking)
        charge = loop.input_charge() * (kind == 1)[:, None]
        loop.pointer = loop.pointer + (kind == 1).long()
        if pending:
            arrived = arrived.index_put((place, rows), arrived[place, rows] | (kind == 2))
            sender = torch.stack(spike_neurons)[place, rows]
            charge = charge + weight.T[sender] * (kind == 2)[:, None]
        loop.state = engine.arrive(loop.state, charge)
        loop.done = loop.done | (kind == 3)
        spike_times.append(loop.now)
        spike_neurons.append(neuron)
        spiked.append(kind == 0)
        pending.append(torch.where(kind == 0, loop.now + delay, torch.full_like(own, torch.inf)))
        arrived = torch.cat([arrived, (kind != 0)[None]])
        _check_limit(spiked, limit)
    mask, neurons = torch.stack(spiked), torch.stack(spike_neurons)
    step, trial = mask.nonzero(as_tuple=True)
    waiting = (mask & ~arrived).to(weight.dtype)[:, :, None]
    returning = (weight.T[neurons] * waiting).sum(0)
    return torch.stack(spike_times)[step, trial], trial, neurons[step, trial], loop.state, returning


class _Loop:
    """Where each trial stands."""

    def __init__(
        self, engine: Engine, times: torch.Tensor, charges: torch.Tensor, state: Pair, end: float
    ) -> None:
        batch = state[0].shape[0]
        self.engine, self.state = engine, state
        self.times = torch.cat([times[:, :, 0], times.new_full((1, batch), torch.inf)])
        self.times = torch.where(self.times < end, self.times, torch.full_like(self.times, torch.inf))
        self.charges = torch.cat([charges, torch.zeros_like(state[0])[None]])
        self.now = times.new_zeros(batch)
        self.pointer = torch.zeros(batch, dtype=torch.long, device=times.device)
        self.done = torch.zeros(batch, dtype=torch.bool, device=times.device)
        self.rows = torch.arange(batch, device=times.device)

    def next_input(self) -> torch.Tensor:
        """Time of the next input spike, (batch,), inf after the last one."""
        return self.times[self.pointer, self.rows]

    def input_charge(self) -> torch.Tensor:
        """Charges of the next input spike, (batch, neuron)."""
        return self.charges[self.pointer, self.rows]

    def advance(self, until: torch.Tensor) -> None:
        """Move every trial on to its own time."""
        duration = (until - self.now).clamp(min=0)
        self.state = self.engine.advance(self.state, duration[:, None].expand_as(self.state[0]))
        self.now = until


def _check_limit(spiked: list[torch.Tensor], limit: int | None) -> None:
    if limit is None or len(spiked) % 64:
        return
    most = int(torch.stack(spiked).sum(0).max())
    if most > limit:
        raise EventError(
            f"recurrent event layer: a trial has more than {limit} spikes, which is its capacity; "
            f"raise capacity, or lower the recurrent weights"
        )
