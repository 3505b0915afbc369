"""The slow literal event loop: one neuron, one event after another, in voltages. The oracle of the fast layers.

The formulas are those of docs/models.md, section 2, written for one float each; nothing is shared with the fast layers.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Trace:
    """What one neuron did in a trial.

    Attributes:
        spikes: times of its spikes, in order.
        voltage: at the trial's end.
        current: at the trial's end.
    """

    spikes: tuple[float, ...]
    voltage: float
    current: float


def qif_spike(voltage: float, current: float, tau: float) -> float:
    """Time until the next spike of a QIF neuron, inf where none comes."""
    root = math.sqrt(abs(current))
    if current > 0:
        place = (math.pi / 2 - math.atan(voltage / root)) / root
    elif current < 0 and voltage > root:
        place = math.atanh(root / voltage) / root
    elif current == 0 and voltage > 0:
        place = 1 / voltage
    else:
        return math.inf
    return -tau * math.log1p(-place) if place < 1 else math.inf


def qif_voltage(voltage: float, current: float, duration: float, tau: float) -> float:
    """Voltage after a duration without spike or input."""
    decay = math.exp(-duration / tau)
    span, root = -math.expm1(-duration / tau), math.sqrt(abs(current))
    if current > 0:
        return root * decay * math.tan(math.atan(voltage / root) + root * span)
    if voltage == -math.inf:
        return -decay / span if current == 0 else -root * decay / math.tanh(root * span)
    if current == 0:
        return decay * voltage / (1 - span * voltage)
    slope = math.tanh(root * span)
    return decay * (voltage - root * slope) / (1 - voltage * slope / root)


def qif_train(
    times: Sequence[float], weights: Sequence[float], *, end: float, tau: float = 1.0, voltage: float = 0.0,
    current: float = 0.0,
) -> Trace:  # fmt: skip
    """A QIF neuron with exponential current under input spikes at `times` (in order), from V and I at time 0."""
    spikes: list[float] = []
    now = 0.0
    for time, weight in zip([*times, end], [*weights, 0.0], strict=True):
        while True:
            wait = qif_spike(voltage, current, tau)
            if now + wait > time:
                break
            now += wait
            spikes.append(now)
            voltage, current = -math.inf, current * math.exp(-2 * wait / tau)
        if time > now:
            voltage = qif_voltage(voltage, current, time - now, tau)
            current *= math.exp(-2 * (time - now) / tau)
            now = time
        current += weight
    return Trace(spikes=tuple(spikes), voltage=voltage, current=current)


def theta_train(
    times: Sequence[float], weights: Sequence[float], *, end: float, tau: float = 1.0, drive: float = 1.0,
    voltage: float = 0.0,
) -> Trace:  # fmt: skip
    """An oscillating QIF neuron with delta coupling, by its phase, which advances at rate 1 up to the period."""
    root = math.sqrt(drive - 0.25)
    period = math.pi * tau / root
    phase = tau / root * (math.atan((voltage - 0.5) / root) + math.pi / 2)
    spikes: list[float] = []
    now = 0.0
    for time, weight in zip([*times, end], [*weights, 0.0], strict=True):
        while now + period - phase <= time:
            now += period - phase
            spikes.append(now)
            phase = 0.0
        phase += time - now
        now = time
        if phase > 0:
            moved = 0.5 - root / math.tan(root * phase / tau) + weight
            phase = tau / root * (math.atan((moved - 0.5) / root) + math.pi / 2)
    final = 0.5 - root / math.tan(root * phase / tau) if phase > 0 else -math.inf
    return Trace(spikes=tuple(spikes), voltage=final, current=0.0)


def lif_spike(voltage: float, current: float, tau: float, threshold: float) -> float:
    """Time until the next spike of a LIF neuron whose current decays twice as fast, inf where none comes."""
    total = voltage + current
    inside = total * total - 4 * current * threshold
    if inside < 0:
        return math.inf
    # the larger root of I e^2 - (V + I) e + V_th, without cancellation
    root = math.sqrt(inside)
    candidates = []
    if current != 0:
        candidates.append((total + root) / (2 * current))
    if total + root != 0:
        candidates.append(2 * threshold / (total + root))
    inside_trial = [decay for decay in candidates if 0 < decay < 1]
    return -tau * math.log(max(inside_trial)) if inside_trial else math.inf


def lif_train(
    times: Sequence[float], weights: Sequence[float], *, end: float, tau: float = 1.0, threshold: float = 1.0,
    reset: float = 0.0, voltage: float = 0.0, current: float = 0.0,
) -> Trace:  # fmt: skip
    """A LIF neuron with exponential current under input spikes at `times` (in order)."""
    spikes: list[float] = []
    now = 0.0
    for time, weight in zip([*times, end], [*weights, 0.0], strict=True):
        while True:
            wait = lif_spike(voltage, current, tau, threshold)
            if now + wait > time:
                break
            now += wait
            spikes.append(now)
            voltage, current = reset, current * math.exp(-2 * wait / tau)
        decay = math.exp(-(time - now) / tau)
        voltage = voltage * decay + current * (decay - decay**2)
        current = current * decay**2 + weight
        now = time
    return Trace(spikes=tuple(spikes), voltage=voltage, current=current)
