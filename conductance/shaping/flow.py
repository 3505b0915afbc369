"""The continuous equation of a declared neuron as numbers: derivative, Jacobian, event, arrivals."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import sympy

from conductance.errors import ExcitableError
from conductance.neurons.base import INPUT, SPIKE, Neuron


class FlowError(ExcitableError):
    """A neuron has no continuous equation, or it cannot be integrated."""


def numbers_for(neuron: Neuron, values: Mapping[str, float]) -> dict[sympy.Symbol, sympy.Float]:
    """Sympy numbers for every parameter symbol, for `xreplace`: on long tables a hundred times faster than `subs`."""
    return {parameter.symbol: sympy.Float(values[parameter.name]) for parameter in neuron.parameters}


def held_derivatives(neuron: Neuron) -> dict[sympy.Symbol, sympy.Expr]:
    """Time derivative of every state, in states, parameters and `INPUT`, a current held on the membrane.

    Where no current of the declaration contains the input (a neuron of arrivals), `INPUT` is a current added to the
    membrane: the applied current of its I-V curve.
    """
    derivatives = {state.symbol: state.derivative for state in neuron.states}
    if not any(INPUT in derivative.free_symbols for derivative in derivatives.values()):
        derivatives[neuron.membrane.symbol] = (neuron.membrane.total + INPUT) / neuron.membrane.capacity
    return derivatives


def refuse_spike_currents(neuron: Neuron, numbers: Mapping[sympy.Symbol, sympy.Float]) -> None:
    """Raise `FlowError` where a current still depends on the step of a spike."""
    for state in neuron.states:
        for name, current in state.currents.items():
            driven = current.xreplace(numbers)
            if SPIKE in driven.free_symbols:
                causes = sorted(
                    str(symbol) for symbol in current.free_symbols - {SPIKE, *neuron.state_symbols}
                )
                raise FlowError(
                    f"neuron {neuron.name}: current {name} of {state.name} flows during the one step of a spike, "
                    f"{current}, so it depends on the time step and has no continuous form; "
                    f"set {', '.join(causes)} = 0 to integrate the rest"
                )


@dataclass(frozen=True, kw_only=True)
class Flow:
    """dy/dt = derivative(y, I), with the parameters as numbers; y is a list of states, membrane first."""

    neuron: Neuron = field(repr=False)
    derivative: Callable[[Sequence[float], float], list[float]]
    jacobian: Callable[[Sequence[float], float], list[list[float]]]
    margin: Callable[[Sequence[float]], float] | None
    reset: Callable[[Sequence[float]], list[float]] | None
    arrive: Callable[[Sequence[float], float], list[float]] | None


def flow(neuron: Neuron, values: Mapping[str, float] | None = None) -> Flow:
    """The continuous equation at parameter `values`, the declaration's defaults elsewhere.

    Raises:
        FlowError: a current flows during the step of a spike, so the equation depends on the time step.
        ParameterError, DeclarationError: a value outside its bounds, an unknown name.
    """
    full = neuron.check_values(values or {}, owner=f"neuron {neuron.name}")
    numbers = numbers_for(neuron, full)
    refuse_spike_currents(neuron, numbers)
    states = list(neuron.state_symbols)
    slopes = [slope.xreplace({**numbers, SPIKE: sympy.S.Zero}) for slope in held_derivatives(neuron).values()]

    def function(arguments: list, results: list) -> Callable:
        return sympy.lambdify(arguments, results, modules="math", cse=True)

    event, margin, reset, arrive = neuron.event, None, None, None
    if event is not None:
        margin = sympy.lambdify([states], event.margin.xreplace(numbers), modules="math")
        reset = function(
            [states], [sympy.sympify(event.reset.get(state, state)).xreplace(numbers) for state in states]
        )
    if neuron.arrivals:
        moved = [sympy.sympify(neuron.arrivals.get(state, state)).xreplace(numbers) for state in states]
        arrive = function([states, INPUT], moved)
    return Flow(
        neuron=neuron,
        derivative=function([states, INPUT], slopes),
        jacobian=function([states, INPUT], sympy.Matrix(slopes).jacobian(states).tolist()),
        margin=margin,
        reset=reset,
        arrive=arrive,
    )


def starting_state(neuron: Neuron, values: Mapping[str, float], start: Sequence[float] | None) -> list[float]:
    """The given start, checked, or the declared initial states at `values`."""
    if start is None:
        numbers = neuron.substitutions(values)
        return [float(sympy.sympify(state.initial).subs(numbers)) for state in neuron.states]
    given = [float(number) for number in start]
    if len(given) != len(neuron.states) or not np.isfinite(given).all():
        raise FlowError(
            f"neuron {neuron.name}: start {given} must be {len(neuron.states)} finite numbers, one for each of "
            f"{', '.join(str(symbol) for symbol in neuron.state_symbols)}"
        )
    return given
