"""What every layer checks of its input, its state and what is done to its numbers."""

import operator
from collections.abc import Callable, Sequence

import torch

from conductance.errors import ExcitableError
from conductance.parameter import ParameterError

HALF = (torch.float16, torch.bfloat16)
EXPORT = (
    "TorchScript (torch.jit, and torch.onnx through it) cannot hold a loop over time of a generated kernel; "
    "torch.export.export(model, (inputs,)) works"
)


class ShapeError(ExcitableError):
    """A tensor does not fit a layer."""


class PrecisionError(ExcitableError):
    """A layer was asked for numbers in which its states would stand still."""


class ExportError(ExcitableError):
    """A layer cannot be written in the form asked for."""


def refuse_tracing(module: torch.nn.Module, _: object) -> None:
    """Raise `ExportError` where TorchScript follows the call; a hook, because it calls with arguments of its own."""
    if torch.jit.is_tracing() or torch.onnx.is_in_onnx_export():
        raise ExportError(f"{type(module).__name__}: {EXPORT}")


def checked_count(count: object, name: str, owner: str) -> int:
    """A number of neurons, inputs or outputs as a whole number of 1 or more, or `ParameterError`."""
    try:
        whole = None if isinstance(count, bool) else operator.index(count)  # type: ignore[arg-type]
    except TypeError:
        whole = None
    if whole is None or whole < 1:
        raise ParameterError(f"{owner}: {name} = {count!r} must be a whole number, at least 1")
    return whole


def check_input(
    values: torch.Tensor, width: int, dtype: torch.dtype, owner: str, *, also: Sequence[torch.dtype] = ()
) -> None:
    """Raise `ShapeError` unless `values` is (time, batch, `width`) with time >= 1, in the layer's dtype or `also`."""
    if not isinstance(values, torch.Tensor):
        raise ShapeError(
            f"{owner}: input is a {type(values).__name__}; give a torch tensor (time, batch, {width})"
        )
    if values.dim() != 3 or values.shape[2] != width or values.shape[0] < 1:
        raise ShapeError(
            f"{owner}: input has shape {tuple(values.shape)}; allowed is (time, batch, {width}) with time >= 1"
        )
    if values.dtype != dtype and values.dtype not in also:
        raise ShapeError(
            f"{owner}: input is {values.dtype} and the layer {dtype}; convert one: x.to({dtype})"
        )


def check_states(
    state: object, inputs: torch.Tensor, dtype: torch.dtype, states: int, owner: str
) -> tuple[torch.Tensor, ...]:
    """The `states` tensors (batch, neuron) of a state, each of which may be (neuron,), the same for all series.

    Raises:
        ShapeError: another number, shape or device of them, or another type than the layer's.
    """
    shape = inputs.shape[1:]
    allowed = f"{states} of {tuple(shape)}, or of {tuple(shape[1:])} for all series, in {dtype}"
    if not isinstance(state, tuple | list) or not all(isinstance(each, torch.Tensor) for each in state):
        raise ShapeError(
            f"{owner}: state is a {type(state).__name__}; give a tuple of tensors as the layer returns it, {allowed}"
        )
    spread = tuple(each.expand(shape) if each.shape == shape[1:] else each for each in state)
    if len(spread) != states or any(each.shape != shape for each in spread):
        raise ShapeError(
            f"{owner}: state has shapes {[tuple(each.shape) for each in state]}; allowed are {allowed}"
        )
    strange = [each for each in spread if each.dtype != dtype or each.device != inputs.device]
    if strange:
        raise ShapeError(
            f"{owner}: a state is {strange[0].dtype} on {strange[0].device}, the layer {dtype} and its input on "
            f"{inputs.device}; convert it: state.to({dtype})"
        )
    return spread


def refuse_half(change: Callable[[torch.Tensor], torch.Tensor], sample: torch.Tensor, owner: str) -> None:
    """Raise `PrecisionError` where `change`, as `module.half()` applies it, would leave states in half precision."""
    wanted = change(sample.detach()[:1].clone()).dtype
    if wanted in HALF:
        raise PrecisionError(
            f"{owner}: its states and parameters cannot be {wanted}: a step of dt/tau is lost in the rounding, and "
            f"slow states stand still. Leave the layer in float32 and give it inputs in {wanted}, or use "
            f"torch.autocast: it steps in float32 and returns the input's type"
        )
