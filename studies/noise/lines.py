"""What straight lines between the numbers of a noise leave of it.

Independent numbers of variance A^2, one every h, joined by lines, have the autocorrelation A^2 B(t/h), with B the cubic
B-spline: 2/3 at 0, zero from 2 on. Its density is that of steps, 2 A^2 h, times sinc^4(f h).
"""

import numpy as np


def shape_of_lines(radian: np.ndarray, step: float) -> np.ndarray:
    """sinc(f h)^4 at w = 2 pi f: the density of the lines over that far below 1/h."""
    return np.sinc(np.asarray(radian) * step / (2 * np.pi)) ** 4


def left_by_lines(step: float) -> float:
    """The share of a leaky membrane's variance that lines leave, with a step of h in its time constants.

    It is 2 times the integral of B(s) exp(-h s) over s from 0 to 2, which is

        4/(3 h) - 4/h^3 + (6 - 8 exp(-h) + 2 exp(-2 h))/h^4 = 1 - 7 h/15 + h^2/6 - ...

    whose terms cancel for short steps, so that the integral is taken piece by piece.
    """
    nodes, weights = np.polynomial.legendre.leggauss(8)
    inner, outer = (nodes + 1) / 2, (nodes + 3) / 2
    near = weights @ ((2 / 3 - inner**2 + inner**3 / 2) * np.exp(-step * inner)) / 2
    far = weights @ ((2 - outer) ** 3 / 6 * np.exp(-step * outer)) / 2
    return float(2 * (near + far))
