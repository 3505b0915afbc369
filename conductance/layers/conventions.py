"""What a declaration decides about a step on a time grid: rule, threshold, reset, its gradient, and the largest dt."""

import math
from dataclasses import dataclass

import sympy

from conductance.derivation.rules import EXACT, default_method, derive
from conductance.neurons.base import LAST_SPIKE, Neuron
from conductance.shaping.curves import CurveError
from conductance.shaping.stability import largest_stable_dt


@dataclass(frozen=True, kw_only=True)
class Conventions:
    """The conventions of one neuron at its default values.

    Attributes:
        neuron: its name.
        method: the rule of a layer that names none.
        threshold: what must hold for a spike, as `u > u_th`, after the update, before the reset; empty without one.
        reset: when a spike takes the state back; empty of a neuron without one.
        gradient: what passes through the reset in the backward pass; empty of a neuron without one.
        largest_dt: largest stable step of the rule in tau_m, infinite where any is stable; NaN of a map, which has no
            time step, and where it is not known.
    """

    neuron: str
    method: str
    threshold: str
    reset: str
    gradient: str
    largest_dt: float


def conventions(neuron: Neuron) -> Conventions:
    """Read the conventions from a declaration and its default rule."""
    method = default_method(neuron)
    return Conventions(
        neuron=neuron.name,
        method=method,
        threshold=_threshold(neuron, method),
        reset=_reset(neuron, method),
        gradient=_gradient(neuron, method),
        largest_dt=_largest(neuron),
    )


def _threshold(neuron: Neuron, method: str) -> str:
    """The spike's condition with the membrane alone on its left."""
    event = neuron.event
    if event is None:
        return ""
    membrane = neuron.membrane.symbol
    if method == EXACT:
        return f"{membrane} passes infinity"
    relation = ">=" if event.inclusive else ">"
    level = sympy.simplify(membrane - event.margin)
    if level.has(membrane):
        return f"{event.margin} {relation} 0"
    return f"{membrane} {relation} {level}"


def _reset(neuron: Neuron, method: str) -> str:
    """At its time within the step, at once after the update, or in the update of the next step."""
    if neuron.event is None:
        return ""
    if method == EXACT:
        return "at the spike's own time within the step"
    if neuron.event.reset:
        return "in the spike's step, after the update"
    if any(sympy.sympify(state.following or 0).has(LAST_SPIKE) for state in neuron.states):
        return "in the update of the next step"
    return "none"


def _gradient(neuron: Neuron, method: str) -> str:
    if neuron.event is None:
        return ""
    if method == EXACT:
        return "the exact one"
    return "the spike's surrogate" if neuron.event.reset_gradient else "none"


def _largest(neuron: Neuron) -> float:
    if neuron.is_map:
        return math.nan
    try:
        return largest_stable_dt(derive(neuron)).dt
    except CurveError:
        return math.nan
