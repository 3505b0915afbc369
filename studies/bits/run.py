"""Task error over the bits of weights and biases: rounded after training, and trained with what they are rounded to.

Every seed trains one network without codes. It is then trained on for as many steps without codes, of which every
width is rounded, and for as many with the codes of each width: so both ways have seen the same number of steps.
"""

from collections.abc import Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

import torch

from circuits.technologies import technology
from conductance.elements import tanh
from conductance.layers import Projection
from conductance.networks import RECIPES, Network, coded, series_network
from conductance.networks.coding import coded_layers
from conductance.neurons import mtc
from conductance.storage import load_network, save_network
from conductance.tasks import MackeyGlass, TaskData
from conductance.training import TrainingOptions, train
from excitable.ladder.options import CircuitOptions
from excitable.ladder.rungs import discrete_rung
from excitable.ladder.series import held_out, prediction_of, simulate
from excitable.trials import Result
from netlists.simulation import available_cores
from studies.base import Runner

BITS = (2, 3, 4, 5, 6, 7, 8)
ROUNDED, TRAINED, PLAIN = "rounded", "trained", "plain"
"""After training, with training, and without codes."""
ELEMENTS = (tanh("fast", -2.0), tanh("slow", 2.0))
HORIZON = 8.0
LOW_PASS_TAU = 2.0


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What the study spends.

    Attributes:
        seeds: trainings of each kind.
        hidden: neurons of the network.
        dt: the model's step in tau_m, and of the series in its own time units.
        steps, learning_rate: of the training without codes that all begin with.
        further_steps, further_rate: of what follows.
        batch: series of a step.
        series_samples, warm_up: length of a training series, and of its part that does not count.
        samples: of the held-out stretch on which model and netlist are compared; its warm-up is the same.
    """

    seeds: int
    hidden: int
    dt: float
    steps: int
    learning_rate: float
    further_steps: int
    further_rate: float
    batch: int
    series_samples: int
    warm_up: int
    samples: int


BUDGETS: Mapping[str, Budget] = MappingProxyType(
    {
        "reduced": Budget(
            seeds=3, hidden=8, dt=0.4, steps=120, learning_rate=0.03, further_steps=60, further_rate=0.01, batch=16,
            series_samples=500, warm_up=80, samples=400,
        ),
        "five": Budget(
            seeds=5, hidden=8, dt=0.25, steps=400, learning_rate=0.03, further_steps=200, further_rate=0.01, batch=16,
            series_samples=900, warm_up=160, samples=800,
        ),
        "smoke": Budget(
            seeds=2, hidden=2, dt=0.5, steps=2, learning_rate=0.03, further_steps=2, further_rate=0.01, batch=2,
            series_samples=40, warm_up=10, samples=40,
        ),
    }
)  # fmt: skip
"""`reduced` takes two minutes of one core, `five` half an hour; `smoke` only proves that it runs."""


@dataclass(frozen=True, kw_only=True)
class Start:
    """The two trainings of one seed without codes; the networks are kept in the folder."""

    seed: int
    budget: Budget
    folder: Path

    @property
    def name(self) -> str:
        """A file name that tells starts apart."""
        return f"start-s{self.seed}"

    def kept(self, which: str) -> Path:
        """Where a network is kept: `begun` after the first training, `plain` after the second."""
        return self.folder / "networks" / f"{which}-s{self.seed}"


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One network of a seed: its bits (0 for none), and whether they were there in training."""

    start: Start
    way: str
    bits: int

    @property
    def name(self) -> str:
        """A file name that tells trials apart."""
        return f"{self.way}-b{self.bits}-s{self.start.seed}"


@dataclass(frozen=True, kw_only=True)
class Found:
    """The results by way, bits and seed."""

    budget: Budget
    results: Mapping[tuple[str, int, int], Result]

    def errors(self, way: str, bits: int, of: str) -> list[float]:
        """The errors of all seeds: `test` (the test split), `model` or `netlist` (the held-out stretch)."""
        return [
            float(result[of])
            for (own, width, _), result in self.results.items()
            if (own, width) == (way, bits)
        ]


def run_study(budget: Budget, runner: Runner) -> Found:
    """Train without codes, then round or train with them, and simulate all as netlists.

    Raises:
        TrialError: some trainings failed; the others are kept.
    """
    starts = [Start(seed=seed, budget=budget, folder=runner.folder) for seed in range(budget.seeds)]
    trials = {
        (way, bits, start.seed): Trial(start=start, way=way, bits=bits)
        for start in starts
        for way, widths in ((PLAIN, (0,)), (ROUNDED, BITS), (TRAINED, BITS))
        for bits in widths
    }
    with one_at_a_time(runner.executor) as executor:
        own = runner.on(executor)
        own.within("training").run("trainings without codes", starts, train_start)
        results = own.run("codes", trials.values(), run_trial)
    return Found(budget=budget, results={key: results[trial.name] for key, trial in trials.items()})


def one_at_a_time(executor: Executor | None) -> "nullcontext[Executor] | ThreadPoolExecutor":
    """The executor that was given, or one of a single thread: a training takes a core."""
    return ThreadPoolExecutor(1) if executor is None else nullcontext(executor)


def task_of(budget: Budget) -> MackeyGlass:
    """The task."""
    return MackeyGlass(
        sample_step=budget.dt, horizon=HORIZON, series_samples=budget.series_samples, warm_up=budget.warm_up,
        train_series=max(64, budget.batch), validation_series=8, test_series=16, held_out_samples=budget.samples,
    )  # fmt: skip


@lru_cache(maxsize=2)
def _data(task: MackeyGlass) -> TaskData:
    return task.generate(0)


def network_of(budget: Budget, seed: int) -> Network:
    """The untrained network: tonic neurons whose filter has the law of its circuit."""
    neuron = mtc(ELEMENTS, filter_limit=1.0)
    base, mine = RECIPES["mtc"], {parameter.name for parameter in neuron.parameters}
    recipe = replace(
        base, neuron=neuron, start={name: spread for name, spread in base.start.items() if name in mine},
        trainable=tuple(name for name in base.trainable if name in mine), input_gain=3.0,
    )  # fmt: skip
    return series_network(
        recipe, inputs=1, hidden=budget.hidden, outputs=1, dt=budget.dt, low_pass_tau=LOW_PASS_TAU, method="heun",
        generator=torch.Generator().manual_seed(seed),
    )  # fmt: skip


def _options(budget: Budget, *, further: bool) -> TrainingOptions:
    steps = budget.further_steps if further else budget.steps
    return TrainingOptions(
        steps=steps, batch=budget.batch, learning_rate=budget.further_rate if further else budget.learning_rate,
        evaluate_every=max(1, steps // 8),
    )  # fmt: skip


def train_start(start: Start) -> Result:
    """The first training of a seed, and the second without codes."""
    torch.set_num_threads(1)
    budget, task = start.budget, task_of(start.budget)
    network = network_of(budget, start.seed)
    for which, further in (("begun", False), (PLAIN, True)):
        result = train(
            network, task, _data(task), _options(budget, further=further), seed=start.seed + further
        )
        kept = start.kept(which)
        kept.mkdir(parents=True, exist_ok=True)
        save_network(network, kept)
    return {"seed": start.seed, "test": result.test.error}


def run_trial(trial: Trial) -> Result:
    """Make a network of codes, and judge it as a model and as a netlist."""
    torch.set_num_threads(1)
    start, budget = trial.start, trial.start.budget
    task = task_of(budget)
    data = _data(task)
    if trial.way == TRAINED:
        network = coded(load_network(start.kept("begun")), trial.bits)
        train(network, task, data, _options(budget, further=True), seed=start.seed + 1)
    else:
        network = coded(load_network(start.kept(PLAIN)), trial.bits or None)
    split = held_out(data.held_out, budget.samples)
    inputs = split.inputs[:, 0].numpy()
    options = CircuitOptions(scaling=technology("generic_180nm").scaling())
    with torch.no_grad():
        test = task.error(network(data.test.inputs)[0], data.test)
    with ThreadPoolExecutor(available_cores()) as executor:
        circuit = simulate(network, inputs, dt=budget.dt, options=options, executor=executor)
    model = discrete_rung(network, inputs, dt=budget.dt)
    return {
        "way": trial.way,
        "bits": trial.bits,
        "seed": start.seed,
        "test": test,
        "model": task.error(prediction_of(model, split, budget.dt), split),
        "netlist": task.error(prediction_of(circuit, split, budget.dt), split),
        "off": switched_off(network),
    }


def switched_off(network: Network) -> float:
    """The share of weights and biases that are zero."""
    counted: list[torch.Tensor] = []
    for layer in coded_layers(network).values():
        counted.append(layer.weights())
        if isinstance(layer, Projection):
            counted.append(layer.biases())
    return float(sum((v == 0).sum() for v in counted)) / sum(v.numel() for v in counted)
