"""The largest time step of a rule: up to which it lets every mode decay that decays in the continuous equation.

Along the branch of equilibria and where a reset leads, the eigenvalues of the continuous Jacobian say which modes
decay; those of the rule's own Jacobian, the multipliers of one step, say what the rule makes of them. Both are derived
from the declaration. Each multiplier is followed from small steps on, where it is that of its mode, so that none stands
in for another.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import sympy
from scipy.optimize import linear_sum_assignment

from conductance.derivation.program import Program, names, tangent
from conductance.derivation.rules import Rule
from conductance.neurons.base import DT, INPUT, Event, Neuron
from conductance.neurons.spiking import spike_threshold
from conductance.shaping.equilibria import Branch
from conductance.shaping.flow import numbers_for
from conductance.surrogates import SpikeStep

DAMPING = 0.5
"""A mode is asked to decay in the rule if its decay rate is at least this part of its eigenvalue's magnitude.
Near a Hopf point modes hardly decay, and there every explicit rule has a largest step that goes to zero."""
FINEST = 1e-2
"""First step tried, over the inverse of the largest eigenvalue."""
COARSEST = 30.0
"""Last step tried, over the inverse of the smallest eigenvalue: in one such step the mode decays below rounding, so
a rule that is stable up to there counts as always stable."""
GROWTH = 1.08
"""From one step that is tried to the next."""
ROUNDING = 1e-9
"""A multiplier grows if it exceeds 1 by more than this."""
VOLTAGES = 41
"""Points of the branch that are looked at before the worst is refined."""
EXACT_ORDER = 50
"""A rule of this order or above is exact."""


@dataclass(frozen=True, kw_only=True)
class StableStep:
    """The largest stable time step and where it comes from.

    Attributes:
        dt: in tau_m, infinite where the rule is stable at every step.
        voltage: of the equilibrium that limits it, or of the reset, in V0; NaN where nothing does.
        eigenvalue: of the continuous mode that the rule makes grow, in 1/tau_m; NaN where nothing does.
        after_reset: whether it is the state after a spike that limits it.
    """

    dt: float
    voltage: float = math.nan
    eigenvalue: complex = complex(math.nan)
    after_reset: bool = False


@lru_cache(maxsize=64)
def step_jacobian(rule: Rule) -> Callable[..., list[list[np.ndarray]]]:
    """The derivatives of the next states by the states, without spikes and noise: the rows of a matrix as a numpy
    function of the states, the input, dt and the parameters, in the order of the declaration.
    """
    states = rule.neuron.state_symbols
    still: dict[sympy.Basic, sympy.Expr] = dict.fromkeys(rule.noise_symbols, sympy.S.Zero)

    def silent(expression: sympy.Expr) -> sympy.Expr:
        spikes = dict.fromkeys(expression.atoms(SpikeStep), sympy.S.Zero)
        return expression.xreplace({**still, **spikes})

    places = (*states, INPUT, DT, *(parameter.symbol for parameter in rule.neuron.parameters))
    steps = tuple((name, silent(step)) for name, step in (*rule.constants, *rule.body.assignments))
    outputs = tuple(silent(sympy.sympify(output)) for output in rule.body.outputs[: len(states)])
    whole = tangent(Program(inputs=places, assignments=steps, outputs=outputs), states, names("slope_"))
    # numpy's printer has no form of a condition that chooses between conditions
    written = [(name, step.replace(sympy.ITE, _chosen)) for name, step in whole.assignments]
    flat = [entry.replace(sympy.ITE, _chosen) for entry in whole.outputs]
    rows = [flat[k : k + len(states)] for k in range(0, len(flat), len(states))]
    # numpy's forms of our own functions are looked for in what is given
    given = [*(step for _, step in written), rows]
    return sympy.lambdify(places, given, "numpy", cse=lambda _: (written, rows))


def _chosen(condition: sympy.Basic, yes: sympy.Basic, no: sympy.Basic) -> sympy.Basic:
    return sympy.Or(sympy.And(condition, yes), sympy.And(sympy.Not(condition), no))


def largest_stable_dt(
    rule: Rule,
    values: Mapping[str, float] | None = None,
    *,
    low: float | None = None,
    high: float | None = None,
    damping: float = DAMPING,
) -> StableStep:
    """The largest dt for which every decaying mode decays in the rule, at the equilibria between two voltages and where
    a spike's reset leads: from -200 V0 a forward Euler step of 0.2 would take a QIF neuron to +7840.

    Args:
        rule: from `derive`.
        values: parameter values other than the declaration's.
        low: lowest membrane voltage in V0; that of the neuron's I-V curves where not given.
        high: highest membrane voltage in V0, likewise.
        damping: modes whose decay rate is below this part of their magnitude are not asked to decay.

    A neuron of arrivals has no held current; its equilibria are those without input. An exact rule has no largest step,
    nor has a map, which has no time step at all.
    """
    if is_exact(rule):
        return StableStep(dt=math.inf)
    branch = Branch(rule.neuron, values)
    between, after = _between_spikes(rule, branch, low, high, damping), _after_reset(rule, branch, damping)
    return min(between, after, key=lambda step: step.dt)


def is_exact(rule: Rule) -> bool:
    """Whether the rule has no error but rounding between spikes: a map, or an exact method."""
    return rule.order >= EXACT_ORDER


def _after_reset(rule: Rule, branch: Branch, damping: float) -> StableStep:
    """The largest step from where the reset leads, all other states being where they settle at the threshold."""
    event = rule.neuron.event
    if event is None:
        return StableStep(dt=math.inf)
    threshold = np.array([spike_threshold(rule.neuron, branch.values)])
    states = _states_after(rule.neuron, event, branch.values, branch.states(threshold))
    points = Points(states=states, currents=np.zeros(1), rates=branch.rates(states, np.zeros(1)))
    limits, rates = _limits(_multipliers(rule, branch), points, damping)
    if math.isinf(limits[0]):
        return StableStep(dt=math.inf)
    return StableStep(
        dt=float(limits[0]), voltage=float(states[0, 0]), eigenvalue=complex(rates[0]), after_reset=True
    )


def _states_after(
    neuron: Neuron, event: Event, values: Mapping[str, float], before: np.ndarray
) -> np.ndarray:
    """(point, state) the states after a spike from those before it."""
    numbers = numbers_for(neuron, values)
    following = [sympy.sympify(event.reset.get(s, s)).xreplace(numbers) for s in neuron.state_symbols]
    columns = sympy.lambdify(list(neuron.state_symbols), following, "numpy")(*before.T)
    return np.stack([np.broadcast_to(column, len(before)) for column in columns], axis=1)


def _between_spikes(
    rule: Rule, branch: Branch, low: float | None, high: float | None, damping: float
) -> StableStep:
    """The largest step at the equilibria."""
    if rule.neuron.arrivals:
        voltages = np.array([point.voltage for point in branch.equilibria(0.0)])
    else:
        ends = branch.low if low is None else low, branch.high if high is None else high
        voltages = np.linspace(*ends, VOLTAGES)
        voltages = voltages[branch.below_threshold(voltages)]
    if not voltages.size:
        return StableStep(dt=math.inf)
    multipliers = _multipliers(rule, branch)
    limits, rates = _limits(multipliers, _points(rule, branch, voltages), damping)
    place = int(np.argmin(limits))
    worst = StableStep(dt=float(limits[place]))
    if math.isfinite(worst.dt):
        worst = StableStep(dt=worst.dt, voltage=float(voltages[place]), eigenvalue=complex(rates[place]))
    if math.isinf(worst.dt) or rule.neuron.arrivals or place in (0, voltages.size - 1):
        return worst
    near = np.linspace(voltages[place - 1], voltages[place + 1], VOLTAGES)
    limits, rates = _limits(multipliers, _points(rule, branch, near), damping)
    place = int(np.argmin(limits))
    return StableStep(dt=float(limits[place]), voltage=float(near[place]), eigenvalue=complex(rates[place]))


@dataclass(frozen=True, kw_only=True)
class Points:
    """Places in the space of states: (point, state) states, (point,) currents held there, and the (point, state)
    eigenvalues of the continuous equation.
    """

    states: np.ndarray
    currents: np.ndarray
    rates: np.ndarray

    def select(self, chosen: np.ndarray) -> "Points":
        """Some of the points."""
        return Points(states=self.states[chosen], currents=self.currents[chosen], rates=self.rates[chosen])


def _points(rule: Rule, branch: Branch, voltages: np.ndarray) -> Points:
    """The equilibria at voltages."""
    currents = np.zeros_like(voltages) if rule.neuron.arrivals else branch.currents(voltages)
    return Points(states=branch.states(voltages), currents=currents, rates=branch.eigenvalues(voltages))


Multipliers = Callable[[Points, np.ndarray], np.ndarray]


def _multipliers(rule: Rule, branch: Branch) -> Multipliers:
    """(point, state) eigenvalues of the rule's Jacobian at points, each with its own step."""
    function = step_jacobian(rule)
    values = [branch.values[parameter.name] for parameter in rule.neuron.parameters]

    def evaluated(points: Points, steps: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            rows = function(*points.states.T, points.currents, steps, *values)
        matrix = np.stack([np.stack([np.broadcast_to(x, steps.shape) for x in row], -1) for row in rows], -2)
        return np.linalg.eigvals(np.where(np.isfinite(matrix), matrix, 1e300))

    return evaluated


def asked_to_decay(rates: np.ndarray, damping: float) -> np.ndarray:
    """(point, state) which modes a rule is asked to let decay."""
    return (rates.real < 0) & (-rates.real >= damping * np.abs(rates))


def _limits(multipliers: Multipliers, points: Points, damping: float) -> tuple[np.ndarray, np.ndarray]:
    """The largest stable step at each point, and the eigenvalue of the mode that limits it."""
    rates = points.rates
    size = len(rates)
    asked = asked_to_decay(rates, damping)
    limits, modes = np.full(size, math.inf), np.zeros(size, int)
    if not asked.any():
        return limits, rates[:, 0]
    first, last = FINEST / np.abs(rates).max(), COARSEST / np.abs(rates[asked]).min()
    before = np.exp(rates * first / GROWTH)
    now = _matched(np.exp(rates * first), multipliers(points, np.full(size, first)))
    step = first
    while step < last and np.isinf(limits).any():
        found = multipliers(points, np.full(size, step * GROWTH))
        # the straight continuation tells apart two multipliers that cross
        following = _matched(now + (now - before) * GROWTH, found)
        growing = asked & (np.abs(following) >= 1 + ROUNDING) & np.isinf(limits)[:, None]
        # where two real multipliers cross they may be taken for each other: one must really have left
        hit = growing.any(axis=1) & (_decaying(following) < _decaying(now))
        if hit.any():
            modes[hit] = np.argmax(growing[hit], axis=1)
            limits[hit] = _bisected(multipliers, points.select(hit), step, step * GROWTH, _decaying(now[hit]))
        before, now, step = now, following, step * GROWTH
    return limits, rates[np.arange(size), modes]


def _matched(expected: np.ndarray, found: np.ndarray) -> np.ndarray:
    """The eigenvalues (voltage, state) in the order of the expected ones."""
    distances = np.abs(expected[:, :, None] - found[:, None, :])
    order = np.array([linear_sum_assignment(distance)[1] for distance in distances])
    return np.take_along_axis(found, order, axis=1)


def _decaying(found: np.ndarray) -> np.ndarray:
    """(voltage,) how many multipliers let their mode decay."""
    return (np.abs(found) < 1).sum(axis=1)


def _bisected(
    multipliers: Multipliers, points: Points, low: float, high: float, decaying: np.ndarray
) -> np.ndarray:
    """The step between two at which one of the `decaying` multipliers of each point begins to grow."""
    lows, highs = np.full(len(decaying), low), np.full(len(decaying), high)
    for _ in range(40):
        middle = (lows + highs) / 2
        grows = _decaying(multipliers(points, middle)) < decaying
        highs, lows = np.where(grows, middle, highs), np.where(grows, lows, middle)
    return lows
