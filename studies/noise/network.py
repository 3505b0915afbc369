"""The demo's network under noise: trained without and with it, its model and its netlist on the same realisations."""

from collections.abc import Mapping
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
    held_out: int


@dataclass(frozen=True, kw_only=True)
class NetworkTrial:
    """One training: its seed, and whether under noise."""

    seed: int
    noisy: bool
    budget: NetworkBudget
    folder: Path

    @property
    def name(self) -> str:
        """A file name that tells trials apart."""
        return f"network-{'noisy' if self.noisy else 'plain'}-{self.seed}"


def task_of(budget: NetworkBudget) -> MackeyGlass:
    """The task of the demo, of this budget's length."""
    return MackeyGlass(
        sample_step=0.2, horizon=50.0 if budget.samples > 500 else 2.0, series_samples=budget.samples,
        warm_up=budget.warm_up, train_series=max(16, min(128, 4 * budget.series)), validation_series=8,
        test_series=budget.series, held_out_samples=budget.samples,
    )  # fmt: skip


def under(network: Network, power: float) -> Network:
    """The network under noise; as it is at a power of zero."""
    made_of = technology("generic_180nm")
    return noisy_network(network, made_of, power=power, at=AT) if power else network


def trained(trial: NetworkTrial, task: MackeyGlass) -> Network:
    """The network, trained or read from where it was kept; without noise in both cases."""
    kept = trial.folder / trial.name
    if (kept / "model.safetensors").exists():
        return load_network(kept)
    budget = trial.budget
    own = series_network(
        RECIPES["mtc"], inputs=1, hidden=budget.hidden, outputs=1, dt=0.2, low_pass_tau=2.0,
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
    """Train a network and measure its error over the power of noise, in its model and in its netlist."""
    torch.set_num_threads(1)
    budget = trial.budget
    task = task_of(budget)
    data = task.generate(trial.seed)
    network = trained(trial, task)
    errors = {}
    for power in budget.powers:
        noisy = under(network, power)
        seeds = range(1, 1 + (budget.realisations if power else 1))
        with torch.no_grad():
            errors[f"{power:g}"] = [
                task.error(noisy(data.test.inputs, seed=seed if power else None)[0], data.test)
                for seed in seeds
            ]
    split = held_out(data.held_out, budget.held_out)
    inputs = split.inputs[:, 0].numpy()
    pairs = {}
    for power in budget.simulated:
        noisy, seed = under(network, power), 1 if power else None
        options = CircuitOptions(
            scaling=technology("generic_180nm").scaling(), noise_seed=seed, relative=1e-4
        )
        model = discrete_rung(noisy, inputs, dt=0.2, noise_seed=seed)
        circuit = simulate(noisy, inputs, dt=0.2, options=options)
        pairs[f"{power:g}"] = [
            task.error(prediction_of(rung, split, 0.2), split) for rung in (model, circuit)
        ]
    return {"test": errors, "held_out": pairs, "trained_at": TRAINED_AT if trial.noisy else 0.0}
