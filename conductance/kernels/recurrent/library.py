"""Recurrent kernels by rule, dtype and wanted constants: built once, kept for the process."""

import ctypes
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch

from conductance.derivation.rules import Rule
from conductance.errors import ExcitableError
from conductance.kernels.library import loaded, rule_of
from conductance.kernels.source import RECURRENT

NUMBERS = (
    ctypes.c_long, ctypes.c_long, ctypes.c_long, ctypes.c_int, ctypes.c_uint32, ctypes.c_long, ctypes.c_double,
)  # fmt: skip
"""Steps, batch, neurons, threads, seed, the source's place among the states (-1: the output), the synapse's share."""
FORWARD, BACKWARD = 10, 14
"""Pointers that the two functions take."""


@dataclass(frozen=True, kw_only=True)
class RecurrentKernel:
    """The loaded time loop of one rule; `backward` is None where no gradients were asked for."""

    rule: Rule
    room: Any
    forward: Any
    backward: Any


@cache
def recurrent_kernel(name: str, dtype: torch.dtype, wanted: tuple[int, ...]) -> RecurrentKernel:
    """The kernel of a registered rule, from this process, the cache on disk or the compiler.

    `wanted` is `Gradients.encoded`, empty for a kernel that only steps forwards.

    Raises:
        PrintError, CompilerError, CacheError: it cannot be made; the message says what to do.
    """
    library = loaded(name, dtype, wanted, RECURRENT)
    library.room.argtypes, library.room.restype = (ctypes.c_long, ctypes.c_int), ctypes.c_long
    library.forward.argtypes, library.forward.restype = (*NUMBERS, *(ctypes.c_void_p,) * FORWARD), None
    if wanted:
        library.backward.argtypes, library.backward.restype = (*NUMBERS, *(ctypes.c_void_p,) * BACKWARD), None
    return RecurrentKernel(
        rule=rule_of(name), room=library.room, forward=library.forward,
        backward=library.backward if wanted else None,
    )  # fmt: skip


@cache
def problem(name: str, dtype: torch.dtype, wanted: tuple[int, ...]) -> str:
    """Why a kernel cannot be had, in words; empty if it can."""
    try:
        recurrent_kernel(name, dtype, wanted)
    except ExcitableError as error:
        return str(error)
    return ""
