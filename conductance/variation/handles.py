"""By which of its own parameters a declared neuron takes up a gain or an offset of each of its currents.

An amplifier whose bias current is off by a factor k and whose input is off by a voltage o makes k I(V - o) out of the
declared I(V). For a declared neuron that is the same equation with other parameters, and which ones is read off the
declaration: a parameter in which the current is homogeneous takes the factor, all its voltages (unit V0) take the
offset. A filter has neither: its factor shortens its time constant, and its offset is added to what reads its state.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import sympy

from conductance.errors import ExcitableError
from conductance.neurons.base import INPUT, Neuron, State

VOLTAGE = "V0"
"""Unit of the parameters that are voltages."""
_POINTS = 5
_AGREES = 1e-9


class VariationError(ExcitableError):
    """A neuron that cannot be varied, or deviations that do not fit a network."""


@dataclass(frozen=True, kw_only=True)
class Scale:
    """A parameter on which a quantity depends as its power `degree`, 1 or -1."""

    parameter: str
    degree: int


@dataclass(frozen=True, kw_only=True)
class Handles:
    """The handles of one neuron; currents are named `<state>.<current>`.

    Attributes:
        gains: of each current that has a parameter of its own; the others are the only current of their state.
        offsets: the voltages of each current that has any.
        readers: of each current without voltages, the currents that read its state.
        capacities: of each state, a parameter that no current knows.
        coupled: of each state, the degree of its capacity in the parameters of `gains`.
        output: the voltages of the output.
    """

    gains: Mapping[str, Scale]
    offsets: Mapping[str, tuple[str, ...]]
    readers: Mapping[str, tuple[str, ...]]
    capacities: Mapping[str, Scale]
    coupled: Mapping[str, Mapping[str, int]]
    output: tuple[str, ...]

    @property
    def currents(self) -> tuple[str, ...]:
        """All currents that can be off."""
        return (*self.offsets, *self.readers)


def state_of(current: str) -> str:
    """The state into which a current `<state>.<current>` flows."""
    return current.split(".", 1)[0]


@dataclass(frozen=True, eq=False)
class _Identity:
    """A neuron as a key: the same object. A declaration holds mappings, which have no hash."""

    neuron: Neuron = field(repr=False)

    def __hash__(self) -> int:
        return id(self.neuron)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Identity) and other.neuron is self.neuron


def handles(neuron: Neuron) -> Handles:
    """Find the handles of a neuron.

    Raises:
        VariationError: a current or a capacity that no parameter can take off its nominal value.
    """
    return _handles(_Identity(neuron))


# training asks for them in every step
@lru_cache(maxsize=64)
def _handles(key: _Identity) -> Handles:
    neuron = key.neuron
    flows = {
        f"{state.name}.{name}": current
        for state in neuron.states
        for name, current in state.currents.items()
        if current != INPUT
    }
    gains, offsets, readers = {}, {}, {}
    for name, current in flows.items():
        state = next(state for state in neuron.states if state.name == state_of(name))
        others = [other for key, other in flows.items() if key != name]
        scale = _scale(current, _names(current, neuron), neuron, others)
        if scale is not None:
            gains[name] = scale
        elif sum(current != INPUT for current in state.currents.values()) > 1 or INPUT in set(
            state.currents.values()
        ):
            raise _refusal(neuron, name, "its strength")
        voltages = _voltages(current, neuron)
        if voltages:
            offsets[name] = voltages
        else:
            readers[name] = tuple(
                key for key, other in flows.items() if key != name and other.has(state.symbol)
            )
            if neuron.membrane is state or any(not _voltages(flows[key], neuron) for key in readers[name]):
                raise _refusal(neuron, name, "its offset")
    scaled = {scale.parameter for scale in gains.values()}
    return Handles(
        gains=gains,
        offsets=offsets,
        readers=readers,
        capacities={state.name: _capacity(state, neuron, list(flows.values())) for state in neuron.states},
        coupled={state.name: _coupled(state, scaled, neuron) for state in neuron.states},
        output=_voltages(sympy.sympify(neuron.output), neuron),
    )


def _capacity(state: State, neuron: Neuron, currents: Sequence[sympy.Expr]) -> Scale:
    scale = _scale(state.capacity, _names(state.capacity, neuron), neuron, currents)
    if scale is None:
        raise _refusal(neuron, f"capacity of {state.name}", "its size")
    return scale


def _coupled(state: State, scaled: set[str], neuron: Neuron) -> dict[str, int]:
    found = {name: _scale(state.capacity, [name], neuron, ()) for name in scaled}
    return {name: scale.degree for name, scale in found.items() if scale is not None}


def _names(expression: sympy.Expr, neuron: Neuron) -> list[str]:
    return [p.name for p in neuron.parameters if expression.has(p.symbol)]


def _scale(
    expression: sympy.Expr, names: Sequence[str], neuron: Neuron, others: Sequence[sympy.Expr]
) -> Scale | None:
    """A parameter in which the expression is homogeneous, and that the others do not know."""
    for name in names:
        symbol = neuron.parameter(name).symbol
        if any(other.has(symbol) for other in others) or not expression.has(symbol):
            continue
        for degree in (1, -1):
            if _same(expression.xreplace({symbol: 2 * symbol}), 2**degree * expression):
                return Scale(parameter=name, degree=degree)
    return None


def _voltages(expression: sympy.Expr, neuron: Neuron) -> tuple[str, ...]:
    """All voltages of an expression, if it depends on the states by their distance from them alone."""
    names = tuple(name for name in _names(expression, neuron) if neuron.parameter(name).unit == VOLTAGE)
    if not names:
        return ()
    shift = sympy.Rational(3, 7)
    moved = {neuron.parameter(name).symbol: neuron.parameter(name).symbol + shift for name in names}
    moved |= {symbol: symbol + shift for symbol in neuron.state_symbols if expression.has(symbol)}
    return names if _same(expression.xreplace(moved), expression) else ()


def _same(left: sympy.Expr, right: sympy.Expr) -> bool:
    """Whether two expressions are equal, judged at drawn points: clipped outputs have no canonical form."""
    symbols = sorted(left.free_symbols | right.free_symbols, key=str)
    both = sympy.lambdify(symbols, [left, right], "numpy")
    points = np.random.default_rng(0).uniform(0.3, 1.7, (_POINTS, len(symbols)))
    values = np.array([both(*point) for point in points], float)
    return bool(np.allclose(values[:, 0], values[:, 1], rtol=_AGREES, atol=_AGREES))


def _refusal(neuron: Neuron, place: str, what: str) -> VariationError:
    return VariationError(
        f"neuron {neuron.name}, {place}: no parameter of its own decides {what}, so a chip cannot vary it; "
        f"declare one, or vary another neuron"
    )
