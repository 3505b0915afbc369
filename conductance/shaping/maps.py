"""What a map neuron does under a held input: rest, rebound, oscillation, escape; and its voltages under noise."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import sympy

from conductance.derivation.maps import free_map
from conductance.elements.base import DeclarationError
from conductance.neurons.base import INPUT, LAST_SPIKE, Neuron

Outcome = Literal["rest", "rebound", "oscillation", "escape"]
OUTCOMES: tuple[Outcome, ...] = ("rest", "rebound", "oscillation", "escape")
STEPS = 1000
"""Steps of a trajectory before it is judged; near a bifurcation it settles slowly."""
SETTLED = 1e-6
"""Change per step below which a voltage rests, in V0."""
LOST = 1e6
"""A voltage beyond this never returns, in V0."""


@dataclass(frozen=True, kw_only=True)
class Moments:
    """Mean and standard deviation of the voltage in V0, and spikes per neuron and step."""

    mean: float
    spread: float
    rate: float


Voltages = np.ndarray | float
Step = Callable[[Voltages, Voltages, Voltages], np.ndarray]


def step_of(neuron: Neuron) -> Step:
    """The voltage one step later, of arrays of voltage, last spike and input."""
    free_map(neuron)  # refuses what is no map of one voltage
    numbers = neuron.substitutions()
    following = sympy.sympify(neuron.membrane.following).subs(numbers)
    return sympy.lambdify((neuron.membrane.symbol, LAST_SPIKE, INPUT), following, "numpy")


def spikes_of(neuron: Neuron) -> Callable[[Voltages], np.ndarray]:
    """A function that tells whether voltages lie above the threshold."""
    if neuron.event is None:
        raise DeclarationError(f"neuron {neuron.name}: it has no event, so it cannot spike")
    margin = sympy.lambdify(neuron.membrane.symbol, neuron.event.margin.subs(neuron.substitutions()), "numpy")
    return lambda voltages: np.asarray(margin(voltages) > 0)


def outcomes(
    neuron: Neuron, currents: np.ndarray, starts: np.ndarray, *, spiking: bool = True, steps: int = STEPS
) -> np.ndarray:
    """What follows from each starting voltage under each held input.

    Args:
        neuron: a map of one voltage.
        currents: (current,) held inputs.
        starts: (start,) voltages at t = 0, in V0.
        spiking: with spikes and resets; without them the map is free.
        steps: length of each trajectory.

    Returns:
        (start, current) places in `OUTCOMES`: rest without a spike, rebound to rest after at least one spike,
        oscillation (spikes or alternation that do not end), escape to infinity.
    """
    step, above = step_of(neuron), spikes_of(neuron)
    drive, u = np.meshgrid(np.asarray(currents, float), np.asarray(starts, float))
    last, early, late = (np.zeros_like(u) for _ in range(3))
    before = u
    for t in range(steps):
        with np.errstate(over="ignore", invalid="ignore"):
            last = above(u) * 1.0 if spiking else last
            before, u = u, step(u, last, drive)
        u = np.where(np.abs(u) < LOST, u, np.inf)
        early, late = (early + last, late) if t < steps // 2 else (early, late + last)
    lost = ~np.isfinite(u)
    moving = np.abs(np.where(lost, 1.0, u) - np.where(lost, 0.0, before)) > SETTLED
    found = np.where((late > 0) | moving, 2, np.where(early > 0, 1, 0))
    return np.where(lost, 3, found)


def sampled_moments(
    neuron: Neuron, spread: float, *, neurons: int = 1_000_000, steps: int = 30, seed: int = 0
) -> Moments:
    """Monte Carlo: the voltages of many neurons after `steps` inputs drawn from N(0, spread^2), with resets.

    Args:
        neuron: a map of one voltage.
        spread: standard deviation of the input.
        neurons: number of independent neurons; the error of the mean is the voltage's spread over its root.
        steps: inputs before the voltages are measured.
        seed: of the draws.
    """
    step, above = step_of(neuron), spikes_of(neuron)
    generator = np.random.default_rng(seed)
    u = np.full(neurons, neuron.initial_state()[0])
    for _ in range(steps):
        u = step(u, above(u) * 1.0, spread * generator.standard_normal(neurons))
    return Moments(mean=float(u.mean()), spread=float(u.std()), rate=float(above(u).mean()))
