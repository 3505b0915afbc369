"""Does training on a new chip per step pay? Yield of mismatch-aware against plain training, from the netlist.

Both trainings start from the same numbers and see the same series. Their chips are the same, too: a seed draws the same
deviations for both, so chip by chip the two differ by their training alone.
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import MappingProxyType

import torch

from circuits.measures.chips import mismatch_of
from circuits.realisations import Level
from circuits.technologies import Technology, technology
from conductance.elements import tanh
from conductance.networks import Network
from conductance.networks.recipes import RECIPES
from conductance.networks.series import series_network
from conductance.neurons import mtc
from conductance.storage import load_network, save_network
from conductance.tasks import MackeyGlass
from conductance.training import TrainingOptions, train
from conductance.variation import Mismatch
from excitable.chips.judge import Bench, PackedNetwork, Sample, judge_chip
from excitable.chips.yields import Judged, Sweep
from excitable.ladder.calibration import calibrated
from excitable.ladder.options import CircuitOptions
from excitable.ladder.series import held_out
from excitable.trials import Result
from netlists.simulation import available_cores
from studies.base import Runner

TECHNOLOGY = "generic_180nm"
PLAIN = "plain"
SPREADS = ("2 % / 1 mV", "5 % / 2 mV")
"""Sigma of currents / of offsets."""
LOW_PASS_TAU = 2.0
ELEMENTS = (tanh("fast", -2.0), tanh("slow", 2.0))
HORIZON = 8.0
"""In time units of the series. Network and horizon are those, of 4 and 8 neurons and 4, 8 and 20 units, at which the
plain design's yield in its model, over 40 chips at the larger spread, comes nearest one half (0.45): where all chips
are good, as with 4 neurons and 20 units, or none is, trainings cannot be told apart."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What the study spends.

    Attributes:
        hidden: neurons of the network.
        dt: the model's step in tau_m, and of the series in its own time units.
        steps, batch, learning_rate: of each training.
        series_samples, warm_up: length of a training series, and of its part that does not count.
        samples: of the held-out stretch on which chips are judged; its warm-up is the same.
        chips: judged at the macromodel level.
        transistor_chips: of them, judged at the transistor level, too.
        time_limit: of one simulation, in s of wall-clock time.
    """

    hidden: int
    dt: float
    steps: int
    batch: int
    learning_rate: float
    series_samples: int
    warm_up: int
    samples: int
    chips: int
    transistor_chips: int
    time_limit: float


BUDGETS: Mapping[str, Budget] = MappingProxyType(
    {
        "reduced": Budget(
            hidden=8, dt=0.5, steps=1500, batch=16, learning_rate=0.03, series_samples=500, warm_up=80, samples=240,
            chips=100, transistor_chips=10, time_limit=1800.0,
        ),
        "smoke": Budget(
            hidden=2, dt=0.5, steps=3, batch=2, learning_rate=0.03, series_samples=40, warm_up=10, samples=40,
            chips=3, transistor_chips=1, time_limit=300.0,
        ),
    }
)  # fmt: skip
"""`reduced` is a network small enough to simulate 100 chips of; `smoke` only proves that it runs."""


@dataclass(frozen=True, kw_only=True)
class Design:
    """One training: `mismatch` is the spread of the chips that it saw, none for the plain one."""

    mismatch: str
    budget: Budget
    folder: Path

    @property
    def name(self) -> str:
        """A file name that tells designs apart."""
        return PLAIN if not self.mismatch else "aware-" + spelled(self.mismatch)


@dataclass(frozen=True, kw_only=True)
class StudyResult:
    """The trainings, and the sweeps by design, spread and level."""

    budget: Budget
    trainings: Mapping[str, Result]
    sweeps: Mapping[tuple[str, str, Level], Sweep]


def spelled(mismatch: str) -> str:
    """A spread as part of a file name: `2-1` for `2 % / 1 mV`."""
    return "-".join(part.split()[0] for part in mismatch.split("/"))


def run_study(budget: Budget, runner: Runner) -> StudyResult:
    """Train the designs, judge their chips.

    Raises:
        TrialError: some trainings or chips failed for another reason than ngspice's own.
    """
    designs = [Design(mismatch=spread, budget=budget, folder=runner.folder) for spread in ("", *SPREADS)]
    with ThreadPoolExecutor(1) as one:  # the interpreter's lock lets one training run at a time
        trainings = runner.within("training").on(one).run("trainings", designs, train_design)
    levels: tuple[tuple[Level, int], ...] = (
        ("macromodel", budget.chips),
        ("transistor", budget.transistor_chips),
    )
    cores = available_cores()
    with ThreadPoolExecutor(cores) if runner.executor is None else nullcontext(runner.executor) as running:
        sweeps = {
            (design.name, spread, level): _sweep(design, spread, level, chips, runner.on(running))
            for level, chips in levels
            for design in designs
            for spread in ((design.mismatch,) if design.mismatch else SPREADS)
        }
    return StudyResult(budget=budget, trainings=trainings, sweeps=sweeps)


def task_of(budget: Budget) -> MackeyGlass:
    """The task of all designs."""
    return MackeyGlass(
        sample_step=budget.dt,
        horizon=min(HORIZON, budget.samples * budget.dt / 4),
        series_samples=budget.series_samples,
        warm_up=budget.warm_up,
        train_series=max(64, budget.batch),
        validation_series=8,
        test_series=16,
        held_out_samples=budget.samples,
    )


def network_of(budget: Budget) -> Network:
    """The untrained network: tonic neurons whose filter has the law of its circuit."""
    neuron = mtc(ELEMENTS, filter_limit=1.0)
    base, mine = RECIPES["mtc"], {parameter.name for parameter in neuron.parameters}
    recipe = replace(
        base,
        neuron=neuron,
        start={name: spread for name, spread in base.start.items() if name in mine},
        trainable=tuple(name for name in base.trainable if name in mine),
        input_gain=3.0,
    )
    return series_network(
        recipe, inputs=1, hidden=budget.hidden, outputs=1, dt=budget.dt, low_pass_tau=LOW_PASS_TAU, method="heun",
        generator=torch.Generator().manual_seed(0),
    )  # fmt: skip


def train_design(design: Design) -> Result:
    """Train one network and keep it in the study's folder."""
    torch.set_num_threads(1)
    budget, chosen = design.budget, technology(TECHNOLOGY)
    spread = mismatch_of(design.mismatch, chosen, chosen.scaling()) if design.mismatch else Mismatch()
    options = TrainingOptions(
        steps=budget.steps, batch=budget.batch, learning_rate=budget.learning_rate,
        evaluate_every=max(1, budget.steps // 10), mismatch_current=spread.current, mismatch_offset=spread.offset,
    )  # fmt: skip
    task, network = task_of(budget), network_of(budget)
    result = train(network, task, task.generate(0), options, seed=0)
    kept = design.folder / "networks" / design.name
    kept.mkdir(parents=True, exist_ok=True)
    save_network(network, kept)
    return {"design": design.name, "kept_step": result.step, "test": asdict(result.test)}


def options_of(network: Network, level: Level, budget: Budget) -> CircuitOptions:
    """How the design's circuit is built and simulated, its amplifiers calibrated."""
    chosen: Technology = technology(TECHNOLOGY)
    options = CircuitOptions(
        scaling=chosen.scaling(), levels=level, technology=chosen, relative=1e-3, max_step=0.5, edge=0.1,
        time_limit=budget.time_limit,
    )  # fmt: skip
    return calibrated(network, options)[0]


def _sweep(design: Design, spread: str, level: Level, chips: int, runner: Runner) -> Sweep:
    network = load_network(design.folder / "networks" / design.name)
    task = task_of(design.budget)
    options = options_of(network, level, design.budget)
    chosen = technology(TECHNOLOGY)
    bench = Bench(
        network=PackedNetwork.of(network),
        task=task,
        split=held_out(task.generate(0).held_out, design.budget.samples),
        dt=design.budget.dt,
        options=options,
        mismatch=mismatch_of(spread, chosen, options.scaling),
    )
    samples = {seed: Sample(bench=bench, seed=seed or None) for seed in range(chips + 1)}
    inside = runner.within(f"{design.name}-{level}-{spelled(spread)}")
    found = inside.run(f"{design.name}, {level}, {spread}", samples.values(), judge_chip)
    judged = {name: Judged(**result) for name, result in found.items()}
    return Sweep(
        level=level,
        mismatch=spread,
        samples=design.budget.samples,
        error_name=task.error_name,
        nominal=judged.pop(samples[0].name),
        chips=tuple(judged.values()),
    )
