"""What the declaration says of a neuron's spikes: whether it has any, and at which voltage."""

from collections.abc import Callable, Mapping
from functools import lru_cache

import sympy

from conductance.neurons.base import Neuron


def is_linear(neuron: Neuron) -> bool:
    """Whether all currents and the output are linear in the states, and nothing jumps: a filter."""
    if neuron.event is not None:
        return False
    laws = [state.total if state.following is None else state.following for state in neuron.states]
    expressions = [sympy.sympify(law) for law in (*laws, neuron.output)]
    slopes = [sympy.diff(expression, symbol) for expression in expressions for symbol in neuron.state_symbols]
    return not any(slope.has(*neuron.state_symbols) for slope in slopes)


def is_spiking(neuron: Neuron) -> bool:
    """Whether the output is spikes: an event, or a function that is not linear in the states (a filter's is)."""
    if neuron.event is not None:
        return True
    output = sympy.sympify(neuron.output)
    return any(sympy.diff(output, symbol).has(*neuron.state_symbols) for symbol in neuron.state_symbols)


def spike_threshold(neuron: Neuron, values: Mapping[str, float] | None = None) -> float:
    """The membrane voltage in V0 whose upward crossing is a spike.

    It is where the event's margin is zero, or without an event where the output leaves zero: where the rectified part
    of the output is zero, whatever its parameters are called. An output without such a voltage is judged at 0.

    Args:
        neuron: the declaration.
        values: parameter values other than the declaration's.
    """
    voltage = neuron.membrane.symbol
    margin = None if neuron.event is None else sympy.sympify(neuron.event.margin)
    root = _rise(margin, sympy.sympify(neuron.output), voltage, tuple(p.symbol for p in neuron.parameters))
    return 0.0 if root is None else float(root(*neuron.substitutions(values).values()))


@lru_cache(256)
def _rise(
    margin: sympy.Expr | None, output: sympy.Expr, voltage: sympy.Symbol, parameters: tuple[sympy.Symbol, ...]
) -> Callable[..., float] | None:
    """Where the margin, or without one the rectified part of the output, is zero, if at one voltage only.

    A function of the parameters' values, in their order: it is solved once for all values.
    """
    rising = margin
    if rising is None:
        rectified = [part for each in output.atoms(sympy.Max) for part in each.args]
        parts = sorted((part for part in rectified if voltage in part.free_symbols), key=str)
        rising = parts[0] if parts else voltage
    roots = sympy.solveset(rising, voltage, sympy.Reals)
    if not isinstance(roots, sympy.FiniteSet) or len(roots) != 1:
        return None
    return sympy.lambdify(parameters, next(iter(roots)), "math")
