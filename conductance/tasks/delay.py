"""Fixed-step integration of a scalar equation with one constant delay, for many histories at once."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from conductance.errors import ExcitableError

Array = NDArray[np.floating]


def integrate_delay(
    right_hand_side: Callable[[Array, Array], Array],
    *,
    delay: float,
    history: Callable[[Array], Array],
    times: Array,
    max_step: float,
) -> Array:
    """Integrate dx/dt = f(x(t), x(t - delay)) from t = 0 and return x at the asked times.

    Classical Runge-Kutta (order 4). The step divides the delay, so that the delayed argument of a stage
    falls on a grid point or on a midpoint, and so that the kinks which the history sends through the
    solution (at 0, delay, 2 delay, ...) fall on grid points, where they cost no order. Midpoints and output
    between grid points are read from the cubic Hermite polynomial through the values and slopes that the
    steps have already computed; its error is of order 4 too.
    The recipe is in Bellen & Zennaro, "Numerical Methods for Delay Differential Equations", 2003.

    Args:
        right_hand_side: f(x, delayed) on arrays of any one shape; it must work element by element.
        delay: the delay, in the time unit of the equation; positive.
        history: x for t <= 0: times of shape (k,) -> values of shape (k, ...); read on [-delay, 0].
        times: output times, increasing, >= 0, shape (time,).
        max_step: upper bound of the step, in the time unit of the equation.

    Returns:
        x at the output times, shape (time, ...), float64.

    Raises:
        ExcitableError: for a delay or step that is not positive, or times that decrease or precede 0.

    >>> x = integrate_delay(lambda x, past: -past, delay=1.0, history=lambda t: np.ones((t.size, 1)),
    ...                     times=np.array([0.5, 1.0]), max_step=0.1)
    >>> x[:, 0].round(12).tolist()
    [0.5, 0.0]
    """
    times = _check(times, delay, max_step)
    per_delay = math.ceil(delay / max_step - 1e-9)
    step = delay / per_delay
    steps = max(1, math.ceil(times[-1] / step - 1e-9))
    values, slopes = _march(right_hand_side, history, step, per_delay, steps)
    return _hermite(values, slopes, step, times)


def _check(times: Array, delay: float, max_step: float) -> Array:
    """Refuse what cannot be integrated; return the times as a float64 array."""
    times = np.asarray(times, dtype=np.float64)
    for name, value in (("delay", delay), ("max_step", max_step)):
        if not (math.isfinite(value) and value > 0):
            raise ExcitableError(f"integrate_delay: {name} is {value}, but it must be finite and above 0.")
    if times.ndim != 1 or times.size == 0 or not np.all(np.isfinite(times)):
        raise ExcitableError(
            f"integrate_delay: times has shape {times.shape}, but a non-empty list of finite times is needed."
        )
    if times[0] < 0 or np.any(np.diff(times) < 0):
        raise ExcitableError("integrate_delay: times must start at 0 or later and must not decrease.")
    return times


def _march(
    right_hand_side: Callable[[Array, Array], Array],
    history: Callable[[Array], Array],
    step: float,
    per_delay: int,
    steps: int,
) -> tuple[Array, Array]:
    """All steps: values and slopes on the grid from t = 0 on, each of shape (steps + 1, ...)."""
    grid = np.arange(-per_delay, 1) * step
    past = np.asarray(history(grid), dtype=np.float64)
    shape = past.shape[1:]
    values = np.empty((per_delay + steps + 1, *shape))
    midpoints = np.empty((per_delay + steps, *shape))
    slopes = np.empty((steps + 1, *shape))
    values[: per_delay + 1] = past
    midpoints[:per_delay] = history(grid[:-1] + 0.5 * step)
    slopes[0] = right_hand_side(values[per_delay], values[0])
    for k in range(steps):
        x = values[per_delay + k]
        k1, middle, end = slopes[k], midpoints[k], values[k + 1]
        k2 = right_hand_side(x + (0.5 * step) * k1, middle)
        k3 = right_hand_side(x + (0.5 * step) * k2, middle)
        k4 = right_hand_side(x + step * k3, end)
        following = x + (step / 6) * (k1 + 2 * (k2 + k3) + k4)
        values[per_delay + k + 1] = following
        slopes[k + 1] = right_hand_side(following, end)
        midpoints[per_delay + k] = 0.5 * (x + following) + (step / 8) * (slopes[k] - slopes[k + 1])
    return values[per_delay:], slopes


def _hermite(values: Array, slopes: Array, step: float, times: Array) -> Array:
    """Read the cubic Hermite polynomial of each step at the output times."""
    index = np.minimum((times / step).astype(np.int64), len(values) - 2)
    s = (times / step - index).reshape(-1, *([1] * (values.ndim - 1)))
    left, right = values[index], values[index + 1]
    slope_left, slope_right = step * slopes[index], step * slopes[index + 1]
    return (
        left
        + s * slope_left
        + s**2 * (3 * (right - left) - 2 * slope_left - slope_right)
        + s**3 * (2 * (left - right) + slope_left + slope_right)
    )
