"""What a task on spikes is: labelled trials of input spikes in a train, a validation and a test split.

To add one: its file in this folder, one export line in `__init__.py`, one entry in the list of
`tests/conductance/test_event_tasks.py`; configuration files then know it by its `name`, which the class has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from conductance.loading.lazy import Deferred, torch
from conductance.tasks.options import TaskError

if TYPE_CHECKING:
    from torch import Tensor

    from conductance.events.spikes import Spikes
else:
    Spikes = Deferred("conductance.events.spikes", "Spikes")

EVENT_SPLITS = ("train", "validation", "test")
"""Names of the splits of a task on spikes."""


@dataclass(frozen=True, kw_only=True)
class EventSplit:
    """Labelled trials.

    Attributes:
        spikes: the input spikes, checked.
        labels: (trial,), int64, the class of each trial.
    """

    spikes: Spikes
    labels: Tensor

    def __post_init__(self) -> None:
        if self.labels.shape != (self.spikes.batch,) or self.labels.dtype != torch.long:
            raise TaskError(
                f"split of a task on spikes: labels have shape {tuple(self.labels.shape)} and dtype "
                f"{self.labels.dtype}, but int64 of shape ({self.spikes.batch},) is needed."
            )
        if bool((self.labels < 0).any()):
            raise TaskError("split of a task on spikes: a label is negative.")

    @property
    def trials(self) -> int:
        """Number of trials."""
        return self.spikes.batch

    def select(self, indices: Tensor | Sequence[int]) -> EventSplit:
        """The split made of the trials at these indices: a mini-batch."""
        index = torch.as_tensor(indices, dtype=torch.long)
        return EventSplit(spikes=self.spikes.select(index), labels=self.labels[index])


@dataclass(frozen=True, kw_only=True)
class EventData:
    """A task on spikes: its splits, and what their numbers mean.

    Attributes:
        train, validation, test: trials to fit, to select by and to report on.
        classes: one name per class.
        time_unit: of all times, in words.
        encoding: how a sample became spikes, in words.
        seed: of the draw.
    """

    name: str
    train: EventSplit
    validation: EventSplit
    test: EventSplit
    classes: tuple[str, ...]
    time_unit: str
    encoding: str
    seed: int

    def __post_init__(self) -> None:
        sizes = {(split.spikes.size, split.spikes.end) for split in self.splits.values()}
        if len(sizes) != 1:
            raise TaskError(
                f"task {self.name}: the splits differ in their number of inputs or their duration."
            )
        highest = max((int(split.labels.max()) for split in self.splits.values() if split.trials), default=-1)
        if highest >= len(self.classes):
            raise TaskError(
                f"task {self.name}: there is a label {highest}, but only {len(self.classes)} classes."
            )

    @property
    def splits(self) -> Mapping[str, EventSplit]:
        """The three splits by name."""
        return {name: getattr(self, name) for name in EVENT_SPLITS}

    @property
    def inputs(self) -> int:
        """Number of input neurons."""
        return self.train.spikes.size

    @property
    def end(self) -> float:
        """Duration of a trial."""
        return self.train.spikes.end


@runtime_checkable
class EventTask(Protocol):
    """The contract of a task on spikes. Options are fields; the object is a value and holds no data."""

    @property
    def name(self) -> str:
        """Name of the task, a lower-case identifier; the same for all options, so an attribute of the class."""

    def generate(self, seed: int = 0) -> EventData:
        """Draw or read the data. The same options and seed give the same numbers."""


def latency_code(
    values: Tensor, *, early: float, late: float, end: float, silent_below: float | None = None
) -> Spikes:
    """One spike per input: a value x in [0, 1] spikes at late - x (late - early), so strong inputs come first.

    Args:
        values: (trial, input), in [0, 1].
        early: time of the strongest input.
        late: time of the weakest input, after `early`.
        end: duration of a trial, after `late`.
        silent_below: inputs at or below this value do not spike; None lets all spike.

    Raises:
        TaskError: a value outside [0, 1], or times out of order.
    """
    if not 0 <= early < late < end:
        raise TaskError(
            f"latency code: early = {early:g}, late = {late:g}, end = {end:g} must be in order and >= 0."
        )
    if not bool(((values >= 0) & (values <= 1)).all()):
        raise TaskError("latency code: values must lie in [0, 1] and be numbers; scale them first.")
    times = late - values * (late - early)
    if silent_below is not None:
        times = times.masked_fill(values <= silent_below, torch.inf)
    return Spikes.of_latencies(times, end=end)
