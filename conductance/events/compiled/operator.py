"""The compiled response of a layer, forwards and backwards, as an operation of autograd."""

from dataclasses import dataclass
from typing import Any

import torch

from conductance.events.compiled.library import Call, event_kernel
from conductance.events.compiled.source import SLOPES, Flow
from conductance.events.spikes import EventError
from conductance.kernels.pool import POOL

SMALL = 1 << 15
"""Events times neurons below which a second thread costs more than it saves."""
WIDEST_VECTOR = 64
"""Bytes."""


class EventMemoryError(MemoryError):
    """The event loop could not get the memory that it needs."""


@dataclass(frozen=True, kw_only=True)
class Recurrence:
    """How a layer's spikes come back to it.

    Attributes:
        weight: (neuron, neuron), from the second to the first.
        delay: from a spike to its arrival, at least 0.
        limit: the most spikes of a trial.
    """

    weight: torch.Tensor
    delay: float
    limit: int


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a layer does under given input spikes.

    Attributes:
        times: (spike, batch), in order of time; `end` after a trial's last spike. Differentiable.
        neurons: (spike, batch), int64.
        mask: (spike, batch).
        state: at the end, a pair (batch, neuron). Differentiable.
        returned: (batch,), how many spikes have come back to a recurrent layer; the rest are under way at the end.
    """

    times: torch.Tensor
    neurons: torch.Tensor
    mask: torch.Tensor
    state: tuple[torch.Tensor, torch.Tensor]
    returned: torch.Tensor


def respond(
    flow: Flow,
    times: torch.Tensor,
    neurons: torch.Tensor,
    mask: torch.Tensor,
    weight: torch.Tensor,
    state: tuple[torch.Tensor, torch.Tensor],
    end: float,
    *,
    room: int,
    recurrence: Recurrence | None = None,
) -> Answer:
    """All spikes of a layer.

    Args:
        flow: of the layer's neuron.
        times: (event, batch), in order, before `end`.
        neurons: (event, batch), which input spikes, int64.
        mask: (event, batch), False in the padding at the end of a trial.
        weight: (neuron, input).
        state: at time 0, a pair (batch, neuron): atan(V) or V, and I.
        end: duration of a trial.
        room: spikes per trial for which memory is taken at first; more are found by another run.
        recurrence: of a recurrent layer.

    Raises:
        EventError: a trial has more spikes than `recurrence.limit`.
    """
    rows = weight.T if recurrence is None else torch.cat([weight.T, recurrence.weight.T])
    tensors = (times, rows, *state)
    wanted = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)
    back = None if recurrence is None else (recurrence.delay, recurrence.limit)
    found = _Response.apply(flow, times, neurons, mask, rows, *state, end, room, wanted, back)
    return Answer(
        times=found[0], neurons=found[1], mask=found[2], state=(found[3], found[4]), returned=found[5]
    )


def width_of(size: int, dtype: torch.dtype) -> int:
    """Neurons of a layer, padded to whole vectors."""
    lanes = WIDEST_VECTOR // dtype.itemsize
    return -(-size // lanes) * lanes


def threads_for(work: int) -> int:
    """How many threads take so many events times neurons."""
    return torch.get_num_threads() if work > SMALL else 1


def _called(
    function: Any, numbers: dict[str, int], tensors: dict[str, torch.Tensor], end: float, delay: float
) -> None:
    pointers = {name: tensor.data_ptr() for name, tensor in tensors.items()}
    if not function(Call(end=end, delay=delay, **numbers, **pointers)):
        raise EventMemoryError("the event loop got too little memory; use smaller batches")


def _forward(
    flow: Flow, numbers: dict[str, int], given: dict[str, torch.Tensor], end: float, room: int, wanted: bool,
    back: tuple[float, int] | None,
) -> tuple[dict[str, torch.Tensor], dict[str, int], int]:  # fmt: skip
    """The results by name, the numbers with the room and intervals that they have, and the most spikes of a trial."""
    dtype, batch = given["times"].dtype, numbers["batch"]
    kernel = event_kernel(flow, dtype)
    numbers = {**numbers, "room": room, "intervals": numbers["events"] + 1 + (room if back else 0)}
    results = {
        "spike_times": POOL.empty((room, batch), dtype),
        "spike_neurons": POOL.empty((room, batch), torch.int64),
        "spike_mask": POOL.empty((room, batch), torch.bool),
        "counts": torch.empty(batch, dtype=torch.int64),
        "last_first": torch.empty_like(given["first"]),
        "last_second": torch.empty_like(given["second"]),
        "returned": torch.zeros(batch, dtype=torch.int64),
    }
    if wanted:
        rows = kernel.tape_rows(Call(timed=numbers["timed"]))
        results |= {
            "tape": POOL.empty((batch, numbers["intervals"], rows, numbers["width"]), dtype),
            "spike_intervals": POOL.empty((room, batch), torch.int64),
            "spike_slopes": POOL.empty((room, batch, SLOPES[type(flow)]), dtype),
        }
    if back:
        results |= {
            "arrivals": POOL.empty((batch, numbers["intervals"]), torch.int64),
            "last_intervals": torch.zeros(batch, dtype=torch.int64),
        }
    _called(kernel.forward, numbers, given | results, end, back[0] if back else 0.0)
    needed = int(results["counts"].max()) if batch else 0
    if needed <= room:
        return results, numbers, needed
    if back is None:
        return _forward(flow, numbers, given, end, needed, wanted, back)
    if room >= back[1]:
        raise EventError(
            f"recurrent event layer: a trial has more than {back[1]} spikes, which is its capacity; "
            f"raise capacity, or lower the recurrent weights"
        )
    # a run that lacks room stops, so how much it needs is not known
    return _forward(flow, numbers, given, end, min(4 * room, back[1]), wanted, back)


class _Response(torch.autograd.Function):
    @staticmethod
    def forward(
        context: Any,
        flow: Flow,
        times: torch.Tensor,
        neurons: torch.Tensor,
        mask: torch.Tensor,
        weight: torch.Tensor,
        first: torch.Tensor,
        second: torch.Tensor,
        end: float,
        room: int,
        wanted: bool,
        back: tuple[float, int] | None,
    ) -> tuple[torch.Tensor, ...]:
        senders, size = weight.shape
        width = width_of(size, weight.dtype)
        events, batch = times.shape
        numbers = {
            "events": events, "batch": batch, "senders": senders, "size": size, "width": width,
            "threads": threads_for((events + 1) * batch * width), "recurrent": int(back is not None),
            "timed": int(wanted and (times.requires_grad or back is not None)),
        }  # fmt: skip
        rows = weight.new_zeros(senders, width)
        rows[:, :size] = weight
        given = {
            "times": times.contiguous(), "neurons": neurons.contiguous(), "mask": mask.contiguous(),
            "weight": rows, "first": first.contiguous(), "second": second.contiguous(),
        }  # fmt: skip
        results, numbers, needed = _forward(flow, numbers, given, end, room, wanted, back)
        found, spiking, there = (results[f"spike_{name}"][:needed] for name in ("times", "neurons", "mask"))
        context.mark_non_differentiable(spiking, there, results["returned"])
        context.set_materialize_grads(False)
        if wanted:
            context.flow, context.numbers, context.end, context.back = flow, numbers, end, back
            kept = [results[name] for name in ("arrivals", "last_intervals")] if back else []
            context.save_for_backward(
                given["neurons"], given["mask"], spiking, results["counts"], results["tape"],
                results["spike_intervals"][:needed], results["spike_slopes"][:needed], *kept,
            )  # fmt: skip
        return found, spiking, there, results["last_first"], results["last_second"], results["returned"]

    @staticmethod
    def backward(
        context: Any, to_times: torch.Tensor | None, _: Any, __: Any, to_first: torch.Tensor | None,
        to_second: torch.Tensor | None, ___: Any,
    ) -> tuple[torch.Tensor | None, ...]:  # fmt: skip
        names = (
            "neurons", "mask", "spike_neurons", "counts", "tape", "spike_intervals", "spike_slopes", "arrivals",
            "last_intervals",
        )  # fmt: skip
        given = dict(zip(names, context.saved_tensors, strict=False))
        numbers, tape, spiking = context.numbers, given["tape"], given["spike_neurons"]
        like = (numbers["batch"], numbers["size"])
        first, second = (
            tape.new_zeros(like) if bar is None else bar.clone(memory_format=torch.contiguous_format)
            for bar in (to_first, to_second)
        )
        results = {
            "first_bars": first, "second_bars": second,
            "time_bars": tape.new_zeros(given["neurons"].shape if numbers["timed"] else (0,)),
            "sums": tape.new_zeros(numbers["threads"], numbers["senders"], numbers["width"]),
            # the arrivals of a recurrent layer's own spikes add to these
            "spike_bars": tape.new_zeros(spiking.shape) if to_times is None
            else to_times.clone(memory_format=torch.contiguous_format),
        }  # fmt: skip
        kernel = event_kernel(context.flow, tape.dtype)
        _called(kernel.backward, numbers, given | results, context.end, 0.0)
        to_weight = results["sums"].sum(0)[:, : numbers["size"]]
        to_inputs = results["time_bars"] if context.needs_input_grad[1] else None
        return None, to_inputs, None, None, to_weight, first, second, None, None, None, None
