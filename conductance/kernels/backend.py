"""The one choice of back end of a layer: the eager step of torch, or a kernel generated from the same rule."""

from collections.abc import Sequence
from typing import get_args

import torch
from torch.autograd.forward_ad import unpack_dual

from conductance.derivation.rules import Rule
from conductance.errors import ExcitableError
from conductance.kernels import operator
from conductance.kernels.library import DTYPES, problem, register, warn_once
from conductance.kernels.names import Backend
from conductance.kernels.operator import wanted_gradients
from conductance.kernels.recurrent import library as recurrent_library
from conductance.kernels.recurrent import operator as recurrent_operator
from conductance.kernels.triton import library as triton_library
from conductance.kernels.triton import operator as triton_operator

TRITON = "triton:"
"""Before the names of kernels that run on a GPU."""


class BackendError(ExcitableError):
    """A layer cannot run on the back end that was asked for."""


def check_backend(backend: str, owner: str) -> None:
    """Raise `BackendError` unless `backend` is a known name."""
    if backend not in get_args(Backend):
        raise BackendError(
            f"{owner}: backend {backend!r} is unknown; allowed are {', '.join(get_args(Backend))}"
        )


RECURRENT_SLOWER = "four to ten times"
"""What the eager step of recurrent layers is, by `python -m benchmarks.recurrence`: the more neurons, the less."""
FEW = 1 << 10
"""Lanes below which calling a kernel for one step costs more than the step by torch."""


def kernel_name(
    backend: str, rule: Rule, inputs: torch.Tensor, state: Sequence[torch.Tensor], constants: Sequence[torch.Tensor],
    course: int | None = None,
) -> str:  # fmt: skip
    """The registered name of the kernel that these tensors run on; empty for the eager step.

    Under "auto" the eager step is taken, with one warning, where a kernel could be had but cannot be built, and where
    a transformation of torch.func or a forward derivative is under way, which kernels do not have; also for a single
    step of few neurons, which it takes faster. `course` is the place of a state that is wanted after every step.

    Raises:
        BackendError: `backend` is "c" or "triton", and tensors or machine do not allow it.
    """
    if _is_eager(backend, rule, (inputs, *state, *constants)):
        return ""
    wanted = wanted_gradients(inputs, state, constants)
    return _resolved(backend, rule, inputs.device.type, inputs.dtype, wanted, course)


def recurrent_kernel_name(
    backend: str, rule: Rule, inputs: torch.Tensor, state: Sequence[torch.Tensor], constants: Sequence[torch.Tensor],
    weight: torch.Tensor, course: int | None = None,
) -> str:  # fmt: skip
    """As `kernel_name`, for a layer with weights back to itself, which has a compiled kernel and none for GPUs.

    Raises:
        BackendError: `backend` is "triton"; or "c", and tensors or machine do not allow it.
    """
    if _is_eager(backend, rule, (inputs, *state, *constants, weight)):
        return ""
    if backend == "triton":
        raise BackendError(
            f"layer {rule.neuron.name}: a recurrent layer has no Triton kernel, because its neurons wait for each "
            f"other at every step; use 'auto', which steps by torch on a GPU, or 'c' on the CPU"
        )
    wanted = recurrent_operator.wanted_of(inputs, state, constants, weight)
    return _resolved_recurrent(backend, rule, inputs.device.type, inputs.dtype, wanted, course)


def _is_eager(backend: str, rule: Rule, tensors: Sequence[torch.Tensor]) -> bool:
    """Whether torch has to step; `BackendError` where a kernel is insisted on that cannot. The input comes first."""
    if backend == "eager":
        return True
    if backend == "auto" and tensors[0].shape[0] == 1 and tensors[0].numel() < FEW:
        return True
    if torch.compiler.is_compiling() or not any(map(_transformed, tensors)):
        return False
    if backend == "auto":
        return True
    raise BackendError(
        f"layer {rule.neuron.name}: backend {backend!r} has no forward derivatives and none of torch.func (jvp, "
        f"jacfwd, grad, jacrev, vmap); build the layer with backend='eager' for them, or with 'auto'"
    )


def _transformed(tensor: torch.Tensor) -> bool:
    """Whether a forward derivative or a transformation of torch.func hangs on the tensor."""
    return torch._C._functorch.is_functorch_wrapped_tensor(tensor) or unpack_dual(tensor).tangent is not None


def run(
    name: str, inputs: torch.Tensor, state: Sequence[torch.Tensor], constants: Sequence[torch.Tensor], seed: int = 0
) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:  # fmt: skip
    """Step the kernel of that name through time; see `conductance.kernels.operator.run`."""
    step = triton_operator.run if name.startswith(TRITON) else operator.run
    return step(name.removeprefix(TRITON), inputs, state, constants, seed)


def used(name: str) -> str:
    """The back end behind a name: "eager", "c" or "triton"."""
    return "eager" if not name else "triton" if name.startswith(TRITON) else "c"


@torch.compiler.assume_constant_result
def _resolved(
    backend: str, rule: Rule, device: str, dtype: torch.dtype, wanted: tuple[int, ...], course: int | None
) -> str:
    name = register(rule, course)
    chosen = backend if backend != "auto" else "triton" if device == "cuda" else "c"
    can_be_had = device == "cuda" if chosen == "triton" else device == "cpu"
    if chosen == "c" and device != "cpu":
        reason = f"the input is on {device}; move it to the CPU"
    elif dtype not in DTYPES:
        reason = f"the input is {dtype}; allowed are {', '.join(map(str, DTYPES))}"
        can_be_had = False
    elif chosen == "triton" and course is not None:
        reason = "it gives no course of voltages beside the output"
        can_be_had = False
    elif chosen == "triton":
        reason = triton_library.problem(name, dtype, wanted, torch.device(device))
    else:
        reason = problem(name, dtype, wanted)
    if not reason:
        return TRITON + name if chosen == "triton" else name
    return _without(backend, rule, reason, can_be_had=can_be_had)


@torch.compiler.assume_constant_result
def _resolved_recurrent(
    backend: str, rule: Rule, device: str, dtype: torch.dtype, wanted: tuple[int, ...], course: int | None
) -> str:
    name = register(rule, course)
    if device != "cpu":
        return _without(backend, rule, f"the input is on {device}; move it to the CPU", can_be_had=False)
    if dtype not in DTYPES:
        reason = f"the input is {dtype}; allowed are {', '.join(map(str, DTYPES))}"
        return _without(backend, rule, reason, can_be_had=False)
    reason = recurrent_library.problem(name, dtype, wanted)
    return _without(backend, rule, reason, can_be_had=True, recurrent=True) if reason else name


def _without(backend: str, rule: Rule, reason: str, *, can_be_had: bool, recurrent: bool = False) -> str:
    """The eager step's empty name, with one warning where a kernel should be there; `BackendError` if it is a must."""
    if backend != "auto":
        raise BackendError(
            f"layer {rule.neuron.name}: backend {backend!r} cannot be used: {reason}; or use 'auto'"
        )
    if can_be_had and recurrent:
        warn_once(reason, "recurrent layers", RECURRENT_SLOWER)
    elif can_be_had:
        warn_once(reason)
    return ""
