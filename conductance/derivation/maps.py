"""Neurons in discrete time: fixed points of the map between spikes, their slopes, and where they appear or flip.

A fixed point u = F(u, I) is stable where |dF/du| < 1. Over the input, a saddle-node is where the slope is +1 (two
fixed points meet and vanish), a flip where it is -1 (rest becomes an alternation).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import sympy

from conductance.elements.base import DeclarationError
from conductance.neurons.base import INPUT, LAST_SPIKE, Neuron


@dataclass(frozen=True, kw_only=True)
class FixedPoint:
    """A voltage that the map keeps, in V0, and the map's slope there."""

    voltage: float
    slope: float

    @property
    def stable(self) -> bool:
        """Whether every small deviation decays."""
        return abs(self.slope) < 1


@dataclass(frozen=True, kw_only=True)
class Bifurcation:
    """Where a fixed point appears (`saddle-node`) or begins to alternate (`flip`): voltage in V0, and input."""

    kind: str
    voltage: float
    current: float


def free_map(neuron: Neuron, *, numbers: Mapping[str, float] | None = None) -> sympy.Expr:
    """The voltage one step later while no spike happens, in the voltage and the input.

    Args:
        neuron: a map of one state.
        numbers: values to put in for the parameters; parameters stay symbols where not given.

    Raises:
        DeclarationError: the neuron is no map, or has more than one state.
    """
    if not neuron.is_map or len(neuron.states) != 1:
        raise DeclarationError(
            f"neuron {neuron.name}: fixed points of a map need one state that is declared by its next value (dqif, "
            f"dlif); for a differential equation use conductance.shaping.equilibria"
        )
    symbols = {parameter.name: parameter.symbol for parameter in neuron.parameters}
    exact = {symbols[name]: sympy.nsimplify(value) for name, value in (numbers or {}).items()}
    return sympy.sympify(neuron.membrane.following).subs({LAST_SPIKE: sympy.S.Zero, **exact})


def fixed_points(
    neuron: Neuron, current: float = 0.0, values: Mapping[str, float] | None = None
) -> tuple[FixedPoint, ...]:
    """The fixed points under a held input, by increasing voltage.

    >>> from conductance.neurons import dqif
    >>> [(point.voltage, point.slope) for point in fixed_points(dqif())]
    [(0.0, -0.125), (4.5, 2.125)]
    """
    u = neuron.membrane.symbol
    step = free_map(neuron, numbers={**neuron.defaults, **(values or {})}).subs(
        INPUT, sympy.nsimplify(current)
    )
    found = sympy.solve(sympy.Eq(step, u), u)
    slope = step.diff(u)
    points = [
        FixedPoint(voltage=float(root), slope=float(slope.subs(u, root))) for root in found if root.is_real
    ]
    return tuple(sorted(points, key=lambda point: point.voltage))


def bifurcations(neuron: Neuron, values: Mapping[str, float] | None = None) -> tuple[Bifurcation, ...]:
    """The saddle-nodes and flips over the input, by increasing input.

    >>> from conductance.neurons import dqif
    >>> [(each.kind, each.current) for each in bifurcations(dqif())]
    [('flip', -2.734375), ('saddle-node', 1.265625)]
    """
    u = neuron.membrane.symbol
    step = free_map(neuron, numbers={**neuron.defaults, **(values or {})})
    found = []
    for kind, slope in (("saddle-node", 1), ("flip", -1)):
        for voltage in sympy.solve(sympy.Eq(step.diff(u), slope), u):
            for current in sympy.solve(sympy.Eq(step.subs(u, voltage), voltage), INPUT):
                found.append(Bifurcation(kind=kind, voltage=float(voltage), current=float(current)))
    return tuple(sorted(found, key=lambda each: each.current))
