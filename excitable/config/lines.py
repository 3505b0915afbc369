"""On which line of a TOML file each key stands, so that an error can name it."""

import re
from collections.abc import Sequence

_NAME = r"""(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')"""
_DOTTED = rf"{_NAME}(?:\s*\.\s*{_NAME})*"
_TABLE = re.compile(rf"^\s*\[\[?\s*({_DOTTED})\s*\]\]?")
_KEY = re.compile(rf"^\s*({_DOTTED})\s*=(.*)")

Path = tuple[str, ...]


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
