"""How little a network works: spikes sent, and time spent above threshold."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netlists.comparison.crossings import (
    HYSTERESIS,
    ComparisonError,
    checked_waveform,
    count_upward_crossings,
)

Array = NDArray[np.floating]


def communication(
    time: ArrayLike,
    values: ArrayLike,
    *,
    step: float,
    threshold: float = 0.0,
    hysteresis: float = HYSTERESIS,
) -> Array:
    """Spikes per model step of each neuron: upward crossings of the threshold over the number of steps in the record.

    Args:
        time: strictly increasing, shape (time,).
        values: membrane voltage, shape (time, neuron) or (time,), in the unit of `threshold`.
        step: the model's time step, in the unit of `time`; a circuit's waveform keeps the step of its model.
        threshold: the membrane voltage whose upward crossing is a spike.
        hysteresis: see `crossings`.

    Returns:
        Shape (neuron,); its mean is the communication of the network (spikes per neuron and step).

    Raises:
        ComparisonError: for waveforms that do not fit, or a step that is not above 0.
    """
    time, values = checked_waveform(time, values)
    if not (np.isfinite(step) and step > 0):
        raise ComparisonError(f"communication: step is {step}, but must be finite and above 0.")
    counts = count_upward_crossings(values, threshold=threshold, hysteresis=hysteresis)
    return counts * (step / (time[-1] - time[0]))


def computation(time: ArrayLike, values: ArrayLike, *, threshold: float = 0.0) -> Array:
    """Duty cycle of each neuron: the share of time with s > 0, that is with U_m above the threshold.

    Exact for the straight lines between the samples, so that uneven steps and crossings between samples count.

    Args:
        time: strictly increasing, shape (time,).
        values: membrane voltage, shape (time, neuron) or (time,), in the unit of `threshold`.
        threshold: the membrane voltage whose upward crossing is a spike.

    Returns:
        Shape (neuron,), from 0 to 1; its mean is the computation of the network.

    >>> computation([0, 1, 2, 6], [-1, 1, -1, -1]).round(4).tolist()
    [0.1667]
    """
    time, values = checked_waveform(time, values)
    over = values - threshold
    left, right = over[:-1], over[1:]
    positive = np.clip(left, 0, None) + np.clip(right, 0, None)
    size = np.abs(left) + np.abs(right)
    share = np.divide(positive, size, out=np.zeros_like(size), where=size > 0)
    # a mean of shares goes past 1 by rounding alone
    return np.minimum(np.diff(time) @ share / (time[-1] - time[0]), 1.0)
