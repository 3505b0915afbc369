"""What training measures, one JSON object a line, so that a file cut off by a kill is still readable."""

import csv
import errno
import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from io import StringIO
from pathlib import Path
from typing import Any, Literal

from conductance.files import StorageError, cannot_write, write_whole

METRICS = "metrics.jsonl"
TABLE = "metrics.csv"
"""The same at the end of a training, for spreadsheets."""
SplitName = Literal["train", "validation", "test", "held_out"]


@dataclass(frozen=True, kw_only=True)
class Record:
    """Numbers after `step` updates, measured on the batch of the last update or on a whole split.

    Attributes:
        step: number of updates done.
        split: `train` for the batch, else the split's name.
        loss: mean square error of the filtered output after the warm-up.
        error: the task's error.
        spikes: spikes per neuron and step; None without spiking neurons, as the two that follow.
        duty_cycle: share of time with an output above zero.
        silent_neurons: number of neurons without a spike.
        outside: largest share of a layer's membrane voltages outside the tables of its law; only under such laws.
        gradient_norm: before clipping; only of a batch.
        learning_rate: of the update; only of a batch.
        seconds: wall time of the step or evaluation.
    """

    step: int
    split: SplitName
    loss: float
    error: float
    spikes: float | None
    duty_cycle: float | None
    silent_neurons: int | None
    outside: float | None = None
    gradient_norm: float | None = None
    learning_rate: float | None = None
    seconds: float

    def numbers(self) -> dict[str, float]:
        """The measured numbers by name, without those that are missing."""
        rest = {name: value for name, value in asdict(self).items() if name not in ("step", "split")}
        return {name: value for name, value in rest.items() if value is not None}


class MetricsFile:
    """A JSON-lines file that training appends to.

    Args:
        path: the file.
        step: what was measured after this many updates is removed first, and so is a last line that a kill cut
            off. None removes all.

    Raises:
        StorageError: the file cannot be read or written.
    """

    def __init__(self, path: Path, *, step: int | None) -> None:
        self.path = path
        kept = [] if step is None else [row for row in read_metrics(path) if _belongs(row, step)]
        write_whole(path, "".join(json.dumps(row) + "\n" for row in kept))
        self._file = open(path, "ab", buffering=0)  # noqa: SIM115  # closed by `close`

    def append(self, record: Record) -> None:
        """Add a line; if the disk is full, the file keeps only whole lines."""
        line = (json.dumps({k: v for k, v in asdict(record).items() if v is not None}) + "\n").encode()
        size = self._file.tell()
        try:
            if self._file.write(line) != len(line):
                raise OSError(errno.ENOSPC, "No space left on device")
        except OSError as error:
            with suppress(OSError):
                self._file.truncate(size)
            raise cannot_write(self.path, error) from error

    def settle(self) -> None:
        """Make all lines durable, before a checkpoint says that they exist."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def write_table(folder: Path) -> None:
    """Write a training's records as CSV too, a row for each; what a record does not have is empty.

    Raises:
        StorageError: the records cannot be read, or the file not written.
    """
    rows = read_metrics(folder / METRICS)
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = StringIO()
    table = csv.DictWriter(text, names, lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    write_whole(folder / TABLE, text.getvalue())


def _belongs(row: dict[str, Any], step: int) -> bool:
    """Whether a record was made up to a checkpoint; the test split is measured once, after the last."""
    return row["step"] <= step and row["split"] in ("train", "validation")


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The records of a metrics file, in order; a missing file has none, and a last line cut off is left out.

    Raises:
        StorageError: another line is no record.
    """
    if not path.exists():
        return []
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError as error:
        raise StorageError(
            f"{path}: the file cannot be read ({error.strerror}); take it from a copy"
        ) from None
    rows = []
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
            if not (isinstance(row["step"], int) and isinstance(row["split"], str)):
                raise TypeError
            rows.append(row)
        except (ValueError, TypeError, KeyError, RecursionError):
            if number == len(lines):
                continue
            raise StorageError(
                f"{path}, line {number}: this is no record of training; delete the line"
            ) from None
    return rows
