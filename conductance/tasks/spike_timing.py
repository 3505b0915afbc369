"""Spike timing: neurons learn to spike at given times under fixed random input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from conductance.loading.lazy import Deferred, torch
from conductance.tasks.options import TaskError, check_options, option

if TYPE_CHECKING:
    from conductance.events.spikes import Spikes
else:
    Spikes = Deferred("conductance.events.spikes", "Spikes")


@dataclass(frozen=True, kw_only=True)
class TimingData:
    """Input spikes of one trial, and when each neuron is to spike.

    Attributes:
        spikes: the input, batch 1.
        targets: (spike, 1, neuron), the wanted times of each neuron's first spikes, in order.
        seed: of the draw.
    """

    spikes: Spikes
    targets: torch.Tensor
    seed: int


@dataclass(frozen=True, kw_only=True)
class SpikeTiming:
    """Random input spikes and random target times, for one neuron or for the neurons of a recurrent layer."""

    name: ClassVar[str] = "spike_timing"

    inputs: int = option(20, lower=1, whole=True, meaning="input neurons")
    rate: float = option(1.0, lower=0.0, lower_open=True, unit="1/tau", meaning="spikes of an input per tau")
    neurons: int = option(1, lower=1, whole=True, meaning="neurons with targets")
    targets: int = option(2, lower=1, whole=True, meaning="target spikes per neuron")
    spacing: float = option(
        0.5, lower=0.0, lower_open=True, unit="tau", meaning="shortest distance of two targets"
    )
    end: float = option(5.0, lower=0.0, lower_open=True, unit="tau", meaning="duration of the trial")

    def __post_init__(self) -> None:
        check_options(self)
        if self.spacing * (self.targets + 1) > self.end:
            raise TaskError(
                f"task {self.name}: {self.targets} targets {self.spacing:g} apart do not fit into {self.end:g}; "
                "lower targets or spacing, or raise end."
            )

    def generate(self, seed: int = 0) -> TimingData:
        """Draw input and targets, in float64: Poisson spikes, and uniform targets at least `spacing` apart."""
        random = torch.Generator().manual_seed(seed)
        mean = torch.tensor(self.inputs * self.rate * self.end, dtype=torch.float64)
        count = max(1, int(torch.poisson(mean, generator=random)))
        times = (torch.rand(count, generator=random, dtype=torch.float64) * self.end).sort().values
        senders = torch.randint(self.inputs, (count,), generator=random)
        train = list(zip(times.tolist(), senders.tolist(), strict=True))
        spikes = Spikes.of_trains([train], size=self.inputs, end=self.end, dtype=torch.float64)
        # uniform gaps beyond the spacing
        free = self.end - self.spacing * (self.targets + 1)
        places = (
            torch.rand(self.targets, 1, self.neurons, generator=random, dtype=torch.float64).sort(0).values
        )
        offsets = self.spacing * torch.arange(1, self.targets + 1, dtype=torch.float64)[:, None, None]
        return TimingData(spikes=spikes, targets=places * free + offsets, seed=seed)
