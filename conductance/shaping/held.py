"""A whole layer under held inputs: the continuous rung between the update rule and the circuit.

All neurons advance together as arrays, each with its own step: Dormand & Prince's method of order 8 with its error
estimate, restarted at every change of the input. Events are found by Newton's method on the length of the step.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import sympy
from scipy.integrate import DOP853

from conductance.neurons.base import INPUT, SPIKE, Neuron
from conductance.shaping.flow import FlowError, held_derivatives, numbers_for, refuse_spike_currents

SHORTEST = 1e-10
"""A step shorter than this (tau_m) that is still not accurate enough is a solution that runs away."""
EVENT_LOOKS = 60
"""Newton steps, guarded by bisection, that find an event inside a step."""


@dataclass(frozen=True, kw_only=True)
class HeldTrace:
    """States of a layer at the ends of equal pieces of time.

    Attributes:
        time: (time,) ends of the pieces, in tau_m.
        states: (time, neuron, state) at those ends, membrane first, in V0.
        spikes: (time, neuron) number of events inside each piece.
        spike_times: for each neuron the times of its events, in tau_m.
    """

    time: np.ndarray
    states: np.ndarray
    spikes: np.ndarray
    spike_times: tuple[np.ndarray, ...]


def integrate_held(
    neuron: Neuron,
    inputs: np.ndarray,
    *,
    dt: float,
    values: Mapping[str, float | Sequence[float] | np.ndarray] | None = None,
    start: Sequence[float] | np.ndarray | None = None,
    samples: int = 1,
    rtol: float = 1e-8,
) -> HeldTrace:
    """Integrate the continuous equation of every neuron of a layer, each input held for `dt`.

    Args:
        neuron: the declaration.
        inputs: (time, neuron) inputs as a layer takes them: held currents, or for a neuron of arrivals the charges
            that arrive at the beginning of each interval.
        dt: length of an interval, in tau_m.
        values: parameter values, a number or one per neuron; the declaration's defaults elsewhere.
        start: states at time 0, (state,) or (neuron, state); the declared initial states where not given.
        samples: equal pieces of each interval at whose ends the states are wanted.
        rtol: relative tolerance of each step; the absolute one is a tenth of it.

    Raises:
        FlowError: wrong shapes, not finite, a neuron without continuous form, a solution that runs away.
    """
    currents = np.asarray(inputs, float)
    if currents.ndim != 2 or not currents.size or not np.isfinite(currents).all():
        raise FlowError(
            f"neuron {neuron.name}: inputs of shape {currents.shape} must be finite numbers (time, neuron), not empty"
        )
    if not (np.isfinite(dt) and dt > 0 and samples >= 1):
        raise FlowError(
            f"neuron {neuron.name}: dt = {dt} must be positive and samples = {samples} at least 1"
        )
    table, numbers = _per_neuron(neuron, values or {}, currents.shape[1])
    equation = _Equations(neuron, numbers)
    state = _start(neuron, table, start, currents.shape[1])
    stepper = _Stepper(equation, rtol, currents.shape[1])
    piece = dt / samples
    states, spikes = [], []
    for index, held in enumerate(currents):
        if equation.arrive is not None:
            state = equation.arrived(state, held)
            held = np.zeros_like(held)
        for sample in range(samples):
            state, counts = stepper.advance(state, held, index * dt + sample * piece, piece)
            states.append(state.T)
            spikes.append(counts)
    return HeldTrace(
        time=piece * np.arange(1, len(states) + 1),
        states=np.array(states),
        spikes=np.array(spikes),
        spike_times=tuple(np.array(times) for times in stepper.spike_times),
    )


def _per_neuron(neuron: Neuron, values: Mapping, size: int) -> tuple[list[dict[str, float]], np.ndarray]:
    """Checked values of each neuron, and the same as (parameter, neuron)."""
    columns = {}
    for name, value in values.items():
        column = np.asarray(value, float)
        if column.ndim > 1 or (column.ndim == 1 and column.size != size):
            raise FlowError(
                f"neuron {neuron.name}: parameter {name} has shape {column.shape}; give one number or {size}"
            )
        columns[name] = np.broadcast_to(column, size)
    table = []
    for index in range(size):
        own = {name: float(column[index]) for name, column in columns.items()}
        table.append(neuron.check_values(own, owner=f"neuron {neuron.name}, {index} of the layer"))
        if any(SPIKE in state.total.free_symbols for state in neuron.states):
            refuse_spike_currents(neuron, numbers_for(neuron, table[-1]))
    return table, np.array([[row[p.name] for row in table] for p in neuron.parameters])


def _start(neuron: Neuron, table: list[dict[str, float]], start: object, size: int) -> np.ndarray:
    if start is None:
        parameters = [parameter.symbol for parameter in neuron.parameters]
        initial = sympy.lambdify(
            parameters, [sympy.sympify(state.initial) for state in neuron.states], modules="math"
        )
        return np.array([initial(*row.values()) for row in table], float).T.copy()
    given = np.asarray(start, float)
    if given.shape not in {(len(neuron.states),), (size, len(neuron.states))} or not np.isfinite(given).all():
        raise FlowError(
            f"neuron {neuron.name}: start of shape {given.shape} must be finite, ({len(neuron.states)},) or "
            f"({size}, {len(neuron.states)})"
        )
    return np.broadcast_to(given, (size, len(neuron.states))).T.copy()


class _Equations:
    """The declaration as functions of arrays: states (state, neuron), input (neuron,), parameters (name, neuron)."""

    def __init__(self, neuron: Neuron, numbers: np.ndarray) -> None:
        self.neuron, self.numbers = neuron, numbers
        self.symbols = [*neuron.state_symbols, INPUT, *(parameter.symbol for parameter in neuron.parameters)]
        self.arrive: Callable | None = None
        self.margin: Callable | None = None
        self.reset: Callable | None = None
        states = neuron.state_symbols
        slopes = held_derivatives(neuron)
        if neuron.arrivals:
            slopes = {symbol: slope.subs(INPUT, 0) for symbol, slope in slopes.items()}
            self.arrive = self._function(
                [sympy.sympify(neuron.arrivals.get(state, state)) for state in states]
            )
        slopes = {symbol: slope.subs(SPIKE, 0) for symbol, slope in slopes.items()}
        self.slopes = self._function(list(slopes.values()))
        if neuron.event is not None:
            margin, reset = neuron.event.margin, neuron.event.reset
            speed = sympy.Add(*[margin.diff(state) * slopes[state] for state in states])
            self.margin = self._function([margin, speed])
            self.reset = self._function([sympy.sympify(reset.get(state, state)) for state in states])

    def _function(self, results: list[sympy.Expr]) -> Callable:
        return sympy.lambdify(self.symbols, results, modules="numpy", cse=True)

    def evaluate(
        self, function: Callable | None, state: np.ndarray, held: np.ndarray, numbers: np.ndarray
    ) -> np.ndarray:
        """One of the functions at (state, neuron), as (result, neuron)."""
        if function is None:
            raise FlowError(f"neuron {self.neuron.name}: it declares no such function")
        results = function(*state, held, *numbers)
        return np.array([np.broadcast_to(result, held.shape) for result in results])

    def arrived(self, state: np.ndarray, charges: np.ndarray) -> np.ndarray:
        """States after the charges of an interval arrived."""
        return state if self.arrive is None else self.evaluate(self.arrive, state, charges, self.numbers)


class _Stepper:
    """Steps of the whole layer; remembers each neuron's step length and events."""

    def __init__(self, equations: _Equations, rtol: float, size: int) -> None:
        self.equations, self.rtol = equations, rtol
        self.length = np.full(size, np.inf)
        self.spike_times: list[list[float]] = [[] for _ in range(size)]

    def advance(
        self, state: np.ndarray, held: np.ndarray, begin: float, span: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """States (state, neuron) after `span` under one held input, and the events of each neuron."""
        state, left = state.copy(), np.full(held.shape, span)
        counts = np.zeros(held.shape, int)
        active = np.arange(held.size)
        while active.size:
            step = np.minimum(self.length[active], left[active])
            chosen = state[:, active], held[active], self.equations.numbers[:, active]
            # an overflow inside a step that is too long only means that the step is refused
            with np.errstate(over="ignore", invalid="ignore"):
                after, error = self._step(*chosen, step)
            fine = error <= 1
            bound = np.where(fine, 10.0, 0.5)
            with np.errstate(divide="ignore"):
                self.length[active] = step * np.clip(0.9 * error ** (-1 / 8), 0.2, bound)
            if (step[~fine] < SHORTEST).any():
                lost = active[~fine][int(np.argmin(step[~fine]))]
                raise FlowError(
                    f"neuron {self.equations.neuron.name}, {lost} of the layer: the solution runs away near "
                    f"t = {begin + span - left[lost]:g} from state {state[:, lost]}"
                )
            if self.equations.margin is not None:
                after, step, fired = self._events(*chosen, step, after, fine)
                for index in active[fired]:
                    counts[index] += 1
                for index, length in zip(active[fired], step[fired], strict=True):
                    self.spike_times[index].append(begin + span - left[index] + length)
            state[:, active[fine]] = after[:, fine]
            left[active[fine]] -= step[fine]
            active = active[left[active] > span * 1e-14]
        return state, counts

    def _step(
        self, state: np.ndarray, held: np.ndarray, numbers: np.ndarray, step: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """One step of each neuron's own length, and its error over the tolerance (infinite where it overflowed)."""
        equations = self.equations
        stages = np.zeros((13, *state.shape))
        stages[0] = equations.evaluate(equations.slopes, state, held, numbers)
        for row in range(1, 12):
            inner = state + step * np.tensordot(DOP853.A[row, :row], stages[:row], 1)
            stages[row] = equations.evaluate(equations.slopes, inner, held, numbers)
        after = state + step * np.tensordot(DOP853.B, stages[:12], 1)
        stages[12] = equations.evaluate(equations.slopes, after, held, numbers)
        scale = self.rtol * (0.1 + np.maximum(np.abs(state), np.abs(after)))
        fifth = np.linalg.norm(np.tensordot(DOP853.E5, stages, 1) / scale, axis=0)
        third = np.linalg.norm(np.tensordot(DOP853.E3, stages, 1) / scale, axis=0)
        together = np.sqrt(fifth**2 + 0.01 * third**2) * np.sqrt(len(state))
        error = step * np.divide(fifth**2, together, out=np.zeros_like(fifth), where=together != 0)
        return after, np.where(np.isfinite(error) & np.isfinite(after).all(axis=0), error, np.inf)

    def _events(
        self, state: np.ndarray, held: np.ndarray, numbers: np.ndarray, step: np.ndarray, after: np.ndarray,
        fine: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
        """Cut the accepted steps that end above threshold at their event, and reset there."""
        equations = self.equations
        fired = fine & (equations.evaluate(equations.margin, after, held, numbers)[0] > 0)
        if not fired.any():
            return after, step, fired
        state, held, numbers = state[:, fired], held[fired], numbers[:, fired]
        low, high = np.zeros(held.shape), step[fired].copy()
        at = high.copy()
        reached = after[:, fired]
        for _ in range(EVENT_LOOKS):
            margin, speed = equations.evaluate(equations.margin, reached, held, numbers)
            low, high = np.where(margin <= 0, at, low), np.where(margin > 0, at, high)
            with np.errstate(divide="ignore", invalid="ignore"):
                newton = at - margin / speed
            inside = (newton >= low) & (newton <= high)
            following = np.where(inside, newton, (low + high) / 2)
            done = np.abs(following - at) <= 1e-14 + 1e-12 * at
            at = following
            reached, _ = self._step(state, held, numbers, at)
            if done.all():
                break
        cut, shorter = after.copy(), step.copy()
        cut[:, fired] = equations.evaluate(equations.reset, reached, held, numbers)
        shorter[fired] = at
        self._refuse_endless(cut[:, fired], held, numbers)
        return cut, shorter, fired

    def _refuse_endless(self, state: np.ndarray, held: np.ndarray, numbers: np.ndarray) -> None:
        equations = self.equations
        if (equations.evaluate(equations.margin, state, held, numbers)[0] >= 0).any():
            raise FlowError(
                f"neuron {equations.neuron.name}: its reset is above threshold, so it would spike for ever; "
                f"lower the reset or raise the threshold"
            )
