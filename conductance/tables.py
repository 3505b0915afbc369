"""Measured functions of one voltage in declarations: cubic pieces on a uniform grid.

`Tabulated(samples, u)` is a sympy function like `tanh`: it is differentiated, printed and stored with the expression
that holds it. Beyond its ends it goes on as a straight line, and its derivative as a constant.
"""

import hashlib
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np
import sympy

from conductance.errors import ExcitableError


class TableError(ExcitableError):
    """Points that make no table."""


_KNOWN: "weakref.WeakValueDictionary[str, Samples]" = weakref.WeakValueDictionary()
"""Tables by their name in printed numpy code, so that numbers do not travel through text."""


class Samples(sympy.Atom):
    """The pieces of a table, equal where its numbers are: value = ((c3 s + c2) s + c1) s + c0, s in grid intervals.

    Attributes:
        low: voltage of the first grid point, in V0.
        interval: distance of grid points, in V0.
        coefficients: (piece, 4), c0 to c3; the first and the last piece are the straight lines beyond the ends.
        digest: of all numbers.
        integral: the table whose slope this is; None of one that was not made as a slope.
    """

    __slots__ = ("__weakref__", "coefficients", "digest", "integral", "interval", "low", "rows")

    def __new__(cls, low: float, interval: float, coefficients: np.ndarray) -> "Samples":
        """The table; its numbers are copied and may not change."""
        pieces = np.array(coefficients, np.float64)
        if pieces.ndim != 2 or pieces.shape[1] != 4 or len(pieces) < 3 or not np.isfinite(pieces).all():
            raise TableError(
                f"table: coefficients of shape {pieces.shape}; allowed are finite (piece, 4), 3 pieces or more"
            )
        if not (np.isfinite(low) and 0 < interval < np.inf):
            raise TableError(
                f"table: from {low!r} V0 in steps of {interval!r} V0; the step must be finite and positive"
            )
        pieces.setflags(write=False)
        numbers = np.array([low, interval], np.float64).tobytes() + pieces.tobytes()
        made = super().__new__(cls)
        made.low, made.interval, made.coefficients = float(low), float(interval), pieces
        made.rows = pieces.tolist()
        made.integral = None
        made.digest = hashlib.sha256(numbers).hexdigest()
        return _KNOWN.setdefault(f"table_{made.digest}", made)

    def __getnewargs__(self) -> tuple[float, float, np.ndarray]:
        return self.low, self.interval, self.coefficients

    def __getstate__(self) -> None:
        return None

    def _hashable_content(self) -> tuple[str]:
        return (self.digest,)

    @property
    def high(self) -> float:
        """Voltage of the last grid point, in V0."""
        return self.low + self.interval * (len(self.coefficients) - 2)

    @property
    def derivative(self) -> "Samples":
        """The slope, as a table of the same grid."""
        powers = self.coefficients * np.arange(4) / self.interval
        slope = Samples(self.low, self.interval, np.column_stack([powers[:, 1:], np.zeros(len(powers))]))
        if slope.integral is None and slope is not self:  # zero is its own slope
            slope.integral = self
        return slope

    @property
    def origin(self) -> tuple["Samples", int]:
        """The table that this one is a slope of, and how many times: a kernel reads both from the same numbers."""
        table, order = self, 0
        while table.integral is not None:
            table, order = table.integral, order + 1
        return table, order

    def __call__(self, voltage: float | np.ndarray) -> Any:
        """The table's value at voltages in V0; NaN where a voltage is."""
        if isinstance(voltage, float):
            return self._at(voltage)
        place = (np.asarray(voltage, float) - self.low) / self.interval + 1
        piece = np.nan_to_num(np.clip(np.floor(place), 0, len(self.coefficients) - 1)).astype(int)
        c0, c1, c2, c3 = np.moveaxis(self.coefficients[piece], -1, 0)
        s = place - piece
        return (((c3 * s + c2) * s + c1) * s + c0)[()]

    def _at(self, voltage: float) -> float:
        """The value at one voltage, thirty times faster than by way of an array: integrators ask one by one."""
        place = (voltage - self.low) / self.interval + 1
        piece = int(min(max(place, 0), len(self.rows) - 1)) if place == place else 0
        c0, c1, c2, c3 = self.rows[piece]
        s = place - piece
        return ((c3 * s + c2) * s + c1) * s + c0

    def _sympystr(self, _: Any) -> str:
        return f"table_{self.digest[:12]}"

    def _sympyrepr(self, _: Any) -> str:
        return f"table_{self.digest}"

    def _pythoncode(self, _: Any) -> str:
        return f"'table_{self.digest}'"

    _numpycode = _lambdacode = _pythoncode


def samples(voltages: Sequence[float] | np.ndarray, values: Sequence[float] | np.ndarray) -> Samples:
    """The table through points on a uniform grid, as a natural cubic spline.

    Args:
        voltages: (point,), increasing by equal steps, in V0.
        values: (point,), finite.

    Raises:
        TableError: unequal lengths, fewer than three points, a step that differs, a value that is not finite.
    """
    u, y = np.asarray(voltages, float), np.asarray(values, float)
    if u.ndim != 1 or u.shape != y.shape or u.size < 3:
        raise TableError(
            f"table: {u.shape} voltages and {y.shape} values; give two equally long lists of at least three"
        )
    if not (np.isfinite(u).all() and np.isfinite(y).all()):
        raise TableError(
            f"table: point {int(np.argmin(np.isfinite(u) & np.isfinite(y)))} is not finite; measure it again"
        )
    steps = np.diff(u)
    if steps.min() <= 0 or np.ptp(steps) > 1e-6 * steps.mean():
        raise TableError(
            f"table: steps from {steps.min():g} to {steps.max():g} V0; the grid must be uniform and increase"
        )
    interval = (u[-1] - u[0]) / (u.size - 1)
    from scipy.interpolate import CubicSpline  # half a second for those who have no table

    spline = CubicSpline(u, y, bc_type="natural")
    inner = spline.c[::-1].T * interval ** np.arange(4)
    # one interval before the first point, so that its line meets the point at s = 1
    slopes = spline(u[[0, -1]], 1) * interval
    before, beyond = [y[0] - slopes[0], slopes[0], 0, 0], [y[-1], slopes[1], 0, 0]
    return Samples(float(u[0]), float(interval), np.vstack([before, inner, beyond]))


class Tabulated(sympy.Function):
    """A table's value at a voltage: `Tabulated(samples, u)`."""

    nargs = 2

    @staticmethod
    def _imp_(table: str, voltage: float | np.ndarray) -> Any:
        """What numpy code runs; the table comes by its name."""
        return _KNOWN[table](voltage)

    @property
    def samples(self) -> Samples:
        """The table."""
        return self.args[0]

    @property
    def voltage(self) -> sympy.Expr:
        """Where it is read."""
        return self.args[1]

    def fdiff(self, argindex: int = 2) -> sympy.Expr:
        """The slope by the voltage."""
        return Tabulated(self.samples.derivative, self.voltage) if argindex == 2 else sympy.S.Zero

    def _eval_derivative(self, symbol: sympy.Symbol) -> sympy.Expr:
        return self.fdiff() * self.voltage.diff(symbol)

    def _eval_is_real(self) -> bool:
        return True

    def _eval_evalf(self, precision: int) -> sympy.Expr | None:
        return sympy.Float(self.samples(float(self.voltage)), precision) if self.voltage.is_number else None
