"""From a declared neuron to its update rule: one step in discrete time, ready to be printed."""

from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import sympy

from conductance.derivation import linear, moebius
from conductance.derivation.methods import METHODS, STEPPERS, Method
from conductance.derivation.program import (
    Assignment,
    Program,
    adjoint,
    flattened,
    hoist,
    names,
    substituted,
    used_only,
)
from conductance.errors import ExcitableError, nearest
from conductance.neurons.base import DT, INPUT, LAST_SPIKE, SPIKE, Neuron, after, noise_of

MAP = "map"
"""The method of neurons that are declared in discrete time; it has no time step."""
EXACT = "moebius"
"""The exact method of quadratic neurons."""
EXPONENTIAL = "exponential"
"""The exact method of linear neurons."""


LINEAR = Method(
    name=EXPONENTIAL,
    order=linear.ORDER,
    flow=linear.flow,
    sequence=None,
    source="variation of constants",
    spread=METHODS["exponential_euler"].spread,
)


class RuleError(ExcitableError):
    """A neuron cannot be stepped by the method asked for."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One step of a neuron: states at t and the input of t give the states at t + 1 and the output read from them.

    `constants` are functions of the parameters and dt only, computed once per call; `body` has the inputs
    (states, I_in, constants' symbols, draws of noise) and the outputs (next states, output). Noise is in Ito's sense:
    its amplitude is that at the beginning of the step. `order` is that without noise.
    """

    neuron: Neuron = field(repr=False)
    method: str
    order: int
    constants: tuple[Assignment, ...]
    body: Program

    def __deepcopy__(self, _: dict[int, object]) -> "Rule":
        # it never changes, so the copies of a layer share it
        return self

    @property
    def constant_symbols(self) -> tuple[sympy.Symbol, ...]:
        """Symbols of the constants, in the order of `constants`."""
        return tuple(symbol for symbol, _ in self.constants)

    @property
    def noise_symbols(self) -> tuple[sympy.Symbol, ...]:
        """Symbols of the draws, one for each state that noise moves; the last inputs of the body."""
        return tuple(noise_of(state.symbol) for state in self.neuron.noisy)

    @property
    def prelude(self) -> Program:
        """Parameters and dt to constants."""
        inputs = (*(parameter.symbol for parameter in self.neuron.parameters), DT)
        return Program(inputs=inputs, assignments=(), outputs=tuple(value for _, value in self.constants))

    @cached_property
    def adjoint(self) -> Program:
        """Adjoints of (states, I_in, constants, draws) from those of (next states, output)."""
        seeds = tuple(sympy.Symbol(f"bar_{index}", real=True) for index in range(len(self.body.outputs)))
        return adjoint(self.body, seeds, names("adj_"))

    def next_states(self) -> dict[sympy.Symbol, sympy.Expr]:
        """Each state one step later, in states, input, parameters, dt and draws of noise."""
        values = dict(self.constants)
        expanded = [expression.xreplace(values) for expression in self.body.expanded()]
        return dict(zip(self.neuron.state_symbols, expanded, strict=False))


def default_method(neuron: Neuron) -> str:
    """The rule of those who name none: the exact one where the neuron has one (map, moebius, exponential).

    Else symplectic_euler where something jumps, exact for each state's own decay and published for adlif
    (arXiv 2408.07517), and forward_euler where nothing does, published for mtc (arXiv 2605.11835),
    and where there is noise.

    >>> from conductance.neurons import adlif, lif, mtc, qif
    >>> [default_method(make()) for make in (adlif, lif, mtc, qif)]
    ['symplectic_euler', 'exponential', 'forward_euler', 'moebius']
    """
    if neuron.is_map:
        return MAP
    if neuron.noisy:
        return "forward_euler"
    if moebius.draft(neuron) is not None:
        return EXACT
    if linear.has_exact_step(neuron):
        return EXPONENTIAL
    return "forward_euler" if neuron.event is None else "symplectic_euler"


@lru_cache(maxsize=64)
def derive(neuron: Neuron, method: str | None = None) -> Rule:
    """The update rule of a neuron by a method: a name in `METHODS`, or an exact one: exponential for linear neurons,
    moebius for quadratic ones; map, and nothing else, for a map. Without a name it is `default_method`.

    Inputs are held over the step. The spike of a step is read from the voltage before its reset. The reset itself
    has no gradient unless the event says so, as is usual; no source of our neurons states it.

    Raises:
        RuleError: an unknown method, an exact one that the neuron does not have, or map and not a map together.
    """
    if method is None:
        method = default_method(neuron)
    if neuron.is_map != (method == MAP):
        raise RuleError(
            f"neuron {neuron.name}: it is declared in discrete time, so its only method is {MAP!r}; received {method!r}"
            if neuron.is_map
            else f"neuron {neuron.name}: method {MAP!r} is for neurons declared in discrete time; "
            f"use one of {', '.join(METHODS)}"
        )
    if method == MAP:
        return _finish(neuron, method, moebius.ORDER, _map_draft(neuron))
    if method == EXACT:
        if neuron.noisy:
            raise RuleError(
                f"neuron {neuron.name}: the exact moebius step has no noise; use one of {', '.join(METHODS)}"
            )
        draft = moebius.draft(neuron)
        if draft is None:
            raise RuleError(
                f"neuron {neuron.name}: the exact moebius step needs tau dV/dt = a quadratic in V plus a current that "
                f"decays twice as fast, and spikes from +V_peak to -V_peak (qif); use one of {', '.join(METHODS)}"
            )
        return _finish(neuron, method, moebius.ORDER, draft)
    if method == EXPONENTIAL and (neuron.noisy or not linear.has_exact_step(neuron)):
        raise RuleError(
            f"neuron {neuron.name}: the exact exponential step needs a linear equation whose states drive each other "
            f"in one direction (lif, low_pass); use one of {', '.join(METHODS)}"
        )
    if method not in (*STEPPERS, EXPONENTIAL):
        raise RuleError(
            f"neuron {neuron.name}: unknown method {method!r}; {nearest(method, METHODS)}"
            f"allowed are {', '.join(METHODS)}, exponential, moebius"
        )
    chosen = STEPPERS.get(method, LINEAR)
    return _finish(neuron, method, chosen.order, _draft(neuron, chosen))


def methods_of(neuron: Neuron) -> tuple[str, ...]:
    """The names of the methods that a neuron has; the exact one is the last where it has one."""
    if neuron.is_map:
        return (MAP,)
    chosen = default_method(neuron)
    return (*METHODS, chosen) if chosen in (EXACT, EXPONENTIAL) else tuple(METHODS)


def _draft(neuron: Neuron, method: Method) -> list[Assignment]:
    """The step as assignments that end in `after(state)` for every state and in SPIKE for an event."""
    start = {state: sympy.sympify(neuron.arrivals.get(state, state)) for state in neuron.state_symbols}
    derivatives = {state.symbol: state.derivative for state in neuron.states}
    waiting = [symbol for symbol, slope in derivatives.items() if SPIKE in slope.free_symbols]
    ready = [symbol for symbol in derivatives if symbol not in waiting]
    silent = substituted(derivatives, {SPIKE: sympy.S.Zero})
    moved = {
        state.symbol: (state.diffusion * method.spread(state.symbol, silent[state.symbol])).subs(
            start, simultaneous=True
        )
        * noise_of(state.symbol)
        for state in neuron.noisy
    }
    if method.sequence is None:
        free, driven = method.flow(silent), method.flow(derivatives)
        steps = [(state, free[state].subs(start, simultaneous=True) + moved.get(state, 0)) for state in ready]
        return [
            *_settle(neuron, steps),
            *(
                (after(state), driven[state].subs(start, simultaneous=True) + moved.get(state, 0))
                for state in waiting
            ),
        ]
    newest = dict(start)
    assignments: list[Assignment] = []
    for state in (*method.sequence(tuple(ready)), *waiting):
        value = method.flow({state: derivatives[state]})[state].subs(
            {**newest, state: start[state]}, simultaneous=True
        )
        value += moved.get(state, sympy.S.Zero)
        event_now = neuron.event is not None and state in neuron.event.margin.free_symbols
        assignments += _settle(neuron, [(state, value)]) if event_now else [(after(state), value)]
        newest[state] = after(state)
    return assignments


def _map_draft(neuron: Neuron) -> list[Assignment]:
    """The declared step; what the spike before it changes has no gradient, as a reset."""
    start = {state: sympy.sympify(neuron.arrivals.get(state, state)) for state in neuron.state_symbols}
    steps = [
        (
            state.symbol,
            (state.following + state.diffusion * noise_of(state.symbol)).subs(start, simultaneous=True),
        )
        for state in neuron.states
    ]
    assignments: list[Assignment] = []
    if neuron.event is not None:
        assignments.append((LAST_SPIKE, neuron.event.fired(neuron.event.margin)))
    return [*assignments, *_settle(neuron, steps)]


def _settle(neuron: Neuron, steps: list[tuple[sympy.Symbol, sympy.Expr]]) -> list[Assignment]:
    """Apply the event to freshly advanced states."""
    if neuron.event is None:
        return [(after(state), value) for state, value in steps]
    before = {state: sympy.Symbol(f"{state}_before", real=True) for state, _ in steps}
    assignments: list[Assignment] = [(before[state], value) for state, value in steps]
    margin = neuron.event.margin.subs(before, simultaneous=True)
    fired = sympy.Symbol("fired", real=True)
    assignments += [(SPIKE, neuron.event.spike(margin)), (fired, neuron.event.fired(margin))]
    for state, _ in steps:
        kept = before[state]
        if state in neuron.event.reset:
            target = sympy.sympify(neuron.event.reset[state]).subs(before, simultaneous=True)
            kept = before[state] * (1 - fired) + target * fired
        assignments.append((after(state), kept))
    return assignments


def _finish(neuron: Neuron, method: str, order: int, draft: list[Assignment]) -> Rule:
    """Hoist constants and share subexpressions."""
    result = sympy.Symbol("output", real=True)
    ends = {state: after(state) for state in neuron.state_symbols}
    draft = [*draft, (result, sympy.sympify(neuron.output).subs(ends, simultaneous=True))]
    draws = tuple(noise_of(state.symbol) for state in neuron.noisy)
    moving = {*neuron.state_symbols, INPUT, *draws}
    constants, body = hoist(draft, moving, names("const_"))
    body = flattened(body, names("temp_"))
    outputs = (*ends.values(), result)
    body = used_only(body, outputs)
    used = set().union(*(expression.free_symbols for _, expression in body))
    parameters = tuple(
        (parameter.symbol, parameter.symbol) for parameter in neuron.parameters if parameter.symbol in used
    )
    # the step stands bare in the body where nothing multiplies it, as with a capacity of 1
    step = ((DT, DT),) if DT in used else ()
    held = (*parameters, *step, *((symbol, value) for symbol, value in constants if symbol in used))
    inputs = (*neuron.state_symbols, INPUT, *(symbol for symbol, _ in held), *draws)
    return Rule(
        neuron=neuron,
        method=method,
        order=order,
        constants=held,
        body=Program(inputs=inputs, assignments=body, outputs=outputs),
    )
