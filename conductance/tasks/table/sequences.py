"""Sequences of a table: found in files, without gaps, on the model's steps, with their targets."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from conductance.tasks.options import TaskError
from conductance.tasks.table.columns import Columns
from conductance.tasks.table.gaps import filled
from conductance.tasks.table.steps import stepped, steps_for_each_sample, whole_steps

if TYPE_CHECKING:
    from conductance.tasks.table.task import Table

UNEVEN = 1e-2
"""Largest deviation of a sample's time from an even grid, as a share of a step, that counts as rounding."""


@dataclass(frozen=True, kw_only=True)
class Sequence_:
    """One sequence on the model's steps.

    Attributes:
        name: for errors.
        inputs: (step, feature).
        targets: (step, feature), at the same time as the inputs; empty of a classification.
        counted: (step,), bool.
        label: its class; empty of a regression.
        split: the split that a column gives it; empty where none does.
    """

    name: str
    inputs: np.ndarray
    targets: np.ndarray
    counted: np.ndarray
    label: str
    split: str


@dataclass(frozen=True, kw_only=True)
class Sequences:
    """All sequences of a table, and what their columns are.

    Attributes:
        lead: the horizon in model steps.
        model_step: in s; None where the table says nothing of time.
        remarks: what was done to gaps and rests.
    """

    sequences: tuple[Sequence_, ...]
    input_names: tuple[str, ...]
    target_names: tuple[str, ...]
    lead: int
    model_step: float | None
    remarks: tuple[str, ...]


def sequences_of(task: Table, files: Sequence[Columns]) -> Sequences:
    """The sequences of files.

    Raises:
        TaskError: columns that are not there, text among numbers, gaps that are refused, uneven times, a horizon or a
            step that does not fit.
    """
    inputs = _input_columns(task, files[0])
    targets = [] if task.label is not None else list(task.targets or inputs)
    named = list(dict.fromkeys([*inputs, *targets]))
    sample_step = task.sample_step
    pieces, masked, gaps, missing = [], [], 0, 0
    for columns in files:
        numbers = columns.numbers(named, "inputs" if set(named) == set(inputs) else "inputs and targets")
        times = None if task.time is None else columns.numbers([task.time], "time")[:, 0]
        for name, rows in _grouped(task, columns):
            if times is not None:
                sample_step = _even_step(times[rows], columns, rows, task.time or "", sample_step)
            whole = filled(numbers[rows], columns, named, rows, how=task.gaps, longest=task.longest_gap)
            gaps, missing = gaps + whole.gaps, missing + whole.missing
            pieces.append((name, columns, rows, whole))
            masked += [(columns, rows, numbers[rows])] if task.gaps == "mask" and whole.gaps else []
    per_sample = steps_for_each_sample(task, sample_step)
    if task.window is not None:
        for columns, rows, values in masked:
            _check_gaps(
                values, columns, named, rows, most=(2 * task.window - 1) / per_sample, window=task.window
            )
    model_step = None if sample_step is None else sample_step / per_sample
    ahead = task.horizon_steps * per_sample
    if task.horizon:
        if model_step is None:
            raise TaskError(
                f"horizon = {task.horizon:g} s: the samples have no time; give sample_step, the column time, or "
                f"horizon_steps."
            )
        ahead = task.horizon / model_step
    sequences = []
    for name, columns, rows, whole in pieces:
        values = stepped(whole.values, per_sample, task.between, name)
        # of the steps between two samples only those whose samples are all there
        there = stepped(whole.present[:, None].astype(float), per_sample, task.between, name)[:, 0]
        sequences.append(
            Sequence_(
                name=name,
                inputs=values[:, [named.index(column) for column in inputs]],
                targets=values[:, [named.index(column) for column in targets]],
                counted=there > 1 - 1e-9,
                label="" if task.label is None else _constant(task.label, "label", columns, rows, name),
                split=_split_named(task, columns, rows, name),
            )
        )  # fmt: skip
    done = {"interpolate": "interpolated", "mask": "held and not counted", "refuse": ""}[task.gaps]
    return Sequences(
        sequences=tuple(sequences), input_names=tuple(inputs), target_names=tuple(targets),
        lead=whole_steps(ahead, "the horizon"), model_step=model_step,
        remarks=(f"{missing} missing values in {gaps} gaps were {done}",) if gaps else (),
    )  # fmt: skip


def _input_columns(task: Table, first: Columns) -> list[str]:
    if task.inputs is not None:
        first.check(task.inputs, "inputs")
        return list(task.inputs)
    used = {task.label, task.sequence, task.time, task.split, *(task.targets or ())}
    for key in ("label", "sequence", "time"):
        name = getattr(task, key)
        if name is not None and not name.startswith("@"):
            first.check([name], key)
    found = [name for name in first.numeric() if name not in used]
    if not found:
        raise TaskError(
            f"inputs: {first.path} has no column of numbers that is not used otherwise; name the inputs."
        )
    return found


def _grouped(task: Table, columns: Columns) -> list[tuple[str, np.ndarray]]:
    """Name and rows of each sequence of a file, in the order in which they begin."""
    if task.sequence is None:
        return [(str(columns.path), np.arange(columns.rows))]
    texts = np.array(columns.texts(task.sequence, "sequence"))
    names, begins, which = np.unique(texts, return_index=True, return_inverse=True)
    order = np.argsort(begins)
    by_group = np.split(np.argsort(which, kind="stable"), np.cumsum(np.bincount(which))[:-1])
    return [(f"{columns.path}, sequence {names[k]}", by_group[k]) for k in order]


def _constant(column: str, key: str, columns: Columns, rows: np.ndarray, name: str) -> str:
    """What a column says of a whole sequence; `@folder` is the folder of its file."""
    if column == "@folder":
        return columns.path.parent.name
    texts = columns.texts(column, key)
    found = texts[rows[0]]
    for row in rows:
        if texts[row] != found:
            raise TaskError(
                f"{columns.place(int(row), column)}: the {key} changes from {found!r} to {texts[row]!r} inside {name}; "
                f"a sequence has one: name the column that tells sequences apart (sequence)."
            )
    return found


def _split_named(task: Table, columns: Columns, rows: np.ndarray, name: str) -> str:
    """The split that a column gives a sequence; empty where sequences are shared out."""
    if task.split in ("auto", "time", "sequence"):
        return ""
    return _constant(task.split, "split", columns, rows, name)


def _even_step(
    times: np.ndarray, columns: Columns, rows: np.ndarray, column: str, known: float | None
) -> float:
    """The time between samples, the same everywhere and in every sequence."""
    if np.isnan(times).any():
        row = rows[int(np.flatnonzero(np.isnan(times))[0])]
        raise TaskError(f"{columns.place(int(row), column)}: the time is missing; give every row one.")
    if len(times) < 2:
        raise TaskError(f"{columns.place(int(rows[0]), column)}: one sample has no time step; give more.")
    step = known if known is not None else float(np.median(np.diff(times)))
    off = np.abs(np.diff(times) - step)
    if step <= 0 or not math.isfinite(step) or off.max() > UNEVEN * abs(step):
        worst = int(np.argmax(off))
        raise TaskError(
            f"{columns.place(int(rows[worst + 1]), column)}: the time goes on by {np.diff(times)[worst]:g} s, "
            f"elsewhere by {step:g} s; samples must be even: resample it, or add empty rows where some are missing."
        )
    return step


def _check_gaps(
    values: np.ndarray, columns: Columns, names: Sequence[str], rows: np.ndarray, *, most: float, window: int
) -> None:
    """Raise `TaskError` at the first gap so long that one of the windows lies wholly in it, wherever they are cut.

    A shorter one may do so too, where it happens to lie so; that is found when the windows are cut.
    """
    for place, name in enumerate(names):
        absent = np.isnan(values[:, place])
        begins = np.flatnonzero(absent & ~np.r_[False, absent[:-1]])
        ends = np.flatnonzero(absent & ~np.r_[absent[1:], False]) + 1
        for begin, end in zip(begins, ends, strict=True):
            if end - begin >= most:
                raise TaskError(
                    f"{columns.place(rows[int(begin)], name)}: a gap of {end - begin} rows begins here, in which a "
                    f"whole window of {window} steps lies, so nothing of it counts; lengthen the window, cut the "
                    f"sequence there, or fill the gap."
                )
