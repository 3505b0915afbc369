"""Event loops by flow and dtype: built once, kept for the process."""

import ctypes
import hashlib
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import torch

from conductance.errors import ExcitableError
from conductance.events.compiled.source import CALL, Flow, source
from conductance.kernels import cache as store
from conductance.kernels import compiler
from conductance.kernels.library import DTYPES


class Call(ctypes.Structure):
    """The argument of the compiled functions."""

    _fields_: ClassVar = list(CALL)


@dataclass(frozen=True, kw_only=True)
class EventKernel:
    """The loaded event loop of one flow: functions of a `Call`; the first two return 0 where memory is lacking."""

    forward: Any
    backward: Any
    tape_rows: Any


@cache
def event_kernel(flow: Flow, dtype: torch.dtype) -> EventKernel:
    """The event loop of a flow, from this process, the cache on disk or the compiler.

    Raises:
        PrintError, CompilerError, CacheError: it cannot be made; the message says what to do.
    """
    text = source(flow, DTYPES[dtype])
    parts = (text, compiler.identity(compiler.find_compiler()))
    key = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
    library = compiler.load(store.find(key) or compiler.build(text, key))
    for function in (library.forward, library.backward, library.tape_rows):
        function.argtypes, function.restype = (ctypes.POINTER(Call),), ctypes.c_int
    return EventKernel(forward=library.forward, backward=library.backward, tape_rows=library.tape_rows)


@cache
def problem(flow: Flow, dtype: torch.dtype) -> str:
    """Why there is no compiled event loop, in words; empty if there is one."""
    try:
        event_kernel(flow, dtype)
    except ExcitableError as error:
        return str(error)
    return ""
