"""White noise put into the currents of a declared neuron, and taken out again."""

from collections.abc import Mapping
from dataclasses import replace

import sympy

from conductance.elements.base import DeclarationError
from conductance.errors import nearest
from conductance.neurons.base import SAMPLING, Neuron, State
from conductance.parameter import Parameter


def noisy(neuron: Neuron, amplitudes: Mapping[str, float]) -> Neuron:
    """The same neuron with white noise in its currents, each amplitude a parameter `noise_` + the current's name.

    An amplitude s is in the current's unit times the square root of tau_m; the current's one-sided power density is
    2 s^2. A leaky membrane (tau_m = R = 1) with noise s alone has the variance s^2/2.

    Args:
        neuron: the declaration.
        amplitudes: by the name of a current (for instance leak or input), finite and not negative; of a map by
            `sampling`, in V0 per step, for each of its states.

    Raises:
        DeclarationError: a current that the neuron does not have or that several states have, or a map.
        ParameterError: a negative amplitude, or one that is not finite.

    >>> from conductance.neurons import lif
    >>> noisy(lif(), {"leak": 0.1}).defaults["noise_leak"]
    0.1
    """
    if neuron.is_map:
        return _sampled(neuron, amplitudes)
    owners = {current: [s.name for s in neuron.states if current in s.currents] for current in amplitudes}
    known = [name for state in neuron.states for name in state.currents]
    for current, having in owners.items():
        if not having:
            raise DeclarationError(
                f"neuron {neuron.name}: noise of {current!r}; {nearest(current, known)}its currents are "
                f"{', '.join(known)}"
            )
        if len(having) > 1:
            raise DeclarationError(
                f"neuron {neuron.name}: the states {', '.join(having)} each have a current {current!r}; declare the "
                f"noise of the one that is meant by State(noise=...)"
            )
    added = {
        current: Parameter(
            name=f"noise_{current}", default=float(value), lower=0.0, unit="I0 sqrt(tau_m)", transform="softplus",
            meaning=f"amplitude of the white noise of current {current}",
        )
        for current, value in amplitudes.items()
    }  # fmt: skip
    states = tuple(
        replace(state, noise={**state.noise, **{c: added[c].symbol for c in added if c in state.currents}})
        for state in neuron.states
    )
    return replace(neuron, parameters=(*neuron.parameters, *added.values()), states=states)


def _sampled(neuron: Neuron, amplitudes: Mapping[str, float]) -> Neuron:
    """A map whose states each get noise in every step."""
    if set(amplitudes) != {SAMPLING}:
        raise DeclarationError(
            f"neuron {neuron.name}: noise of {', '.join(map(repr, amplitudes)) or 'nothing'}, but it is declared in "
            f"discrete time and has no currents; its only noise is that of {SAMPLING!r}, in V0 per step"
        )
    added = Parameter(
        name=f"noise_{SAMPLING}", default=float(amplitudes[SAMPLING]), lower=0.0, unit="V0", transform="softplus",
        meaning="deviation of what a step adds to each state at random",
    )  # fmt: skip
    states = tuple(replace(state, noise={SAMPLING: added.symbol}) for state in neuron.states)
    return replace(neuron, parameters=(*neuron.parameters, added), states=states)


def silent(neuron: Neuron) -> Neuron:
    """The same neuron without noise, and without the states and parameters that only its noise has."""
    only = noise_parameters(neuron)
    symbols = {p.symbol for p in neuron.parameters if p.name in only}
    return replace(
        neuron,
        states=_quiet(neuron),
        parameters=tuple(p for p in neuron.parameters if p.name not in only),
        constraints=tuple(c for c in neuron.constraints if not _only_of(c.relation, symbols)),
    )


def noise_parameters(neuron: Neuron) -> frozenset[str]:
    """Names of the parameters that only the noise of a neuron has."""
    quiet = replace(neuron, states=_quiet(neuron))
    used = set().union(*(expression.free_symbols for _, expression in quiet.expressions()))
    everything = set().union(*(expression.free_symbols for _, expression in neuron.expressions()))
    noises = everything - used
    for constraint in neuron.constraints:
        if not _only_of(constraint.relation, noises):
            noises -= constraint.relation.free_symbols
    return frozenset(p.name for p in neuron.parameters if p.symbol in noises)


def _quiet(neuron: Neuron) -> tuple[State, ...]:
    """The states that are no processes of noise, without their noise and the currents that processes make."""
    moved = {state.symbol for state in neuron.processes}
    return tuple(
        replace(
            state,
            noise={},
            currents={
                name: current
                for name, current in state.currents.items()
                if not sympy.sympify(current).free_symbols & moved
            },
        )
        for state in neuron.states
        if state.symbol not in moved
    )


def _only_of(relation: sympy.Rel, symbols: set[sympy.Symbol]) -> bool:
    return bool(relation.free_symbols) and relation.free_symbols <= symbols
