"""QIF against LIF, both trained by exact gradients through spike times, at equal budget of search and equal seeds.

The claim (arXiv 2606.03935, arXiv 2309.14523): spikes of QIF neurons enter and leave only at the end of a trial, so
that its loss is continuous and silent neurons learn, while spikes of LIF neurons come and go in the middle of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from conductance.landscapes import PathResult
from excitable.trials import Result
from studies.base import Runner
from studies.qif_lif.landscape import DESCENT, LANDSCAPE_TRIALS, LandscapeTrial, run_landscape
from studies.qif_lif.trainings import MODELS, NEURONS, Budget, Trial, run_trial

Key = tuple[str, str, str]
"""Task, model and kind of start."""


def search_trials(budget: Budget) -> list[Trial]:
    """The search from active starts: every setting once per task and model, with seed 0."""
    return [
        Trial(task=task, model=model, start="active", learning_rate=rate, drive=drive, seed=0, budget=budget)
        for task in budget.tasks
        for model in MODELS
        for rate in budget.learning_rates
        for drive in budget.drives
    ]


def silent_search_trials(best: Mapping[Key, Result], budget: Budget) -> list[Trial]:
    """The search from silent starts: every learning rate, at the drive of the best active start, of QIF where none."""
    return [
        Trial(
            task=task, model=model, start="silent", learning_rate=rate, seed=0, budget=budget,
            drive=best[task, model if model in MODELS else "qif", "active"]["drive"],
        )
        for task in budget.tasks
        for model in NEURONS
        for rate in budget.learning_rates
    ]  # fmt: skip


def best_of(results: Sequence[Result]) -> dict[Key, Result]:
    """The setting with the highest validation accuracy, by task, model and start; the first of equals."""
    best: dict[Key, Result] = {}
    for result in results:
        key = (result["task"], result["model"], result["start"])
        if key not in best or result["validation"] > best[key]["validation"]:
            best[key] = result
    return best


def seeded_trials(best: Mapping[Key, Result], budget: Budget) -> list[Trial]:
    """The comparison: each best setting with other seeds than the one that chose it."""
    return [
        Trial(
            task=task, model=model, start=start, learning_rate=setting["learning_rate"], drive=setting["drive"],
            seed=seed, budget=budget,
        )
        for (task, model, start), setting in best.items()
        for seed in range(1, budget.seeds + 1)
    ]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class StudyResult:
    """All trainings of the study and the landscapes around them."""

    budget: Budget
    search: tuple[Result, ...]
    comparison: tuple[Result, ...]
    landscapes: tuple[Result, ...]

    def paths(self, model: str, state: str, samples: int, *, descent: bool = False) -> list[PathResult]:
        """The measured paths of a model, all seeds together, their lengths over the norm of the weights.

        They are those in random directions, or those against the gradient.
        """
        return [
            _scaled(PathResult.of_json(path), result["norm"])
            for result in self.landscapes
            if (result["model"], result["state"], result["samples"]) == (model, state, samples)
            and (result["direction"] == DESCENT) == descent
            for path in result["paths"]
        ]


def _scaled(path: PathResult, norm: float) -> PathResult:
    return replace(
        path,
        length=path.length / norm,
        places=tuple(place / norm for place in path.places),
        slopes=tuple(slope * norm for slope in path.slopes),
        jumps=tuple(replace(jump, place=jump.place / norm) for jump in path.jumps),
    )


def run_study(budget: Budget, runner: Runner) -> StudyResult:
    """Search, compare, and look at the landscapes.

    Raises:
        TrialError: some trainings failed.
    """

    def trained(stage: str, trials: Sequence[Trial]) -> tuple[Result, ...]:
        return tuple(runner.run(stage, trials, run_trial).values())

    active = trained("search", search_trials(budget))
    best = best_of(active)
    seeded = seeded_trials(best, budget)
    comparison = trained("seeds", seeded)
    silent = trained("search from silent starts", silent_search_trials(best, budget))
    silent_seeds = trained("seeds from silent starts", seeded_trials(best_of(silent), budget))
    around = [
        LandscapeTrial(trained=result, state=state, samples=samples, direction=direction, training=trial)
        for trial, result in sorted(zip(seeded, comparison, strict=True), key=lambda pair: pair[0].seed)
        if trial.task == budget.tasks[0] and trial.seed <= budget.landscapes
        for state in ("initial", "trained")
        for samples in (1, LANDSCAPE_TRIALS)
        for direction in (*map(str, range(budget.directions)), DESCENT)
    ]
    return StudyResult(
        budget=budget,
        search=(*active, *silent),
        comparison=(*comparison, *silent_seeds),
        landscapes=tuple(runner.run("landscapes", around, run_landscape).values()),
    )
