"""The `.ts` form of time series archives: dimensions of a sequence between colons, its class behind the last."""

from dataclasses import dataclass

from conductance.tasks.options import TaskError


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """One sequence: `values[dimension][sample]` as texts, and its class."""

    values: tuple[tuple[str, ...], ...]
    label: str


def read_ts(text: str, owner: str) -> list[Labelled]:
    """The sequences of a file, their numbers as they are written.

    Raises:
        TaskError: a line that is none, or dimensions of unequal length.
    """
    lines = text.splitlines()
    begin = next((k for k, line in enumerate(lines) if line.strip().lower() == "@data"), None)
    if begin is None:
        raise TaskError(f"{owner}: there is no line @data; this is no .ts file.")
    found = []
    for number, line in enumerate(lines[begin + 1 :], begin + 2):
        if not line.strip():
            continue
        *dimensions, label = line.strip().split(":")
        values = tuple(tuple(part.split(",")) for part in dimensions)
        if not values or len({len(part) for part in values}) != 1:
            raise TaskError(f"{owner}, line {number}: dimensions of unequal length, or none.")
        found.append(Labelled(values=values, label=label))
    return found
