"""How sequences are shared out: by time, by sequence, or as a column says; windows and horizon."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from conductance.tasks.arrays import Series, one_hot, shared_out
from conductance.tasks.options import TaskError
from conductance.tasks.splits import SPLITS
from conductance.tasks.table.sequences import Sequence_, Sequences

if TYPE_CHECKING:
    from conductance.tasks.table.task import Table

GIVEN = ("train", "validation", "test", "held_out")


def parts_of(task: Table, found: Sequences, classes: Sequence[str], seed: int) -> dict[str, list[Series]]:
    """The series of each split.

    Raises:
        TaskError: a split that gets nothing, an unknown split, or a window or horizon longer than a sequence.
    """
    way = task.split
    if way == "auto":
        way = "time" if len(found.sequences) == 1 else "sequence"
    if way == "time":
        if classes:
            raise TaskError(
                "split = 'time': a sequence has one label, so its parts are no fair test of each other; split by "
                "sequence, or by a column."
            )
        return _by_time(task, found)
    if way == "sequence":
        groups = [classes.index(one.label) for one in found.sequences] if classes else None
        try:
            places = shared_out(
                len(found.sequences), validation=task.validation, test=task.test, seed=seed, groups=groups
            )
        except TaskError as error:
            raise TaskError(f"{task.path}: {error}") from None
    else:
        places = _by_column(task, found, classes, seed)
    return {
        split: [
            series
            for k in chosen
            for series in _windows(task, found, found.sequences[k], classes, whole=split == "held_out")
        ]
        for split, chosen in places.items()
    }


def _by_time(task: Table, found: Sequences) -> dict[str, list[Series]]:
    shares = {"validation": task.validation, "test": task.test, "held_out": task.held_out}
    parts: dict[str, list[Series]] = {split: [] for split in SPLITS}
    sequences = found.sequences
    for place, one in enumerate(sequences):
        # one long series is held out, of the first sequence: a circuit runs one
        own = {split: share for split, share in shares.items() if split != "held_out" or place == 0}
        cuts = {split: round(share * len(one.inputs)) for split, share in own.items()}
        end = len(one.inputs) - sum(cuts.values())
        begin = 0
        for split, length in {"train": end, **cuts}.items():
            piece = _cut(one, begin, begin + length, f"{one.name}, {split} part")
            parts[split] += _windows(task, found, piece, (), whole=split == "held_out")
            begin += length
    return parts


def _by_column(task: Table, found: Sequences, classes: Sequence[str], seed: int) -> dict[str, list[int]]:
    places: dict[str, list[int]] = {split: [] for split in SPLITS}
    for place, one in enumerate(found.sequences):
        if one.split not in GIVEN:
            raise TaskError(
                f"{one.name}: column {task.split} says {one.split!r}; allowed are {', '.join(GIVEN)}."
            )
        places[one.split].append(place)
    for split in ("train", "test"):
        if not places[split]:
            raise TaskError(f"{task.path}: column {task.split} gives the {split} split no sequence.")
    missing = [split for split in ("validation", "held_out") if not places[split]]
    if missing:
        own = places["train"]
        groups = [classes.index(found.sequences[k].label) for k in own] if classes else None
        drawn = shared_out(
            len(own), validation=task.validation if "validation" in missing else 0.0, test=0.0, seed=seed,
            groups=groups, held_out=1 if "held_out" in missing else 0,
        ) if "validation" in missing or len(own) > 1 else {}  # fmt: skip
        for split in ("train", *missing):
            places[split] = [own[k] for k in drawn[split]]
    return places


def _cut(one: Sequence_, begin: int, end: int, name: str) -> Sequence_:
    return Sequence_(
        name=name, inputs=one.inputs[begin:end], targets=one.targets[begin:end], counted=one.counted[begin:end],
        label=one.label, split=one.split,
    )  # fmt: skip


def _windows(
    task: Table, found: Sequences, one: Sequence_, classes: Sequence[str], *, whole: bool
) -> list[Series]:
    """The series of one sequence: shifted by the horizon, cut into windows."""
    length = len(one.inputs) - found.lead
    if length < 1:
        raise TaskError(
            f"{one.name}: it has {len(one.inputs)} steps and the horizon is {found.lead}; shorten the horizon, or give "
            f"longer sequences."
        )
    targets = one.targets[found.lead :]
    if classes:
        targets = one_hot(classes.index(one.label), len(classes), length)
    inputs = one.inputs[:length]
    counted = one.counted[:length] & one.counted[found.lead :]
    window = length if task.window is None or whole else task.window
    if window > length:
        raise TaskError(
            f"{one.name}: it has {length} steps{' after the horizon' if found.lead else ''} and window = {window}; "
            f"shorten the window, or give longer sequences."
        )
    series = []
    for begin in range(0, length - window + 1, window):
        part = slice(begin, begin + window)
        if task.window is not None and not counted[part][task.warm_up :].any():
            raise TaskError(
                f"{one.name}: the window from step {begin} on lies in a gap, so nothing of it counts; lengthen the "
                f"window, or fill the gap."
            )
        name = one.name if window == length else f"{one.name}, window from step {begin}"
        series.append(
            Series(name=name, inputs=inputs[part], targets=np.asarray(targets[part]), counted=counted[part])
        )
    return series
