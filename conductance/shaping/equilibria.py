"""Equilibria of a neuron over its input current, with their stability.

Every current of a declared neuron is explicit in the voltage, so the branch of equilibria is explicit too,
I = I_ss(V): no continuation is needed. Folds are the extrema of I_ss; stability is that of the symbolic Jacobian.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import sympy
from scipy.optimize import brentq

from conductance.elements import TIMESCALES
from conductance.errors import refuse_truth_values
from conductance.neurons.base import INPUT, SPIKE, Neuron
from conductance.shaping.curves import (
    FLAT,
    CurveError,
    negative_slope_regions,
    settled,
    steady_curve,
    voltage_range,
)
from conductance.shaping.flow import held_derivatives, numbers_for

FARTHEST = 1e4
"""No equilibrium is looked for beyond this voltage, in V0."""


@dataclass(frozen=True, kw_only=True)
class Equilibrium:
    """A state in which a neuron stays under a held current.

    Attributes:
        voltage: of the membrane, in V0.
        current: that is held, in current units.
        states: all states, membrane first, in V0.
        eigenvalues: of the Jacobian there, in 1/tau_m, complex.
    """

    voltage: float
    current: float
    states: tuple[float, ...]
    eigenvalues: tuple[complex, ...]

    @property
    def stable(self) -> bool:
        """Whether every small deviation decays."""
        return all(value.real < 0 for value in self.eigenvalues)


class Branch:
    """All equilibria of a neuron at given parameter values, as functions of the membrane voltage.

    Raises:
        CurveError: I_ss does not depend on the voltage, so that equilibria fill an interval of voltages.
    """

    def __init__(self, neuron: Neuron, values: Mapping[str, float] | None = None) -> None:
        self.neuron = neuron
        full = neuron.check_values(values or {}, owner=f"neuron {neuron.name}")
        self.values: dict[str, float] = full
        numbers = {**numbers_for(neuron, full), SPIKE: sympy.S.Zero}
        self.low, self.high = voltage_range(neuron, full)
        chosen = steady_curve(neuron)
        self._curve, self.currents = chosen, chosen.function(full)
        slopes = chosen.function(full, slope=True)(np.linspace(self.low, self.high, 101))
        if np.abs(slopes).max() < FLAT:
            raise CurveError(
                f"neuron {neuron.name}: its steady current is the same at every voltage, so equilibria fill "
                f"an interval; change a gain"
            )
        membrane = neuron.membrane.symbol
        steady = {**settled(neuron, list(TIMESCALES)), membrane: membrane}
        places = [sympy.sympify(steady[symbol]).xreplace(numbers) for symbol in neuron.state_symbols]
        self._states = sympy.lambdify(membrane, places, modules="numpy")
        derivatives = [slope.xreplace(numbers) for slope in held_derivatives(neuron).values()]
        matrix = sympy.Matrix(derivatives).jacobian(list(neuron.state_symbols))
        self._jacobian = sympy.lambdify(
            [*neuron.state_symbols, INPUT], matrix.tolist(), modules="numpy", cse=True
        )
        self._margin: Callable | None = None
        if neuron.event is not None:
            self._margin = sympy.lambdify(
                list(neuron.state_symbols), neuron.event.margin.xreplace(numbers), "numpy"
            )

    def states(self, voltages: np.ndarray) -> np.ndarray:
        """(voltage, state) settled states."""
        points = np.atleast_1d(np.asarray(voltages, float))
        return np.stack([np.broadcast_to(column, points.shape) for column in self._states(points)], axis=1)

    def jacobians(self, voltages: np.ndarray) -> np.ndarray:
        """(voltage, state, state) Jacobians of the continuous equation at the equilibria."""
        points = np.atleast_1d(np.asarray(voltages, float))
        return self._jacobians(self.states(points), self.currents(points))

    def _jacobians(self, states: np.ndarray, currents: np.ndarray) -> np.ndarray:
        rows = self._jacobian(*states.T, currents)
        return np.stack(
            [np.stack([np.broadcast_to(entry, len(states)) for entry in row], axis=-1) for row in rows],
            axis=-2,
        )

    def rates(self, states: np.ndarray, currents: np.ndarray) -> np.ndarray:
        """(point, state) eigenvalues of the Jacobian at any states under held currents, in 1/tau_m."""
        return np.linalg.eigvals(self._jacobians(states, currents))

    def eigenvalues(self, voltages: np.ndarray) -> np.ndarray:
        """(voltage, state) eigenvalues of those Jacobians, in 1/tau_m."""
        return np.linalg.eigvals(self.jacobians(voltages))

    def below_threshold(self, voltages: np.ndarray) -> np.ndarray:
        """Whether the neuron can be at these equilibria: those above its event's threshold are never reached."""
        states = self.states(voltages)
        if self._margin is None:
            return np.ones(len(states), bool)
        return np.broadcast_to(self._margin(*states.T) <= 1e-12, len(states))

    @cached_property
    def turns(self) -> tuple[float, ...]:
        """Voltages of the folds, the extrema of I_ss."""
        regions = negative_slope_regions(self._curve, self.values, low=self.low, high=self.high)
        ends = [end for region in regions for end in (region.lower, region.upper) if np.isfinite(end)]
        return tuple(end for end in ends if self.below_threshold(np.array([end]))[0])

    def equilibria(self, current: float) -> tuple[Equilibrium, ...]:
        """All equilibria under one held current, by increasing voltage."""
        beyond = self._reach(self.low, -1.0, current), self._reach(self.high, 1.0, current)
        edges = sorted({beyond[0], self.low, *self.turns, self.high, beyond[1]})
        found: list[float] = []
        for left, right in pairwise(edges):
            ends = float(self.currents(left)) - current, float(self.currents(right)) - current
            if ends[0] * ends[1] < 0:
                found.append(brentq(lambda v: float(self.currents(v)) - current, left, right, xtol=1e-13))
            else:
                found += [place for place, end in zip((left, right), ends, strict=True) if abs(end) < 1e-13]
        unique = [v for i, v in enumerate(sorted(found)) if i == 0 or v - sorted(found)[i - 1] > 1e-9]
        return tuple(self.at(v) for v in unique if self.below_threshold(np.array([v]))[0])

    def _reach(self, edge: float, direction: float, current: float) -> float:
        """A voltage beyond `edge` where the curve is on the other side of `current`, or `edge` without one."""
        side = np.sign(float(self.currents(edge)) - current)
        distance = self.high - self.low
        while distance < FARTHEST:
            with np.errstate(over="ignore"):  # a current beyond all numbers is on a side too
                found = np.sign(float(self.currents(edge + direction * distance)) - current)
            if found != side:
                return edge + direction * distance
            distance *= 2
        return edge

    def at(self, voltage: float) -> Equilibrium:
        """The equilibrium at one membrane voltage, whatever current it takes."""
        point = np.array([voltage])
        return Equilibrium(
            voltage=float(voltage),
            current=float(self.currents(point)[0]),
            states=tuple(float(value) for value in self.states(point)[0]),
            eigenvalues=tuple(complex(value) for value in self.eigenvalues(point)[0]),
        )


def equilibria(
    neuron: Neuron, current: float, values: Mapping[str, float] | None = None
) -> tuple[Equilibrium, ...]:
    """All equilibria of a neuron under a held current, by increasing voltage.

    Args:
        neuron: the declaration.
        current: held on the membrane, in current units.
        values: parameter values other than the declaration's.
    """
    refuse_truth_values(f"neuron {neuron.name}", current=current, values=values)
    return Branch(neuron, values).equilibria(current)
