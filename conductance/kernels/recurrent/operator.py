"""The recurrent kernels as torch operators: autograd, torch.compile and state in and out."""

from collections.abc import Sequence

import torch

from conductance.kernels.library import SEGMENT, results_shape
from conductance.kernels.operator import KernelError, asked, check_alike, check_finite
from conductance.kernels.pool import POOL
from conductance.kernels.recurrent.library import recurrent_kernel
from conductance.kernels.source import Gradients

SMALL = 1 << 15
"""Neuron-steps below which a second thread costs more than it saves."""


def run_recurrent(
    name: str, inputs: torch.Tensor, state: Sequence[torch.Tensor], constants: Sequence[torch.Tensor],
    weight: torch.Tensor, *, share: float, place: int | None, seed: int = 0,
) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:  # fmt: skip
    """Step a registered rule through time with I[t] = x[t] + W r[t-1].

    Args:
        name: from `conductance.kernels.library.register`.
        inputs: (time, batch, neuron), x.
        state: states at the start and r last, each (batch, neuron).
        constants: the rule's constants, each (neuron,).
        weight: (neuron, neuron), W; row i is what arrives at neuron i.
        share: of the distance to the source that r goes in a step; 1 without a synapse.
        place: of the source among the states; None for the output.
        seed: of the draws of noise, where the neuron has any.

    Returns:
        The outputs (time, batch, neuron), or two of them, the second a state's course, where the name asks for one; and
        the final states and r, each (batch, neuron).

    Raises:
        KernelError: tensors of unlike dtypes, devices or shapes; a constant that is not finite.
    """
    check_alike(inputs, state, (*constants, weight))
    wanted = wanted_of(inputs, state, constants, weight)
    width = inputs.shape[2]
    table = torch.stack([c.expand(width) for c in constants]) if constants else inputs.new_empty(0, width)
    source = -1 if place is None else place
    outputs, final, *_ = _forward(
        inputs, torch.stack(list(state)), table, weight, name, wanted, seed, share, source
    )
    return outputs, final.unbind(0)


def wanted_of(
    inputs: torch.Tensor,
    state: Sequence[torch.Tensor],
    constants: Sequence[torch.Tensor],
    weight: torch.Tensor,
) -> tuple[int, ...]:
    """What autograd will ask for, as `Gradients.encoded`; empty for nothing. Input and start come with the loop."""
    trained = tuple(index for index, constant in enumerate(constants) if constant.requires_grad)
    any_of_them = trained or any(tensor.requires_grad for tensor in (inputs, weight, *state))
    if not (any_of_them and torch.is_grad_enabled()):
        return ()
    return Gradients(input=True, start=True, constants=trained).encoded


def _checkpoints(steps: int, wanted: Sequence[int]) -> int:
    return max(0, -(-steps // SEGMENT) - 1) if wanted else 0


def _threads(inputs: torch.Tensor) -> int:
    return torch.get_num_threads() if inputs.numel() > SMALL else 1


@torch.library.custom_op("excitable::recurrent_forward", mutates_args=(), device_types="cpu")
def _forward(
    inputs: torch.Tensor, state: torch.Tensor, table: torch.Tensor, weight: torch.Tensor, name: str,
    wanted: Sequence[int], seed: int, share: float, place: int,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:  # fmt: skip
    found = recurrent_kernel(name, inputs.dtype, tuple(wanted))
    inputs, state, table, weight = (tensor.contiguous() for tensor in (inputs, state, table, weight))
    steps, batch, neurons = inputs.shape
    allowed = (len(found.rule.neuron.states) + 1, batch, neurons), (neurons, neurons)
    if (tuple(state.shape), tuple(weight.shape)) != allowed:
        raise KernelError(
            f"layer {found.rule.neuron.name}: states {tuple(state.shape)} and weights {tuple(weight.shape)} do not "
            f"fit; allowed are {allowed[0]} and {allowed[1]}"
        )
    check_finite(table, found.rule)
    outputs = POOL.empty(results_shape(name, inputs), inputs.dtype)
    final = torch.empty_like(state)
    drives = POOL.empty(inputs.shape if wanted else (0,), inputs.dtype)
    # without a synapse the output is what arrives
    arrived = POOL.empty(inputs.shape if wanted and not (place < 0 and share == 1) else (0,), inputs.dtype)
    checkpoints = POOL.empty((_checkpoints(steps, wanted), len(state) - 1, batch, neurons), inputs.dtype)
    threads = _threads(inputs)
    scratch = POOL.empty((found.room(neurons, threads),), inputs.dtype)
    found.forward(
        steps, batch, neurons, threads, seed, place, share, inputs.data_ptr(), state.data_ptr(), table.data_ptr(),
        weight.data_ptr(), outputs.data_ptr(), drives.data_ptr() if wanted else None,
        arrived.data_ptr() if arrived.numel() else None, checkpoints.data_ptr() if wanted else None, final.data_ptr(),
        scratch.data_ptr(),
    )  # fmt: skip
    return outputs, final, checkpoints, drives, arrived


@_forward.register_fake
def _(inputs, state, table, weight, name, wanted, seed, share, place):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    steps, batch, neurons = inputs.shape
    kept = inputs.shape if wanted else (0,)
    return (
        inputs.new_empty(results_shape(name, inputs)),
        state.new_empty(state.shape),
        inputs.new_empty((_checkpoints(steps, wanted), state.shape[0] - 1, batch, neurons)),
        inputs.new_empty(kept),
        inputs.new_empty((0,) if place < 0 and share == 1 else kept),
    )


@torch.library.custom_op("excitable::recurrent_backward", mutates_args=(), device_types="cpu")
def _backward(
    state: torch.Tensor, table: torch.Tensor, weight: torch.Tensor, checkpoints: torch.Tensor, drives: torch.Tensor,
    arrived: torch.Tensor, output_bars: torch.Tensor, final_bars: torch.Tensor, name: str, wanted: Sequence[int],
    seed: int, share: float, place: int, weighted: bool,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:  # fmt: skip
    found, gradients = recurrent_kernel(name, drives.dtype, tuple(wanted)), asked(wanted)
    state, table, weight, output_bars = (
        tensor.contiguous() for tensor in (state, table, weight, output_bars)
    )
    arrived, final_bars = arrived.contiguous(), final_bars.contiguous()
    steps, batch, neurons = drives.shape
    input_bars, start_bars = POOL.empty(drives.shape, drives.dtype), torch.empty_like(state)
    weight_bars = torch.empty_like(weight) if weighted else weight.new_empty(0)
    table_bars, sums = torch.zeros_like(table), table.new_empty(len(gradients.constants), neurons)
    lane_sums = POOL.empty((len(gradients.constants), batch, neurons), table.dtype)
    threads = _threads(drives)
    scratch = POOL.empty((found.room(neurons, threads),), drives.dtype)
    found.backward(
        steps, batch, neurons, threads, seed, place, share, state.data_ptr(), table.data_ptr(), weight.data_ptr(),
        drives.data_ptr(), arrived.data_ptr(), checkpoints.data_ptr(), output_bars.data_ptr(),
        final_bars.data_ptr() if final_bars.numel() else None, input_bars.data_ptr(), start_bars.data_ptr(),
        weight_bars.data_ptr() if weighted else None, lane_sums.data_ptr(), sums.data_ptr(), scratch.data_ptr(),
    )  # fmt: skip
    table_bars[list(gradients.constants)] = sums
    return input_bars, start_bars, table_bars, weight_bars


@_backward.register_fake
def _(state, table, weight, *others):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN002, ANN202
    drives, weighted = others[1], others[-1]
    return (
        drives.new_empty(drives.shape),
        state.new_empty(state.shape),
        table.new_empty(table.shape),
        weight.new_empty(weight.shape if weighted else 0),
    )


def _keep(ctx, inputs, output) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    _, state, table, weight, ctx.name, ctx.wanted, ctx.seed, ctx.share, ctx.place = inputs
    outputs, _, checkpoints, drives, arrived = output
    ctx.weighted = weight.requires_grad
    # without a synapse the outputs, which stand first, are what arrived
    ctx.save_for_backward(state, table, weight, checkpoints, drives, arrived if arrived.numel() else outputs)
    ctx.set_materialize_grads(False)


def _differentiate(ctx, output_bars, final_bars, *_):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN002, ANN202
    saved = ctx.saved_tensors
    state, drives = saved[0], saved[4]
    if output_bars is None:
        output_bars = drives.new_zeros(results_shape(ctx.name, drives))
    final_bars = state.new_empty(0) if final_bars is None else final_bars
    input_bars, start_bars, table_bars, weight_bars = _backward(
        *saved, output_bars, final_bars, ctx.name, ctx.wanted, ctx.seed, ctx.share, ctx.place, ctx.weighted
    )
    return input_bars, start_bars, table_bars, weight_bars if ctx.weighted else None, *(None,) * 5


def _refuse(ctx, *bars):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN002, ANN202
    raise KernelError(
        "second derivatives: a kernel has first ones only; build the layer with backend='eager', which has all"
    )


def _keep_nothing(ctx, inputs, output) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    return None


_backward.register_autograd(_refuse, setup_context=_keep_nothing)
_forward.register_autograd(_differentiate, setup_context=_keep)
