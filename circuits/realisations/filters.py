"""The bias current of slow filters: their capacitors shrink with it, and the equation stays.

tau_x = C_x V0/I_x: a filter that is biased at 30 pA instead of 1 nA has a capacitor 33 times smaller. What bounds it
from below is the leakage of a transistor that is off, which moves a filter's voltage by about its share of the bias
current.
"""

import math
from dataclasses import replace

import sympy

from circuits.data.values import CircuitError
from circuits.technologies import Technology
from conductance.layers import NeuronLayer
from conductance.layers.rebuilt import of_neuron
from conductance.networks import Network
from conductance.neurons.base import Neuron, State

LEAKAGES = 20
"""A filter's bias current is at least this many times the leakage of a transistor of the technology."""


def filters_of(neuron: Neuron) -> tuple[State, ...]:
    """The slow states that one current alone draws to the membrane."""
    return tuple(
        state
        for state in neuron.states
        if state is not neuron.membrane and len(state.currents) == 1 and _slope(neuron, state) > 0
    )


def with_filter_current(neuron: Neuron, share: float) -> Neuron:
    """The neuron with each slow filter biased at `share` of I0: capacity, current and noise by one factor.

    The differential equation is the same. A neuron without slow filters is returned as it is.
    """
    factors = {state.name: sympy.Float(share) / _slope(neuron, state) for state in filters_of(neuron)}
    states = tuple(_scaled(each, factors.get(each.name, sympy.S.One)) for each in neuron.states)
    return replace(neuron, states=states)


def _slope(neuron: Neuron, state: State) -> sympy.Float:
    """What draws the state back, in I0 over V0, where it has settled at zero."""
    (current,) = state.currents.values()
    rest = {each.symbol: 0 for each in neuron.states} | neuron.substitutions()
    return -sympy.diff(current, state.symbol).xreplace(neuron.substitutions()).subs(rest).evalf()


def _scaled(state: State, factor: sympy.Expr) -> State:
    if abs(factor - 1) < 1e-12:
        return state
    return replace(
        state,
        capacity=factor * state.capacity,
        currents={name: factor * current for name, current in state.currents.items()},
        noise={name: factor * amplitude for name, amplitude in state.noise.items()},
    )


def network_with_filter_current(network: Network, share: float) -> Network:
    """A copy of the network whose neurons have their slow filters biased at `share` of I0.

    Raises:
        CircuitError: no layer has slow filters.
    """
    layers = {
        label: of_neuron(layer, with_filter_current(layer.neuron, share))
        if isinstance(layer, NeuronLayer) and not layer.neuron.is_map and filters_of(layer.neuron)
        else layer
        for label, layer in network.chain.items()
    }
    if all(layers[label] is layer for label, layer in network.chain.items()):
        raise CircuitError(
            f"filter_current: none of the layers {', '.join(network.chain)} has slow filters; leave it out"
        )
    return Network(layers, synapse_noise=network.synapse_noise)


def check_filter_current(current: float, technology: Technology) -> None:
    """Refuse a bias current (A) that leaks away at the technology's temperature.

    Raises:
        CircuitError: it is less than `LEAKAGES` times the leakage, which the message gives.
    """
    leakage = technology.leakage
    if leakage is None or current >= LEAKAGES * leakage or not math.isfinite(current):
        return
    raise CircuitError(
        f"filter_current = {current:.3g} A: {technology.name} leaks {leakage:.2g} A at {technology.temperature:g} "
        f"degrees, and a filter needs {LEAKAGES} times as much, {LEAKAGES * leakage:.2g} A; raise it, or lower the "
        f"temperature"
    )
