"""The response of quadratic neurons to given input spikes, all spikes at once, with exact gradients.

A state is the direction (p, q) of V = p/q with its angle atan(p/q), smooth through a spike. States are products of
2x2 matrices; spikes are where q changes its sign. The backward pass is one linear recurrence for the angle and one
for the current, from the slopes that sympy derives by the implicit function theorem.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch

from conductance.derivation.printers.torch import compiled
from conductance.derivation.projective import ProjectiveFlow
from conductance.events.exact.scan import block_length, directions, linear_recurrence

Form = Callable[..., tuple[torch.Tensor, ...]]
ONE_TURN = 9.8
"""A little below pi^2."""


@dataclass(frozen=True, kw_only=True)
class FlowForms:
    """The torch forms of a flow's programs; see `ProjectiveFlow` for their inputs and outputs."""

    interval: Form
    decayed: Form
    sweep: Form
    phase: Form
    crossing: Form
    reach: Form
    crossing_gradient: Form
    interval_gradient: Form
    on_voltage: bool
    decay_rate: float


@cache
def forms(flow: ProjectiveFlow) -> FlowForms:
    """The torch forms, derived once per flow."""
    names = (
        "interval",
        "decayed",
        "sweep",
        "phase",
        "crossing",
        "reach",
        "crossing_gradient",
        "interval_gradient",
    )
    return FlowForms(
        **{name: compiled(getattr(flow, name), name) for name in names},
        on_voltage=flow.on_voltage,
        decay_rate=float(flow.decay_rate),
    )


@dataclass(frozen=True, kw_only=True)
class Course:
    """The states of a layer at the start and after each input spike, and the intervals that begin there.

    Attributes:
        begins: (interval, batch, 1 or neuron), when each interval begins.
        durations: the same shape.
        current: (interval + 1, batch, neuron), at the beginnings and at the end of the trial.
        direction: (interval + 1, 2, batch, neuron), as above, length 1.
        decay: (interval, batch, 1 or neuron).
        block: events per block of the recurrences.
    """

    begins: torch.Tensor
    durations: torch.Tensor
    current: torch.Tensor
    direction: torch.Tensor
    decay: torch.Tensor
    block: int


def course(
    steps: FlowForms,
    times: torch.Tensor,
    charges: torch.Tensor,
    angle: torch.Tensor,
    current: torch.Tensor,
    end: float,
) -> Course:
    """Run a layer through its input spikes; arguments as for `respond`."""
    edge = times.new_zeros(1, *times.shape[1:])
    begins = torch.cat([edge, times])
    durations = torch.diff(begins, dim=0, append=edge + end)
    arriving = torch.cat([charges, torch.zeros_like(angle)[None]])
    block = block_length(angle)
    (decay,) = steps.decayed(durations)
    decay = torch.as_tensor(decay, dtype=durations.dtype, device=durations.device).expand_as(durations)
    if steps.on_voltage:
        currents = current.expand(len(durations) + 1, *angle.shape)
    else:
        currents = torch.cat([current[None], linear_recurrence(decay, arriving, current, block)])
    entries = torch.broadcast_tensors(*steps.interval(currents[:-1], durations), arriving)[:4]
    matrices = torch.stack(entries, 1).unflatten(1, (2, 2))
    if steps.on_voltage:
        matrices = torch.stack([matrices[:, 0] + arriving[:, None] * matrices[:, 1], matrices[:, 1]], 1)
    matrices = matrices / matrices.abs().amax(dim=(1, 2), keepdim=True)
    begin = torch.stack([torch.sin(angle), torch.cos(angle)])
    states = torch.cat([begin[None], directions(matrices, begin, block)])
    return Course(
        begins=begins, durations=durations, current=currents, direction=states, decay=decay, block=block
    )  # fmt: skip


def _positive(p: torch.Tensor, q: torch.Tensor) -> torch.Tensor:
    """Whether q is positive, or is 0 and about to be: dq/dt has the sign of -p."""
    return (q > 0) | ((q == 0) & (p < 0))


def _upright(p: torch.Tensor, q: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The same voltages with q >= 0; at q = 0 the neuron has just spiked, V = -inf."""
    return torch.where(_positive(p, q), p, -p), q.abs()


@dataclass(frozen=True, kw_only=True)
class _Found:
    """Every spike: the flat index (interval, batch, neuron) of its interval, and the state at its beginning.

    `turns` counts the spikes before it in the interval; `p` and `q` are upright. All have the shape (spike,).
    """

    places: torch.Tensor
    turns: torch.Tensor
    p: torch.Tensor
    q: torch.Tensor
    current: torch.Tensor
    begins: torch.Tensor
    durations: torch.Tensor


def _spikes(steps: FlowForms, run: Course) -> _Found:
    shape = run.current[:-1].shape
    above = _positive(*run.direction.unbind(1))
    odd = above[:-1] != above[1:]
    (swept,) = steps.sweep(run.current[:-1], run.durations)
    places = (odd | (swept >= ONE_TURN)).flatten().nonzero()[:, 0]
    interval, inside = places // shape[1:].numel(), places % shape[1:].numel()
    p, q = _upright(*run.direction.flatten(2)[interval, :, inside].unbind(1))
    current = run.current.flatten(1)[interval, inside]
    begins, durations = (
        values.expand(shape)[interval, inside // shape[2], inside % shape[2]]
        for values in (run.begins, run.durations)
    )
    start, stop = steps.phase(p, q, current, durations)
    # Which of two neighbouring numbers is right is decided by the sign of q, which two intervals share at their
    # border: rounding can move a spike from one to the next but neither lose nor double it.
    parity = odd.flatten()[places].to(p.dtype)
    whole = parity + 2 * torch.round((stop - 0.5 - parity) / 2).clamp(min=0)
    counts = torch.where(stop - start >= 1, whole, parity).long()
    first = counts.cumsum(0) - counts
    turns = torch.arange(int(counts.sum()), device=p.device) - first.repeat_interleave(counts)
    each = [value.repeat_interleave(counts) for value in (places, p, q, current, begins, durations)]
    return _Found(
        places=each[0],
        turns=turns.to(p.dtype),
        p=each[1],
        q=each[2],
        current=each[3],
        begins=each[4],
        durations=each[5],
    )


class _Response(torch.autograd.Function):
    @staticmethod
    def forward(
        context: Any,
        steps: FlowForms,
        times: torch.Tensor,
        charges: torch.Tensor,
        angle: torch.Tensor,
        current: torch.Tensor,
        end: float,
    ) -> tuple[torch.Tensor, ...]:
        run = course(steps, times, charges, angle, current, end)
        found = _spikes(steps, run)
        (wait,) = steps.crossing(found.p, found.q, found.current, found.turns)
        wait = torch.minimum(wait.nan_to_num(nan=torch.inf).clamp(min=0), found.durations)
        context.save_for_backward(
            found.places,
            found.p,
            found.q,
            found.current,
            wait,
            run.durations,
            run.current,
            run.direction,
            run.decay,
            charges,
        )
        context.steps, context.block, context.times_shape = steps, run.block, times.shape
        context.mark_non_differentiable(found.places)
        p, q = _upright(*run.direction[-1])
        return found.begins + wait, found.places, torch.atan2(p, q), run.current[-1].clone()

    @staticmethod
    def backward(
        context: Any, to_spikes: torch.Tensor, _: Any, to_angle: torch.Tensor, to_current: torch.Tensor
    ) -> tuple[torch.Tensor | None, ...]:
        spikes, p, q, drive, wait, durations, current, direction, decay, charges = context.saved_tensors
        steps, block = context.steps, context.block
        shape = current[:-1].shape
        by_angle, by_current = steps.crossing_gradient(p, q, drive, wait)
        angles, currents, starts = (current.new_zeros(shape) for _ in range(3))
        for target, slope in ((angles, by_angle), (currents, by_current), (starts, 1.0)):
            target.view(-1).index_add_(0, spikes, to_spikes * slope)
        p, q = direction[:-1].unbind(1)
        turn, push, drag = steps.interval_gradient(p, q, current[:-1], durations)
        if steps.on_voltage:
            shrink = _jump_slope(steps, (p, q), current[:-1], durations, charges)
            turn, drag = turn * shrink, drag * shrink
        angles = _back(turn, angles, to_angle, block)
        to_durations = drag * angles[1:]
        if steps.on_voltage:
            to_charges, to_first = angles[1:-1] * direction[1:-1, 1] ** 2, to_current
        else:
            currents = _back(decay, currents + push * angles[1:], to_current, block)
            to_charges, to_first = currents[1:-1], currents[0]
            to_durations = to_durations + currents[1:] * current[:-1] * decay * steps.decay_rate
        to_times = to_durations[:-1] - to_durations[1:] + starts[1:]
        if context.times_shape[2] == 1:
            to_times = to_times.sum(2, keepdim=True)
        return None, to_times, to_charges, angles[0], to_first, None


def _jump_slope(
    steps: FlowForms,
    direction: tuple[torch.Tensor, torch.Tensor],
    current: torch.Tensor,
    durations: torch.Tensor,
    charges: torch.Tensor,
) -> torch.Tensor:
    """The slope of the angle after an input spike that moves V, over the angle before it."""
    a, b, c, d = steps.interval(current, durations)
    above, below = a * direction[0] + b * direction[1], c * direction[0] + d * direction[1]
    moved = torch.cat([above[:-1] + charges * below[:-1], above[-1:]])
    return (above**2 + below**2) / (moved**2 + below**2)


def _back(factors: torch.Tensor, terms: torch.Tensor, last: torch.Tensor, block: int) -> torch.Tensor:
    """y[k] = factors[k] y[k + 1] + terms[k] with y[end] = last, for every k and the end."""
    result = linear_recurrence(factors.flip(0), terms.flip(0), last, block)
    return torch.cat([result.flip(0), last[None]])


def respond(
    flow: ProjectiveFlow,
    times: torch.Tensor,
    charges: torch.Tensor,
    angle: torch.Tensor,
    current: torch.Tensor,
    end: float,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """All spikes of a layer of quadratic neurons under given input spikes.

    Args:
        flow: the neuron between input spikes.
        times: (event, batch, 1), or (event, batch, neuron) where each neuron has its own delays; from 0 to `end`, in
            order. Padding has time `end` and charge 0.
        charges: (event, batch, neuron), the weights of the input spikes.
        angle: (batch, neuron), atan(V) at time 0.
        current: (batch, neuron), I at time 0; unused by a neuron without current.
        end: duration of the trial.

    Returns:
        The spike times (spike,), in the order of the flat index (event, batch, neuron) of the interval they lie in;
        these indices (spike,), int64; and atan(V) and I at the end, (batch, neuron). Differentiable in every tensor.
    """
    return _Response.apply(forms(flow), times, charges, angle, current, end)
