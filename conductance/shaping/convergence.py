"""How fast an update rule approaches the continuous equation as its time step shrinks.

The rule is evaluated in numpy from its sympy program; the truth is the tight integrator's. Inputs are held, so a rule's
order shows wherever every change of the input falls on a step.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import sympy
from scipy.optimize import root

from conductance.derivation.methods import METHODS
from conductance.derivation.rules import EXACT, EXPONENTIAL, Rule, derive, methods_of
from conductance.neurons import adlif, lif, low_pass, mtc, qif
from conductance.neurons.base import DT, INPUT, SPIKE, Neuron
from conductance.neurons.declared import declared_neurons
from conductance.neurons.presets import BURSTING
from conductance.shaping.flow import FlowError, starting_state
from conductance.shaping.integrate import integrate
from conductance.stimulus import Arrivals, Stimulus
from conductance.surrogates import SpikeStep

FLOOR = 1e-10
"""Errors below this are the truth's own and say nothing about the rule, in V0."""


@dataclass(frozen=True, kw_only=True)
class Convergence:
    """Errors of one rule over its time step.

    Attributes:
        neuron: whose.
        method: name of the rule.
        order: that the method claims.
        steps: (step,) time steps, in tau_m, the largest first.
        errors: (step,) largest deviation of any state at the common times, in V0; infinite where the rule runs away.
    """

    neuron: Neuron = field(repr=False)
    method: str
    order: int
    steps: np.ndarray
    errors: np.ndarray

    @property
    def exact(self) -> bool:
        """Whether no error is larger than the truth's own."""
        return bool((self.errors <= FLOOR).all())

    @property
    def slope(self) -> float:
        """Measured order: d log(error)/d log(step) over the finer half of the steps, infinite for an exact rule."""
        usable = (self.errors > FLOOR) & np.isfinite(self.errors)
        steps, errors = self.steps[usable], self.errors[usable]
        if steps.size < 2:
            return math.inf
        finer = slice(-max(2, (steps.size + 1) // 2), None)
        return float(np.polyfit(np.log(steps[finer]), np.log(errors[finer]), 1)[0])


def stepped(
    rule: Rule,
    inputs: Sequence[float] | np.ndarray,
    dt: float,
    *,
    start: Sequence[float] | None = None,
    values: Mapping[str, float] | None = None,
    noise: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """One neuron stepped by a rule in double precision, without torch.

    Args:
        rule: from `derive`.
        inputs: (time,) input of each step.
        dt: time step, in tau_m.
        start: states at the beginning, in V0; the declared initial states where not given.
        values: parameter values other than the declaration's.
        noise: (time, noisy state) draws of variance 1; 0 where not given.

    Returns:
        The states (time + 1, state) from the start on, and the outputs (time,).

    Raises:
        FlowError: the states leave the range of numbers, as where the step is too long for the rule.
    """
    full = rule.neuron.check_values(values or {}, owner=f"neuron {rule.neuron.name}")
    numbers = {**{p.symbol: full[p.name] for p in rule.neuron.parameters}, DT: dt}
    constants = {symbol: float(sympy.sympify(value).subs(numbers)) for symbol, value in rule.constants}
    spikes = {
        spike: sympy.Heaviside(spike.args[1], 0)
        for _, expression in rule.body.assignments
        for spike in sympy.sympify(expression).atoms(SpikeStep)
    }
    known: dict[sympy.Symbol, sympy.Expr] = {}
    for symbol, expression in rule.body.assignments:
        known[symbol] = sympy.sympify(expression).xreplace(spikes)
    replacements = [(symbol, expression.xreplace(constants)) for symbol, expression in known.items()]
    step = sympy.lambdify(
        [*rule.body.inputs[: len(rule.neuron.states) + 1], *rule.noise_symbols],
        [sympy.sympify(output).xreplace(constants) for output in rule.body.outputs],
        modules=["math", {"Heaviside": lambda value, _: float(value > 0)}],
        cse=lambda outputs: (replacements, outputs),
    )
    state = starting_state(rule.neuron, full, start)
    states = [state]
    outputs: list[float] = []
    drawn = np.zeros((len(inputs), len(rule.noise_symbols))) if noise is None else noise
    for current, draws in zip(np.asarray(inputs, float).tolist(), drawn.tolist(), strict=True):
        try:
            *state, output = step(*state, current, *draws)
        except OverflowError:
            raise FlowError(
                f"neuron {rule.neuron.name}: rule {rule.method} with dt = {dt:g} leaves the range of numbers in step "
                f"{len(outputs)}; take a shorter step, see conductance.shaping.stability.largest_stable_dt"
            ) from None
        states.append(state)
        outputs.append(output)
    return np.array(states), np.array(outputs)


def convergence(
    neuron: Neuron,
    method: str,
    *,
    inputs: Sequence[float],
    hold: float,
    halvings: int = 6,
    start: Sequence[float] | None = None,
    values: Mapping[str, float] | None = None,
) -> Convergence:
    """The error of a rule at the ends of held inputs, with time steps of `hold` halved again and again.

    Args:
        neuron: the declaration.
        method: name of the rule.
        inputs: (time,) inputs, each held for `hold`; for a neuron of arrivals, charges at the beginnings.
        hold: in tau_m; also the largest step.
        halvings: number of halvings of the step.
        start: states at the beginning, in V0.
        values: parameter values other than the declaration's.

    Raises:
        FlowError: the neuron has no continuous form, or it spikes: across a reset every rule is of order 1.
    """
    rule = derive(neuron, method)
    times = tuple(hold * index for index in range(len(inputs)))
    if neuron.arrivals:
        drive = {"stimulus": Stimulus.constant(0.0), "arrivals": Arrivals(times, tuple(inputs))}
    else:
        drive = {"stimulus": Stimulus(times, tuple(inputs))}
    stop = hold * len(inputs)
    truth = integrate(neuron, stop=stop, start=start, values=values, rtol=1e-12, **drive)  # type: ignore[arg-type]
    if truth.spikes.size:
        raise FlowError(
            f"neuron {neuron.name}: it spikes at t = {truth.spikes[0]:g}; measure convergence between spikes, with "
            f"less input or a shorter time"
        )
    # just before the next input arrives
    ends = np.nextafter(hold * np.arange(1, len(inputs) + 1), 0)
    right = truth.at(ends)
    steps, errors = [], []
    for halving in range(halvings + 1):
        parts = 2**halving
        fine = np.zeros((len(inputs), parts))
        fine[:, :1] = np.asarray(inputs)[:, None]
        if not neuron.arrivals:
            fine[:] = np.asarray(inputs)[:, None]
        steps.append(hold / parts)
        try:
            states, _ = stepped(rule, fine.ravel(), hold / parts, start=start, values=values)
        except FlowError:
            errors.append(math.inf)
        else:
            errors.append(float(np.nan_to_num(np.abs(states[parts::parts] - right), nan=math.inf).max()))
    return Convergence(
        neuron=neuron, method=method, order=rule.order, steps=np.array(steps), errors=np.array(errors)
    )


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A run between spikes in which the order of rules can be measured.

    Attributes:
        title: what is run.
        neuron: the declaration.
        inputs: (time,) each held for `hold`.
        hold: in tau_m.
        methods: the rules that are measured.
        exact: those of them that leave no error.
        start: states at the beginning, in V0.
    """

    title: str
    neuron: Neuron = field(repr=False)
    inputs: tuple[float, ...]
    hold: float
    methods: tuple[str, ...]
    exact: tuple[str, ...] = ()
    start: tuple[float, ...] | None = None

    def measured(self) -> tuple[Convergence, ...]:
        """The convergence of every rule of the trial."""
        return tuple(
            convergence(self.neuron, method, inputs=self.inputs, hold=self.hold, start=self.start)
            for method in self.methods
        )


def trial_of(neuron: Neuron) -> Trial:
    """A trial by the declaration alone: weak inputs from rest on, each held for half of the shortest time constant.

    That is the shortest of those that are parameters and of those that the equations have at rest: a cubic membrane has
    one that no parameter names.

    Rules that advance a single state by its exponential are exact where its equation is linear.
    """
    constants = [parameter.default for parameter in neuron.parameters if parameter.unit == "tau_m"]
    start, rates = _rest(neuron)
    constants += [1 / rate for rate in rates if rate > 0]
    methods = methods_of(neuron)
    exact = tuple(method for method in (EXACT, EXPONENTIAL) if method in methods)
    if len(neuron.states) == 1 and sympy.diff(neuron.membrane.derivative, neuron.membrane.symbol, 2) == 0:
        exact = (*EXPONENTIAL_RULES, *exact)
    return Trial(
        title=f"{neuron.name} at weak inputs", neuron=neuron, inputs=tuple(WEAK * value for value in _HELD),
        hold=0.5 * min(constants, default=1.0), methods=methods, exact=exact, start=start,
    )  # fmt: skip


def _rest(neuron: Neuron) -> tuple[tuple[float, ...], np.ndarray]:
    """The states at rest without input, or the declared start where there are none, and how fast they move there."""
    numbers = {**neuron.substitutions(), INPUT: 0.0, SPIKE: 0.0}
    derivatives = sympy.Matrix([state.derivative for state in neuron.states]).subs(numbers)
    states = list(neuron.state_symbols)
    field = sympy.lambdify([states], list(derivatives), "numpy")
    slopes = sympy.lambdify([states], derivatives.jacobian(states), "numpy")
    found = root(field, neuron.initial_state(), jac=slopes)
    start = tuple(found.x.tolist()) if found.success else neuron.initial_state()
    if neuron.event is not None:
        margin = neuron.event.margin.subs({**numbers, **dict(zip(states, start, strict=True))})
        start = start if margin < 0 else neuron.initial_state()
    return start, np.abs(np.linalg.eigvals(np.array(slopes(start), float)))


WEAK = 0.1
"""Share of the usual inputs that lets no declared neuron spike."""
EXPONENTIAL_RULES = ("exponential_euler", "symplectic_euler", "alternating_euler")
"""The rules that hold everything but a state's own linear part."""
_HELD = (0.5, 0.8, -0.3, 0.9) * 3
_CHOSEN = (
    Trial(
        title="MTC, bursting set", neuron=BURSTING.neuron, inputs=(-1.0,) * 20, hold=0.4, start=BURSTING.start,
        methods=tuple(METHODS),
    ),
    Trial(
        title="MTC, fast reading, slewing", neuron=mtc(tau_f=0.5, filter_limit=1.0, leak_limit=5.0),
        inputs=(-1.0,) * 20, hold=0.2, methods=tuple(METHODS),
    ),
    Trial(
        title="LIF below threshold", neuron=lif(), inputs=_HELD, hold=0.5,
        methods=(*METHODS, EXPONENTIAL), exact=(*EXPONENTIAL_RULES, EXPONENTIAL),
    ),
    Trial(title="AdLIF, b = 0, below threshold", neuron=adlif(b=0.0), inputs=_HELD, hold=0.5,
        methods=tuple(METHODS),
    ),
    Trial(
        title="QIF between spikes", neuron=qif(), inputs=(0.1, 0.2, 0.05, 0.0, 0.2, 0.1), hold=0.25,
        methods=(*METHODS, EXACT), exact=(EXACT,),
    ),
    Trial(title="low-pass of order 4", neuron=low_pass(), inputs=(1.0, 0.0, -1.0, 2.0), hold=0.5,
        methods=(*METHODS, EXPONENTIAL), exact=(EXPONENTIAL,),
    ),
)  # fmt: skip
"""Trials that show more of a neuron than its declaration suggests."""
_SHOWN = {trial.neuron.meaning for trial in _CHOSEN}
TRIALS = (
    *_CHOSEN,
    *(
        trial_of(neuron)
        for neuron in declared_neurons()
        if not neuron.is_map and neuron.meaning not in _SHOWN
    ),
)
"""Every neuron with every rule that it has: what the figure shows and the tests measure."""
