"""A small task for tests of training: repeat a sine some samples later."""

from dataclasses import dataclass

import torch
from declared import stable_up_to

from conductance.networks import RECIPES, Network, series_network
from conductance.tasks import Split, Standardisation, TaskData, nrmse

DT = 1.0
"""Longest time step; a neuron gets half of what its rule bears where that is shorter."""


@dataclass(frozen=True, kw_only=True)
class Echo:
    """Sines of random phase and frequency; the target is the input `delay` samples ago.

    With `stretch` all takes that many times as many samples, for neurons that step in small ones.
    """

    samples: int = 100
    series: int = 8
    delay: int = 3
    stretch: int = 1
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
        rate = (0.06 + 0.06 * torch.rand(series, generator=generator)) / self.stretch
        samples, delay = self.samples * self.stretch, self.delay * self.stretch
        time = torch.arange(samples + delay).unsqueeze(-1)
        wave = 1.4 * torch.sin(rate * time + phase).unsqueeze(-1)
        mask = torch.ones(samples, series, dtype=torch.bool)
        mask[: 10 * self.stretch] = False
        return Split(inputs=wave[delay:], targets=wave[:samples], mask=mask)

    def error(self, prediction: torch.Tensor, split: Split) -> float:
        return nrmse(prediction, split.targets, split.mask)

    def baselines(self, data: TaskData, split: Split) -> dict[str, float]:
        return {"persistence": self.error(split.inputs, split)}


def small_network(neuron: str = "mtc", *, hidden: int = 6, seed: int = 0) -> Network:
    """A network that trains in milliseconds a step."""
    recipe = RECIPES[neuron]
    dt = min(DT, stable_up_to(recipe.neuron, recipe.method) / 2)
    generator = torch.Generator().manual_seed(seed)
    return series_network(
        recipe, inputs=1, hidden=hidden, outputs=1, dt=dt, low_pass_tau=dt, generator=generator
    )
