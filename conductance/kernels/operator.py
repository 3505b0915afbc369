"""The kernels as torch operators: autograd, torch.compile and state in and out."""

from collections.abc import Sequence

import torch
from torch.library import CustomOpDef

from conductance.derivation.rules import Rule
from conductance.errors import ExcitableError
from conductance.kernels.library import SEGMENT, kernel
from conductance.kernels.pool import POOL
from conductance.kernels.source import Gradients

SMALL = 1 << 15
"""Neuron-steps below which a second thread costs more than it saves."""
WIDEST_VECTOR = 64
"""Bytes. A kernel needs at least one full vector of lanes: smaller layers are stepped in several equal copies."""


class KernelError(ExcitableError):
    """A kernel was given numbers that it cannot step."""


def run(
    name: str, inputs: torch.Tensor, state: Sequence[torch.Tensor], constants: Sequence[torch.Tensor]
) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
    """Step a registered rule through time.

    Args:
        name: from `conductance.kernels.library.register`.
        inputs: (time, batch, neuron).
        state: states at the start, each (batch, neuron).
        constants: the rule's constants, each (neuron,).

    Returns:
        The outputs (time, batch, neuron) and the final states, each (batch, neuron).

    Raises:
        KernelError: tensors of unlike dtypes, devices or shapes; a constant that is not finite.
    """
    check_alike(inputs, state, constants)
    wanted = wanted_gradients(inputs, state, constants)
    width = inputs.shape[2]
    table = torch.stack([c.expand(width) for c in constants]) if constants else inputs.new_empty(0, width)
    start = torch.stack(tuple(state))
    batch = inputs.shape[1]
    copies = -(-WIDEST_VECTOR // max(1, inputs.element_size() * batch * width))
    if copies > 1:
        inputs, start = inputs.repeat(1, copies, 1), start.repeat(1, copies, 1)
    outputs, final, _ = _forward(inputs, start, table, name, wanted)
    if copies > 1:
        outputs, final = outputs[:, :batch], final[:, :batch]
    return outputs, final.unbind(0)


def wanted_gradients(
    inputs: torch.Tensor, state: Sequence[torch.Tensor], constants: Sequence[torch.Tensor]
) -> tuple[int, ...]:
    """What autograd will ask for, as `Gradients.encoded`; empty for nothing."""
    trained = tuple(index for index, constant in enumerate(constants) if constant.requires_grad)
    anything = inputs.requires_grad or bool(trained) or any(s.requires_grad for s in state)
    if not (anything and torch.is_grad_enabled()):
        return ()
    return Gradients(input=inputs.requires_grad, constants=trained).encoded


def _sizes(inputs: torch.Tensor) -> tuple[int, int, int, int]:
    steps, batch, neurons = inputs.shape
    threads = torch.get_num_threads() if inputs.numel() > SMALL else 1
    return steps, batch * neurons, neurons, threads


def _segments(steps: int) -> int:
    return -(-steps // SEGMENT)


@torch.library.custom_op("excitable::forward", mutates_args=(), device_types="cpu")
def _forward(
    inputs: torch.Tensor, state: torch.Tensor, table: torch.Tensor, name: str, wanted: Sequence[int]
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    found = kernel(name, inputs.dtype, tuple(wanted))
    inputs, state, table = inputs.contiguous(), state.contiguous(), table.contiguous()
    check_sizes(inputs, state, table, found.rule)
    check_finite(table, found.rule)
    outputs, final = (POOL.empty(tensor.shape, inputs.dtype) for tensor in (inputs, state))
    steps = _segments(inputs.shape[0]) if wanted else 0
    checkpoints = POOL.empty((steps, *state.shape), state.dtype)
    found.forward(
        *_sizes(inputs), inputs.data_ptr(), state.data_ptr(), table.data_ptr(), outputs.data_ptr(),
        checkpoints.data_ptr() if wanted else None, final.data_ptr(),
    )  # fmt: skip
    return outputs, final, checkpoints


@_forward.register_fake
def _(inputs, state, table, name, wanted):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    steps = _segments(inputs.shape[0]) if wanted else 0
    return (
        inputs.new_empty(inputs.shape),
        state.new_empty(state.shape),
        inputs.new_empty((steps, *state.shape)),
    )


@torch.library.custom_op("excitable::backward", mutates_args=(), device_types="cpu")
def _backward(
    inputs: torch.Tensor, table: torch.Tensor, checkpoints: torch.Tensor, output_bars: torch.Tensor,
    final_bars: torch.Tensor, name: str, wanted: Sequence[int],
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:  # fmt: skip
    found, trained = kernel(name, inputs.dtype, tuple(wanted)), list(wanted[1:])
    inputs, table, output_bars = inputs.contiguous(), table.contiguous(), output_bars.contiguous()
    final_bars = final_bars.contiguous()
    input_bars = POOL.empty(inputs.shape if wanted[0] else (0,), inputs.dtype)
    start_bars, table_bars = POOL.empty(final_bars.shape, final_bars.dtype), torch.zeros_like(table)
    sums = table.new_empty(len(trained), table.shape[1])
    lane_sums = POOL.empty((len(trained), final_bars[0].numel()), table.dtype)
    found.backward(
        *_sizes(inputs), inputs.data_ptr(), table.data_ptr(), checkpoints.data_ptr(), output_bars.data_ptr(),
        final_bars.data_ptr(), input_bars.data_ptr(), start_bars.data_ptr(), lane_sums.data_ptr(), sums.data_ptr(),
    )  # fmt: skip
    table_bars[trained] = sums
    return input_bars, start_bars, table_bars


def make_differentiable(forward: CustomOpDef, backward: CustomOpDef) -> None:
    """Give an operator of a kernel its gradient, the other operator, which it also gives its shapes."""

    def shapes(inputs, table, checkpoints, output_bars, final_bars, name, wanted):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        return (
            inputs.new_empty(inputs.shape) if wanted[0] else inputs.new_empty(0),
            final_bars.new_empty(final_bars.shape),
            table.new_empty(table.shape),
        )

    def keep(ctx, inputs, output) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
        values, _, table, ctx.name, ctx.wanted = inputs
        ctx.save_for_backward(values, table, output[2])
        ctx.set_materialize_grads(False)

    def differentiate(ctx, output_bars, final_bars, _):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        values, table, checkpoints = ctx.saved_tensors
        if output_bars is None:
            output_bars = torch.zeros_like(values)
        if final_bars is None:
            final_bars = checkpoints.new_zeros(checkpoints.shape[1:])
        bars = backward(values, table, checkpoints, output_bars, final_bars, ctx.name, ctx.wanted)
        input_bars, start_bars, table_bars = bars
        return input_bars if ctx.wanted[0] else None, start_bars, table_bars, None, None

    backward.register_fake(shapes)
    forward.register_autograd(differentiate, setup_context=keep)


make_differentiable(_forward, _backward)


def check_alike(
    inputs: torch.Tensor, state: Sequence[torch.Tensor], constants: Sequence[torch.Tensor]
) -> None:
    """Raise `KernelError` where tensors differ from the input in dtype or device."""
    for kind, tensors in (("state", state), ("constant", constants)):
        for place, tensor in enumerate(tensors):
            if tensor.dtype != inputs.dtype or tensor.device != inputs.device:
                raise KernelError(
                    f"{kind} {place} is {tensor.dtype} on {tensor.device}, the input {inputs.dtype} on "
                    f"{inputs.device}; convert one of them"
                )


def check_sizes(inputs: torch.Tensor, state: torch.Tensor, table: torch.Tensor, rule: Rule) -> None:
    """Raise `KernelError` where stacked states or constants do not fit the input."""
    _, batch, neurons = inputs.shape
    allowed = (len(rule.neuron.states), batch, neurons), (len(rule.constants), neurons)
    if (tuple(state.shape), tuple(table.shape)) != allowed:
        raise KernelError(
            f"layer {rule.neuron.name}: states {tuple(state.shape)} and constants {tuple(table.shape)} do not fit; "
            f"allowed are {allowed[0]} and {allowed[1]}"
        )


def check_finite(table: torch.Tensor, rule: Rule) -> None:
    """Raise `KernelError` that names the first neuron with a constant that is not finite."""
    if bool(torch.isfinite(table).all()):
        return
    row, neuron = torch.nonzero(~torch.isfinite(table))[0].tolist()
    _, expression = rule.constants[row]
    names = sorted(str(s) for s in expression.free_symbols if str(s) != "dt")
    raise KernelError(
        f"layer {rule.neuron.name}, neuron {neuron}: {expression} is {table[row, neuron].item()}; "
        f"make the parameters {', '.join(names)} finite and inside their bounds"
    )
