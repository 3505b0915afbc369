"""The demo's network under noise: trained without and with it, its model and its netlist on the same realisations."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import torch

from circuits.noise import noisy_network
from circuits.technologies import technology
from conductance.networks import Network
from conductance.networks.recipes import RECIPES
from conductance.networks.series import series_network
from conductance.storage import load_network, save_network
from conductance.tasks import MackeyGlass
from conductance.training import TrainingOptions, train
from excitable.ladder.options import CircuitOptions
from excitable.ladder.rungs import discrete_rung
from excitable.ladder.series import held_out, prediction_of, simulate
from excitable.trials import Result

AT: Mapping[str, float] = MappingProxyType({"um": -1.0, "us": -1.0, "uus": -1.0})
"""States in V0 at which amplitudes are taken: about where these networks rest."""
TRAINED_AT = 64.0
"""Noise power of the trainings under noise, times that of the circuit of 1 pF."""
STEP = 0.2
"""Of the model, in tau_m; a sample of the series lasts as long."""


@dataclass(frozen=True, kw_only=True)
class NetworkBudget:
    """What the networks may cost.

    Attributes:
        seeds: of trainings, each without and with noise.
        hidden, samples, warm_up, steps: of the network, its series and its training; those of the demo.
        series: that are tested.
        powers: of noise, times that of the circuit.
        realisations: of noise at each power.
        simulated: powers at which netlists are simulated.
        netlists: seeds whose networks are simulated.
        held_out: samples of a netlist's series.
    """

    seeds: int
    hidden: int
    samples: int
    warm_up: int
    steps: int
    series: int
    powers: tuple[float, ...]
    realisations: int
    simulated: tuple[float, ...]
    netlists: int
    held_out: int


@dataclass(frozen=True, kw_only=True)
class NetworkTrial:
    """One training, by its seed and whether it is under noise, and where the network is kept.

    With a `power` it is simulated as a netlist under that noise; without one it is tested at all powers.
    """

    seed: int
    noisy: bool
    budget: NetworkBudget
    folder: Path
    power: float | None = None

    @property
    def training(self) -> str:
        """Name of the training."""
        return f"network-{'noisy' if self.noisy else 'plain'}-{self.seed}"

    @property
    def name(self) -> str:
        """A file name that tells trials apart."""
        return self.training if self.power is None else f"{self.training}-at-{self.power:g}"


def task_of(budget: NetworkBudget) -> MackeyGlass:
    """The task of the demo, of this budget's length."""
    return MackeyGlass(
        sample_step=STEP, horizon=50.0 if budget.samples > 500 else 2.0, series_samples=budget.samples,
        warm_up=budget.warm_up, train_series=max(16, min(128, 4 * budget.series)), validation_series=8,
        test_series=budget.series, held_out_samples=budget.samples,
    )  # fmt: skip


def under(network: Network, power: float) -> Network:
    """The network under noise; as it is at a power of zero."""
    made_of = technology("generic_180nm")
    return noisy_network(network, made_of, power=power, at=AT) if power else network


def trained(trial: NetworkTrial, task: MackeyGlass) -> Network:
    """The network, trained or read from where it was kept; without noise in both cases."""
    kept = trial.folder / trial.training
    if (kept / "model.safetensors").exists():
        return load_network(kept)
    budget = trial.budget
    own = series_network(
        RECIPES["mtc"], inputs=1, hidden=budget.hidden, outputs=1, dt=STEP, low_pass_tau=2.0,
        generator=torch.Generator().manual_seed(trial.seed),
    )  # fmt: skip
    options = TrainingOptions(
        steps=budget.steps, batch=16, learning_rate=0.02, evaluate_every=max(1, budget.steps // 8)
    )
    learning = under(own, TRAINED_AT if trial.noisy else 0.0)
    train(learning, task, task.generate(trial.seed), options, seed=trial.seed)
    if trial.noisy:
        wanted = own.state_dict()
        own.load_state_dict({name: value for name, value in learning.state_dict().items() if name in wanted})
    kept.mkdir(parents=True, exist_ok=True)
    save_network(own, kept)
    return own


def network_trial(trial: NetworkTrial) -> Result:
    """Train a network and measure its error over the power of noise, or that of its netlist at one power."""
    torch.set_num_threads(1)
    budget = trial.budget
    task = task_of(budget)
    data = task.generate(trial.seed)
    network = trained(trial, task)
    if trial.power is not None:
        return netlist_errors(trial, network, trial.power)
    errors: Result = {}
    of_neurons: Result = {}
    for power in budget.powers:
        noisy = under(network, power)
        seeds = range(1, 1 + budget.realisations) if power else (None,)
        alone = Network(dict(noisy.chain))  # without the noise of its synapses
        with torch.no_grad():
            for kept, found in ((errors, noisy), (of_neurons, alone)):
                kept[f"{power:g}"] = [
                    task.error(found(data.test.inputs, seed=seed)[0], data.test) for seed in seeds
                ]
    return {"test": errors, "neurons": of_neurons}


def netlist_errors(trial: NetworkTrial, network: Network, power: float) -> Result:
    """Errors on the held-out series of the model's own steps and of the behavioural netlist, which see one realisation.

    Their predictions' distance, over the deviation of the targets, comes with them.
    """
    task = task_of(trial.budget)
    split = held_out(task.generate(trial.seed).held_out, trial.budget.held_out)
    inputs = split.inputs[:, 0].numpy()
    noisy, seed = under(network, power), 1 if power else None
    options = CircuitOptions(
        scaling=technology("generic_180nm").scaling(), noise_seed=seed, relative=1e-4, time_limit=1800.0
    )
    with ThreadPoolExecutor(1) as executor:  # its parts one after the other: trials are side by side
        circuit = simulate(noisy, inputs, dt=STEP, options=options, executor=executor)
    rungs = (discrete_rung(noisy, inputs, dt=STEP, noise_seed=seed), circuit)
    model, found = (prediction_of(rung, split, STEP) for rung in rungs)
    away = float((model - found).pow(2).mean().sqrt() / split.targets.std())
    return {"model": task.error(model, split), "netlist": task.error(found, split), "distance": away}


def network_trials(budget: NetworkBudget, folder: Path) -> tuple[list[NetworkTrial], list[NetworkTrial]]:
    """The trainings, and the netlists of the first of them."""
    trainings = [
        NetworkTrial(seed=seed, noisy=noisy, budget=budget, folder=folder)
        for seed in range(budget.seeds)
        for noisy in (False, True)
    ]
    netlists = [
        NetworkTrial(seed=one.seed, noisy=one.noisy, budget=budget, folder=folder, power=power)
        for one in trainings
        if one.seed < budget.netlists
        for power in budget.simulated
    ]
    return trainings, netlists
