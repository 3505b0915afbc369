"""The faults of a configuration file, all at once, each with its key, line, value and what is allowed."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from conductance.errors import ExcitableError, nearest

_NAME = r"""(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')"""
_DOTTED = rf"{_NAME}(?:\s*\.\s*{_NAME})*"
_TABLE = re.compile(rf"^\s*\[\[?\s*({_DOTTED})\s*\]\]?")
_KEY = re.compile(rf"^\s*({_DOTTED})\s*=(.*)")

Path = tuple[str, ...]
SHOWN = 60
"""Longest part of a received value that a message repeats."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One fault of a file.

    Attributes:
        key: dotted; empty for a fault of the whole file.
        line: of the key, from 1; None where the key is missing.
        received: the value as text; empty where it says nothing.
        message: what is wrong and what is allowed.
    """

    key: str = ""
    line: int | None = None
    received: str = ""
    message: str

    def __str__(self) -> str:
        place = f"line {self.line}, " if self.line else ""
        value = f" = {self.received}" if self.received else ""
        return f"{place}{self.key}{value}: {self.message}" if self.key else f"{place}{self.message}"


class ConfigurationError(ExcitableError):
    """A configuration file with faults; `faults` lists them."""

    def __init__(self, source: str, faults: Sequence[Fault]) -> None:
        self.source, self.faults = source, tuple(faults)
        if len(self.faults) == 1:
            super().__init__(f"{source}: {self.faults[0]}")
        else:
            lines = "".join(f"\n  {fault}" for fault in self.faults)
            super().__init__(f"{source}: {len(self.faults)} faults{lines}")


def faults_of(
    error: ValidationError, model: type[BaseModel], data: Mapping[str, Any], text: str
) -> list[Fault]:
    """The faults that pydantic found in `data`, read from the TOML `text`, in the order of the lines."""
    lines = line_numbers(text)
    faults = []
    for entry in error.errors(include_url=False):
        path = [str(part) for part in entry["loc"]]
        message = _message(dict(entry), path, model)
        if entry["type"] == "value_error":
            path = [*path, *_named(message, path, model, lines)]
        silent = entry["type"] in ("missing", "extra_forbidden") or isinstance(
            entry["input"], dict | BaseModel
        )
        faults.append(
            Fault(
                key=".".join(path),
                line=None if entry["type"] == "missing" else line_of(path, lines),
                received="" if silent else _shown(entry["input"]),
                message=message,
            )
        )
    return sorted(faults, key=lambda fault: fault.line or 0)


def _named(
    message: str, section: Sequence[str], model: type[BaseModel], lines: Mapping[tuple[str, ...], int]
) -> tuple[str, ...]:
    """The first key below a section that a message names as `key = value` and the file has; none of no section."""
    for dotted in re.findall(r"([a-z_][\w.]*) = ", message):
        key = tuple(dotted.split("."))
        if key[0] in _fields(section, model) and (*section, *key) in lines:
            return key
    return ()


def _message(entry: dict[str, Any], path: Sequence[str], model: type[BaseModel]) -> str:
    if entry["type"] == "missing":
        return f"it is missing{_meaning(path, model)}"
    if entry["type"] == "extra_forbidden":
        known = list(_fields(path[:-1], model))
        return f"unknown key; {nearest(path[-1], known)}known are {', '.join(known)}"
    if entry["type"] == "value_error":
        return f"{entry['ctx']['error']}{_meaning(path, model)}"
    words = entry["msg"].removeprefix("Input ").removeprefix("String ")
    return f"{words[0].lower()}{words[1:]}{_meaning(path, model)}"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN else text[:SHOWN] + "..."


def _meaning(path: Sequence[str], model: type[BaseModel]) -> str:
    field = _fields(path[:-1], model).get(path[-1]) if path else None
    return f" ({field.description})" if field is not None and field.description else ""


def _fields(path: Sequence[str], model: type[BaseModel]) -> Mapping[str, Any]:
    """The fields of the section at a path; empty where there is no section."""
    for name in path:
        field = model.model_fields.get(name)
        annotation = None if field is None else field.annotation
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return {}
        model = annotation
    return model.model_fields


def line_numbers(text: str) -> dict[Path, int]:
    r"""Line (from 1) of every table header and key, by its path; keys of inline tables are not listed.

    >>> line_numbers('name = "a"\n[task]\nseries.length = 3')
    {('name',): 1, ('task',): 2, ('task', 'series', 'length'): 3}
    """
    found: dict[Path, int] = {}
    table: Path = ()
    closing = ""
    for number, line in enumerate(text.splitlines(), 1):
        if closing:
            closing = "" if closing in line else closing
        elif header := _TABLE.match(line):
            table = _split(header[1])
            found.setdefault(table, number)
        elif key := _KEY.match(line):
            found.setdefault((*table, *_split(key[1])), number)
            closing = _opened(key[2])
    return found


def line_of(path: Sequence[str], lines: dict[Path, int]) -> int | None:
    """The line of a key, or of the nearest table that holds it; None for a missing key of the top level."""
    for length in range(len(path), 0, -1):
        if tuple(path[:length]) in lines:
            return lines[tuple(path[:length])]
    return None


def _split(dotted: str) -> Path:
    return tuple(part.strip("\"'") for part in re.findall(_NAME, dotted))


def _opened(value: str) -> str:
    """The delimiter of a multi-line string that begins in a value and does not end there."""
    for delimiter in ('"""', "'''"):
        if value.count(delimiter) == 1:
            return delimiter
    return ""
