"""Kernels by rule, dtype and wanted gradients: built once, kept for the process."""

import ctypes
import hashlib
import warnings
import weakref
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import sympy
import torch

from conductance.derivation.rules import Rule
from conductance.errors import ExcitableError
from conductance.kernels import cache as store
from conductance.kernels import compiler
from conductance.kernels.source import PARTS, PLAIN, Gradients, source

DTYPES = {torch.float32: "float32", torch.float64: "float64"}
SEGMENT = 32
"""Steps between two checkpoints, as in time_loop.c."""
NUMBERS = (ctypes.c_long, ctypes.c_long, ctypes.c_long, ctypes.c_int, ctypes.c_uint32)


class KernelWarning(UserWarning):
    """Layers run slower than they could."""


@dataclass(frozen=True, kw_only=True)
class Kernel:
    """The loaded time loop of one rule; `backward` is None where no gradients were asked for."""

    rule: Rule
    forward: Any
    backward: Any


_rules: dict[str, Rule] = {}
_names: dict[int, str] = {}
_MARK = "/"
"""Before the place of a state whose course a kernel gives back, in its name."""


def register(rule: Rule, course: int | None = None) -> str:
    """The name of a rule among kernels: a digest of its expressions, under which operators find it again.

    `course` is the place of a state whose value after every step the kernel gives back beside the output.
    """
    if id(rule) not in _names:
        parts = [rule.body.assignments, rule.body.outputs, rule.body.inputs, rule.neuron.state_symbols]
        _names[id(rule)] = hashlib.sha256("\n".join(map(sympy.srepr, parts)).encode()).hexdigest()
        weakref.finalize(rule, _names.pop, id(rule)).atexit = False
    name = _names[id(rule)]
    _rules.setdefault(name, rule)
    return name if course is None else f"{name}{_MARK}{course}"


def rule_of(name: str) -> Rule:
    """The rule that was registered under this name."""
    return _rules[name.partition(_MARK)[0]]


def course_of(name: str) -> int | None:
    """The place of the state whose course the kernel of this name gives back; None for none."""
    place = name.partition(_MARK)[2]
    return int(place) if place else None


def results_shape(name: str, inputs: torch.Tensor) -> tuple[int, ...]:
    """That of a kernel's results: the input's, or two of it with a course behind the outputs."""
    return tuple(inputs.shape) if course_of(name) is None else (2, *inputs.shape)


@cache
def kernel(name: str, dtype: torch.dtype, wanted: tuple[int, ...]) -> Kernel:
    """The kernel of a registered rule, from this process, the cache on disk or the compiler.

    `wanted` is `Gradients.encoded`, empty for a kernel that only steps forwards.

    Raises:
        PrintError, CompilerError, CacheError: it cannot be made; the message says what to do.
    """
    gradients = Gradients.decoded(wanted)
    library = loaded(name, dtype, wanted, PLAIN)
    given = (
        *NUMBERS,
        ctypes.c_void_p,
        ctypes.c_void_p,
        ctypes.c_long,
    )  # sizes and seed, input, start and its lanes
    library.forward.argtypes = (*given, *(ctypes.c_void_p,) * 4)
    library.forward.restype = None
    if gradients is not None:
        library.backward.argtypes = (*given, *(ctypes.c_void_p,) * 8)
        library.backward.restype = None
    return Kernel(
        rule=rule_of(name), forward=library.forward, backward=library.backward if gradients else None
    )


def loaded(name: str, dtype: torch.dtype, wanted: tuple[int, ...], loop: str) -> ctypes.CDLL:
    """The library of a registered rule inside a loop of `conductance.kernels.source`; see `kernel`."""
    gradients = Gradients.decoded(wanted)
    parts = (
        name,
        DTYPES[dtype],
        repr(wanted),
        loop,
        compiler.identity(compiler.find_compiler()),
        _generator(),
    )
    key = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
    path = store.find(key)
    if path is None:
        text = source(rule_of(name), DTYPES[dtype], gradients, loop, course_of(name))
        path = compiler.build(text, key)
    return compiler.load(path, "forward", *(() if gradients is None else ("backward",)))


@cache
def problem(name: str, dtype: torch.dtype, wanted: tuple[int, ...]) -> str:
    """Why a kernel cannot be had, in words; empty if it can."""
    try:
        kernel(name, dtype, wanted)
    except ExcitableError as error:
        return str(error)
    return ""


@cache
def warn_once(reason: str, layers: str = "layers", slower: str = "about 20 times") -> None:
    """Say that the eager step is used, how much slower it is, and what to do."""
    warnings.warn(f"{layers} run on the eager step, {slower} slower: {reason}", KernelWarning, stacklevel=2)


@cache
def _generator() -> str:
    """A digest of everything that turns a rule into C."""
    digest = hashlib.sha256(sympy.__version__.encode())
    for package, names in (
        ("conductance.kernels", (*PARTS, "source.py", "compiler.py")),
        ("conductance.derivation", ("program.py", "threefry.py")),
        ("conductance.derivation.printers", ("base.py", "c.py")),
        ("conductance", ("surrogates.py", "tables.py")),
    ):
        for name in names:
            digest.update((files(package) / name).read_bytes())
    return digest.hexdigest()
