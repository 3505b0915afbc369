"""A neuron with the laws of amplifiers: filters that slew, a leak that saturates, a clamp, elements as measured."""

from collections.abc import Mapping
from dataclasses import replace

import sympy

from conductance.elements import tanh
from conductance.elements.base import DeclarationError, Element
from conductance.neurons.base import Neuron, State
from conductance.neurons.membrane import limit, saturated
from conductance.parameter import Parameter

LIMITED: Mapping[str, tuple[str, str]] = {
    "filter": ("filter_limit", "largest filter current"),
    "leak": ("leak_limit", "largest leak current"),
}
"""The currents that can be limited, by their name in a state, and the parameter that says where."""

CLAMP_LOW, CLAMP_HIGH = "clamp_low", "clamp_high"
"""Names of the two elements of a clamp."""


def limited(neuron: Neuron, *, filter_limit: float | None = None, leak_limit: float | None = None) -> Neuron:
    """The neuron whose linear filters and leak saturate: a current g v becomes g L tanh(v/L).

    Currents that saturate already keep their law and get the limit as their default.

    Args:
        neuron: any declaration; currents named `filter` and `leak` are meant.
        filter_limit: L of the filters in V0; None leaves them as they are.
        leak_limit: L of the leak in V0; None leaves it as it is.

    Raises:
        ParameterError: a limit that is not positive.
        DeclarationError: a current that is neither linear nor saturates at its limit.
    """
    given = {"filter": filter_limit, "leak": leak_limit}
    wanted = {name: value for name, value in given.items() if value is not None}
    declared = {parameter.name for parameter in neuron.parameters}
    present = {LIMITED[name][0]: value for name, value in wanted.items() if LIMITED[name][0] in declared}
    bounds = {
        name: limit(LIMITED[name][0], value, LIMITED[name][1])
        for name, value in wanted.items()
        if LIMITED[name][0] not in declared and any(name in state.currents for state in neuron.states)
    }
    states = tuple(_limited_state(state, bounds, neuron) for state in neuron.states)
    return replace(
        neuron, states=states, parameters=(*neuron.parameters, *bounds.values())
    ).with_values(**present)  # fmt: skip


def _limited_state(state: State, bounds: Mapping[str, Parameter], neuron: Neuron) -> State:
    """A state whose currents of these names saturate."""
    currents = {
        name: _saturating(current, state.symbol, bounds[name], f"neuron {neuron.name}, current {name}")
        if name in bounds
        else current
        for name, current in state.currents.items()
    }
    return replace(state, currents=currents)


def _saturating(current: sympy.Expr, state: sympy.Symbol, bound: Parameter, owner: str) -> sympy.Expr:
    """g v as g L tanh(v/L): `g` is what the current falls by when its own state rises by one."""
    conductance = -sympy.diff(current, state)
    if conductance == 0 or conductance.has(state):
        raise DeclarationError(f"{owner}: {current} is not linear in {state}, so it has no limit to be given")
    return conductance * saturated(sympy.simplify(current / conductance), bound)


def clamped(neuron: Neuron, *, voltage: float, current: float) -> Neuron:
    """The neuron whose membrane two fast elements hold between -voltage and +voltage.

    I = current (tanh(U_m - voltage) + tanh(U_m + voltage)): around 0 both halves cancel, and beyond the clamp's voltage
    they add up to 2 current. A leak that saturates alone lets strong inputs drive the membrane away without end.
    A neuron that has a clamp already keeps it.

    Args:
        neuron: a declaration with a membrane.
        voltage: in V0, positive.
        current: of each of the two elements, in current units.

    Raises:
        ParameterError: a current that is not positive.
        DeclarationError: a voltage that is not positive, or a current of the same name that is no clamp.
    """
    if not voltage > 0:
        raise DeclarationError(
            f"neuron {neuron.name}: clamp voltage {voltage!r} V0 must be greater than zero"
        )
    present = {element.name for element in neuron.elements}
    if {CLAMP_LOW, CLAMP_HIGH} <= present:
        return neuron
    taken = {CLAMP_LOW, CLAMP_HIGH} & set(neuron.membrane.currents)
    if taken:
        raise DeclarationError(
            f"neuron {neuron.name}: its current {min(taken)} has the name of a clamp; give it another name"
        )
    pair = (
        tanh("fast", current, -voltage, name=CLAMP_LOW),
        tanh("fast", current, voltage, name=CLAMP_HIGH),
    )
    membrane = neuron.membrane
    held = {element.name: -element.current(membrane.symbol) for element in pair}
    return replace(
        neuron,
        states=(replace(membrane, currents={**membrane.currents, **held}), *neuron.states[1:]),
        elements=(*neuron.elements, *pair),
        parameters=(*neuron.parameters, *(bound for element in pair for bound in element.parameters)),
    )


def with_elements(neuron: Neuron, replacements: Mapping[str, Element]) -> Neuron:
    """The neuron with other laws in the place of some elements, which keep name, timescale and parameters.

    Raises:
        DeclarationError: a neuron without that element, or a law whose parameters have other names.
    """
    known = {element.name: element for element in neuron.elements}
    for name, element in replacements.items():
        old = known.get(name)
        if old is None:
            raise DeclarationError(
                f"neuron {neuron.name}: no element {name}; it has {', '.join(known) or 'none'}"
            )
        names = [[p.name for p in one.parameters] for one in (old, element)]
        if names[0] != names[1] or (old.timescale, old.sign) != (element.timescale, element.sign):
            raise DeclarationError(
                f"neuron {neuron.name}, element {name}: the new law has parameters {names[1]} at the "
                f"{element.timescale} timescale; allowed are {names[0]} at the {old.timescale} one, with the same sign"
            )
    if not replacements:
        return neuron
    currents = dict(neuron.membrane.currents)
    for name, element in replacements.items():
        currents[name] = -element.current(_read_by(currents[name], neuron, name))
    membrane = replace(neuron.membrane, currents=currents)
    elements = tuple(replacements.get(name, element) for name, element in known.items())
    return replace(neuron, states=(membrane, *neuron.states[1:]), elements=elements)


def _read_by(current: sympy.Expr, neuron: Neuron, element: str) -> sympy.Symbol:
    """The state that an element's current reads."""
    found = [symbol for symbol in neuron.state_symbols if current.has(symbol)]
    if len(found) != 1:
        raise DeclarationError(
            f"neuron {neuron.name}, element {element}: it reads {len(found)} states, not one"
        )
    return found[0]
