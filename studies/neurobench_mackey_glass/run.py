"""Draw settings, choose the best on starts of its own, and measure on NeuroBench's."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import torch

from conductance.tasks.metrics import smape
from excitable.trials import Result
from studies.base import Runner, settings_of
from studies.neurobench_mackey_glass.models import GRIDS, forecast
from studies.neurobench_mackey_glass.series import TEST, TRAIN, series

SEARCH, FINAL = "search", "final"


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What every kind gets.

    Attributes:
        units: of a reservoir; its readout has two numbers more.
        settings: drawn from the grid, each once.
        search_starts: series over which a setting's error is the mean.
        best: settings of the search that are searched again with other seeds.
        again: how many other seeds.
        starts: series of what is measured.
        seeds: reservoirs, each on all of them.
        points: that are predicted.
    """

    units: int
    settings: int
    search_starts: int
    best: int
    again: int
    starts: int
    seeds: int
    points: int = TEST


BUDGETS: Mapping[str, Budget] = MappingProxyType(
    {
        "reduced": Budget(units=184, settings=6, search_starts=8, best=3, again=2, starts=30, seeds=5),
        "full": Budget(units=184, settings=300, search_starts=20, best=20, again=10, starts=30, seeds=30),
        "smoke": Budget(units=12, settings=2, search_starts=2, best=1, again=1, starts=2, seeds=2, points=20),
    }
)  # fmt: skip
"""`reduced` takes some minutes of one core."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One reservoir on all starts."""

    kind: str
    part: str
    setting: tuple[float, ...]
    seed: int
    budget: Budget

    @property
    def name(self) -> str:
        """A file name that tells trials apart."""
        return f"{self.part}-{self.kind}-{'_'.join(f'{value:g}' for value in self.setting)}-s{self.seed}"

    @property
    def named(self) -> dict[str, float]:
        """The setting by the names of its axes."""
        return dict(zip(GRIDS[self.kind], self.setting, strict=True))


def run_trial(trial: Trial) -> Result:
    """Feed, solve, predict, and compare with the series."""
    torch.set_num_threads(1)
    budget, search = trial.budget, trial.part == SEARCH
    values = series(budget.search_starts if search else budget.starts, search=search)
    began = time.process_time()
    found = forecast(
        trial.kind, trial.named, values, units=budget.units, seed=trial.seed, points=budget.points
    )
    wanted = values[TRAIN + 1 : TRAIN + 1 + budget.points]
    errors = [smape(found.alone[: len(wanted), place], wanted[:, place]) for place in range(wanted.shape[1])]
    return {
        **settings_of(trial),
        "setting": list(trial.setting),
        "errors": errors,
        "error": sum(errors) / len(errors),
        "fitted": found.fitted,
        "seconds": time.process_time() - began,
    }


@dataclass(frozen=True, kw_only=True)
class Found:
    """All results: of the search, of its best settings with other seeds, and on the starts that count."""

    budget: Budget
    search: tuple[Result, ...]
    final: tuple[Result, ...]

    def of(self, kind: str) -> list[Result]:
        """What was measured of a kind, by seed."""
        return [row for row in self.final if row["kind"] == kind]


def drawn(kind: str, number: int) -> list[tuple[float, ...]]:
    """Settings from the grid, without any twice."""
    generator, found = torch.Generator().manual_seed(0), dict[tuple[float, ...], None]()
    while len(found) < number:
        picks = [
            values[int(torch.randint(len(values), (), generator=generator))]
            for values in GRIDS[kind].values()
        ]
        found[tuple(picks)] = None
    return list(found)


def means(rows: Sequence[Result], kind: str) -> dict[tuple[float, ...], float]:
    """The mean error of each setting over its seeds, best first; one that was tried with more seeds comes before."""
    errors: dict[tuple[float, ...], list[float]] = {}
    for row in rows:
        if row["kind"] == kind:
            errors.setdefault(tuple(row["setting"]), []).append(row["error"])
    order = sorted(
        errors, key=lambda setting: (-len(errors[setting]), sum(errors[setting]) / len(errors[setting]))
    )
    return {setting: sum(errors[setting]) / len(errors[setting]) for setting in order}


def run_study(budget: Budget, runner: Runner) -> Found:
    """Search, search again, and measure.

    Raises:
        TrialError: some trials failed.
    """

    def ran(stage: str, trials: Sequence[Trial]) -> tuple[Result, ...]:
        return tuple(runner.run(stage, trials, run_trial).values())

    def trials(
        part: str, kind: str, settings: Sequence[tuple[float, ...]], seeds: Sequence[int]
    ) -> list[Trial]:
        return [
            Trial(kind=kind, part=part, setting=setting, seed=seed, budget=budget)
            for setting in settings
            for seed in seeds
        ]

    search = ran(
        "search", [one for kind in GRIDS for one in trials(SEARCH, kind, drawn(kind, budget.settings), [0])]
    )
    again = [
        one
        for kind in GRIDS
        for one in trials(SEARCH, kind, list(means(search, kind))[: budget.best], range(1, budget.again + 1))
    ]
    search = (*search, *ran("search with other seeds", again))
    # seeds that no search has seen
    seeds = range(100, 100 + budget.seeds)
    final = [one for kind in GRIDS for one in trials(FINAL, kind, list(means(search, kind))[:1], seeds)]
    return Found(budget=budget, search=search, final=ran("starts that count", final))
