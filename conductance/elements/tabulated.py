"""An element measured as points, joined by a monotone cubic: I = alpha table(V - delta)."""

from collections.abc import Sequence

import numpy as np
import sympy

from conductance.elements.base import DeclarationError, Element, Law, Timescale, V, signed
from conductance.elements.tanh import ALPHA, DELTA
from conductance.errors import refuse_truth_values


def table_expression(voltages: Sequence[float], currents: Sequence[float], voltage: sympy.Expr) -> sympy.Expr:
    """The monotone cubic (Fritsch & Butland, PCHIP) through the points as a sympy Piecewise.

    Outside the points the end slopes go on as straight lines. Voltages must increase.

    Raises:
        DeclarationError: fewer than two points, unequal lengths, not finite, or voltages that do not increase.
    """
    refuse_truth_values("tabulated element", voltages=voltages, currents=currents)
    points = np.asarray(voltages, float), np.asarray(currents, float)
    if points[0].ndim != 1 or points[0].shape != points[1].shape or points[0].size < 2:
        raise DeclarationError(
            f"tabulated element: {points[0].shape} voltages and {points[1].shape} currents; "
            f"give two equally long lists of at least two points"
        )
    if not (np.isfinite(points[0]).all() and np.isfinite(points[1]).all()):
        raise DeclarationError("tabulated element: a point is not finite; remove it from the table")
    if (np.diff(points[0]) <= 0).any():
        place = int(np.argmin(np.diff(points[0])))
        raise DeclarationError(
            f"tabulated element: voltage {points[0][place + 1]:g} follows {points[0][place]:g}; "
            f"sort the table by increasing voltage and remove repeats"
        )
    from scipy.interpolate import PchipInterpolator  # half a second for those who have no table

    cubic = PchipInterpolator(*points)
    slopes = cubic.derivative()(points[0])
    pieces = [(points[1][0] + slopes[0] * (voltage - points[0][0]), voltage < points[0][0])]
    for knot, upper, coefficients in zip(points[0][:-1], points[0][1:], cubic.c.T, strict=True):
        step = voltage - knot
        third, second, first, constant = (sympy.Float(float(value)) for value in coefficients)
        pieces.append((((third * step + second) * step + first) * step + constant, voltage < upper))
    pieces.append((points[1][-1] + slopes[-1] * (voltage - points[0][-1]), True))
    return sympy.Piecewise(*pieces)


def tabulated(
    timescale: Timescale, voltages: Sequence[float], currents: Sequence[float], *, gain: float = 1.0,
    offset: float = 0.0, name: str = "",
) -> Element:  # fmt: skip
    """An element from measured points (V0, current unit); `gain` scales it and `offset` moves it.

    A falling table is a negative conductance by itself; a negative `gain` turns it over.
    """
    law = Law(
        name="tabulated",
        parameters=(ALPHA, DELTA),
        current=ALPHA.symbol * table_expression(voltages, currents, V - DELTA.symbol),
        meaning=f"monotone cubic through {len(voltages)} measured points",
    )
    return signed(law, timescale, gain, {"delta": offset}, name)
