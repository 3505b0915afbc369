"""The Triton kernels as torch operators: autograd, torch.compile and state in and out."""

from collections.abc import Sequence

import torch

from conductance.kernels.operator import (
    asked,
    check_alike,
    check_finite,
    check_sizes,
    make_differentiable,
    wanted_gradients,
)
from conductance.kernels.triton.library import kernel, segment


def run(
    name: str, inputs: torch.Tensor, state: Sequence[torch.Tensor], constants: Sequence[torch.Tensor], seed: int = 0
) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:  # fmt: skip
    """Step a registered rule through time, as `conductance.kernels.run` does on the CPU.

    Args:
        name: from `conductance.kernels.library.register`.
        inputs: (time, batch, neuron), on a GPU (or anywhere with TRITON_INTERPRET=1).
        state: states at the start, each (batch, neuron).
        constants: the rule's constants, each (neuron,).
        seed: of the draws of noise, where the neuron has any.

    Returns:
        The outputs (time, batch, neuron) and the final states, each (batch, neuron).

    Raises:
        KernelError: tensors of unlike dtypes, devices or shapes; a constant that is not finite.
    """
    check_alike(inputs, state, constants)
    wanted = wanted_gradients(inputs, state, constants)
    width = inputs.shape[2]
    table = torch.stack([c.expand(width) for c in constants]) if constants else inputs.new_empty(0, width)
    outputs, final, _ = _forward(inputs, torch.stack(tuple(state)), table, name, wanted, seed)
    return outputs, final.unbind(0)


def _checkpoints(inputs: torch.Tensor, state: torch.Tensor, name: str, wanted: Sequence[int]) -> torch.Tensor:
    segments = -(-inputs.shape[0] // segment(name, inputs.dtype)) if wanted else 0
    return inputs.new_empty((segments, *state.shape))


@torch.library.custom_op("excitable::triton_forward", mutates_args=())
def _forward(
    inputs: torch.Tensor,
    state: torch.Tensor,
    table: torch.Tensor,
    name: str,
    wanted: Sequence[int],
    seed: int,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    found = kernel(name, inputs.dtype, tuple(wanted))
    check_sizes(inputs, state, table, found.rule, wanted)
    check_finite(table, found.rule)
    checkpoints = _checkpoints(inputs, state, name, wanted)
    outputs, final = found.step(
        inputs.contiguous(), state.contiguous(), table.contiguous(), checkpoints, seed
    )
    return outputs, final, checkpoints


@_forward.register_fake
def _(inputs, state, table, name, wanted, seed):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    return (
        inputs.new_empty(inputs.shape),
        state.new_empty(state.shape),
        _checkpoints(inputs, state, name, wanted),
    )


@torch.library.custom_op("excitable::triton_backward", mutates_args=())
def _backward(
    inputs: torch.Tensor, state: torch.Tensor, table: torch.Tensor, checkpoints: torch.Tensor,
    output_bars: torch.Tensor, final_bars: torch.Tensor, name: str, wanted: Sequence[int], seed: int,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:  # fmt: skip
    found, gradients = kernel(name, inputs.dtype, tuple(wanted)), asked(wanted)
    if not final_bars.numel():
        final_bars = torch.zeros_like(state)
    input_bars, start_bars, sums = found.reverse(
        inputs.contiguous(), table.contiguous(), checkpoints, output_bars.contiguous(), final_bars.contiguous(),
        gradients, seed,
    )  # fmt: skip
    table_bars = torch.zeros_like(table)
    table_bars[list(gradients.constants)] = sums
    return input_bars, start_bars, table_bars


make_differentiable(_forward, _backward)
