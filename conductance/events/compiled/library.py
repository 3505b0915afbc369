"""Event loops by flow and dtype: built once, kept for the process."""

import ctypes
import hashlib
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import torch

from conductance.derivation.pseudospikes import Pseudospikes
from conductance.errors import ExcitableError
from conductance.events.compiled.source import CALL, CHAIN, Flow, classifier_source, source
from conductance.kernels import cache as store
from conductance.kernels import compiler
from conductance.kernels.library import DTYPES


class Call(ctypes.Structure):
    """The argument of the compiled functions."""

    _fields_: ClassVar = list(CALL)


class Chain(ctypes.Structure):
    """The argument of a classifier's compiled function."""

    _fields_: ClassVar = list(CHAIN)


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
    library = _built(source(flow, DTYPES[dtype]), "forward", "backward", "tape_rows")
    for function in (library.forward, library.backward, library.tape_rows):
        function.argtypes, function.restype = (ctypes.POINTER(Call),), ctypes.c_int
    return EventKernel(forward=library.forward, backward=library.backward, tape_rows=library.tape_rows)


@cache
def classifier_kernel(flow: Flow, after: Pseudospikes | None, dtype: torch.dtype) -> Any:
    """The function of a `Chain` for layers of one flow: 0 where memory is lacking, 2 where a weight is not finite.

    Raises:
        PrintError, CompilerError, CacheError: it cannot be made; the message says what to do.
    """
    function = _built(classifier_source(flow, after, DTYPES[dtype]), "classify").classify
    function.argtypes, function.restype = (ctypes.POINTER(Chain),), ctypes.c_int
    return function


def _built(text: str, *functions: str) -> ctypes.CDLL:
    """The library of a C text with these functions, from the cache on disk or the compiler."""
    parts = (text, compiler.identity(compiler.find_compiler()))
    key = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
    return compiler.load(store.find(key) or compiler.build(text, key), *functions)


@cache
def problem(flow: Flow, dtype: torch.dtype) -> str:
    """Why there is no compiled event loop, in words; empty if there is one."""
    try:
        event_kernel(flow, dtype)
    except ExcitableError as error:
        return str(error)
    return ""
