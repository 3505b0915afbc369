"""What the peers on torch share: a loop over unbound steps, whole or in compiled chunks, and its runs."""

from collections.abc import Callable, Sequence

import torch

from benchmarks.measurement import Shape

CHUNK = 10
"""Steps in one compiled piece: longer pieces compile for minutes and run no faster."""
Step = Callable[..., tuple[torch.Tensor, ...]]


def stepped(step: Step, start: Callable[[torch.Tensor], Sequence[torch.Tensor]]) -> Callable:
    """A run over (time, batch, width) of `step(current, *state) -> (spikes, *state)`.

    The input is unbound, never indexed: the backward pass of an index is quadratic in length.
    """

    def run(inputs: torch.Tensor) -> torch.Tensor:
        state, outputs = tuple(start(inputs[0])), []
        for current in inputs.unbind(0):
            spikes, *state = step(current, *state)
            outputs.append(spikes)
        return torch.stack(outputs)

    return run


def in_chunks(step: Step, start: Callable[[torch.Tensor], Sequence[torch.Tensor]]) -> Callable:
    """The same run, `CHUNK` steps at a time through torch.compile."""

    def chunk(inputs: torch.Tensor, *state: torch.Tensor) -> tuple[torch.Tensor, ...]:
        outputs = []
        for current in inputs.unbind(0):
            spikes, *state = step(current, *state)
            outputs.append(spikes)
        return torch.stack(outputs), *state

    fast = torch.compile(chunk, dynamic=False)

    def run(inputs: torch.Tensor) -> torch.Tensor:
        state, outputs = tuple(start(inputs[0])), []
        for piece in inputs.split(CHUNK):
            spikes, *state = fast(piece, *state)
            outputs.append(spikes)
        return torch.cat(outputs)

    return run


def runs(run: Callable[[torch.Tensor], torch.Tensor], shape: Shape) -> tuple[Callable, Callable]:
    """A forward run without gradients, and one with the backward pass down to the input."""
    torch.manual_seed(0)
    inputs = torch.rand(shape.steps, shape.batch, shape.width)
    seeds = torch.rand(shape.steps, shape.batch, shape.width)
    leaf = inputs.clone().requires_grad_()

    def forward() -> torch.Tensor:
        with torch.no_grad():
            return run(inputs)

    def training() -> torch.Tensor:
        (gradient,) = torch.autograd.grad(run(leaf), leaf, seeds)
        return gradient

    return forward, training
