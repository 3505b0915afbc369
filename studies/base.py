"""What every study has in common: a budget, trials that are run once, and a page written from what they found."""

import json
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from matplotlib.figure import Figure

from conductance.storage import whole_file, write_whole
from excitable.trials import Progress, Result, TrialError, run_trials

HELD = "budget.txt"
"""What a study's folder was made with; no trial has a name that ends like it."""


class Trial(Protocol):
    """Settings of one run; they cross process borders."""

    @property
    def name(self) -> str:
        """A file name that tells trials apart."""


AnyTrial = TypeVar("AnyTrial", bound=Trial)
Budget = TypeVar("Budget")
Found = TypeVar("Found")


def settings_of(trial: Any) -> Result:
    """The fields of a trial, a dataclass, without its budget: what its result repeats."""
    return {field.name: getattr(trial, field.name) for field in fields(trial) if field.name != "budget"}


@dataclass(frozen=True, kw_only=True)
class Runner:
    """Runs trials into a folder, and only those whose result is not there yet.

    Attributes:
        folder: receives the results.
        executor: a pool of fresh processes, one per core, where none is given.
        progress: from the name of a stage to what is called with (done, all, name) after each trial.
    """

    folder: Path
    executor: Executor | None = None
    progress: Callable[[str], Progress] | None = None

    def run(
        self, stage: str, trials: Iterable[AnyTrial], work: Callable[[AnyTrial], Result]
    ) -> dict[str, Result]:
        """All results of a stage by the name of their trial, in the trials' order.

        Raises:
            TrialError: some trials failed; the others are kept.
        """
        return run_trials(
            {trial.name: trial for trial in trials}, work, folder=self.folder, executor=self.executor,
            progress=self.told(stage),
        )  # fmt: skip

    def told(self, stage: str) -> Progress | None:
        """Who is told how far a stage is."""
        return None if self.progress is None else self.progress(stage)

    def counted(self, stage: str) -> Callable[[int, int], None] | None:
        """The same for work that counts (done, all) and names nothing."""
        told = self.told(stage)
        return None if told is None else lambda done, total: told(done, total, stage)

    def within(self, name: str) -> "Runner":
        """The same in a folder inside this one."""
        return replace(self, folder=self.folder / name)

    def on(self, executor: Executor) -> "Runner":
        """The same on another executor."""
        return replace(self, executor=executor)


@dataclass(frozen=True, kw_only=True)
class Study(Generic[Budget, Found]):
    """One question, what it may spend, how it is answered and how the answer is told.

    Attributes:
        name: of the page and of its figures.
        title: of the page.
        budgets: by name; `smoke`, which every study has, only proves that the study runs.
        work: runs what is missing and returns everything that was found.
        page: the page below its title, as Markdown.
        figures: by file name without an ending.
        formats: of the figures; what has too many marks for a vector drawing is only a PNG.
    """

    name: str
    title: str
    budgets: Mapping[str, Budget]
    work: Callable[[Budget, Runner], Found]
    page: Callable[[Found], str]
    figures: Callable[[Found], Mapping[str, Figure]] = lambda _: {}
    formats: tuple[str, ...] = ("svg", "png")

    def run(
        self,
        budget: Budget,
        folder: Path,
        *,
        executor: Executor | None = None,
        progress: Callable[[str], Progress] | None = None,
    ) -> Found:
        """Run what the folder does not hold yet, and return everything that was found.

        Raises:
            TrialError: the folder holds results of another budget, or some trials failed; the others are kept.
        """
        folder.mkdir(parents=True, exist_ok=True)
        hold_budget(folder, budget)
        return self.work(budget, Runner(folder=folder, executor=executor, progress=progress))

    def markdown(self, found: Found) -> str:
        """The whole page."""
        note = f"This page is written by `make study NAME={self.name}`; nothing in it is typed by hand."
        return f"# {self.title}\n\n{note}\n\n{self.page(found).rstrip()}\n"

    def write(self, found: Found, folder: Path) -> Path:
        """Write the page and its figures into a folder of documentation, each file whole; returns the page's path."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, figure in self.figures(found).items():
            for suffix in self.formats:
                with whole_file(folder / f"{name}.{suffix}") as part:
                    figure.savefig(part, format=suffix, dpi=130)
        path = folder / f"{self.name}.md"
        write_whole(path, self.markdown(found))
        return path


def hold_budget(folder: Path, budget: Any) -> None:
    """Note in the folder what its results were made with, or refuse it where they were made with something else.

    Args:
        folder: of a study.
        budget: a dataclass of plain values.

    Raises:
        TrialError: the folder holds results of another budget, so that two would be mixed.
    """
    text = json.dumps(asdict(budget), indent=1, sort_keys=True) + "\n"
    path = folder / HELD
    if not path.exists() and not any(folder.rglob("*.json")):
        write_whole(path, text)
    elif not path.exists() or path.read_text("utf-8") != text:
        raise TrialError(
            f"{folder} holds results of another budget, or of a version that did not note it ({path.name}); give "
            f"another folder by --results, or delete it"
        )
