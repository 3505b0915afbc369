"""The kernels as torch operators: autograd, torch.compile and state in and out."""

from collections.abc import Sequence

import torch
from torch.library import CustomOpDef

from conductance.derivation.rules import Rule
from conductance.errors import ExcitableError
from conductance.kernels.library import SEGMENT, kernel, results_shape
from conductance.kernels.pool import POOL
from conductance.kernels.source import Gradients

SMALL = 1 << 15
"""Neuron-steps below which a second thread costs more than it saves."""
WIDEST_VECTOR = 64
"""Bytes. A kernel needs at least one full vector of lanes: smaller layers are stepped in several equal copies."""


class KernelError(ExcitableError):
    """A kernel was given numbers that it cannot step."""


def run(
    name: str, inputs: torch.Tensor, state: Sequence[torch.Tensor], constants: Sequence[torch.Tensor], seed: int = 0
) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:  # fmt: skip
    """Step a registered rule through time.

    Args:
        name: from `conductance.kernels.library.register`.
        inputs: (time, batch, neuron).
        state: states at the start, each (batch, neuron).
        constants: the rule's constants, each (neuron,).
        seed: of the draws of noise, where the neuron has any.

    Returns:
        The outputs (time, batch, neuron), or two of them, the second a state's course, where the name asks for one; and
        the final states, each (batch, neuron).

    Raises:
        KernelError: tensors of unlike dtypes, devices or shapes; a constant that is not finite.
    """
    check_alike(inputs, state, constants)
    wanted = wanted_gradients(inputs, state, constants)
    width = inputs.shape[2]
    table = torch.stack([c.expand(width) for c in constants]) if constants else inputs.new_empty(0, width)
    # expanded over the batch, as a layer's declared start is: one row of it says everything
    shared = all(s.stride(0) == 0 and not s.requires_grad for s in state)
    start = torch.stack([s[:1] for s in state] if shared else list(state))
    batch = inputs.shape[1]
    copies = -(-WIDEST_VECTOR // max(1, inputs.element_size() * batch * width))
    if copies > 1:
        inputs, start = inputs.repeat(1, copies, 1), start.repeat(1, 1 if shared else copies, 1)
    outputs, final, _ = _forward(inputs, start, table, name, wanted, seed)
    if copies > 1:
        outputs, final = outputs[..., :batch, :], final[:, :batch]
    return outputs, final.unbind(0)


def wanted_gradients(
    inputs: torch.Tensor, state: Sequence[torch.Tensor], constants: Sequence[torch.Tensor]
) -> tuple[int, ...]:
    """What autograd will ask for, as `Gradients.encoded`; empty for nothing."""
    trained = tuple(index for index, constant in enumerate(constants) if constant.requires_grad)
    start = any(s.requires_grad for s in state)
    if not ((inputs.requires_grad or trained or start) and torch.is_grad_enabled()):
        return ()
    return Gradients(input=inputs.requires_grad, start=start, constants=trained).encoded


def _sizes(inputs: torch.Tensor) -> tuple[int, int, int, int]:
    steps, batch, neurons = inputs.shape
    threads = torch.get_num_threads() if inputs.numel() > SMALL else 1
    return steps, batch * neurons, neurons, threads


def _checkpoints(steps: int) -> int:
    # between segments of time: the first one begins at the start
    return max(0, -(-steps // SEGMENT) - 1)


@torch.library.custom_op("excitable::forward", mutates_args=(), device_types="cpu")
def _forward(
    inputs: torch.Tensor,
    state: torch.Tensor,
    table: torch.Tensor,
    name: str,
    wanted: Sequence[int],
    seed: int,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    found = kernel(name, inputs.dtype, tuple(wanted))
    inputs, state, table = inputs.contiguous(), state.contiguous(), table.contiguous()
    check_sizes(inputs, state, table, found.rule, wanted)
    check_finite(table, found.rule)
    sizes = (len(state), *inputs.shape[1:])
    outputs, final = (POOL.empty(shape, inputs.dtype) for shape in (results_shape(name, inputs), sizes))
    checkpoints = POOL.empty((_checkpoints(inputs.shape[0]) if wanted else 0, *sizes), state.dtype)
    found.forward(
        *_sizes(inputs), seed, inputs.data_ptr(), state.data_ptr(), state[0].numel(), table.data_ptr(),
        outputs.data_ptr(), checkpoints.data_ptr() if wanted else None, final.data_ptr(),
    )  # fmt: skip
    return outputs, final, checkpoints


@_forward.register_fake
def _(inputs, state, table, name, wanted, seed):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    steps = _checkpoints(inputs.shape[0]) if wanted else 0
    sizes = (state.shape[0], *inputs.shape[1:])
    shape = results_shape(name, inputs)
    return inputs.new_empty(shape), state.new_empty(sizes), inputs.new_empty((steps, *sizes))


@torch.library.custom_op("excitable::backward", mutates_args=(), device_types="cpu")
def _backward(
    inputs: torch.Tensor, state: torch.Tensor, table: torch.Tensor, checkpoints: torch.Tensor,
    output_bars: torch.Tensor, final_bars: torch.Tensor, name: str, wanted: Sequence[int], seed: int,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:  # fmt: skip
    found, gradients = kernel(name, inputs.dtype, tuple(wanted)), asked(wanted)
    inputs, state, table, output_bars = (t.contiguous() for t in (inputs, state, table, output_bars))
    final_bars = final_bars.contiguous()
    input_bars = POOL.empty(inputs.shape if gradients.input else (0,), inputs.dtype)
    start_bars = POOL.empty(state.shape if gradients.start else (0,), state.dtype)
    table_bars = torch.zeros_like(table)
    sums = table.new_empty(len(gradients.constants), table.shape[1])
    lane_sums = POOL.empty((len(gradients.constants), inputs[0].numel()), table.dtype)
    found.backward(
        *_sizes(inputs), seed, inputs.data_ptr(), state.data_ptr(), state[0].numel(), table.data_ptr(),
        checkpoints.data_ptr(), output_bars.data_ptr(), final_bars.data_ptr() if final_bars.numel() else None,
        input_bars.data_ptr(), start_bars.data_ptr(), lane_sums.data_ptr(), sums.data_ptr(),
    )  # fmt: skip
    table_bars[list(gradients.constants)] = sums
    return input_bars, start_bars, table_bars


def asked(wanted: Sequence[int]) -> Gradients:
    """The gradients that a backward run is asked for.

    Raises:
        KernelError: none.
    """
    gradients = Gradients.decoded(wanted)
    if gradients is None:
        raise KernelError(
            "no gradients were asked for when the kernel stepped forwards; call the layer again"
        )
    return gradients


def make_differentiable(forward: CustomOpDef, backward: CustomOpDef) -> None:
    """Give an operator of a kernel its gradient, the other operator, which it also gives its shapes.

    No adjoint of the final state is an empty tensor: most networks never read that state.
    """

    def shapes(inputs, state, table, checkpoints, output_bars, final_bars, name, wanted, seed):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        return (
            inputs.new_empty(inputs.shape if wanted[0] else 0),
            state.new_empty(state.shape if wanted[1] else 0),
            table.new_empty(table.shape),
        )

    def keep(ctx, inputs, output) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
        values, state, table, ctx.name, ctx.wanted, ctx.seed = inputs
        ctx.save_for_backward(values, state, table, output[2])
        ctx.set_materialize_grads(False)

    def differentiate(ctx, output_bars, final_bars, _):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        values, state, table, checkpoints = ctx.saved_tensors
        if output_bars is None:
            output_bars = values.new_zeros(results_shape(ctx.name, values))
        if final_bars is None:
            final_bars = state.new_empty(0)
        bars = backward(
            values, state, table, checkpoints, output_bars, final_bars, ctx.name, ctx.wanted, ctx.seed
        )
        input_bars, start_bars, table_bars = bars
        wanted = ctx.wanted
        return (
            input_bars if wanted[0] else None,
            start_bars if wanted[1] else None,
            table_bars,
            None,
            None,
            None,
        )

    def keep_nothing(ctx, inputs, output) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
        return None

    def refuse(ctx, *bars):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN002, ANN202
        raise KernelError(
            "second derivatives: a kernel has first ones only; build the layer with backend='eager', which has all"
        )

    backward.register_fake(shapes)
    backward.register_autograd(refuse, setup_context=keep_nothing)
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


def check_sizes(
    inputs: torch.Tensor, state: torch.Tensor, table: torch.Tensor, rule: Rule, wanted: Sequence[int]
) -> None:
    """Raise `KernelError` where stacked states (of the batch, or one row for all) or constants do not fit the input."""
    _, batch, neurons = inputs.shape
    gradients = Gradients.decoded(wanted)
    shared = state.shape[1] == 1 and not (gradients and gradients.start)
    rows = 1 if shared else batch
    allowed = (len(rule.neuron.states), rows, neurons), (len(rule.constants), neurons)
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
