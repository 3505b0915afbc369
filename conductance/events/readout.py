"""A read-out without spikes: leaky voltages of input spikes, and their exact maxima over the trial."""

from typing import cast

import torch
from torch import nn

from conductance.derivation.leaky import LeakyFlow, leaky_flow
from conductance.derivation.printers.torch import compiled
from conductance.events.exact.scan import block_length, weighted_recurrence
from conductance.events.neurons import synaptic_lif
from conductance.events.spikes import EventError, Spikes

FLOW = cast(LeakyFlow, leaky_flow(synaptic_lif()))
"""In decays it is the same for every tau."""


class LeakyReadout(nn.Module):
    """tau dV/dt = -V + I, (tau/2) dI/dt = -I for every class, from rest; an input spike of weight w moves I to I + w.

    These are `synaptic_lif` neurons without a threshold. Between two input spikes the voltage has one maximum at most,
    in closed form (`conductance.derivation.leaky`), so the maximum over the trial is exact, and so is its gradient.

    Args:
        inputs: number of neurons of the layer below.
        outputs: number of classes.
        tau: membrane time constant, twice the synaptic one.
        weight: initial weights, (outputs, inputs); normal with spread 1/sqrt(inputs) where not given.
        generator: source of the drawn weights.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        tau: float = 1.0,
        weight: torch.Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        if not tau > 0:
            raise EventError(f"leaky read-out: tau = {tau} must be positive")
        if weight is None:
            weight = torch.randn(outputs, inputs, generator=generator) / inputs**0.5
        if weight.shape != (outputs, inputs):
            raise EventError(
                f"leaky read-out: weight has shape {tuple(weight.shape)}; give ({outputs}, {inputs})"
            )
        self.tau = tau
        self.weight = nn.Parameter(weight.detach().clone())

    def forward(self, spikes: Spikes) -> torch.Tensor:
        """The largest voltage of each class in the trial, (batch, class); at least 0, the voltage at rest."""
        if spikes.size != self.weight.shape[1]:
            raise EventError(
                f"leaky read-out: the spikes are of {spikes.size} neurons, {self.weight.shape[1]} are needed"
            )
        charges = nn.functional.embedding(spikes.neurons, self.weight.T) * spikes.mask[:, :, None]
        rest = charges.new_zeros(1, *charges.shape[1:])
        if not len(charges):
            return rest[0]
        ends = torch.cat([spikes.times[1:], torch.full_like(spikes.times[:1], spikes.end)])
        fade = torch.exp(-(ends - spikes.times) / self.tau)[:, :, None]
        before = torch.cat([torch.zeros_like(fade[:1]), fade[:-1]])
        block = block_length(charges[0])
        total = weighted_recurrence(before, charges, block)
        current = weighted_recurrence(before**2, charges, block)
        voltage = total - current
        at_end, _ = compiled(FLOW.after, "after")(voltage, current, fade)
        peak = compiled(FLOW.peak, "peak")
        with torch.no_grad():
            decay, _ = peak(voltage, current.where(current > 0, torch.ones_like(current)))
            inside = (current > 0) & (decay < 1) & (decay > fade)
        _, highest = peak(voltage, current.where(inside, torch.ones_like(current)))
        return torch.cat([rest, torch.maximum(highest.where(inside, at_end), at_end)]).amax(0)
