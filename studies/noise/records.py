"""What linear theory expects of a record of a noisy membrane: its variance about its own mean, and the scatter of that.

A record that begins at rest and ends before the slowest filter has settled has less variance than the stationary law.
"""

import numpy as np
from scipy.linalg import expm, solve_continuous_lyapunov

SPACING = 0.5
"""In tau_m, between the values that are looked at: variances of a membrane need no closer ones."""


def record_law(
    jacobian: np.ndarray, spread: np.ndarray, *, settle: float, stop: float
) -> tuple[float, float]:
    """Expected variance of a record from `settle` to `stop` about its mean, and the standard deviation of it.

    The states begin at rest, at time 0. A record is a normal vector of covariance C; its variance is a quadratic form
    with the expectation tr(M C)/n and the variance 2 tr((M C)^2)/n^2, where M takes the mean away.

    Args:
        jacobian: (state, state) of the linear equation, in 1/tau_m, membrane first.
        spread: (state,) of its noise.
        settle: what is left out at the beginning, in tau_m.
        stop: end, in tau_m.
    """
    settled = solve_continuous_lyapunov(jacobian, -np.diag(spread**2))
    times = np.arange(settle, stop, SPACING)
    step, number = expm(jacobian * SPACING), len(times)
    rows = np.empty((number, len(spread)))  # the membrane's row of exp(J k dt)
    rows[0] = np.eye(len(spread))[0]
    columns = np.empty_like(rows)  # of the membrane in the covariance at each time
    moved = expm(jacobian * settle)
    for place in range(number):
        columns[place] = (settled - moved @ settled @ moved.T)[:, 0]
        moved = step @ moved
        if place + 1 < number:
            rows[place + 1] = rows[place] @ step
    products = rows @ columns.T  # (lag, first)
    first, second = np.indices((number, number))
    covariance = products[np.abs(second - first), np.minimum(first, second)]
    centred = covariance - covariance.mean(0)
    expected = np.trace(centred) / number
    # tr((M C)^2) = sum of (M C) * (M C)^T
    return float(expected), float(np.sqrt(2 * np.sum(centred * centred.T)) / number)
