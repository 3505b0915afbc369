"""The compiled response of a layer, forwards and backwards, as an operation of autograd."""

from dataclasses import dataclass
from typing import Any

import torch

from conductance.events.compiled.library import Call, event_kernel
from conductance.events.compiled.source import SLOPES, Flow
from conductance.kernels.pool import POOL

SMALL = 1 << 12
"""Events times neurons below which a second thread costs more than it saves."""
WIDEST_VECTOR = 64
"""Bytes."""


class EventMemoryError(MemoryError):
    """The event loop could not get the memory that it needs."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a layer does under given input spikes.

    Attributes:
        times: (spike, batch), in order of time; `end` after a trial's last spike. Differentiable.
        neurons: (spike, batch), int64.
        mask: (spike, batch).
        state: at the end, a pair (batch, neuron). Differentiable.
    """

    times: torch.Tensor
    neurons: torch.Tensor
    mask: torch.Tensor
    state: tuple[torch.Tensor, torch.Tensor]


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
        room: spikes per trial for which memory is taken at first; more are found by a second run.
    """
    tensors = (times, weight, *state)
    wanted = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)
    found = _Response.apply(flow, times, neurons, mask, weight, *state, end, room, wanted)
    return Answer(times=found[0], neurons=found[1], mask=found[2], state=(found[3], found[4]))


def _width(size: int, dtype: torch.dtype) -> int:
    lanes = WIDEST_VECTOR // dtype.itemsize
    return -(-size // lanes) * lanes


def _threads(work: int) -> int:
    return torch.get_num_threads() if work > SMALL else 1


def _called(function: Any, numbers: dict[str, int], tensors: dict[str, torch.Tensor], end: float) -> None:
    pointers = {name: tensor.data_ptr() for name, tensor in tensors.items()}
    if not function(Call(end=end, **numbers, **pointers)):
        raise EventMemoryError("the event loop got too little memory; use smaller batches")


def _forward(
    flow: Flow, numbers: dict[str, int], given: dict[str, torch.Tensor], end: float, room: int, wanted: bool
) -> tuple[dict[str, torch.Tensor], int]:
    """The results by name, and the room that they have."""
    dtype, batch = given["times"].dtype, numbers["batch"]
    kernel = event_kernel(flow, dtype)
    results = {
        "spike_times": POOL.empty((room, batch), dtype),
        "spike_neurons": POOL.empty((room, batch), torch.int64),
        "spike_mask": POOL.empty((room, batch), torch.bool),
        "counts": torch.empty(batch, dtype=torch.int64),
        "last_first": torch.empty_like(given["first"]),
        "last_second": torch.empty_like(given["second"]),
    }
    if wanted:
        rows = numbers["events"] + 1
        results |= {
            "tape": POOL.empty(
                (batch, rows, kernel.tape_rows(Call(timed=numbers["timed"])), numbers["width"]), dtype
            ),
            "spike_intervals": POOL.empty((room, batch), torch.int64),
            "spike_slopes": POOL.empty((room, batch, SLOPES[type(flow)]), dtype),
        }
    _called(kernel.forward, {**numbers, "room": room}, given | results, end)
    needed = int(results["counts"].max()) if batch else 0
    if needed > room:
        return _forward(flow, numbers, given, end, needed, wanted)
    return results, needed


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
    ) -> tuple[torch.Tensor, ...]:
        size, inputs = weight.shape
        width = _width(size, weight.dtype)
        events, batch = times.shape
        numbers = {
            "events": events, "batch": batch, "inputs": inputs, "size": size, "width": width,
            "threads": _threads((events + 1) * batch * width), "timed": int(wanted and times.requires_grad),
        }  # fmt: skip
        rows = weight.new_zeros(inputs, width)
        rows[:, :size] = weight.T
        given = {
            "times": times.contiguous(), "neurons": neurons.contiguous(), "mask": mask.contiguous(),
            "weight": rows, "first": first.contiguous(), "second": second.contiguous(),
        }  # fmt: skip
        results, needed = _forward(flow, numbers, given, end, room, wanted)
        found, senders, there = (results[f"spike_{name}"][:needed] for name in ("times", "neurons", "mask"))
        context.mark_non_differentiable(senders, there)
        context.set_materialize_grads(False)
        if wanted:
            context.flow, context.numbers, context.end = flow, numbers, end
            context.save_for_backward(
                given["neurons"], given["mask"], senders, results["counts"], results["tape"],
                results["spike_intervals"][:needed], results["spike_slopes"][:needed],
            )  # fmt: skip
        return found, senders, there, results["last_first"], results["last_second"]

    @staticmethod
    def backward(
        context: Any, to_times: torch.Tensor | None, _: Any, __: Any, *to_state: torch.Tensor | None
    ) -> tuple[torch.Tensor | None, ...]:
        neurons, mask, senders, counts, tape, intervals, slopes = context.saved_tensors
        numbers = context.numbers
        like = (numbers["batch"], numbers["size"])
        first, second = (tape.new_zeros(like) if bar is None else bar.clone() for bar in to_state)
        results = {
            "first_bars": first.contiguous(), "second_bars": second.contiguous(),
            "time_bars": tape.new_zeros(neurons.shape if numbers["timed"] else (0,)),
            "sums": tape.new_zeros(numbers["threads"], numbers["inputs"], numbers["width"]),
        }  # fmt: skip
        given = {
            "neurons": neurons, "mask": mask, "spike_neurons": senders, "counts": counts, "tape": tape,
            "spike_intervals": intervals, "spike_slopes": slopes,
            "spike_bars": tape.new_zeros(senders.shape) if to_times is None else to_times.contiguous(),
        }  # fmt: skip
        kernel = event_kernel(context.flow, tape.dtype)
        _called(kernel.backward, numbers, given | results, context.end)
        to_weight = results["sums"].sum(0)[:, : numbers["size"]].T
        to_inputs = results["time_bars"] if numbers["timed"] else None
        bars = results["first_bars"], results["second_bars"]
        return None, to_inputs, None, None, to_weight, *bars, None, None, None
