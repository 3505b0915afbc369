"""The response of leaky neurons with a hard reset: no scan exists, so the layer goes from input to input."""

from collections.abc import Callable
from functools import cache

import torch

from conductance.derivation.leaky import LeakyFlow
from conductance.derivation.printers.torch import compiled

Form = Callable[..., tuple[torch.Tensor, ...]]


@cache
def leaky_forms(flow: LeakyFlow) -> tuple[Form, Form]:
    """The torch forms of a leaky flow: over an interval, and of the time until a spike with whether it exists."""
    crossing, waiting = compiled(flow.crossing, "crossing"), compiled(flow.waiting, "waiting")

    def wait(voltage: torch.Tensor, current: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        decay, exists = crossing(voltage, current)
        (duration,) = waiting(decay)
        return duration, exists

    return compiled(flow.interval, "interval"), wait


def respond_leaky(
    flow: LeakyFlow,
    times: torch.Tensor,
    charges: torch.Tensor,
    voltage: torch.Tensor,
    current: torch.Tensor,
    end: float,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """All spikes of a layer of leaky neurons; arguments and results as of `conductance.events.exact.response.respond`.

    `voltage`, (batch, neuron), stands in place of the angle.
    """
    interval, crossing = leaky_forms(flow)
    edge = times.new_zeros(1, *times.shape[1:])
    begins = torch.cat([edge, times])
    durations = torch.diff(begins, dim=0, append=edge + end).expand(-1, *voltage.shape)
    begins = begins.expand_as(durations)
    found: list[torch.Tensor] = []
    places: list[torch.Tensor] = []
    arriving = [*charges.unbind(0), torch.zeros_like(voltage)]
    parts = zip(begins.unbind(0), durations.unbind(0), arriving, strict=True)
    for index, (now, left, charge) in enumerate(parts):
        while True:
            wait, exists = crossing(voltage, current)
            hit = (exists > 0) & (wait > 0) & (wait <= left)
            if not bool(hit.any()):
                break
            passed = torch.where(hit, wait, torch.zeros_like(wait))
            now, left = now + passed, left - passed
            found.append(now[hit])
            places.append(hit.flatten().nonzero()[:, 0] + index * voltage.numel())
            _, at_spike = interval(voltage, current, passed)
            voltage = torch.where(hit, torch.full_like(voltage, float(flow.reset)), voltage)
            current = torch.where(hit, at_spike, current)
        voltage, current = interval(voltage, current, left)
        current = current + charge
    none = torch.zeros(0, dtype=torch.long, device=voltage.device)
    return torch.cat([voltage.new_zeros(0), *found]), torch.cat([none, *places]), voltage, current
