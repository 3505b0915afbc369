"""How far one waveform is from another, per neuron."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netlists.comparison.crossings import ComparisonError, checked_waveform

Array = NDArray[np.floating]


@dataclass(frozen=True, kw_only=True)
class WaveformError:
    """Result of `waveform_error`.

    Attributes:
        rms: root mean square difference over time, in the unit of the values (V0), shape (neuron,).
        spread: standard deviation of the reference over time, the same unit and shape.
        normalised: rms / spread; NaN for a neuron whose reference does not move.
        start, stop: the compared span, in the unit of time.
    """

    rms: Array
    spread: Array
    normalised: Array
    start: float
    stop: float


def waveform_error(
    reference_time: ArrayLike, reference: ArrayLike, candidate_time: ArrayLike, candidate: ArrayLike
) -> WaveformError:
    """Root mean square error of a candidate on the time points of the reference.

    The candidate is read between its samples by straight lines. Means run over time, not over samples
    (trapezoid weights), because a simulator's samples crowd where a neuron spikes. The error is normalised by the
    reference's standard deviation, as in the task's error: a candidate that rests at the reference's mean has 1.
    Its range would be set by one spike peak and hide errors below threshold.

    Args:
        reference_time: strictly increasing, shape (time,).
        reference: shape (time, neuron) or (time,).
        candidate_time: in the unit of `reference_time`, on any grid. It covers the reference's span but for at
            most one step of the coarser grid at either end.
        candidate: the same neurons, in the unit of `reference`.

    Raises:
        ComparisonError: for waveforms with different neurons, or a candidate that is too short.

    >>> waveform_error([0, 1, 2], [0.0, 1.0, 0.0], [0, 2], [0.0, 0.0]).rms.round(3).tolist()
    [0.707]
    """
    reference_time, reference = checked_waveform(reference_time, reference, "reference")
    candidate_time, candidate = checked_waveform(candidate_time, candidate, "candidate")
    if reference.shape[1] != candidate.shape[1]:
        raise ComparisonError(
            f"the reference has {reference.shape[1]} neurons, the candidate {candidate.shape[1]}; "
            "compare the same neurons in the same order."
        )
    inside = _common_span(reference_time, candidate_time)
    time, reference = reference_time[inside], reference[inside]
    on_grid = np.stack([np.interp(time, candidate_time, column) for column in candidate.T], axis=1)
    rms = np.sqrt(time_mean(time, (on_grid - reference) ** 2))
    deviation = reference - time_mean(time, reference)
    spread = np.sqrt(time_mean(time, deviation**2))
    # A constant reference has a spread of rounding size, which is no scale for an error.
    moves = spread > 1e-12 * np.abs(reference).max(axis=0)
    normalised = np.full_like(rms, np.nan)
    np.divide(rms, spread, out=normalised, where=moves)
    return WaveformError(
        rms=rms, spread=spread, normalised=normalised, start=float(time[0]), stop=float(time[-1])
    )


def time_mean(time: Array, values: Array) -> Array:
    """Mean over time by the trapezoid rule: (time,), (time, ...) -> (...)."""
    return np.trapezoid(values, time, axis=0) / (time[-1] - time[0])


def _common_span(reference: Array, candidate: Array) -> NDArray[np.bool_]:
    """Which samples of the reference lie inside the candidate's span; refuse a candidate that is too short."""
    slack = max(float(np.diff(reference).max()), float(np.diff(candidate).max())) * (1 + 1e-9)
    if candidate[0] > reference[0] + slack or candidate[-1] < reference[-1] - slack:
        raise ComparisonError(
            f"the candidate spans {candidate[0]:g} to {candidate[-1]:g}, the reference {reference[0]:g} to "
            f"{reference[-1]:g}; simulate the candidate as long, or cut the reference."
        )
    # Rounding in a time axis that went through another unit must not cost its last sample.
    rounding = 1e-9 * (reference[-1] - reference[0])
    inside: NDArray[np.bool_] = (reference >= candidate[0] - rounding) & (
        reference <= candidate[-1] + rounding
    )
    if np.count_nonzero(inside) < 2:
        raise ComparisonError("reference and candidate share fewer than two time points.")
    return inside
