"""What a task is: data with a train, a validation and a test split, and the error by which it is judged.

A task is a frozen dataclass of options that satisfies the protocol `Task`. Training, netlisting and comparing
see only `Task`, `TaskData` and `Split`; none of them names a task.
To add one: its file in this folder, one export line in `__init__.py`, one entry in the list of
`tests/conductance/test_tasks.py`; configuration files then know it by its `name`, which the class has.
For them it needs the options `train_series` and `held_out_samples`, so that a file that asks for more is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from conductance.tasks import arrays
from conductance.tasks.decisions import Decision, check_decision
from conductance.tasks.options import TaskError
from conductance.tasks.splits import SPLITS, Split, Standardisation

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class TaskData:
    """A generated task: its splits, and what their numbers mean.

    Attributes:
        train, validation, test: series to fit, to select by and to report on.
        held_out: one long series (batch 1) in no other split, for the simulation of the circuit.
        scale: from the unit of the series to the standardised values in the splits, and back.
        sample_step: time between two samples, in `time_unit`.
        time_unit: the unit of time of the task; it has no relation to the neuron's until a time map says so.
        sample: what one sample is, in words.
        input_names, target_names: one name per feature.
        seed: the seed of the draw.
        target_scale: the same as `scale` for the targets; None where they have the scale of the inputs, or are
            classes.
        classes: names of the classes where each series has one; then the targets are 1 in the column of its class
            and 0 elsewhere. Empty for a regression.
        decision: how a network's output becomes evidence for the classes, see `conductance.tasks.decisions`.
        remarks: what was done to the data on the way, in sentences: gaps filled, rows left out.
        digest: of the files that the data come from, so that a run sees when they change; empty where they are drawn.
    """

    name: str
    train: Split
    validation: Split
    test: Split
    held_out: Split
    scale: Standardisation
    sample_step: float
    time_unit: str
    sample: str
    input_names: tuple[str, ...]
    target_names: tuple[str, ...]
    seed: int
    target_scale: Standardisation | None = None
    classes: tuple[str, ...] = ()
    decision: Decision = "mean"
    remarks: tuple[str, ...] = ()
    digest: str = ""

    def __post_init__(self) -> None:
        check_decision(self.decision, f"task {self.name}")
        if self.classes and self.classes != self.target_names:
            raise TaskError(
                f"task {self.name}: the classes {', '.join(self.classes)} must be the targets' names, which are "
                f"{', '.join(self.target_names)}."
            )
        for name, split in self.splits.items():
            features = (split.inputs.shape[2], split.targets.shape[2])
            if features != (len(self.input_names), len(self.target_names)):
                raise TaskError(
                    f"task {self.name}: the {name} split has {features[0]} input and {features[1]} target "
                    f"features, but {len(self.input_names)} and {len(self.target_names)} are named."
                )
        if self.held_out.series != 1:
            raise TaskError(
                f"task {self.name}: held_out has {self.held_out.series} series, but a circuit runs one."
            )

    @property
    def splits(self) -> Mapping[str, Split]:
        """The four splits by name."""
        return {name: getattr(self, name) for name in SPLITS}

    @property
    def seconds(self) -> float | None:
        """Time between two samples in s; None where the task's time is no time of a clock."""
        return self.sample_step if self.time_unit == "s" else None

    @staticmethod
    def from_arrays(x: Any, y: Any, **options: Any) -> TaskData:
        """Data of your own arrays, see `conductance.tasks.arrays.from_arrays`."""
        return TaskData(**arrays.from_arrays(x, y, **options))

    @staticmethod
    def from_dataset(dataset: Any, **options: Any) -> TaskData:
        """Data of a torch Dataset, see `conductance.tasks.arrays.from_dataset`."""
        return TaskData(**arrays.from_dataset(dataset, **options))

    def task(self) -> Task:
        """The task that these data are, for `train`: nrmse of a regression, share of wrong decisions of classes."""
        return arrays.Given(data=self)


@runtime_checkable
class Task(Protocol):
    """The contract of a task. Options are fields; the object is a value and holds no data."""

    @property
    def name(self) -> str:
        """Name of the task, a lower-case identifier; the same for all options, so an attribute of the class."""

    @property
    def error_name(self) -> str:
        """Name of the error that `error` returns, as reports print it."""

    def generate(self, seed: int = 0) -> TaskData:
        """Draw the data. The same options and seed give the same numbers."""

    def error(self, prediction: Tensor, split: Split) -> float:
        """Error of a prediction with the shape of `split.targets`; lower is better, 0 is perfect."""

    def baselines(self, data: TaskData, split: Split) -> Mapping[str, float]:
        """The error on a split of predictors that need no network, by their name."""
