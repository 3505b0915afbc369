"""Times on a grid of steps: the one place where a time becomes the number of a step.

A time within four units in the last place of k step belongs to step k: as a number of its precision it is that time.
Dividing and cutting off puts half of the spikes that lie on whole steps into the step before.
"""

import numpy as np

ULPS = 4
"""Units in the last place, of the precision in which a time is given, within which it is the whole step itself."""


def step_of(times: np.ndarray, step: float) -> np.ndarray:
    """The number k of the step that holds each time, int64: those in [k step, (k + 1) step).

    Args:
        times: of any shape, float32 or float64, finite, in any unit.
        step: positive, in the same unit.

    >>> step_of(np.array([0.0, 0.1 + 0.2, 0.3, 0.31, 0.4 - 1e-9]), 0.1).tolist()
    [0, 3, 3, 3, 3]
    """
    given = np.asarray(times)
    precision = given.dtype if given.dtype.kind == "f" else np.dtype(np.float64)
    exact = given.astype(np.float64)
    near = np.rint(exact / step)
    whole = near * step
    ulp = np.spacing(np.abs(whole).astype(precision)).astype(np.float64)
    return np.where(np.abs(exact - whole) <= ULPS * ulp, near, np.floor(exact / step)).astype(np.int64)


def steps_until(end: float, step: float) -> int:
    """How many steps cover the time from 0 to `end`, at least one: the number of the first step at or after it.

    >>> steps_until(0.3, 0.1), steps_until(0.31, 0.1)
    (3, 4)
    """
    whole = int(step_of(np.array(end), step))
    covered = abs(end - whole * step) <= ULPS * np.spacing(whole * step)
    return max(1, whole if covered else whole + 1)
