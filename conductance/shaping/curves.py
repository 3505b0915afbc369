"""I-V curves: the membrane current of a neuron as a function of voltage, one curve for each timescale.

The curve of a timescale is the outward current of the membrane (no input) with all states of this and faster
timescales settled at the voltage, and the slower ones frozen where a resting voltage had put them
(Ribar & Sepulchre, IEEE TCAS-I 66(8), 2019; arXiv 2605.11835). Freezing moves a curve up or down and never changes
its slope.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import sympy
from scipy.optimize import brentq, minimize_scalar

from conductance.elements import TIMESCALES
from conductance.elements.base import Timescale
from conductance.errors import ExcitableError, refuse_truth_values
from conductance.neurons.base import INPUT, SPIKE, Neuron
from conductance.shaping.flow import numbers_for

FROZEN = sympy.Symbol("V_rest", real=True)
"""The voltage at which the slower states are frozen."""
MARGIN = 4.0
"""How far beyond the outermost offset a curve is looked at, in V0: a tanh has then settled to 1e-3."""
SPACING = 0.01
"""Grid on which slopes are looked at, in V0, fine against the width of a tanh."""
FLAT = 1e-9
"""A slope above minus this (of the largest slope) does not fall: a touch of zero is no region."""


class CurveError(ExcitableError):
    """A curve cannot be formed."""


def settled(neuron: Neuron, timescales: Sequence[Timescale]) -> dict[sympy.Symbol, sympy.Expr]:
    """The steady value of each slower variable of these timescales, as a function of the membrane voltage."""
    waiting = {
        state.symbol: state.total.subs({SPIKE: 0, INPUT: 0})
        for state in neuron.states[1:]
        if state.timescale in timescales
    }
    steady: dict[sympy.Symbol, sympy.Expr] = {}
    while waiting:
        ready = [s for s, total in waiting.items() if not (total.free_symbols & set(waiting)) - {s}]
        if not ready:
            raise CurveError(
                f"neuron {neuron.name}: states {', '.join(map(str, waiting))} settle only together; "
                f"let each depend on the membrane and on states declared before it"
            )
        for symbol in ready:
            try:
                roots = sympy.solve(_unsaturated(waiting.pop(symbol).subs(steady), symbol), symbol)
            except NotImplementedError:
                raise CurveError(
                    f"neuron {neuron.name}: the steady value of {symbol} has no closed form, as with a measured table"
                ) from None
            if len(roots) != 1:
                raise CurveError(
                    f"neuron {neuron.name}: {symbol} has {len(roots)} steady values; it needs one"
                )
            steady[symbol] = roots[0]
    return steady


def _unsaturated(current: sympy.Expr, symbol: sympy.Symbol) -> sympy.Expr:
    """The argument of L tanh(argument) in place of the whole: both are zero together, and the solver is quicker."""
    _, factor = current.as_independent(symbol, as_Add=False)
    return factor.args[0] if isinstance(factor, sympy.tanh) else current


@dataclass(frozen=True, kw_only=True)
class Curve:
    """Outward membrane current, in current units, as a function of the membrane voltage `voltage`.

    `current` contains `voltage`, the neuron's parameters and, where states are frozen, `FROZEN`.
    """

    neuron: Neuron = field(repr=False)
    timescale: Timescale
    current: sympy.Expr

    @property
    def voltage(self) -> sympy.Symbol:
        """The symbol of the membrane voltage."""
        return self.neuron.membrane.symbol

    @cached_property
    def slope(self) -> sympy.Expr:
        """Derivative of the current by the voltage: a conductance in 1/R."""
        return self.current.diff(self.voltage)

    def function(
        self, values: Mapping[str, float] | None = None, *, rest: float = 0.0, slope: bool = False
    ) -> Callable[[np.ndarray | float], np.ndarray]:
        """The current (or its slope) as a function of an array of voltages in V0.

        Raises:
            CurveError: it has no value at these parameters, as where a slow state has no place to settle.
        """
        full = self.neuron.check_values(values or {}, owner=f"neuron {self.neuron.name}")
        numbers = {**numbers_for(self.neuron, full), FROZEN: sympy.Float(rest)}
        chosen = (self.slope if slope else self.current).xreplace(numbers)
        if chosen.has(sympy.zoo, sympy.oo, -sympy.oo, sympy.nan):
            shown = ", ".join(f"{name} = {value:g}" for name, value in full.items())
            raise CurveError(f"neuron {self.neuron.name}: its curve has no value at {shown}")
        bare = sympy.lambdify(self.voltage, chosen, modules="numpy")

        def evaluated(voltages: np.ndarray | float) -> np.ndarray:
            points = np.asarray(voltages, float)
            return np.broadcast_to(np.asarray(bare(points), float), points.shape)

        return evaluated


def curve(neuron: Neuron, timescale: Timescale) -> Curve:
    """The I-V curve of one timescale, as a sympy expression.

    >>> from conductance.neurons import lif
    >>> curve(lif(), "fast").slope
    1/R
    """
    if timescale not in TIMESCALES:
        raise CurveError(f"timescale {timescale!r} is unknown; allowed are {', '.join(TIMESCALES)}")
    order = list(TIMESCALES)
    place = order.index(timescale) + 1
    quick, frozen = settled(neuron, order[:place]), settled(neuron, order)
    held = {symbol: value for symbol, value in frozen.items() if symbol not in quick}
    outward = -neuron.membrane.total.xreplace({INPUT: sympy.S.Zero, SPIKE: sympy.S.Zero})
    membrane = neuron.membrane.symbol
    kept = outward.xreplace({symbol: value.xreplace({membrane: FROZEN}) for symbol, value in held.items()})
    return Curve(neuron=neuron, timescale=timescale, current=kept.xreplace(quick))


def timescales(neuron: Neuron) -> tuple[Timescale, ...]:
    """The timescales on which something of the neuron happens, the fastest first."""
    used = {"fast", *(state.timescale for state in neuron.states), *(e.timescale for e in neuron.elements)}
    return tuple(name for name in TIMESCALES if name in used)


def curves(neuron: Neuron) -> dict[Timescale, Curve]:
    """The I-V curve of every timescale of the neuron, the fastest first."""
    return {timescale: curve(neuron, timescale) for timescale in timescales(neuron)}


def steady_curve(neuron: Neuron) -> Curve:
    """The curve with every state settled: the current that holds the membrane at each voltage, I = I_ss(V)."""
    return curve(neuron, "ultraslow")


def voltage_range(neuron: Neuron, values: Mapping[str, float] | None = None) -> tuple[float, float]:
    """Voltages worth looking at, in V0: all offsets and table points of the membrane's currents, and 4 beyond."""
    full = neuron.check_values(values or {}, owner=f"neuron {neuron.name}")
    numbers = numbers_for(neuron, full)
    places = [0.0]
    for parameter in neuron.parameters:
        if parameter.unit == "V0" and parameter.symbol in neuron.membrane.total.free_symbols:
            places.append(full[parameter.name])
    for element in neuron.elements:
        for parameter in element.parameters:
            if parameter.unit == "V0":
                places.append(full.get(parameter.name, parameter.default))
        membrane = neuron.membrane.symbol
        drawn = element.current(membrane).xreplace(numbers)
        for relation in drawn.atoms(sympy.core.relational.Relational):
            apart = relation.lhs - relation.rhs
            places.append(float(-apart.xreplace({membrane: sympy.S.Zero}) / apart.coeff(membrane)))
    return min(places) - MARGIN, max(places) + MARGIN


@dataclass(frozen=True, kw_only=True)
class Region:
    """Voltages between which a curve falls, in V0. An infinite end means that it falls to the end of what was seen."""

    lower: float
    upper: float

    @property
    def bounded(self) -> bool:
        """Whether the curve rises again on both sides."""
        return bool(np.isfinite([self.lower, self.upper]).all())

    @property
    def middle(self) -> float:
        """The middle, or the finite end of a region without one."""
        ends = [end for end in (self.lower, self.upper) if np.isfinite(end)]
        return float(np.mean(ends)) if ends else 0.0


def negative_slope_regions(
    chosen: Curve,
    values: Mapping[str, float] | None = None,
    *,
    low: float | None = None,
    high: float | None = None,
) -> tuple[Region, ...]:
    """The voltages where the curve falls, from sign changes of its symbolic derivative.

    A slope that touches zero, as that of the fast curve does at alpha_f = 1, makes no region.
    """
    refuse_truth_values(f"curve of {chosen.neuron.name}", values=values, low=low, high=high)
    bounds = voltage_range(chosen.neuron, values)
    low, high = bounds[0] if low is None else low, bounds[1] if high is None else high
    if not low < high:
        raise CurveError(f"voltages from {low:g} to {high:g}: the range is empty; let low be below high")
    slope = chosen.function(values, slope=True)
    grid = _refined(slope, np.linspace(low, high, int((high - low) / SPACING) + 2))
    slopes = slope(grid)
    falls = slopes < -FLAT * max(1.0, float(np.abs(slopes).max()))
    edges = np.flatnonzero(np.diff(np.concatenate([[False], falls, [False]]).astype(int)))
    return tuple(
        Region(
            lower=-np.inf if first == 0 else _root(slope, grid[first - 1], grid[first]),
            upper=np.inf if last == grid.size else _root(slope, grid[last - 1], grid[last]),
        )
        for first, last in zip(edges[::2], edges[1::2], strict=True)
    )


def _refined(slope: Callable, grid: np.ndarray) -> np.ndarray:
    """The grid with the exact minima of the slope added, so that a narrow region is not overlooked."""
    slopes = slope(grid)
    inner = (
        np.flatnonzero((slopes[1:-1] < slopes[:-2]) & (slopes[1:-1] <= slopes[2:]) & (slopes[1:-1] > 0)) + 1
    )
    found = [
        minimize_scalar(
            lambda v: float(slope(v)),
            bounds=(grid[i - 1], grid[i + 1]),
            method="bounded",
            options={"xatol": 1e-9},
        ).x
        for i in inner
    ]
    return np.unique(np.concatenate([grid, found]))


def _root(slope: Callable, left: float, right: float) -> float:
    values = float(slope(left)), float(slope(right))
    if values[0] * values[1] >= 0:
        return float(left if abs(values[0]) < abs(values[1]) else right)
    return float(brentq(lambda v: float(slope(v)), left, right, xtol=1e-13))
