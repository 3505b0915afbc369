"""Columns of a file by name, with the place of every value for errors."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from conductance.errors import nearest
from conductance.tasks.options import TaskError

SUFFIXES = (".csv", ".tsv", ".npy", ".npz")
"""Kinds of files that are read."""
MISSING = frozenset({"", "nan", "na", "n/a", "null", "none", "?"})
"""Texts, in lower case, that say that a value is missing."""
MOST_NAMED = 3
"""Faults that a message names; the others are counted."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Columns:
    """The columns of one file.

    Attributes:
        path: of the file.
        values: by name, (row,) floats of an array file, texts of a text file.
        lines: (row,), the line of each row, or its index in an array file.
    """

    path: Path
    values: Mapping[str, np.ndarray | list[str]]
    lines: Sequence[int]

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.lines)

    def place(self, row: int, column: str) -> str:
        """Where a value stands, in words."""
        kind = "line" if self.path.suffix in (".csv", ".tsv") else "index"
        return f"{self.path}, {kind} {self.lines[row]}, column {column}"

    def check(self, names: Sequence[str], key: str) -> None:
        """Raise `TaskError` for the first name that is no column; `key` is the option that has it."""
        for name in names:
            if name not in self.values:
                raise TaskError(
                    f"{key}: {self.path} has no column {name!r}; {nearest(name, self.values)}it has "
                    f"{_some(list(self.values))}."
                )

    def numbers(self, names: Sequence[str], key: str) -> np.ndarray:
        """Columns as numbers, (row, column), NaN where a value is missing.

        Raises:
            TaskError: a column that is not there, text among the numbers, or an infinite number.
        """
        self.check(names, key)
        found = np.full((self.rows, len(names)), np.nan)
        faults = []
        for place, name in enumerate(names):
            column = self.values[name]
            if isinstance(column, np.ndarray):
                found[:, place] = column
            else:
                for row, text in enumerate(column):
                    try:
                        found[row, place] = np.nan if text.strip().lower() in MISSING else float(text)
                    except ValueError:
                        faults.append(f"{self.place(row, name)}: {text!r} is no number")
            faults += [
                f"{self.place(int(row), name)}: the number is infinite"
                for row in np.flatnonzero(np.isinf(found[:, place]))
            ]
        if faults:
            more = f"; and {len(faults) - MOST_NAMED} more" if len(faults) > MOST_NAMED else ""
            raise TaskError(
                f"{'; '.join(faults[:MOST_NAMED])}{more}. Write numbers as 1.5 or 2e-3, leave missing ones empty, or "
                f"take the column out of {key}."
            )
        return found

    def texts(self, name: str, key: str) -> list[str]:
        """A column as texts: names, or whole numbers without a decimal point.

        Raises:
            TaskError: a column that is not there, or a value that is missing.
        """
        self.check([name], key)
        column = self.values[name]
        if isinstance(column, np.ndarray):
            texts = ["" if np.isnan(value) else f"{value:.15g}" for value in column.tolist()]
        else:
            texts = [text.strip() for text in column]
        missing = [row for row, text in enumerate(texts) if text.lower() in MISSING - {"none"}]
        if missing:
            raise TaskError(f"{self.place(missing[0], name)}: {key} is missing; give every row one.")
        return texts

    def numeric(self) -> list[str]:
        """The columns that hold a number in their first row that is not missing."""
        return [name for name, column in self.values.items() if _is_numeric(column)]


def read_columns(path: Path) -> Columns:
    """The columns of a file.

    Raises:
        TaskError: a file that cannot be read, of an unknown kind, empty, or with rows of unequal length.
    """
    if path.suffix not in SUFFIXES:
        raise TaskError(f"path: {path} has the suffix {path.suffix!r}; allowed are {', '.join(SUFFIXES)}.")
    try:
        return _read_text(path) if path.suffix in (".csv", ".tsv") else _read_arrays(path)
    except OSError as error:
        raise TaskError(f"path: {path} cannot be read ({error.strerror or error}).") from None
    except (UnicodeDecodeError, csv.Error, EOFError, zipfile.BadZipFile) as error:
        raise TaskError(f"path: {path} is no {path.suffix[1:].upper()} file ({error}).") from None


def _read_text(path: Path) -> Columns:
    with open(path, encoding="utf-8-sig", newline="") as opened:
        first = opened.readline()
        opened.seek(0)
        reader = csv.reader(opened, delimiter=_delimiter(path, first))
        header = [name.strip() for name in next(reader, [])]
        _check_header(path, header)
        rows, lines = [], []
        for row in reader:
            if not row:
                if len(header) > 1:
                    continue
                row = [""]  # of a file with one column, a value that is missing
            if len(row) != len(header):
                raise TaskError(
                    f"{path}, line {reader.line_num}: the row has {len(row)} values and the header {len(header)} "
                    f"names; give every row as many."
                )
            rows.append(row)
            lines.append(reader.line_num)
    while rows and rows[-1] == [""]:
        rows.pop()
        lines.pop()
    if not rows:
        raise TaskError(f"path: {path} has a header and no rows.")
    return Columns(
        path=path,
        values={name: list(column) for name, column in zip(header, zip(*rows, strict=True), strict=True)},
        lines=lines,
    )


def _delimiter(path: Path, header: str) -> str:
    if path.suffix == ".tsv":
        return "\t"
    return max(",;\t", key=header.count)


def _check_header(path: Path, header: Sequence[str]) -> None:
    if not header:
        raise TaskError(f"path: {path} is empty; it needs a line of column names and rows.")
    repeated = sorted({name for name in header if header.count(name) > 1})
    if repeated:
        raise TaskError(
            f"{path}, line 1: column {', '.join(map(repr, repeated))} is there twice; rename one."
        )
    if all(_is_number(name) for name in header):
        raise TaskError(
            f"{path}, line 1: it holds numbers ({_some(header)}), so the columns have no names; put a line of names "
            f"before it."
        )
    if not all(header):
        raise TaskError(f"{path}, line 1: column {header.index('') + 1} has no name; give it one.")


def _read_arrays(path: Path) -> Columns:
    try:
        loaded = np.load(path, allow_pickle=False)
    except ValueError as error:
        raise TaskError(f"path: {path} cannot be read ({error}); save plain numbers.") from None
    with loaded if path.suffix == ".npz" else _nothing() as _:
        arrays = {name: loaded[name] for name in loaded.files} if path.suffix == ".npz" else {"": loaded}
    values: dict[str, np.ndarray | list[str]] = {}
    for name, array in arrays.items():
        values |= _columns_of(path, name, array)
    lengths = {name: len(column) for name, column in values.items()}
    if len(set(lengths.values())) != 1:
        shown = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise TaskError(f"path: {path} has arrays of unequal length ({shown}); give all as many rows.")
    rows = next(iter(lengths.values()))
    if rows == 0:
        raise TaskError(f"path: {path} has no rows.")
    return Columns(path=path, values=values, lines=range(rows))


def _columns_of(path: Path, name: str, array: np.ndarray) -> dict[str, np.ndarray | list[str]]:
    """The columns of one array: (row,), (row, column), or fields with names."""
    label = name or "array"
    if array.dtype.names:
        return {key: _plain(path, key, array[key]) for key in array.dtype.names}
    if array.ndim == 1:
        return {name or "0": _plain(path, label, array)}
    if array.ndim == 2:
        return {
            f"{name}_{k}" if name else str(k): _plain(path, label, array[:, k]) for k in range(array.shape[1])
        }
    raise TaskError(
        f"path: {path}, {label} has shape {array.shape}; give (row,) or (row, column), one file for each sequence."
    )


def _plain(path: Path, name: str, array: np.ndarray) -> np.ndarray | list[str]:
    if array.ndim == 1 and array.dtype.kind in "fiub":
        return array.astype(float)
    if array.ndim == 1 and array.dtype.kind == "U":
        return [str(text) for text in array.tolist()]
    raise TaskError(f"path: {path}, {name} has type {array.dtype}; save numbers or texts.")


class _nothing:
    def __enter__(self) -> None: ...
    def __exit__(self, *_: object) -> None: ...


def _is_numeric(column: np.ndarray | list[str]) -> bool:
    if isinstance(column, np.ndarray):
        return True
    present = (text for text in column if text.strip().lower() not in MISSING)
    return _is_number(next(present, ""))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:12])
    return shown if len(names) <= 12 else f"{shown} and {len(names) - 12} more"
