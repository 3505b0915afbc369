"""The package's own tight integrator: a neuron's continuous equation under held currents.

The solver restarts at every change of the input, at every event with its reset and at every arrival; nothing is
interpolated across a jump. Crossings are roots of the solver's dense output.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from scipy.integrate import OdeSolution, solve_ivp
from scipy.optimize import brentq

from conductance.errors import refuse_truth_values
from conductance.neurons.base import Neuron
from conductance.shaping.flow import Flow, FlowError, flow, starting_state
from conductance.stimulus import Arrivals, Stimulus

SOLVERS = ("DOP853", "LSODA", "Radau")
"""Solvers of scipy that may be asked for. Measured at rtol 1e-9 on the slow-bursting set over 10 000 tau_m:
DOP853 0.4 s with crossings right to 1e-6, LSODA 0.15 s and 5e-5, Radau 3.6 s and 1e-6. No tolerance promises a spike
time: near a threshold a neuron can magnify an error 1e8 times, and one bursting neuron's second spike, at 529.770, came
at 529.915 by DOP853, 529.798 by Radau and 512.74 by LSODA. Whoever compares integrates with two tolerances."""
EVALUATIONS = 3_000_000
"""Of the derivative in one integration, about 100 s; 10 000 tau_m of the slow-bursting set take 13 000."""
_left: ContextVar[list[int] | None] = ContextVar("evaluations left", default=None)
LOOKS = 4
"""Points of each solver step that are looked at for crossings."""


@contextmanager
def at_most(evaluations: int) -> Iterator[None]:
    """Inside the block all integrations together may evaluate the derivative so often; then `FlowError` says so."""
    token = _left.set([evaluations])
    try:
        yield
    finally:
        _left.reset(token)


@dataclass(frozen=True, kw_only=True)
class Trace:
    """A trajectory: solver steps, and between them the solver's dense output.

    Attributes:
        neuron: whose.
        stimulus: the current that was held, in current units.
        time: (time,) solver steps in tau_m; a jump appears twice, before and after it.
        states: (time, state) in V0, membrane first.
        spikes: (spike,) times of the neuron's events; empty for a neuron without one.
    """

    neuron: Neuron = field(repr=False)
    stimulus: Stimulus
    time: np.ndarray = field(repr=False)
    states: np.ndarray = field(repr=False)
    spikes: np.ndarray
    _pieces: tuple[OdeSolution, ...] = field(repr=False)

    @property
    def voltage(self) -> np.ndarray:
        """(time,) membrane voltage at the solver steps, in V0."""
        return self.states[:, 0]

    def at(self, times: float | Sequence[float] | np.ndarray) -> np.ndarray:
        """States at any `times` (time,) of the trajectory, (time, state); at a jump, those after it."""
        wanted = np.atleast_1d(np.asarray(times, float))
        if wanted.size and (wanted.min() < self.time[0] or wanted.max() > self.time[-1]):
            raise FlowError(f"time outside the trace; allowed is [{self.time[0]:g}, {self.time[-1]:g}]")
        starts = np.array([piece.t_min for piece in self._pieces])
        place = np.searchsorted(starts, wanted, side="right") - 1
        result = np.empty((wanted.size, self.states.shape[1]))
        for index in np.unique(place):
            chosen = place == index
            result[chosen] = self._pieces[index](wanted[chosen]).T
        return result

    def extremes(self, since: float = -np.inf, *, state: int = 0) -> tuple[float, float]:
        """Lowest and highest value of a state from `since` on, from the dense output."""
        steps = self.time[self.time >= since]
        looks = (steps[:-1, None] + np.diff(steps)[:, None] * np.linspace(0, 1, 9)[:-1]).ravel()
        values = np.append(self.at(looks)[:, state], self.states[self.time >= since, state])
        return float(values.min()), float(values.max())

    def crossings(
        self, level: float = 0.0, *, state: int = 0, rising: bool = True, hysteresis: float = 0.0
    ) -> np.ndarray:
        """Times at which a state crosses `level` upwards (or downwards), as roots of the dense output.

        With a `hysteresis` a crossing counts only if the state comes from at least that far below the level and
        goes on to at least that far above it, so that grazing is none.
        """
        sign = 1.0 if rising else -1.0
        found: list[float] = []
        for piece in self._pieces:
            found += _piece_crossings(piece, state, level, sign)
        times = np.array(found)
        if hysteresis <= 0 or not times.size:
            return times
        values = sign * (self.states[:, state] - level)
        kept = []
        lowest = values[self.time <= times[0]].min(initial=np.inf)
        ends = np.append(times[1:], self.time[-1])
        for time, end in zip(times, ends, strict=True):
            inside = values[(self.time >= time) & (self.time <= end)]
            rises = inside.max(initial=-np.inf) >= hysteresis
            if rises and lowest <= -hysteresis:
                kept.append(time)
                lowest = np.inf
            lowest = min(lowest, inside.min(initial=np.inf))
        return np.array(kept)


def joined(traces: Sequence[Trace]) -> Trace:
    """One trajectory from several that follow each other."""
    times: list[float] = []
    values: list[float] = []
    for trace in traces:
        times += trace.stimulus.times
        values += trace.stimulus.values
    return Trace(
        neuron=traces[0].neuron,
        stimulus=Stimulus(tuple(times), tuple(values)),
        time=np.concatenate([trace.time for trace in traces]),
        states=np.concatenate([trace.states for trace in traces]),
        spikes=np.concatenate([trace.spikes for trace in traces]),
        _pieces=tuple(piece for trace in traces for piece in trace._pieces),
    )


def _piece_crossings(piece: OdeSolution, state: int, level: float, sign: float) -> list[float]:
    steps = piece.ts
    fractions = np.arange(LOOKS) / LOOKS
    looks = np.append((steps[:-1, None] + np.diff(steps)[:, None] * fractions).ravel(), steps[-1])
    values = sign * (piece(looks)[state] - level)
    places = np.flatnonzero((values[:-1] < 0) & (values[1:] >= 0))
    return [
        brentq(lambda t: float(piece(t)[state]) - level, looks[place], looks[place + 1], xtol=1e-12)
        for place in places
    ]


def integrate(
    neuron: Neuron,
    stimulus: Stimulus | float,
    stop: float,
    *,
    start: Sequence[float] | None = None,
    values: Mapping[str, float] | None = None,
    arrivals: Arrivals | None = None,
    rtol: float = 1e-9,
    method: str = "DOP853",
) -> Trace:
    """Integrate the continuous equation of a neuron from the stimulus' first time to `stop`.

    Args:
        neuron: the declaration.
        stimulus: the current held on the membrane, in current units; a number is held for ever. For a neuron of
            arrivals it is added to the membrane's own currents.
        stop: end, in tau_m.
        start: states at the beginning, membrane first, in V0; the declared initial states where not given.
        values: parameter values other than the declaration's.
        arrivals: input spikes, for a neuron that declares arrivals; one at the start counts, one at `stop` does not.
        rtol: relative tolerance; the absolute one is a tenth of it.
        method: solver of scipy, one of `SOLVERS`.

    Raises:
        FlowError: no continuous form, a bad start or stop, arrivals at a neuron without, a solver that gives up.
    """
    refuse_truth_values(f"neuron {neuron.name}", stop=stop, start=start, rtol=rtol)
    equation = flow(neuron, values)
    arrivals = arrivals or Arrivals()
    state = starting_state(neuron, neuron.check_values(values or {}, owner=f"neuron {neuron.name}"), start)
    stimulus = Stimulus.of(stimulus)
    begin = stimulus.times[0]
    if not (np.isfinite(stop) and stop > begin):
        raise FlowError(f"neuron {neuron.name}: stop {stop} must lie after the stimulus' start, {begin:g}")
    if arrivals.times and equation.arrive is None:
        raise FlowError(f"neuron {neuron.name}: it declares no arrivals; drive it by the stimulus")
    if arrivals.times and arrivals.times[0] < begin:
        raise FlowError(
            f"neuron {neuron.name}: arrival at {arrivals.times[0]:g} lies before the start, {begin:g}"
        )
    if method not in SOLVERS:
        raise FlowError(f"unknown solver {method!r}; allowed are {', '.join(SOLVERS)}")
    charges = dict(zip(arrivals.times, arrivals.weights, strict=True))
    edges = sorted({time for time in (*stimulus.times, *arrivals.times) if time < stop} | {stop})
    run = _Run(equation, rtol, method)
    for left, right in pairwise(edges):
        if left in charges and equation.arrive is not None:
            state = equation.arrive(state, charges[left])
        state = run.hold(state, float(stimulus.at(left)), left, right)
    return Trace(
        neuron=neuron,
        stimulus=stimulus,
        time=np.concatenate([piece.ts for piece in run.pieces]),
        states=np.concatenate(run.states),
        spikes=np.array(run.spikes),
        _pieces=tuple(run.pieces),
    )


class _Run:
    """The pieces of one trajectory, each under one current and without an event inside."""

    def __init__(self, equation: Flow, rtol: float, method: str) -> None:
        self.equation, self.rtol, self.method = equation, rtol, method
        self.left = _left.get() or [EVALUATIONS]
        self.pieces: list[OdeSolution] = []
        self.states: list[np.ndarray] = []
        self.spikes: list[float] = []

    def hold(self, state: list[float], current: float, left: float, right: float) -> list[float]:
        """Integrate under one held current, through all events, and return the state at `right`."""
        equation, name = self.equation, self.equation.neuron.name
        function, jacobian, margin = equation.derivative, equation.jacobian, equation.margin
        event = None if margin is None else _terminal(margin)
        options = {} if self.method == "DOP853" else {"jac": lambda _, y: jacobian(y.tolist(), current)}

        def rate(time: float, y: np.ndarray) -> list[float]:
            self.left[0] -= 1
            if self.left[0] < 0:
                raise FlowError(
                    f"neuron {name}: given up at t = {time:g} of {right:g}: its equation needs too many steps. It is "
                    f"stiff, or spikes very fast; integrate a shorter time, use method='Radau', or check that no time "
                    f"constant is far below tau_m"
                )
            return function(y.tolist(), current)

        while left < right:
            if margin is not None and margin(state) > 0:
                state = self._reset(state, left)
            result = solve_ivp(
                rate, (left, right), state, method=self.method, rtol=self.rtol,
                atol=self.rtol / 10, dense_output=True, events=event, **options,
            )  # fmt: skip
            if result.status < 0 or not np.isfinite(result.y).all():
                raise FlowError(
                    f"neuron {name}: the solver stopped at t = {result.t[-1]:g} with state {result.y[:, -1]} "
                    f"({result.message}); the parameters let it run away"
                )
            self.pieces.append(result.sol)
            self.states.append(result.y.T)
            left, state = float(result.t[-1]), result.y[:, -1].tolist()
            if result.status == 1:
                state = self._reset(state, left)
        return state

    def _reset(self, state: list[float], time: float) -> list[float]:
        """Note the spike and apply the reset."""
        equation = self.equation
        if equation.reset is None or equation.margin is None:
            raise FlowError(f"neuron {equation.neuron.name}: an event without a reset")
        after = equation.reset(state)
        if equation.margin(after) >= 0 or (self.spikes and time == self.spikes[-1]):
            raise FlowError(
                f"neuron {equation.neuron.name}: its reset state {after} is above threshold again at t = {time:g}, so "
                f"it would spike for ever; lower the reset or raise the threshold"
            )
        self.spikes.append(time)
        return after


def _terminal(margin: Callable) -> Callable:
    def event(_: float, state: np.ndarray) -> float:
        return margin(state)

    event.terminal = True  # type: ignore[attr-defined]
    event.direction = 1  # type: ignore[attr-defined]
    return event
