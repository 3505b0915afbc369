"""Search on part of the images, compare on all of them, and follow silent neurons."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from excitable.trials import Result
from studies.base import Runner
from studies.fashion_events.forms import SILENT
from studies.fashion_events.trainings import DEEP, Budget, Trial, run_trial

SHARP = ("qif-1", "qif-10")
"""Other sharpnesses, at the setting of `qif`."""
SILENT_RATE = 4e-3
"""The published learning rate."""


@dataclass(frozen=True, kw_only=True)
class StudyResult:
    """All trainings by stage."""

    budget: Budget
    search: tuple[Result, ...]
    comparison: tuple[Result, ...]
    silent: tuple[Result, ...]

    def compared(self, form: str, hidden: Sequence[int]) -> list[Result]:
        """The trainings of a form and a network on all images, by seed."""
        return [row for row in self.comparison if row["form"] == form and row["hidden"] == list(hidden)]


def searched(form: str, learning_rate: float, drive: float, budget: Budget) -> Trial:
    """A training of the search."""
    return Trial(
        stage="search", form=form, hidden=DEEP, learning_rate=learning_rate, drive=drive, seed=0, budget=budget,
        images=budget.search_images, epochs=budget.search_epochs,
    )  # fmt: skip


def best(rows: Sequence[Result]) -> Mapping[str, Result]:
    """The training of each form with the highest validation accuracy."""
    forms = dict.fromkeys(row["form"] for row in rows)
    return {
        form: max((row for row in rows if row["form"] == form), key=lambda row: row["validation"])
        for form in forms
    }


def run_study(budget: Budget, runner: Runner) -> StudyResult:
    """Train everything that the folder does not hold yet.

    Raises:
        TrialError: some trainings failed.
    """
    work = partial(run_trial, checkpoints=runner.folder / "checkpoints")

    def trained(stage: str, trials: Sequence[Trial]) -> tuple[Result, ...]:
        return tuple(runner.run(stage, trials, work).values())

    first = budget.drives[0]
    rates = trained(
        "learning rates",
        [searched(form, rate, first, budget) for form in budget.forms for rate in budget.learning_rates],
    )
    drives = trained(
        "first weights",
        [
            searched(form, row["learning_rate"], drive, budget)
            for form, row in best(rates).items()
            for drive in budget.drives[1:]
        ],
    )
    chosen = best([*rates, *drives])
    rate, drive = (chosen["qif"][key] for key in ("learning_rate", "drive"))
    sharp = trained("sharpness", [searched(form, rate, drive, budget) for form in SHARP])
    comparison = trained("all images", compared_trials(best([*rates, *drives, *sharp]), budget))
    silent = trained(
        "silent starts",
        [
            Trial(
                stage="silent", form=form, hidden=DEEP, learning_rate=SILENT_RATE, drive=1.0, seed=1, budget=budget,
                images=budget.silent_images, epochs=budget.silent_epochs,
            )
            for form in SILENT
        ],
    )  # fmt: skip
    return StudyResult(
        budget=budget,
        search=(*rates, *drives, *sharp),
        silent=silent,
        comparison=comparison,
    )


def compared_trials(chosen: Mapping[str, Result], budget: Budget) -> list[Trial]:
    """Seed by seed, the deep networks first."""
    return [
        Trial(
            stage="comparison", form=form, hidden=hidden, learning_rate=chosen[form]["learning_rate"],
            drive=chosen[form]["drive"], seed=seed, budget=budget, images=budget.images, epochs=budget.epochs,
        )
        for seed in range(1, budget.seeds + 1)
        for hidden in budget.networks
        for form in budget.forms
    ]  # fmt: skip
