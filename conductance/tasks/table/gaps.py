"""What happens to values that are missing: refused, interpolated, or held and masked; always counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from conductance.tasks.options import TaskError
from conductance.tasks.table.columns import Columns

Gaps = Literal["refuse", "interpolate", "mask"]


@dataclass(frozen=True, kw_only=True)
class Filled:
    """Columns without gaps.

    Attributes:
        values: (row, column), finite.
        present: (row,), whether the row counts; False where a value is missing and masked.
        gaps: number of gaps, columns apart.
        missing: number of values that were missing.
    """

    values: np.ndarray
    present: np.ndarray
    gaps: int
    missing: int


def filled(
    values: np.ndarray, columns: Columns, names: Sequence[str], rows: np.ndarray, *, how: Gaps, longest: int
) -> Filled:  # fmt: skip
    """Fill the gaps of one sequence.

    Args:
        values: (row, column), NaN where missing.
        columns: the file, for errors.
        names: of the columns.
        rows: index of each row in the file.
        how: refuse; interpolate: on the line between the neighbours, at an end the nearest value; mask: the last value
            is held, before the first one the next, and the row does not count.
        longest: the longest gap that is filled, in rows.

    Raises:
        TaskError: a gap that is refused, longer than `longest`, or a column without any value.
    """
    present = np.ones(len(values), bool)
    result, gaps, missing = values.copy(), 0, 0
    for place, name in enumerate(names):
        absent = np.isnan(values[:, place])
        if not absent.any():
            continue
        begins = np.flatnonzero(absent & ~np.r_[False, absent[:-1]])
        ends = np.flatnonzero(absent & ~np.r_[absent[1:], False]) + 1
        where = columns.place(rows[int(begins[0])], name)
        if how == "refuse":
            raise TaskError(
                f"{where}: the value is missing, and so are {int(absent.sum()) - 1} more of this column; fill them, or "
                f"set gaps = 'interpolate' or 'mask'."
            )
        if absent.all():
            raise TaskError(f"{where}: the column has no value in this sequence; leave one of them out.")
        worst = int(np.argmax(ends - begins))
        length = int(ends[worst] - begins[worst])
        if length > longest:
            raise TaskError(
                f"{columns.place(rows[int(begins[worst])], name)}: a gap of {length} rows begins here, and longest_gap "
                f"is {longest}; raise it, cut the sequence there, or leave it out."
            )
        known = np.flatnonzero(~absent)
        if how == "interpolate":
            result[absent, place] = np.interp(np.flatnonzero(absent), known, values[known, place])
        else:
            before = np.searchsorted(known, np.flatnonzero(absent), side="right") - 1
            result[absent, place] = values[known[np.maximum(before, 0)], place]
            present &= ~absent
        gaps, missing = gaps + len(begins), missing + int(absent.sum())
    return Filled(values=result, present=present, gaps=gaps, missing=missing)
