"""Reader of the simulator's binary raw files."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from netlists.errors import WaveformError

_LONGEST_HEADER_LINE = 65536
_LONGEST_COUNT = 15


@dataclass(frozen=True, kw_only=True)
class Plot:
    """One analysis in a raw file: `values` is (point, variable), real or complex."""

    name: str
    title: str
    variables: tuple[str, ...]
    kinds: tuple[str, ...]
    values: np.ndarray


def read_raw(path: Path | str) -> list[Plot]:
    """All plots of a binary raw file, in their order; `WaveformError` for a file that is not whole."""
    source = Path(path)
    try:
        data = source.read_bytes()
    except OSError as error:
        raise WaveformError(f"raw file {source.name} cannot be read: {error.strerror or error}") from error
    if not data:
        raise WaveformError(f"raw file {source.name} is empty; the simulation ended before it kept anything")
    plots = []
    position = 0
    while position < len(data):
        plot, position = _read_plot(data, position, source.name)
        plots.append(plot)
    return plots


def _read_plot(data: bytes, position: int, name: str) -> tuple[Plot, int]:
    fields, variables, kinds, position = _read_header(data, position, name)
    points = _count(fields, "points", name)
    flags = fields.get("flags", "").lower().split()
    if flags not in (["real"], ["complex"]):
        raise WaveformError(f"raw file {name} is damaged: its flags are {fields.get('flags', '')[:80]!r}")
    if points <= 0:
        raise WaveformError(f"raw file {name} holds no points; the simulation was cut off before its end")
    kind = np.dtype(np.complex128 if "complex" in flags else np.float64)
    size = points * len(variables) * kind.itemsize
    found = len(data) - position
    if found < size:
        raise WaveformError(
            f"raw file {name} is truncated: {size} bytes are announced, {max(found, 0)} are there"
        )
    values = np.frombuffer(data, dtype=kind, count=points * len(variables), offset=position)
    plot = Plot(
        name=fields.get("plotname", ""),
        title=fields.get("title", ""),
        variables=tuple(variables),
        kinds=tuple(kinds),
        values=values.reshape(points, len(variables)).copy(),
    )
    return plot, position + size


def _read_header(data: bytes, position: int, name: str) -> tuple[dict[str, str], list[str], list[str], int]:
    """Fields by lower-case key, names and kinds of the variables, and where the binary part begins."""
    fields: dict[str, str] = {}
    variables: list[str] = []
    kinds: list[str] = []
    while True:
        line, position = _read_line(data, position, name)
        key, _, value = line.partition(":")
        match key.strip().lower():
            case "binary":
                break
            case "values":
                raise WaveformError(
                    f"raw file {name} is in text form; set the simulator's filetype to binary"
                )
            case "variables":
                for _ in range(_count(fields, "variables", name)):
                    line, position = _read_line(data, position, name)
                    words = line.split()
                    if len(words) < 3:
                        raise WaveformError(f"raw file {name} is damaged: {line[:80]!r} names no variable")
                    variables.append(words[1])
                    kinds.append(words[2])
            case word:
                fields[word] = value.strip()
    if not variables:
        raise WaveformError(f"raw file {name} is damaged: it names no variables")
    return fields, variables, kinds, position


def _count(fields: dict[str, str], what: str, name: str) -> int:
    text = fields.get(f"no. {what}", "")
    # no file that a disk holds has more
    if not (text.isascii() and text.isdecimal() and len(text) <= _LONGEST_COUNT):
        raise WaveformError(f"raw file {name} is damaged: its number of {what} is {text[:80]!r}")
    return int(text)


def _read_line(data: bytes, position: int, name: str) -> tuple[str, int]:
    end = data.find(b"\n", position, position + _LONGEST_HEADER_LINE)
    if end < 0:
        raise WaveformError(f"raw file {name} is truncated inside its header, or is no raw file")
    return data[position:end].decode("utf-8", errors="replace"), end + 1
