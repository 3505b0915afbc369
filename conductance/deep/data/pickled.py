"""Pickled batches of images read as data: only the operations that such files hold are carried out, none by name.

A pickle is a program for a small stack machine, and Python's own reader lets it import and call whatever it names.
Here the same program runs on values alone: dictionaries, lists, tuples, numbers, texts, bytes, and arrays of unsigned
bytes, whose construction is recognised and not called. Anything else is refused.
"""

import pickletools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from conductance.deep.data.base import DataError

MODULES = {"numpy.core.multiarray", "numpy._core.multiarray"}
ALLOWED = {
    *((module, "_reconstruct") for module in MODULES), ("numpy", "ndarray"), ("numpy", "dtype"), ("_codecs", "encode"),
}  # fmt: skip
"""What such files name: how numpy builds an array, and how Python 3 writes bytes for Python 2."""
BYTES = {"u1", "|u1", "uint8"}
MARK = object()


@dataclass(frozen=True)
class _Name:
    module: str
    name: str


@dataclass
class _ByteType:
    """numpy's description of an unsigned byte."""


@dataclass
class _Array:
    """An array under construction."""

    values: np.ndarray | None = None


@dataclass
class _Machine:
    """Stack and memory of the running program."""

    stack: list[Any] = field(default_factory=list)
    memory: dict[int, Any] = field(default_factory=dict)

    def above_mark(self) -> list[Any]:
        """Take what lies above the last mark, and the mark."""
        place = len(self.stack) - 1
        while self.stack[place] is not MARK:
            place -= 1
        found = self.stack[place + 1 :]
        del self.stack[place:]
        return found

    def reduce(self) -> None:
        """What the file calls: one of three known constructions."""
        arguments, function = self.stack.pop(), self.stack.pop()
        if not isinstance(function, _Name):
            raise ValueError("it calls something that has no name")
        if function.name == "_reconstruct":
            self.stack.append(_Array())
        elif function.name == "dtype" and _text(arguments[0]) in BYTES:
            self.stack.append(_ByteType())
        elif function.name == "encode" and _text(arguments[1]) in ("latin1", "latin-1"):
            self.stack.append(arguments[0].encode("latin-1"))
        else:
            raise ValueError(f"it calls {function.module}.{function.name} with {str(arguments)[:60]}")

    def build(self) -> None:
        """The content of an array, or details of its type."""
        state = self.stack.pop()
        target = self.stack[-1]
        if isinstance(target, _Array):
            _, shape, kind, by_columns, content = state
            if not isinstance(kind, _ByteType) or not isinstance(content, bytes):
                raise ValueError("it holds an array of something other than unsigned bytes")
            flat = np.frombuffer(content, np.uint8)
            target.values = flat.reshape(shape, order="F" if by_columns else "C")
        elif not isinstance(target, _ByteType):
            raise ValueError("it builds an object of its own")


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else value.encode("latin-1")


def _named(module: str, name: str) -> _Name:
    if (module, name) not in ALLOWED:
        raise ValueError(f"it names {module}.{name}, which data do not need")
    return _Name(module, name)


def _set_items(machine: _Machine, items: list[Any]) -> None:
    target = machine.stack[-1]
    if not isinstance(target, dict):
        raise ValueError("it sets items of something other than a dictionary")
    for key, value in zip(items[::2], items[1::2], strict=True):
        target[_text(key) if isinstance(key, bytes | str) else key] = value


def _append(machine: _Machine, items: list[Any]) -> None:
    target = machine.stack[-1]
    if not isinstance(target, list):
        raise ValueError("it appends to something other than a list")
    target.extend(items)


def _last(machine: _Machine, count: int) -> list[Any]:
    if len(machine.stack) < count:
        raise IndexError("it takes more than it has")
    found = machine.stack[-count:]
    del machine.stack[-count:]
    return found


Act = Callable[[_Machine, Any], None]


def _push(make: Callable[[Any], Any]) -> Act:
    return lambda machine, argument: machine.stack.append(make(argument))


def _joined(make: Callable[[list[Any]], Any]) -> Act:
    return lambda machine, _: machine.stack.append(make(machine.above_mark()))


def _tuple_of(count: int) -> Act:
    return lambda machine, _: machine.stack.append(tuple(_last(machine, count)))


def _put(machine: _Machine, place: Any) -> None:
    machine.memory[len(machine.memory) if place is None else int(place)] = machine.stack[-1]


ACTS: dict[str, Act] = {
    **dict.fromkeys(("PROTO", "FRAME"), lambda machine, _: None),
    "MARK": _push(lambda _: MARK),
    "NONE": _push(lambda _: None),
    "NEWTRUE": _push(lambda _: True),
    "NEWFALSE": _push(lambda _: False),
    **dict.fromkeys(("INT", "LONG", "BININT", "BININT1", "BININT2", "LONG1", "LONG4"), _push(int)),
    **dict.fromkeys(("FLOAT", "BINFLOAT"), _push(float)),
    **dict.fromkeys(("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"), _push(str)),
    **dict.fromkeys(("STRING", "BINSTRING", "SHORT_BINSTRING"), _push(_bytes)),
    **dict.fromkeys(("BINBYTES", "SHORT_BINBYTES", "BINBYTES8"), _push(_bytes)),
    "EMPTY_DICT": _push(lambda _: {}),
    "EMPTY_LIST": _push(lambda _: []),
    "EMPTY_TUPLE": _push(lambda _: ()),
    "TUPLE1": _tuple_of(1), "TUPLE2": _tuple_of(2), "TUPLE3": _tuple_of(3),
    "TUPLE": _joined(tuple),
    "LIST": _joined(list),
    "APPEND": lambda machine, _: _append(machine, _last(machine, 1)),
    "APPENDS": lambda machine, _: _append(machine, machine.above_mark()),
    "SETITEM": lambda machine, _: _set_items(machine, _last(machine, 2)),
    "SETITEMS": lambda machine, _: _set_items(machine, machine.above_mark()),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"), _put),
    **dict.fromkeys(
        ("GET", "BINGET", "LONG_BINGET"), lambda machine, place: machine.stack.append(machine.memory[int(place)])
    ),
    "GLOBAL": _push(lambda argument: _named(*argument.split(" ", 1))),
    "STACK_GLOBAL": lambda machine, _: machine.stack.append(_named(*map(_text, _last(machine, 2)))),
    "REDUCE": lambda machine, _: machine.reduce(),
    "BUILD": lambda machine, _: machine.build(),
}  # fmt: skip
"""What each operation does; one that is not here is refused."""


def read_pickled(path: Path) -> dict[str, Any]:
    """The dictionary of a pickled batch; keys are text, arrays are of unsigned bytes.

    Raises:
        DataError: the file is missing, cut off, no such dictionary, or holds what data do not need.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: the file cannot be read ({error.strerror})") from None
    machine = _Machine()
    try:
        for operation, argument, _ in pickletools.genops(content):
            if operation.name == "STOP":
                break
            if operation.name not in ACTS:
                raise ValueError(f"operation {operation.name} is not one that data need")
            ACTS[operation.name](machine, argument)
        (result,) = machine.stack
    except (ValueError, IndexError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{path}: this is no whole batch of images as pickled by its authors: {error}; fetch it again"
        ) from None
    if not isinstance(result, dict):
        raise DataError(f"{path}: it holds a {type(result).__name__}; a dictionary is needed")
    return {key: value.values if isinstance(value, _Array) else value for key, value in result.items()}
