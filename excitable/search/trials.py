"""The trials of a search: asked for in rounds, trained as runs, told to the sampler; broken off, it goes on alike."""

import json
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from conductance.errors import extra
from conductance.files import readable_json, write_whole
from excitable.config import parse_configuration
from excitable.config.overrides import with_values
from excitable.search.space import Dimension, SearchError, assignments
from excitable.trials import run_trials

if TYPE_CHECKING:
    import optuna

PLAN = "search.json"
RESULTS = "results"
RUNS = "runs"
Progress = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class SearchPlan:
    """What a search does; another plan is another search.

    Attributes:
        text: the configuration whose keys are varied.
        dimensions: the keys.
        trials: how many.
        width: trials of a round, which do not know of each other; with the seed it decides what is tried.
        seed: of the sampler.
    """

    text: str
    dimensions: tuple[Dimension, ...]
    trials: int
    width: int
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Job:
    """What a worker needs to train one trial."""

    text: str
    folder: str
    source: str


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One finished trial: its parameters by key, and the errors of its network."""

    number: int
    parameters: dict[str, Any]
    validation: float
    test: float


def search(
    plan: SearchPlan, folder: Path, *, executor: Executor | None = None, progress: Progress | None = None
) -> list[Trial]:
    """Run all trials of a plan that are not in the folder yet; all of them are returned, in the order of asking.

    Every round is asked from Optuna's sampler (TPE) with what all rounds before it gave, so a search that was broken
    off asks for the same trials again and finds their results.

    Args:
        plan: see `SearchPlan`.
        folder: an existing one; it holds this search alone.
        executor: where trials run; a process for each core where none is given.
        progress: called with (trials done, all).

    Raises:
        SearchError: Optuna is not installed, a folder of another search, or a key that a configuration does not have.
        TrialError: some trials failed; the others are kept.
    """
    _check_begun(plan, folder)
    study = _study(plan)
    distributions = {each.key: each.distribution() for each in plan.dimensions}
    found: list[Trial] = []
    while len(found) < plan.trials:
        width = min(plan.width, plan.trials - len(found))
        asked = [study.ask(distributions) for _ in range(width)]
        jobs = {f"trial-{one.number:04}": _job(plan, folder, one) for one in asked}
        # not before a round is known to be possible: a plan that cannot be would bar the folder to its correction
        write_whole(folder / PLAN, _plan_text(plan))

        def tell(done: int, _all: int, _name: str, before: int = len(found)) -> None:
            if progress is not None:
                progress(before + done, plan.trials)

        results = run_trials(jobs, train_trial, folder=folder / RESULTS, executor=executor, progress=tell)
        for one in asked:
            result = results[f"trial-{one.number:04}"]
            if set(result) != {"validation", "test"}:
                raise SearchError(
                    f"{folder / RESULTS / f'trial-{one.number:04}.json'}: the result is no validation and test error; "
                    f"delete the file to repeat it"
                )
            study.tell(one, result["validation"])
            found.append(Trial(number=one.number, parameters=dict(one.params), **result))
    return found


def train_trial(job: Job) -> dict[str, Any]:
    """Train one trial in a run folder of its own; one that was broken off goes on."""
    from excitable.runs.series import SeriesRun, train_run

    with SeriesRun.begun(Path(job.folder), job.text, source=job.source) as run:
        result = train_run(run).result
    return {"validation": result.validation.error, "test": result.test.error}


def best_of(found: Sequence[Trial]) -> Trial:
    """The trial with the lowest validation error; of equal ones the first."""
    return min(found, key=lambda one: (one.validation, one.number))


def configured(plan: SearchPlan, parameters: dict[str, Any], name: str) -> str:
    """The configuration of a trial."""
    return with_values(plan.text, [*assignments(parameters), f'name="{name}"'], source="the search")


def _job(plan: SearchPlan, folder: Path, asked: "optuna.Trial") -> Job:
    name = f"trial-{asked.number:04}"
    text = configured(plan, asked.params, name)
    parse_configuration(text, source=f"{name} ({', '.join(assignments(asked.params))})")
    return Job(text=text, folder=str((folder / RUNS / name).resolve()), source=name)


def _study(plan: SearchPlan) -> "optuna.Study":
    with extra("search"):
        import optuna
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(seed=plan.seed, n_startup_trials=max(10, plan.width))
    return optuna.create_study(direction="minimize", sampler=sampler)


def _plan_text(plan: SearchPlan) -> str:
    return readable_json(asdict(plan)) + "\n"


def _check_begun(plan: SearchPlan, folder: Path) -> None:
    """Refuse a folder that has another plan."""
    path = folder / PLAN
    try:
        stored = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
    except ValueError as error:
        raise SearchError(
            f"{path}: the file is damaged ({error}); delete it to go on with the search of this command, or give "
            f"another --into"
        ) from None
    if path.is_file() and stored != json.loads(_plan_text(plan)):
        raise SearchError(
            f"{folder}: another search is in it, with another configuration, space, number of trials or seed; "
            f"give this one another --into"
        )
