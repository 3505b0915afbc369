"""What a neuron is: states with capacities and named currents, an optional event, an output.

Everything else (curves, update rules, kernels, circuits) is derived from this one object.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache

import sympy

from conductance.elements.base import TIMESCALES, DeclarationError, Element, Timescale
from conductance.errors import nearest
from conductance.frozen import FrozenMapping
from conductance.parameter import Parameter, name_fault
from conductance.surrogates import DETACHED, MARGIN, Surrogate

INPUT = sympy.Symbol("I_in", real=True)
"""The input of one step: a current for most neurons, a charge where `Neuron.arrivals` says so."""
SPIKE = sympy.Symbol("spike", real=True)
"""1 in the step of an event, else 0."""
LAST_SPIKE = sympy.Symbol("last_spike", real=True)
"""1 in the step after an event, else 0: how a map resets on the next step."""
SAMPLING = "sampling"
"""Name of the noise of a map's step: what its switches leave on the capacitors that they open."""
DT = sympy.Symbol("dt", positive=True)
"""The time step, in units of time (tau_m = 1)."""


def noise_of(symbol: sympy.Symbol) -> sympy.Symbol:
    """The draw of a state in one step: mean 0, variance 1, independent of all others."""
    return sympy.Symbol(f"{symbol}_noise", real=True)


@lru_cache(maxsize=256)
def _holds(relation: sympy.Basic, symbols: tuple[sympy.Symbol, ...]) -> Callable[..., bool]:
    """Whether a relation holds, from numbers for its symbols: a layer asks for each of its neurons."""
    return sympy.lambdify(symbols, relation, "math")


def after(symbol: sympy.Symbol) -> sympy.Symbol:
    """The symbol of a state at the end of the step."""
    return sympy.Symbol(f"{symbol}_next", real=True)


@dataclass(frozen=True, kw_only=True)
class State:
    """One dynamic variable: `capacity * d(symbol)/dt = sum(currents)`, or of a map `symbol[t + 1] = following`.

    A circuit builds `capacity` as a capacitor and each named current as its own source; the current named
    `input` enters with coefficient 1. `timescale` says in which I-V curves the state has settled.
    A state of a map has `following`, its value one step later, and neither capacity nor currents.

    `noise` gives a current its white noise by the current's name: an amplitude s, in the current's unit times the
    square root of time, of parameters and states, in Ito's sense: capacity * dx = currents * dt + s * dW. Its one-sided
    power density is 2 s^2. The noises of a state are independent, so that one draw a step serves all of them.
    A state of a map has one noise, `sampling`: an amplitude in the state's unit, times a draw in each step.

    A state with a `spread` is a random process of its own that began long ago: it starts at a draw of that standard
    deviation around `initial`.
    """

    name: str
    symbol: sympy.Symbol
    meaning: str
    capacity: sympy.Expr = sympy.S.One
    currents: Mapping[str, sympy.Expr] = field(default_factory=dict)
    following: sympy.Expr | None = None
    initial: sympy.Expr = sympy.S.Zero
    timescale: Timescale = "fast"
    noise: Mapping[str, sympy.Expr] = field(default_factory=dict)
    spread: sympy.Expr = sympy.S.Zero

    def __post_init__(self) -> None:
        object.__setattr__(self, "currents", FrozenMapping(self.currents))
        object.__setattr__(self, "noise", FrozenMapping(self.noise))
        if self.spread != 0 and not self.noise:
            raise DeclarationError(
                f"state {self.name}: it starts at a draw of deviation {self.spread}, but no noise moves it; give it "
                f"noise, or no spread"
            )
        if self.following is not None and set(self.noise) - {SAMPLING}:
            raise DeclarationError(
                f"state {self.name}: noise of {', '.join(sorted(self.noise))}, but it steps by a map, whose only noise "
                f"is that of {SAMPLING}: noise={{{SAMPLING!r}: amplitude in each step}}"
            )
        if self.following is None and (unknown := sorted(set(self.noise) - set(self.currents))):
            raise DeclarationError(
                f"state {self.name}: noise of {', '.join(unknown)}, but its currents are "
                f"{', '.join(self.currents) or 'none'}; name the current that makes the noise"
            )
        if (self.following is None) != bool(self.currents):
            raise DeclarationError(
                f"state {self.name}: give either currents, for a differential equation, or following, for a map"
            )

    @property
    def total(self) -> sympy.Expr:
        """The sum of all currents.

        Raises:
            DeclarationError: the state is one of a map.
        """
        if self.following is not None:
            raise DeclarationError(
                f"state {self.name} ({self.meaning}) steps by a map: it has no currents, no time derivative and no "
                f"I-V curve; use conductance.derivation.maps"
            )
        return sympy.Add(*self.currents.values())

    @property
    def derivative(self) -> sympy.Expr:
        """The time derivative of the state, without its noise."""
        return self.total / self.capacity

    @property
    def diffusion(self) -> sympy.Expr:
        """The amplitude of all noise of the state together, per square root of time, of a map per step; 0 without."""
        amplitudes = list(self.noise.values())
        if len(amplitudes) < 2:
            return sympy.Add(*amplitudes) / self.capacity
        return sympy.sqrt(sympy.Add(*(amplitude**2 for amplitude in amplitudes))) / self.capacity


@dataclass(frozen=True, kw_only=True)
class Event:
    """A spike: it happens in the step whose new voltage makes `margin` positive, then `reset` replaces states.

    `surrogate_values` gives the surrogate's symbols their values, in parameters.

    With `inclusive` it happens at a margin of zero, too. With `reset_gradient` the reset has the spike's surrogate
    slope; else it has none, as is usual: with a slope there gradients die within a few steps.
    """

    margin: sympy.Expr
    reset: Mapping[sympy.Symbol, sympy.Expr]
    surrogate: Surrogate
    surrogate_values: Mapping[sympy.Symbol, sympy.Expr] = field(default_factory=dict)
    inclusive: bool = False
    reset_gradient: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "reset", FrozenMapping(self.reset))
        object.__setattr__(self, "surrogate_values", FrozenMapping(self.surrogate_values))
        if set(self.surrogate_values) != set(self.surrogate.symbols):
            raise DeclarationError(
                f"event: surrogate {self.surrogate.name} needs values for "
                f"{', '.join(map(str, self.surrogate.symbols)) or 'nothing'}; received "
                f"{', '.join(map(str, self.surrogate_values)) or 'none'}"
            )
        slope = self.surrogate.slope
        if self.inclusive and sympy.simplify(slope - slope.subs(MARGIN, -MARGIN)) != 0:
            raise DeclarationError(
                f"event: surrogate {self.surrogate.name} is not the same on both sides of the threshold, so it has no "
                f"inclusive form; let the event happen above the threshold, or take another surrogate"
            )

    def spike(self, margin: sympy.Expr) -> sympy.Expr:
        """The spike at a margin, as a sympy function with the surrogate's slope."""
        if self.inclusive:
            return 1 - self.surrogate.step(-margin, self.surrogate_values)
        return self.surrogate.step(margin, self.surrogate_values)

    def fired(self, margin: sympy.Expr) -> sympy.Expr:
        """The spike as a reset sees it: without a slope, unless `reset_gradient`."""
        if self.reset_gradient:
            return self.spike(margin)
        return 1 - DETACHED.step(-margin) if self.inclusive else DETACHED.step(margin)


@dataclass(frozen=True, kw_only=True)
class Constraint:
    """A relation between parameters that must hold, and how to say so."""

    relation: sympy.Rel
    meaning: str


@dataclass(frozen=True, kw_only=True, repr=False)
class Neuron:
    """A declared neuron (or filter): the single source of all its forms. The first state is the membrane.

    Raises:
        DeclarationError: a symbol is not declared, a name is used twice, a constraint is broken by the defaults.
    """

    name: str
    meaning: str
    parameters: tuple[Parameter, ...]
    states: tuple[State, ...]
    output: sympy.Expr
    event: Event | None = None
    arrivals: Mapping[sympy.Symbol, sympy.Expr] = field(default_factory=dict)
    constraints: tuple[Constraint, ...] = ()
    elements: tuple[Element, ...] = ()
    source: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "arrivals", FrozenMapping(self.arrivals))
        names = [parameter.name for parameter in self.parameters] + [
            str(state.symbol) for state in self.states
        ]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise DeclarationError(f"neuron {self.name}: {', '.join(repeated)} is declared twice; rename one")
        for state in self.states:
            for kind, name in (("name", state.name), ("symbol", str(state.symbol))):
                if fault := name_fault(name, symbol=kind == "symbol"):
                    raise DeclarationError(f"neuron {self.name}: the {kind} of state {name!r} {fault}")
        if not self.states:
            raise DeclarationError(f"neuron {self.name}: it has no state; declare at least the membrane")
        if len({state.following is None for state in self.states}) > 1:
            raise DeclarationError(
                f"neuron {self.name}: some states have currents and some step by a map; declare all in one way"
            )
        self._check_symbols()
        self.check_values(self.defaults, owner=f"neuron {self.name}")

    def __repr__(self) -> str:
        """Name, meaning, equations and values, one line each."""
        lines = [f"{self.name}: {self.meaning}"]
        for state in self.states:
            if state.following is not None:
                noise = "".join(f" + ({amplitude}) * draw" for amplitude in state.noise.values())
                lines.append(f"{state.symbol}[t+1] = {state.following}{noise}")
                continue
            capacity = f"({state.capacity})" if state.capacity.is_Add else f"{state.capacity}"
            factor = "" if state.capacity == 1 else f"{capacity} * "
            noise = "".join(f" + ({amplitude}) * dW_{name}/dt" for name, amplitude in state.noise.items())
            lines.append(f"{factor}d{state.symbol}/dt = {state.total}{noise}")
        if self.event:
            resets = [f"{symbol} -> {value}" for symbol, value in self.event.reset.items()]
            lines.append(f"spike where {self.event.margin} > 0" + "".join(f", {reset}" for reset in resets))
        lines += [f"arrival of {INPUT}: {symbol} -> {value}" for symbol, value in self.arrivals.items()]
        lines.append(f"output {self.output}")
        lines.append(", ".join(f"{name} = {value:g}" for name, value in self.defaults.items()))
        return "\n    ".join(lines)

    def __deepcopy__(self, _: dict[int, object]) -> "Neuron":
        # it never changes, so the copies of a layer share it
        return self

    def _check_symbols(self) -> None:
        declared = {parameter.symbol for parameter in self.parameters} | set(self.state_symbols) | {INPUT}
        if self.event:
            declared.add(SPIKE)
            if self.is_map:
                declared.add(LAST_SPIKE)
        for place, expression in self.expressions():
            undeclared = sorted(str(symbol) for symbol in expression.free_symbols - declared)
            if undeclared:
                raise DeclarationError(
                    f"neuron {self.name}, {place}: {', '.join(undeclared)} is not declared; declare it as a parameter"
                )
        for state in self.states:
            if state.timescale not in TIMESCALES:
                raise DeclarationError(
                    f"neuron {self.name}, state {state.name}: timescale {state.timescale!r} is unknown; "
                    f"allowed are {', '.join(TIMESCALES)}"
                )

    def expressions(self) -> list[tuple[str, sympy.Expr]]:
        """Everything that the declaration says, each with its place in words."""
        found = [("output", self.output)]
        for state in self.states:
            found += [
                (f"current {name} of {state.name}", current) for name, current in state.currents.items()
            ]
            found += [(f"capacity of {state.name}", state.capacity), (f"initial {state.name}", state.initial)]
            if state.following is not None:
                found.append((f"following {state.name}", state.following))
            found += [(f"noise of {name} of {state.name}", part) for name, part in state.noise.items()]
            found.append((f"spread of {state.name}", state.spread))
        found += [("arrivals", expression) for expression in self.arrivals.values()]
        if self.event:
            found.append(("event", self.event.margin))
            found += [("reset", expression) for expression in self.event.reset.values()]
            found += [("surrogate", expression) for expression in self.event.surrogate_values.values()]
        return [(place, sympy.sympify(expression)) for place, expression in found]

    @property
    def state_symbols(self) -> tuple[sympy.Symbol, ...]:
        """The states' symbols, membrane first."""
        return tuple(state.symbol for state in self.states)

    @property
    def noisy(self) -> tuple[State, ...]:
        """The states that noise moves."""
        return tuple(state for state in self.states if state.noise)

    @property
    def processes(self) -> tuple[State, ...]:
        """The states that are random processes of their own, as those of flicker noise."""
        return tuple(state for state in self.states if state.spread != 0)

    @property
    def is_map(self) -> bool:
        """Whether the neuron steps in discrete time by declaration, without a differential equation behind it."""
        return self.states[0].following is not None

    @property
    def membrane(self) -> State:
        """The state whose currents make the I-V curves."""
        return self.states[0]

    @cached_property
    def defaults(self) -> dict[str, float]:
        """Parameter values as declared."""
        return {parameter.name: parameter.default for parameter in self.parameters}

    def parameter(self, name: str) -> Parameter:
        """The declared parameter of that name, or an error that lists the names."""
        for parameter in self.parameters:
            if parameter.name == name:
                return parameter
        known = [parameter.name for parameter in self.parameters]
        raise DeclarationError(
            f"neuron {self.name}: unknown parameter {name!r}; {nearest(name, known)}it has {', '.join(known)}"
        )

    def check_values(self, values: Mapping[str, float], *, owner: str) -> dict[str, float]:
        """All parameter values, defaults filled in, inside bounds and constraints; else an error in words."""
        for name in values:
            self.parameter(name)
        full = {p.name: p.check(values.get(p.name, p.default), owner=owner) for p in self.parameters}
        numbers = {p.symbol: full[p.name] for p in self.parameters}
        for constraint in self.constraints:
            if not _holds(constraint.relation, tuple(numbers))(*numbers.values()):
                used = ", ".join(
                    f"{symbol} = {numbers[symbol]:g}"
                    for symbol in sorted(constraint.relation.free_symbols & set(numbers), key=str)
                )
                raise DeclarationError(f"{owner}: {constraint.meaning}; received {used}")
        return full

    def with_values(self, **values: float) -> "Neuron":
        """The same neuron with other defaults, checked."""
        full = self.check_values(values, owner=f"neuron {self.name}")
        return replace(self, parameters=tuple(replace(p, default=full[p.name]) for p in self.parameters))

    def substitutions(self, values: Mapping[str, float] | None = None) -> dict[sympy.Symbol, float]:
        """Numbers for every parameter symbol: the defaults, replaced by `values`."""
        full = {**self.defaults, **(values or {})}
        return {parameter.symbol: full[parameter.name] for parameter in self.parameters}

    def initial_state(self) -> tuple[float, ...]:
        """The states' initial values at the default parameters, membrane first, in V0."""
        numbers = self.substitutions()
        return tuple(float(sympy.sympify(state.initial).subs(numbers)) for state in self.states)
