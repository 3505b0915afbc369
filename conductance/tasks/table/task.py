"""A table of yours as a task: options, and the way from a file to splits."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, get_args

from conductance.tasks.arrays import assembled, baselines_of, check_classes, error_of, natural
from conductance.tasks.base import TaskData
from conductance.tasks.decisions import Decision, check_decision
from conductance.tasks.options import TaskError, check_options, described, option
from conductance.tasks.splits import Split
from conductance.tasks.table.columns import SUFFIXES, read_columns
from conductance.tasks.table.gaps import Gaps
from conductance.tasks.table.sequences import Sequences, sequences_of
from conductance.tasks.table.splits import parts_of
from conductance.tasks.table.steps import Between

if TYPE_CHECKING:
    from torch import Tensor

FOLDER = "@folder"
"""In place of a column: the name of the folder that a file lies in."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """Learn a table: its input columns give the target columns some time ahead, or the class of each sequence.

    A file holds one sequence, or many told apart by a column; a folder holds one sequence (or many) in each file.
    With neither `targets` nor `label`, the inputs themselves are forecast.
    """

    name: ClassVar[str] = "table"

    path: str = described("", "a .csv, .tsv, .npy or .npz file, or a folder of them")
    inputs: list[str] | None = described(
        None, "columns that the network sees; all columns of numbers that have no other use where not given"
    )
    targets: list[str] | None = described(None, "columns that it is to give; the inputs where not given")
    label: str | None = described(
        None, f"column with the class of each sequence, or {FOLDER}: the name of the file's folder"
    )
    sequence: str | None = described(None, "column that tells sequences of one file apart")
    time: str | None = described(None, "column with the time of each sample in s")
    split: str = described(
        "auto",
        "time: each sequence is cut in its time; sequence: whole sequences, at random; or a column (or @folder) that "
        "says train, validation or test; auto: by time where there is one sequence, else by sequence",
    )
    validation: float = option(0.15, lower=0.0, upper=0.9, meaning="share of the validation split")
    test: float = option(0.15, lower=0.0, upper=0.9, meaning="share of the test split")
    held_out: float = option(
        0.1, lower=0.0, lower_open=True, upper=0.9,
        meaning="share of the time that is held out for the circuit, where the split is by time",
    )  # fmt: skip
    window: int | None = option(
        None, lower=2, whole=True, optional=True, unit="step",
        meaning="length of a training series, cut from a sequence; the whole sequence where not given",
    )  # fmt: skip
    warm_up: int = option(
        0, lower=0, whole=True, unit="step", meaning="first steps of a series that no error counts"
    )
    horizon_steps: int = option(
        0, lower=0, whole=True, unit="sample", meaning="how far ahead the target lies; 0 is the same time"
    )
    horizon: float | None = option(
        None, lower=0, optional=True, unit="s", meaning="the same as a time, where a sample's is known"
    )
    sample_step: float | None = option(
        None,
        lower=0,
        lower_open=True,
        optional=True,
        unit="s",
        meaning="time between two samples of the file",
    )
    model_step: float | None = option(
        None, lower=0, lower_open=True, optional=True, unit="s",
        meaning="time of one step of the model; the samples' where not given",
    )  # fmt: skip
    steps_per_sample: float | None = option(
        None, lower=0, lower_open=True, optional=True, unit="step",
        meaning="the same as a number of steps, for samples without a time",
    )  # fmt: skip
    between: Between = described(
        "held",
        "steps between samples: held; linear: on the line between them; mean: of the samples that a step spans",
    )
    gaps: Gaps = described(
        "refuse",
        "values that are missing: refuse; interpolate: between their neighbours; mask: held and not counted",
    )
    longest_gap: int = option(
        10, lower=1, whole=True, unit="sample", meaning="longest gap that is interpolated or masked"
    )
    standardise: bool = described(True, "bring each column to mean 0 and spread 1 in the train split")
    decision: Decision = described(
        "mean", "how a classifier decides: by the mean, last, or largest (max) output, or its count"
    )

    def __post_init__(self) -> None:
        check_options(self)
        check_decision(self.decision, "task table")
        faults = [
            f"{name} = {getattr(self, name)!r}: allowed are {', '.join(get_args(kind))}"
            for name, kind in (("between", Between), ("gaps", Gaps))
            if getattr(self, name) not in get_args(kind)
        ]
        if not self.path:
            faults.append(f"path is missing; give a {', '.join(SUFFIXES)} file or a folder of them")
        for one, other in (
            ("targets", "label"),
            ("horizon", "horizon_steps"),
            ("model_step", "steps_per_sample"),
        ):
            if getattr(self, one) not in (None, 0) and getattr(self, other) not in (None, 0):
                faults.append(f"{one} and {other} are both given; keep one")
        if self.label is not None and (self.horizon or self.horizon_steps):
            faults.append("label has no horizon; take the horizon out")
        if self.inputs is not None and not self.inputs:
            faults.append("inputs = []: name at least one column, or leave it out for all")
        if self.validation + self.test >= 1:
            faults.append(
                f"validation = {self.validation:g} and test = {self.test:g} leave nothing to train on; lower them"
            )
        if self.window is not None and self.warm_up >= self.window:
            faults.append(f"warm_up = {self.warm_up} leaves nothing of window = {self.window}; shorten it")
        if faults:
            raise TaskError(f"task table: {'; '.join(faults)}.")

    @property
    def error_name(self) -> str:
        """Name of the error."""
        return "nrmse" if self.label is None else "share of wrong decisions"

    def generate(self, seed: int = 0) -> TaskData:
        """Read the file and share it out; the seed decides which sequences go where.

        Raises:
            TaskError: with the file, the line and the column of what is wrong.
        """
        paths = self._paths()
        files = [read_columns(path) for path in paths]
        found = sequences_of(self, files)
        classes: tuple[str, ...] = ()
        if self.label is not None:
            classes = tuple(sorted({one.label for one in found.sequences}, key=natural))
            check_classes(classes, f"table, {self.path}, label {self.label}")
        parts = parts_of(self, found, classes, seed)
        fields = assembled(
            parts,
            name=self.name, input_names=found.input_names, target_names=classes or self._target_names(found),
            classes=classes, decision=self.decision, standardise=self.standardise,
            one_scale=not classes and found.target_names == found.input_names, warm_up=self.warm_up,
            sample_step=1.0 if found.model_step is None else found.model_step,
            time_unit="step" if found.model_step is None else "s", remarks=found.remarks,
            digest=_digest(paths), seed=seed,
        )  # fmt: skip
        return TaskData(**fields)

    def error(self, prediction: Tensor, split: Split) -> float:
        """Normalised rms error, or share of wrong decisions where there is a label."""
        classes = ("", "") if self.label is not None else ()
        return error_of(classes, self.decision, prediction, split)

    def baselines(self, data: TaskData, split: Split) -> Mapping[str, float]:
        """Error of the mean, or of the most frequent class, and of a linear map of the last 24 samples."""
        return baselines_of(data, split)

    def _paths(self) -> list[Path]:
        root = Path(self.path)
        if not root.is_dir():
            return [root]
        paths = sorted(path for path in root.rglob("*") if path.suffix in SUFFIXES)
        if not paths:
            raise TaskError(f"path: folder {root} has no file with the suffix {', '.join(SUFFIXES)}.")
        return paths

    def _target_names(self, found: Sequences) -> tuple[str, ...]:
        if not found.lead:
            return found.target_names
        ahead = f"{found.lead} steps" if found.model_step is None else f"{found.lead * found.model_step:g} s"
        return tuple(f"{name}, {ahead} ahead" for name in found.target_names)


def _digest(paths: Sequence[Path]) -> str:
    """A digest of the content of files, in their order."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
