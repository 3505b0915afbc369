"""The one choice of back end of an event-based layer: the compiled event loop, or torch."""

import warnings
from functools import cache
from typing import Literal, get_args

import torch

from conductance.events import compiled
from conductance.events.compiled.source import Flow
from conductance.events.spikes import EventError
from conductance.kernels.library import DTYPES, KernelWarning

Backend = Literal["auto", "torch", "c"]


def check_backend(backend: str, owner: str) -> None:
    """Raise `EventError` unless `backend` is a known name."""
    if backend not in get_args(Backend):
        raise EventError(
            f"{owner}: backend {backend!r} is unknown; allowed are {', '.join(get_args(Backend))}"
        )


def is_compiled(backend: str, flow: Flow, like: torch.Tensor, obstacle: str, owner: str) -> bool:
    """Whether a layer runs on the compiled loop.

    Under "auto" torch is taken, with one warning, where the loop could be had but cannot be built.

    Args:
        backend: what was asked for.
        flow: of the layer's neuron.
        like: a tensor of the layer's dtype and device.
        obstacle: what else keeps the layer from the loop, or an empty string.
        owner: the layer, for the message.

    Raises:
        EventError: `backend` is "c", and layer or machine do not allow it.
    """
    if backend == "torch":
        return False
    reason = obstacle
    if like.device.type != "cpu":
        reason = f"the layer is on {like.device}; move it to the CPU"
    elif like.dtype not in DTYPES:
        reason = f"the layer is {like.dtype}; allowed are {', '.join(map(str, DTYPES))}"
    if not reason:
        reason = compiled.problem(flow, like.dtype)
        if reason and backend == "auto":
            _warn_once(reason)
    if reason and backend == "c":
        raise EventError(f"{owner}: backend 'c' cannot be used: {reason}; or use 'auto'")
    return not reason


@cache
def _warn_once(reason: str) -> None:
    warnings.warn(
        f"event-based layers run on torch, several times slower: {reason}", KernelWarning, stacklevel=2
    )
