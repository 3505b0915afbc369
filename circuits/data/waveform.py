"""The waveform of a source that holds one value after another."""

import math
from dataclasses import dataclass

import numpy as np

from circuits.data.values import CircuitError

_SLACK = 1e-9
"""By which share an edge may differ from its hold and still fill it: times are sums of floats."""


@dataclass(frozen=True, kw_only=True)
class HeldWaveform:
    """Zero-order hold: `values[k]` holds from `times[k]` (s) to `times[k + 1]`, the first value from t = 0.

    A real source cannot jump: each step is a linear ramp of duration `edge` (s) centred on its time, so that
    the integral over time stays that of the ideal step. An edge as long as the hold makes one line from the middle of
    a hold to the middle of the next.
    """

    times: tuple[float, ...]
    values: tuple[float, ...]
    edge: float

    def __post_init__(self) -> None:
        times, values = np.asarray(self.times, dtype=float), np.asarray(self.values, dtype=float)
        if times.ndim != 1 or times.shape != values.shape or times.size == 0:
            raise CircuitError(
                f"held waveform: received {times.size} times, {values.size} values; give one value per time"
            )
        if not (np.isfinite(times).all() and np.isfinite(values).all()):
            raise CircuitError("held waveform: times and values must be finite")
        gaps = np.diff(times)
        if times[0] < 0 or (gaps <= 0).any():
            raise CircuitError("held waveform: times must start at or after 0 and increase strictly")
        if not (math.isfinite(self.edge) and self.edge > 0):
            raise CircuitError(f"held waveform: the edge of {self.edge} s must be greater than zero")
        if times.size > 1 and not self.edge <= gaps.min() * (1 + _SLACK):
            raise CircuitError(
                f"held waveform: the edge, {self.edge:g} s, must not be longer than any hold; "
                f"the shortest is {gaps.min():g} s"
            )
        object.__setattr__(self, "times", tuple(times.tolist()))
        object.__setattr__(self, "values", tuple(values.tolist()))

    def corners(self) -> tuple[np.ndarray, np.ndarray]:
        """Corner times (s) and values of the piecewise linear waveform, starting at t = 0."""
        times, values = np.asarray(self.times[1:]), np.asarray(self.values)
        corner_times = np.stack([times - self.edge / 2, times + self.edge / 2], axis=-1).ravel()
        corner_values = np.repeat(values, 2)[1:-1]
        corner_times = np.concatenate([[0.0], corner_times])
        corner_values = np.concatenate([values[:1], corner_values])
        # where an edge fills its hold, its end is the beginning of the next
        apart = np.concatenate([[True], np.diff(corner_times) > 4 * _SLACK * self.edge])
        return corner_times[apart], corner_values[apart]
