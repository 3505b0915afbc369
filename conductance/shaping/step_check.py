"""Whether a rule's time step is too long, for all neurons of a layer at once and in milliseconds.

At one given step no mode is followed from small steps on, as `largest_stable_dt` does: more growing multipliers than
modes that may grow raise a suspicion, and that function then decides.
"""

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
import sympy

from conductance.derivation.rules import Rule
from conductance.elements import TIMESCALES
from conductance.neurons.base import DT, INPUT, SPIKE
from conductance.shaping.curves import MARGIN, CurveError, settled, steady_curve, voltage_range
from conductance.shaping.flow import held_derivatives
from conductance.shaping.stability import (
    DAMPING,
    ROUNDING,
    StableStep,
    asked_to_decay,
    is_exact,
    largest_stable_dt,
    step_jacobian,
)

VOLTAGES = 21
"""Points of the branch that are looked at."""


@lru_cache(maxsize=64)
def step_check(rule: Rule) -> "StepCheck":
    """The check of a rule, its functions derived once."""
    return StepCheck(rule)


class StepCheck:
    """The check of one rule."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        neuron = rule.neuron
        membrane = neuron.membrane.symbol
        self._parameters = [parameter.symbol for parameter in neuron.parameters]
        # first: what has no closed form is told before all that follows is derived
        steady = {**settled(neuron, list(TIMESCALES)), membrane: membrane}
        places = [*neuron.state_symbols, INPUT, DT, *self._parameters]
        slopes = [sympy.sympify(slope).subs(SPIKE, 0) for slope in held_derivatives(neuron).values()]
        continuous = sympy.Matrix(slopes).jacobian(list(neuron.state_symbols)).tolist()
        self._continuous = sympy.lambdify(places, continuous, "numpy", cse=True)
        self._discrete = step_jacobian(rule)
        where = [steady[symbol] for symbol in neuron.state_symbols]
        self._settled = sympy.lambdify([membrane, *self._parameters], where, "numpy")
        curve = steady_curve(neuron)
        held = sympy.S.Zero if neuron.arrivals else curve.current.subs(curve.voltage, membrane)
        self._held = sympy.lambdify([membrane, *self._parameters], held, "numpy")
        self._event = None
        if neuron.event is not None:
            reset = [neuron.event.reset.get(symbol, symbol) for symbol in neuron.state_symbols]
            known = [*neuron.state_symbols, *self._parameters]
            self._event = sympy.lambdify(known, [neuron.event.margin, *reset], "numpy")
            roots = sympy.solve(neuron.event.margin, membrane)
            self._threshold = sympy.lambdify(self._parameters, roots[0] if len(roots) == 1 else 0, "numpy")

    def too_long(self, values: Mapping[str, np.ndarray], dt: float) -> tuple[int, StableStep] | None:
        """The first neuron for which `dt` is above the largest stable step, and that step; None where all is well.

        Args:
            values: (neuron,) of every parameter.
            dt: in tau_m.
        """
        names = list(values)
        rows, first = np.unique(np.stack([values[name] for name in names], axis=1), axis=0, return_index=True)
        finite = np.isfinite(rows).all(axis=1)
        rows, first = rows[finite], first[finite]
        for place in np.flatnonzero(self._suspicious(rows, dt)):
            try:
                limit = largest_stable_dt(self.rule, dict(zip(names, rows[place].tolist(), strict=True)))
            except CurveError:
                continue  # its slow states settle nowhere at these values, so there is no branch to look at
            if dt > limit.dt * (1 + ROUNDING):
                return int(first[place]), limit
        return None

    def _suspicious(self, rows: np.ndarray, dt: float) -> np.ndarray:
        """(row,) whether more multipliers grow than there are modes that may."""
        columns = [column[:, None] for column in rows.T]
        shape = (len(rows), VOLTAGES)
        with np.errstate(all="ignore"):
            membrane = np.broadcast_to(self._voltages(rows), shape)
            states = _stacked(self._settled(membrane, *columns), shape)
            currents = np.broadcast_to(self._held(membrane, *columns), shape)
            found = self._growing(states, currents, columns, dt)
            if self._event is None:
                return np.any(found, axis=1)
            margin, *_ = self._event(*states, *columns)
            found = found & (np.broadcast_to(margin, shape) <= 0)
            # the states after a spike, all others being where they settle at the threshold
            threshold = np.broadcast_to(self._threshold(*columns), (len(rows), 1))
            before = _stacked(self._settled(threshold, *columns), threshold.shape)
            after = _stacked(self._event(*before, *columns)[1:], threshold.shape)
            reset = self._growing(after, np.zeros_like(threshold), columns, dt)
        return np.any(found | reset, axis=1)

    def _voltages(self, rows: np.ndarray) -> np.ndarray:
        """(1, voltage) from below the lowest offset of any neuron to above the highest."""
        neuron = self.rule.neuron
        if neuron.arrivals:
            return np.zeros((1, VOLTAGES))
        low, high = voltage_range(neuron)
        places = [k for k, parameter in enumerate(neuron.parameters) if parameter.unit == "V0"]
        low = min([low, *(rows[:, k].min() - MARGIN for k in places)])
        high = max([high, *(rows[:, k].max() + MARGIN for k in places)])
        return np.linspace(low, high, VOLTAGES)[None]

    def _growing(
        self, states: np.ndarray, currents: np.ndarray, columns: list[np.ndarray], dt: float
    ) -> np.ndarray:
        """(row, voltage) whether more multipliers grow than there are modes that may."""
        rates = _eigenvalues(self._continuous(*states, currents, dt, *columns), currents.shape)
        multipliers = _eigenvalues(self._discrete(*states, currents, dt, *columns), currents.shape)
        allowed = (~asked_to_decay(rates, DAMPING)).sum(axis=-1)
        return (np.abs(multipliers) >= 1 + ROUNDING).sum(axis=-1) > allowed


def check_step(rule: Rule, values: Mapping[str, np.ndarray], dt: float) -> tuple[int, StableStep] | None:
    """The first neuron for which a time step is too long, and its largest stable one; None where all is well.

    Exact rules and maps have no largest step, and a neuron whose slow states settle only together is not checked.

    Args:
        rule: from `derive`.
        values: (neuron,) of every parameter, in declared order.
        dt: in tau_m.
    """
    if is_exact(rule):
        return None
    try:
        check = step_check(rule)
    except CurveError:
        return None
    return check.too_long(values, dt)


def _stacked(columns: list, shape: tuple[int, ...]) -> np.ndarray:
    return np.stack([np.broadcast_to(column, shape) for column in columns])


def _eigenvalues(rows: list, shape: tuple[int, ...]) -> np.ndarray:
    matrix = np.stack([np.stack([np.broadcast_to(x, shape) for x in row], -1) for row in rows], -2)
    return np.linalg.eigvals(np.where(np.isfinite(matrix), matrix, 1e300))
