"""The study from data to circuits: search, seeds, circuits."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from conductance.tasks.published import write_dataset
from excitable.trials import Result
from studies.base import Runner
from studies.sequences.circuits import circuit_trials, run_circuit
from studies.sequences.run import (
    BUDGETS,
    FINAL,
    PROBLEMS,
    Budget,
    Setting,
    Trial,
    chosen_settings,
    run_trial,
    search_trials,
)

__all__ = ["BUDGETS", "Found", "built_model", "run_study"]


BUILT = "mtc"


@dataclass(frozen=True, kw_only=True)
class Found:
    """All results of the study.

    Attributes:
        search: trainings on a part of train, measured on the rest.
        final: those that count, measured on test.
        circuits: some sequences of test each.
    """

    budget: Budget
    search: tuple[Result, ...]
    final: tuple[Result, ...]
    circuits: tuple[Result, ...]


def built_model(search: Sequence[Result], problem: str) -> tuple[str, Setting]:
    """The network whose circuit is built, and its setting: uncoupled MTC neurons, whose netlist comes apart."""
    return BUILT, chosen_settings(search)[problem, BUILT]


def data_paths(folder: Path) -> dict[str, str]:
    """The data sets as CSV files in a folder, which they are written into where they are not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    return {
        name: str(path if (path := folder / f"{name}.csv").is_file() else write_dataset(name, folder))
        for name in PROBLEMS
    }


def run_study(budget: Budget, runner: Runner) -> Found:
    """Search, train the seeds, simulate circuits.

    Raises:
        TrialError: some trials failed. TaskError: the data cannot be had.
    """
    paths = data_paths(runner.folder / "data")
    trainings = runner.within("trainings")
    search = tuple(trainings.run("search", search_trials(budget, paths), run_trial).values())
    final = [
        Trial(
            problem=problem, path=paths[problem], model=model, part=FINAL, learning_rate=setting[0],
            gain=setting[1], seed=seed, budget=budget,
        )
        for (problem, model), setting in chosen_settings(search).items()
        for seed in range(1, budget.seeds + 1)
    ]  # fmt: skip
    measured = tuple(trainings.run("seeds", final, run_trial).values())
    circuits = [
        trial
        for problem in PROBLEMS
        for trial in circuit_trials(budget, problem, paths[problem], *built_model(search, problem))
    ]
    decided = tuple(runner.within("circuits").run("circuits", circuits, run_circuit).values())
    return Found(budget=budget, search=search, final=measured, circuits=decided)
