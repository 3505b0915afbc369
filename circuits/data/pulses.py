"""Spikes as pulses: what an instant of charge becomes in a circuit."""

from collections.abc import Sequence

import numpy as np

from circuits.data.circuit import CircuitError, HeldWaveform
from circuits.data.scaling import Scaling

WIDTH = 0.01
"""Duration of an input pulse in tau_m. Centred on its spike, it is felt as an instant up to (WIDTH/tau_s)^2/24."""
EDGE = 1e-3
"""Duration of a pulse's edges, as a share of its width."""


def pulse_train(
    times: Sequence[float], areas: Sequence[float], *, scaling: Scaling, width: float = WIDTH
) -> HeldWaveform:
    """A waveform that is zero but for one pulse centred on each time; pulses that overlap add up.

    A pulse that would begin before time 0 begins there.

    Args:
        times: increasing, in tau_m, not negative.
        areas: of the pulses, in the waveform's unit times tau_m.
        scaling: the SI units.
        width: of a pulse in tau_m.

    Raises:
        CircuitError: times that are negative or do not increase, or not one area for each.

    >>> pulse_train([1.0], [2.0], scaling=Scaling(), width=0.5).values
    (0.0, 4.0, 0.0)
    """
    spikes, sizes = np.asarray(times, float), np.asarray(areas, float)
    if spikes.ndim != 1 or spikes.shape != sizes.shape or not np.isfinite([spikes, sizes]).all():
        raise CircuitError(
            f"pulses: {spikes.size} times and {sizes.size} areas; give finite numbers, one area per time"
        )
    if (spikes < 0).any() or (np.diff(spikes) < 0).any():
        raise CircuitError("pulses: times must not be negative nor decrease")
    edge = EDGE * width
    # edges of overlapping pulses must keep their distance: they move to a common grid of two edges
    starts = np.round(np.maximum(spikes - width / 2, 2 * edge) / (2 * edge)).astype(int)
    change: dict[int, float] = {}
    steps = round(width / (2 * edge))
    for start, height in zip(starts.tolist(), (sizes / width).tolist(), strict=True):
        change[start] = change.get(start, 0.0) + height
        change[start + steps] = change.get(start + steps, 0.0) - height
    grid = sorted(change)
    heights = np.cumsum([change[place] for place in grid])
    # sums of many heights leave a rounding error where no pulse is
    heights[np.abs(heights) < 1e-9 * np.abs(sizes / width).max(initial=0.0)] = 0.0
    return HeldWaveform(
        times=(0.0, *(place * 2 * edge * scaling.time_unit for place in grid)),
        values=(0.0, *heights.tolist()),
        edge=edge * scaling.time_unit,
    )
