"""The claim that MTC stands on: a lower error than LIF and AdLIF on Mackey-Glass, with fewer spikes and less activity.

Each model gets the same search over learning rate and input gain, at the same budget, and then the same number of
seeds at its best setting, chosen on the validation split. The paper's own numbers are not available
(arXiv 2605.11835 by digests only), so the comparison is ours.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType

import torch

from conductance.elements import tanh
from conductance.networks import Network
from conductance.networks.recipes import RECIPES, Recipe, Spread
from conductance.networks.series import series_network
from conductance.neurons import mtc
from conductance.tasks import READINGS, MackeyGlass, TaskData
from conductance.training import TrainingOptions, train
from excitable.trials import Result
from studies.base import Runner, settings_of

DT = 0.2
LOW_PASS_TAU = 2.0
MODELS = ("mtc", "lif", "adlif")


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What every model gets.

    Attributes:
        steps: updates of one training.
        batch: series per update.
        series_samples, warm_up: length of a series and of its part that does not count, in samples.
        width: hidden neurons of the comparison at equal width.
        seeds: trainings at the best setting.
        learning_rates, input_gains: the grid of the search.
    """

    steps: int
    batch: int
    series_samples: int
    warm_up: int
    width: int
    seeds: int
    learning_rates: tuple[float, ...]
    input_gains: tuple[float, ...]


BUDGETS: Mapping[str, Budget] = MappingProxyType(
    {
        "reduced": Budget(
            steps=300, batch=16, series_samples=1500, warm_up=500, width=64, seeds=5,
            learning_rates=(0.03, 0.1, 0.3), input_gains=(3.0, 10.0, 30.0),
        ),
        "paper": Budget(
            steps=10_000, batch=128, series_samples=3000, warm_up=1000, width=128, seeds=5,
            learning_rates=(0.001, 0.003, 0.01), input_gains=(1.0, 3.0),
        ),
        "smoke": Budget(
            steps=3, batch=2, series_samples=60, warm_up=10, width=4, seeds=2,
            learning_rates=(0.01,), input_gains=(1.0,),
        ),
    }
)  # fmt: skip
"""`paper`: batch 128 and 10 000 updates are published, width and rates open. `reduced` ends within about an hour on
two cores. `smoke` only proves that the study runs."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One training: a model (or a variant of it), a reading of the horizon, a width, a setting, a seed."""

    model: str
    reading: str
    width: int
    learning_rate: float
    input_gain: float
    seed: int
    budget: Budget

    @property
    def name(self) -> str:
        """A file name that tells trials apart."""
        setting = f"lr{self.learning_rate:g}_gain{self.input_gain:g}"
        return f"{self.reading}-{self.model}-w{self.width}-{setting}-s{self.seed}"


def variants() -> dict[str, Recipe]:
    """The models, and MTC with one thing changed."""
    base = RECIPES["mtc"]
    alone = {
        name: Spread(lower=_middle(spread), upper=_middle(spread)) for name, spread in base.start.items()
    }
    return {
        **{name: RECIPES[name] for name in MODELS},
        "mtc_tau_trained": replace(base, trainable=(*base.trainable, "tau_s", "tau_us")),
        "mtc_no_s_minus": _without(base, "s_minus"),
        "mtc_no_us": _without(base, "us_plus"),
        "mtc_no_s_minus_no_us": _without(_without(base, "s_minus"), "us_plus"),
        "mtc_equal_start": replace(base, start=alone),
    }


def _middle(spread: Spread) -> float:
    return (spread.lower + spread.upper) / 2


def _without(recipe: Recipe, element: str) -> Recipe:
    kept = [e for e in recipe.neuron.elements if e.name != element]
    neuron = mtc([tanh(e.timescale, e.sign * e.values["alpha"], e.values["delta"]) for e in kept])
    mine = {parameter.name for parameter in neuron.parameters}
    return replace(
        recipe,
        neuron=neuron,
        start={name: spread for name, spread in recipe.start.items() if name in mine},
        trainable=tuple(name for name in recipe.trainable if name in mine),
    )


def task_of(trial: Trial) -> MackeyGlass:
    """The task of a trial."""
    return MackeyGlass(
        **READINGS[trial.reading].options,  # type: ignore[arg-type]
        series_samples=trial.budget.series_samples,
        warm_up=trial.budget.warm_up,
        held_out_samples=trial.budget.series_samples,
        train_series=max(128, trial.budget.batch),
    )


@lru_cache(maxsize=2)
def _data(task: MackeyGlass) -> TaskData:
    return task.generate(seed=0)


def network_of(trial: Trial) -> Network:
    """The untrained network of a trial."""
    recipe = replace(variants()[trial.model], input_gain=trial.input_gain)
    return series_network(
        recipe, inputs=1, hidden=trial.width, outputs=1, dt=DT, low_pass_tau=LOW_PASS_TAU,
        generator=torch.Generator().manual_seed(trial.seed),
    )  # fmt: skip


def trained_parameters(network: Network) -> int:
    """How many numbers training changes."""
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)


def run_trial(trial: Trial) -> Result:
    """Train one network and measure it on validation and test."""
    torch.set_num_threads(1)
    task, network = task_of(trial), network_of(trial)
    data = _data(task)
    options = TrainingOptions(
        steps=trial.budget.steps,
        batch=trial.budget.batch,
        learning_rate=trial.learning_rate,
        evaluate_every=max(1, trial.budget.steps // 10),
    )
    began = time.process_time()  # one thread: the wall time of an idle core, whatever else the machine does
    result = train(network, task, data, options, seed=trial.seed)
    seconds = time.process_time() - began
    return {
        **settings_of(trial),
        "parameters": trained_parameters(network),
        "validation": result.validation.error,
        "error": result.test.error,
        "mse": result.test.loss,
        "spikes": result.test.spikes,
        "duty_cycle": result.test.duty_cycle,
        "silent_neurons": result.test.silent_neurons,
        "kept_step": result.step,
        "seconds": seconds,
    }


def equal_width(model: str, budget: Budget) -> int:
    """The width at which a model has as many trained parameters as MTC at the budget's width."""

    def count(name: str, width: int) -> int:
        trial = Trial(
            model=name,
            reading="paper_steps",
            width=width,
            learning_rate=0.01,
            input_gain=1.0,
            seed=0,
            budget=budget,
        )
        return trained_parameters(network_of(trial))

    base = count(model, 1)
    per_neuron = count(model, 2) - base
    return max(1, 1 + round((count("mtc", budget.width) - base) / per_neuron))


def search_trials(
    budget: Budget, readings: Sequence[str], widths: Mapping[str, Sequence[int]]
) -> list[Trial]:
    """The search: every setting once per model, reading and width, with seed 0."""
    return [
        Trial(
            model=model,
            reading=reading,
            width=width,
            learning_rate=rate,
            input_gain=gain,
            seed=0,
            budget=budget,
        )
        for reading in readings
        for model, own in widths.items()
        for width in own
        for rate in budget.learning_rates
        for gain in budget.input_gains
    ]


def best_of(results: Sequence[Result]) -> dict[tuple[str, str, int], Result]:
    """The setting with the lowest validation error, by reading, model and width."""
    best: dict[tuple[str, str, int], Result] = {}
    for result in results:
        key = (result["reading"], result["model"], result["width"])
        if key not in best or result["validation"] < best[key]["validation"]:
            best[key] = result
    return best


@dataclass(frozen=True, kw_only=True)
class StudyResult:
    """All trainings of the study: those of the search, of the comparison and of the ablation."""

    budget: Budget
    search: tuple[Result, ...]
    comparison: tuple[Result, ...]
    ablation: tuple[Result, ...]


def run_study(budget: Budget, runner: Runner, *, readings: Sequence[str] = tuple(READINGS)) -> StudyResult:
    """Search, compare, ablate.

    Raises:
        TrialError: some trainings failed.
    """
    widths = {model: sorted({budget.width, equal_width(model, budget)}) for model in MODELS}

    def run(stage: str, trials: Sequence[Trial]) -> tuple[Result, ...]:
        return tuple(runner.run(stage, trials, run_trial).values())

    search = run("search", search_trials(budget, readings, widths))
    chosen = best_of(search)
    comparison = run("seeds", [t for key in chosen for t in _seeded(key, chosen[key], budget)])
    reading = readings[0]
    setting = chosen[reading, "mtc", budget.width]
    ablation = run(
        "ablation",
        [
            trial
            for model in variants()
            if model.startswith("mtc")
            for trial in _seeded((reading, model, budget.width), setting, budget)
        ],
    )
    return StudyResult(budget=budget, search=search, comparison=comparison, ablation=ablation)


def _seeded(key: tuple[str, str, int], setting: Result, budget: Budget) -> list[Trial]:
    reading, model, width = key
    # seed 0 chose the setting, so the seeds that count are others
    return [
        Trial(
            model=model, reading=reading, width=width, learning_rate=setting["learning_rate"],
            input_gain=setting["input_gain"], seed=seed, budget=budget,
        )
        for seed in range(1, budget.seeds + 1)
    ]  # fmt: skip
