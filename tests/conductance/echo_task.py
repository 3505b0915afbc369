"""A small task for tests of training: repeat a sine some samples later."""

from dataclasses import dataclass

import torch

from conductance.derivation import derive
from conductance.networks import RECIPES, Network, series_network
from conductance.shaping.stability import largest_stable_dt
from conductance.tasks import Split, Standardisation, TaskData, nrmse

DT = 1.0
"""Longest time step; a neuron gets half of what its rule bears between -2 and 2 V0 where that is shorter."""


@dataclass(frozen=True, kw_only=True)
class Echo:
    """Sines of random phase and frequency; the target is the input `delay` samples ago."""

    samples: int = 100
    series: int = 8
    delay: int = 3
    name: str = "echo"
    error_name: str = "nrmse"

    def generate(self, seed: int = 0) -> TaskData:
        generator = torch.Generator().manual_seed(seed)
        splits = {name: self._split(self.series, generator) for name in ("train", "validation", "test")}
        return TaskData(
            name=self.name,
            **splits,
            held_out=self._split(1, generator),
            scale=Standardisation(mean=0.0, std=1.0),
            sample_step=1.0,
            time_unit="sample",
            sample="one sample a step",
            input_names=("x",),
            target_names=("x later",),
            seed=seed,
        )

    def _split(self, series: int, generator: torch.Generator) -> Split:
        phase = 6.3 * torch.rand(series, generator=generator)
        rate = 0.06 + 0.06 * torch.rand(series, generator=generator)
        time = torch.arange(self.samples + self.delay).unsqueeze(-1)
        wave = 1.4 * torch.sin(rate * time + phase).unsqueeze(-1)
        mask = torch.ones(self.samples, series, dtype=torch.bool)
        mask[:10] = False
        return Split(inputs=wave[self.delay :], targets=wave[: self.samples], mask=mask)

    def error(self, prediction: torch.Tensor, split: Split) -> float:
        return nrmse(prediction, split.targets, split.mask)

    def baselines(self, data: TaskData, split: Split) -> dict[str, float]:
        return {"persistence": self.error(split.inputs, split)}


def small_network(neuron: str = "mtc", *, hidden: int = 6, seed: int = 0) -> Network:
    """A network that trains in milliseconds a step."""
    recipe = RECIPES[neuron]
    longest = largest_stable_dt(derive(recipe.neuron, recipe.method), low=-2.0, high=2.0).dt
    dt = min(DT, longest / 2)
    generator = torch.Generator().manual_seed(seed)
    return series_network(
        recipe, inputs=1, hidden=hidden, outputs=1, dt=dt, low_pass_tau=dt, generator=generator
    )
