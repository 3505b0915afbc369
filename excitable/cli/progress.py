"""Progress of training: a bar on a terminal, a line per evaluation everywhere."""

import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import TaskID

    from conductance.training import Record


class TrainingProgress:
    """Shows records of training; a context manager.

    Args:
        console: where to write.
        steps: number of steps of the whole training.
        neurons: number of hidden neurons.
    """

    def __init__(self, console: "Console", *, steps: int, neurons: int) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self.console, self.steps, self.neurons = console, steps, neurons
        self._bar = Progress(
            TextColumn("training"), BarColumn(), MofNCompleteColumn(), TextColumn("loss {task.fields[loss]}"),
            TextColumn("left"), TimeRemainingColumn(), console=console, transient=True,
            disable=not console.is_terminal,
        )  # fmt: skip
        self._task = self._bar.add_task("training", total=steps, loss="")
        self._seen = False
        self._began = time.monotonic()

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def report(self, record: "Record") -> None:
        """Show a record."""
        if record.split == "train":
            if not self._seen and record.step > 1:
                self.console.print(f"going on from the checkpoint of step {record.step - 1}")
            self._seen = True
            self._bar.update(self._task, completed=record.step, loss=f"{record.loss:.4f}")
        elif record.split == "validation":
            self.console.print(self._line(record), soft_wrap=True)

    def _line(self, record: "Record") -> str:
        parts = [
            f"step {record.step:>{len(str(self.steps))}}/{self.steps}",
            f"validation error {record.error:.3f}",
        ]
        if record.spikes is not None:
            parts += [
                f"{record.spikes:.4f} spikes per neuron and step",
                f"duty cycle {record.duty_cycle:.3f}",
                f"{record.silent_neurons} of {self.neurons} silent",
            ]
        if record.outside:
            parts.append(
                f"{100 * record.outside:.2g} % of membrane voltages outside the measured law's tables"
            )
        return "  ".join([*parts, f"{time.monotonic() - self._began:.0f} s"])


class WorkProgress:
    """Shows several pieces of work by name, a bar each on a terminal, a line each when done; a context manager.

    Args:
        console: where to write.
    """

    def __init__(self, console: "Console") -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self.console = console
        self._bars = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("left"),
            TimeRemainingColumn(), console=console, transient=True, disable=not console.is_terminal,
        )  # fmt: skip
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def report(self, name: str, done: int, total: int) -> None:
        """Show how far a piece of work is."""
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(name, total=total)
        self._bars.update(self._tasks[name], completed=done, total=total)
        if done == total:
            self.console.print(f"{name}: {total} done")
