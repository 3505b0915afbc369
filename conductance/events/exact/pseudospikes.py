"""Pseudospikes: where a QIF neuron would go on to spike after the trial, so that a silent neuron has a gradient.

After the trial's end T the current is held at g + 1/4 with g = softplus_10(I_T + input), so the neuron oscillates:

    phi = tau/sqrt(g) (atan((V_T - 1/2)/sqrt(g)) + pi/2),   period = pi tau/sqrt(g),   t_k = T + k period - phi

and its rate is r = phi/period. `input` is W r over the layer below. Spikes enter the trial from here with matching
time and slope (arXiv 2309.14523; docs/models.md, section 2).
"""

import math

import torch

from conductance.events.exact.sharpness import SHARPNESS

LEAST_DRIVE = 1e-8
"""Pseudospikes come at most 31 000 tau after the trial."""


def phase(angle: torch.Tensor, drive: torch.Tensor, tau: float) -> tuple[torch.Tensor, torch.Tensor]:
    """(phi, period) from atan(V_T) and g > 0, both (batch, neuron)."""
    root = torch.sqrt(drive)
    p, q = torch.sin(angle), torch.cos(angle)
    part = torch.atan2(p - q / 2, root * q)
    return tau / root * (part + math.pi / 2), math.pi * tau / root


def later_spikes(
    angle: torch.Tensor, drive: torch.Tensor, *, end: float, tau: float, number: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Pseudospike times (number, batch, neuron), all after `end`, and rates (batch, neuron) in (0, 1).

    Args:
        angle: atan(V) at the end, (batch, neuron).
        drive: g, (batch, neuron), positive.
        end: duration of the trial.
        tau: membrane time constant.
        number: pseudospikes per neuron.
    """
    phi, period = phase(angle, drive, tau)
    turns = torch.arange(1, number + 1, dtype=angle.dtype, device=angle.device)[:, None, None]
    return end + turns * period - phi, phi / period


def held_drive(current: torch.Tensor, sharpness: float = SHARPNESS) -> torch.Tensor:
    """g = softplus(I), which is I where I is well above 0 and falls like exp(sharpness I) below.

    It is log(1 + exp(sharpness I))/sharpness, so a sharpness of 1/alpha is alpha log(1 + exp(I/alpha)). A sharp one
    leaves an inhibited neuron with a pseudospike so late that its gradient says little: 10 delays it by 1500 tau at
    I = -1, 1 by 5 tau. Bounded below so that a time stays a number.
    """
    drive = torch.nn.functional.softplus(current, beta=sharpness)
    return drive.clamp(min=LEAST_DRIVE)
