"""The loss of a whole classifier and its gradients by one compiled call: no trial leaves the cache of its thread."""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from conductance.derivation.pseudospikes import Pseudospikes
from conductance.events.compiled.library import Call, Chain, classifier_kernel
from conductance.events.compiled.operator import EventMemoryError, threads_for, width_of
from conductance.events.compiled.source import Flow
from conductance.events.spikes import EventError, Spikes

FINE = 1


class NotFiniteError(EventError):
    """A weight, or a state at the start, is not finite."""


FAILURES: dict[int, tuple[type[Exception], str]] = {
    0: (EventMemoryError, "the event loop got too little memory; use smaller batches"),
    2: (NotFiniteError, "event classifier: a weight or a state at the start is not finite"),
    3: (EventError, "event classifier: a label is of no output neuron; the last layer has one per class"),
}
"""By what the compiled function returns."""


@dataclass(frozen=True, kw_only=True)
class ClassifierLoss:
    """A classifier's mean loss on first spike times over a batch, see `first_spike_loss`.

    Attributes:
        flow: of the neurons of all layers.
        after: their pseudospikes, or None.
        rooms: spikes per trial and layer for which memory is taken; raised where there are more.
        tau, regulariser: of the loss.
    """

    flow: Flow
    after: Pseudospikes | None
    rooms: list[int]
    tau: float
    regulariser: float

    def __call__(
        self, spikes: Spikes, labels: torch.Tensor, layers: Sequence[tuple[torch.Tensor, ...]]
    ) -> torch.Tensor:
        """The loss, a number; differentiable in all tensors of the layers, but not in the spikes.

        Args:
            spikes: the input spikes.
            labels: (batch,), int64.
            layers: weight (neuron, input), and the state at time 0, a pair (neuron,): atan(V) or V, and I.

        Raises:
            NotFiniteError: a tensor of the layers is not finite.
            EventError: a label is of no output neuron.
        """
        return _Loss.apply(self, spikes, labels, *(tensor for layer in layers for tensor in layer))


class _Loss(torch.autograd.Function):
    @staticmethod
    def forward(
        context: Any, work: ClassifierLoss, spikes: Spikes, labels: torch.Tensor, *tensors: torch.Tensor
    ) -> torch.Tensor:
        given = (spikes.times.contiguous(), spikes.neurons.contiguous(), spikes.mask.contiguous())
        layers = [tensors[place : place + 3] for place in range(0, len(tensors), 3)]
        loss = None
        while loss is None:
            loss, gradient = _measured(work, given, spikes.end, labels, layers)
        context.gradient, context.shapes = gradient, [weight.shape for weight, _, _ in layers]
        return tensors[0].new_tensor(loss)

    @staticmethod
    def backward(context: Any, bar: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        gradient, place = context.gradient * bar, 0
        found: list[torch.Tensor] = []
        for size, senders in context.shapes:
            width = width_of(size, gradient.dtype)
            for rows in (senders, 1, 1):
                part = gradient[place : place + rows * width].view(rows, width)[:, :size]
                found.append(part.T if rows is senders else part[0])
                place += rows * width
        return None, None, None, *found


def _measured(
    work: ClassifierLoss,
    spikes: tuple[torch.Tensor, ...],
    end: float,
    labels: torch.Tensor,
    layers: Sequence[tuple[torch.Tensor, ...]],
) -> tuple[float | None, torch.Tensor]:
    """The loss and its gradient: for each layer the rows of `width` of the transposed weight and of both states.

    The loss is None where a layer lacked room, of which there is more now.
    """
    times, neurons, mask = spikes
    events, batch = times.shape
    dtype, whole = times.dtype, times.element_size()
    widths = [width_of(weight.shape[0], dtype) for weight, _, _ in layers]
    # about one spike of each neuron
    arrivals = [events, *(weight.shape[0] for weight, _, _ in layers[:-1])]
    threads = threads_for(batch * sum((n + 1) * width for n, width in zip(arrivals, widths, strict=True)))
    rows = [weight.shape[1] + 2 for weight, _, _ in layers]
    sums = times.new_zeros(threads, sum(n * width for n, width in zip(rows, widths, strict=True)))
    calls = (Call * len(layers))()
    kept: list[torch.Tensor] = []
    place = sums.data_ptr()
    for depth, ((weight, first, second), width) in enumerate(zip(layers, widths, strict=True)):
        size, senders = weight.shape
        padded = nn.functional.pad(weight.T, (0, width - size)).contiguous()
        first, second = first.contiguous(), second.contiguous()
        # the pointers below do not keep their tensors
        kept += [padded, first, second]
        calls[depth] = Call(
            events=events, batch=batch, senders=senders, size=size, width=width, room=work.rooms[depth],
            threads=threads, timed=int(depth > 0), recurrent=0, end=end, times=times.data_ptr(),
            neurons=neurons.data_ptr(), mask=mask.data_ptr(), weight=padded.data_ptr(), first=first.data_ptr(),
            second=second.data_ptr(), sums=place,
        )  # fmt: skip
        place += rows[depth] * width * whole
    # one row of counts and one loss for each thread
    needed, losses = (ctypes.c_int64 * (threads * len(layers)))(), (ctypes.c_double * threads)()
    chain = Chain(
        layers=ctypes.addressof(calls), labels=labels.data_ptr(), needed=ctypes.addressof(needed),
        losses=ctypes.addressof(losses), depth=len(layers), stride=sums.shape[1], tau=work.tau,
        regulariser=work.regulariser,
    )  # fmt: skip
    outcome = classifier_kernel(work.flow, work.after, dtype)(chain)
    if outcome != FINE:
        kind, reason = FAILURES[outcome]
        raise kind(reason)
    most = [max(needed[depth :: len(layers)]) for depth in range(len(layers))]
    if any(count > room for count, room in zip(most, work.rooms, strict=True)):
        work.rooms[:] = [max(room, count) for count, room in zip(most, work.rooms, strict=True)]
        return None, sums
    return sum(losses), sums.sum(0) if threads > 1 else sums[0]
