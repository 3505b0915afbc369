"""Solve readouts of random reservoirs: a search on the validation split, then other seeds at what it chose."""

import itertools
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType

import torch

from conductance.layers import Projection
from conductance.networks import Network
from conductance.tasks import READINGS, MackeyGlass, Split, TaskData
from conductance.tasks.metrics import nrmse
from conductance.training.activity import activity, layer_outputs, spiking_layers
from conductance.training.batches import draw_batch
from conductance.training.readout import solve_readout
from excitable.trials import Result
from studies.base import Runner, settings_of
from studies.mackey_glass_reservoir.models import (
    ESN,
    GRU,
    KINDS,
    MTC,
    SPIKING,
    UNCOUPLED,
    Gated,
    echo_states,
    mtc_reservoir,
)

SEARCH, FINAL = "search", "final"
NOISE = 1e-3
"""Of the read voltages, in their own spread: how well a solved readout bears what a circuit adds."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What every kind gets.

    Attributes:
        kinds: those that are run.
        search_units: of a reservoir in the search.
        units: of one that is measured; as many weights of the readout are trained, and a bias.
        gru_units: of the GRU.
        steps, batch: updates of the GRU, and series of each; a readout is solved on the train split once.
        series_samples, warm_up: length of a series and of its part that does not count, in samples.
        search_series, series: of the train split in the search and for what is measured.
        seeds: reservoirs at the best setting.
    """

    kinds: tuple[str, ...]
    search_units: int
    units: int
    gru_units: int
    steps: int
    batch: int
    series_samples: int
    warm_up: int
    search_series: int
    series: int
    seeds: int


BUDGETS: Mapping[str, Budget] = MappingProxyType(
    {
        "reduced": Budget(
            kinds=(MTC, ESN), search_units=200, units=704, gru_units=14, steps=300, batch=16, series_samples=1500,
            warm_up=500, search_series=32, series=128, seeds=5,
        ),
        "smoke": Budget(
            kinds=(MTC, UNCOUPLED, SPIKING, ESN, GRU), search_units=8,
            units=12, gru_units=3, steps=2, batch=2, series_samples=60, warm_up=10,
            search_series=4, series=4, seeds=2,
        ),
    }
)  # fmt: skip
"""`reduced` has the series, updates and batches of the study `mackey-glass`."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One reservoir (or GRU): its kind, the horizon, a setting, a seed."""

    kind: str
    reading: str
    part: str
    setting: tuple[float, ...]
    seed: int
    budget: Budget

    @property
    def name(self) -> str:
        """A file name that tells trials apart."""
        return (
            f"{self.part}-{self.reading}-{self.kind}-{'_'.join(f'{v:g}' for v in self.setting)}-s{self.seed}"
        )

    @property
    def units(self) -> int:
        """Of the reservoir."""
        return self.budget.search_units if self.part == SEARCH else self.budget.units

    @property
    def named(self) -> dict[str, float]:
        """The setting by the names of its axes."""
        kind = MTC if self.kind == UNCOUPLED else self.kind
        return dict(zip(KINDS[kind].grid, self.setting, strict=True))


def task_of(trial: Trial) -> MackeyGlass:
    """The task of the study `mackey-glass`."""
    budget = trial.budget
    return MackeyGlass(
        **READINGS[trial.reading].options,  # type: ignore[arg-type]
        series_samples=budget.series_samples,
        warm_up=budget.warm_up,
        held_out_samples=budget.series_samples,
        train_series=budget.search_series if trial.part == SEARCH and trial.kind != GRU else budget.series,
    )


@lru_cache(maxsize=2)
def _data(task: MackeyGlass) -> TaskData:
    return task.generate(seed=0)


def run_trial(trial: Trial) -> Result:
    """Draw, solve or train, and measure on validation and, beyond the search, on test."""
    torch.set_num_threads(1)
    data = _data(task_of(trial))
    began = time.process_time()
    work = {ESN: _echo, GRU: _gated}.get(trial.kind, _mtc)
    found = work(trial, data)
    if trial.part == SEARCH:
        found = {"validation": found["validation"]}
    return {**settings_of(trial), **found, "seconds": time.process_time() - began}


@torch.no_grad()
def _error(network: torch.nn.Module, split: Split) -> float:
    output = network(split.inputs)
    return nrmse(output[0] if isinstance(output, tuple) else output, split.targets, split.mask)


def _mtc(trial: Trial, data: TaskData) -> Result:
    def network(state: str) -> Network:
        return mtc_reservoir(trial.kind, trial.named, neurons=trial.units, seed=trial.seed, state=state)

    slow = network("us")

    def states(split: Split) -> Split:
        return replace(split, inputs=_hidden(slow, split))

    found = _solved(trial, data, states)
    if trial.part == SEARCH:
        return found
    seen = network("output")
    with layer_outputs(seen) as outputs, torch.no_grad():
        seen(data.test.inputs)
    did = activity(spiking_layers(seen), outputs, data.test.mask)
    return {
        **found,
        "spikes": did and did.spikes,
        "silent": did and did.silent_neurons / trial.units,
    }


@torch.no_grad()
def _hidden(network: Network, split: Split) -> torch.Tensor:
    with layer_outputs(network) as outputs:
        network(split.inputs)
    return outputs["hidden"]


def _echo(trial: Trial, data: TaskData) -> Result:
    def states(split: Split) -> Split:
        inputs = echo_states(split.inputs, trial.named, units=trial.units, seed=trial.seed)
        return replace(split, inputs=inputs)

    return {**_solved(trial, data, states), "spikes": None, "silent": None}


def _solved(trial: Trial, data: TaskData, states: Callable[[Split], Split]) -> Result:
    """A readout alone, which is fed with the states; their noise is in training and in test."""
    network = Network({"readout": Projection(trial.units, 1)})
    train, validation = states(data.train), states(data.validation)
    solved = solve_readout(network, train, validation)
    found: Result = {"validation": _error(network, validation), "ridge": solved.ridge}
    if trial.part == SEARCH:
        return found
    test = states(data.test)
    found |= {"parameters": trial.units + 1, "error": _error(network, test)}
    generator = torch.Generator().manual_seed(0)
    size = NOISE * train.inputs[train.mask].std(0)

    def spoilt(split: Split) -> Split:
        noise = torch.randn(split.inputs.shape, generator=generator)
        return replace(split, inputs=noise.mul_(size).add_(split.inputs))

    solve_readout(network, spoilt(train), spoilt(validation))
    return {**found, "noisy_error": _error(network, spoilt(test))}


def _gated(trial: Trial, data: TaskData) -> Result:
    budget = trial.budget
    network = Gated(budget.gru_units, trial.seed)
    trained = [p for p in network.parameters() if p.requires_grad]
    adam = torch.optim.Adam(trained, lr=trial.named["learning rate"])
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(adam, budget.steps)
    best = (math.inf, math.inf)
    for step in range(budget.steps):
        part = draw_batch(data.train, seed=trial.seed, step=step, size=budget.batch)
        loss = (network(part.inputs) - part.targets)[part.mask].square().mean()
        adam.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        adam.step()
        schedule.step()
        if (step + 1) % max(1, budget.steps // 10) == 0:
            measured = (_error(network, data.validation), _error(network, data.test))
            best = min(best, measured)
    return {
        "validation": best[0], "ridge": None, "parameters": sum(p.numel() for p in trained), "error": best[1],
        "noisy_error": None, "spikes": None, "silent": None,
    }  # fmt: skip


def search_trials(budget: Budget) -> list[Trial]:
    """Every setting of every kind's grid, once."""
    return [
        Trial(kind=kind, reading=reading, part=SEARCH, setting=setting, seed=0, budget=budget)
        for kind, known in KINDS.items()
        if kind in budget.kinds
        for reading in READINGS
        for setting in itertools.product(*known.grid.values())
    ]


def chosen_settings(search: Sequence[Result]) -> dict[tuple[str, str], tuple[float, ...]]:
    """The setting with the lowest error on validation, by reading and kind."""
    best: dict[tuple[str, str], Result] = {}
    for one in search:
        key = (one["reading"], one["kind"])
        if key not in best or one["validation"] < best[key]["validation"]:
            best[key] = one
    return {key: tuple(one["setting"]) for key, one in best.items()}


@dataclass(frozen=True, kw_only=True)
class Found:
    """All results of the study: those of the search, and those that count."""

    budget: Budget
    search: tuple[Result, ...]
    final: tuple[Result, ...]


def run_study(budget: Budget, runner: Runner) -> Found:
    """Search, then measure; the MTC neurons once more without their recurrent weights.

    Raises:
        TrialError: some trials failed.
    """
    search = tuple(runner.run("search", search_trials(budget), run_trial).values())
    chosen = chosen_settings(search)
    if UNCOUPLED in budget.kinds:
        chosen |= {(reading, UNCOUPLED): chosen[reading, MTC] for reading in READINGS}
    final = [
        Trial(kind=kind, reading=reading, part=FINAL, setting=setting, seed=seed, budget=budget)
        for (reading, kind), setting in chosen.items()
        for seed in range(1, budget.seeds + 1)
    ]
    return Found(budget=budget, search=search, final=tuple(runner.run("seeds", final, run_trial).values()))
