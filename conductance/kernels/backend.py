"""The one choice of back end of a layer: the eager step of torch, or a kernel generated from the same rule."""

from collections.abc import Sequence
from typing import Literal, get_args

import torch

from conductance.derivation.rules import Rule
from conductance.errors import ExcitableError
from conductance.kernels.library import DTYPES, problem, register, warn_once
from conductance.kernels.operator import wanted_gradients

Backend = Literal["auto", "eager", "c"]


class BackendError(ExcitableError):
    """A layer cannot run on the back end that was asked for."""


def check_backend(backend: str, owner: str) -> None:
    """Raise `BackendError` unless `backend` is a known name."""
    if backend not in get_args(Backend):
        raise BackendError(
            f"{owner}: backend {backend!r} is unknown; allowed are {', '.join(get_args(Backend))}"
        )


def kernel_name(
    backend: str, rule: Rule, inputs: torch.Tensor, state: Sequence[torch.Tensor], constants: Sequence[torch.Tensor]
) -> str:  # fmt: skip
    """The registered name of the kernel that these tensors run on; empty for the eager step.

    Under "auto" the eager step is taken, with one warning, where a kernel could be had but cannot be built.

    Raises:
        BackendError: `backend` is "c", and tensors or machine do not allow it.
    """
    if backend == "eager":
        return ""
    wanted = wanted_gradients(inputs, state, constants)
    return _resolved(backend, rule, inputs.device.type, inputs.dtype, wanted)


@torch.compiler.assume_constant_result
def _resolved(backend: str, rule: Rule, device: str, dtype: torch.dtype, wanted: tuple[int, ...]) -> str:
    name = register(rule)
    if device != "cpu":
        reason = f"the input is on {device}; move it to the CPU"
    elif dtype not in DTYPES:
        reason = f"the input is {dtype}; allowed are {', '.join(map(str, DTYPES))}"
    elif reason := problem(name, dtype, wanted):
        if backend == "auto":
            warn_once(reason)
    else:
        return name
    if backend == "c":
        raise BackendError(f"layer {rule.neuron.name}: backend 'c' cannot be used: {reason}; or use 'auto'")
    return ""
