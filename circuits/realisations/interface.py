"""What a neuron shows to its circuit at every level: its units, its parameters, its pins."""

import sympy

from circuits.data.circuit import CircuitError, Param, Pin, voltage
from circuits.data.scaling import Scaling
from circuits.realisations.forms import arrival_state
from conductance.neurons.base import INPUT, Neuron, State
from conductance.parameter import Parameter

V0, I0, C0 = sympy.symbols("v0 i0 c0", positive=True)
OUTPUT = "out"


def parameter_name(parameter: str) -> str:
    """The name of a neuron's parameter in a circuit: lower case, since SPICE does not tell cases apart."""
    return parameter.lower()


def pins(neuron: Neuron) -> tuple[Pin, ...]:
    """The pins of a neuron at any level, but for its supplies."""
    entry, arrival = input_state(neuron), arrival_state(neuron)
    meanings = {entry.name: f"{entry.meaning}; input current flows in here"}
    if arrival is not None and arrival is not entry:
        meanings[arrival.name] = f"{arrival.meaning}; the charge of an input spike arrives here"
    meanings[OUTPUT] = "output, v0 = 1" if neuron.event is None else "spikes, pulses of area v0 tau_m"
    return tuple(Pin(name=name, meaning=meaning) for name, meaning in meanings.items())


def input_state(neuron: Neuron) -> State:
    """The state into which the input current flows: the membrane of a neuron that only declares arrivals."""
    for state in neuron.states:
        if INPUT in state.currents.values():
            return state
    if neuron.arrivals:
        return neuron.membrane
    raise CircuitError(
        f"neuron {neuron.name}: no state has I_in as a current of its own, so it has no input pin"
    )


def unit_parameters(scaling: Scaling) -> tuple[Param, ...]:
    """The SI units of a circuit as its parameters."""
    return (
        _unit("v0", scaling.voltage_unit, "V", "voltage unit"),
        _unit("i0", scaling.current_unit, "A", "current unit"),
        _unit("c0", scaling.capacitance, "F", "capacitance of a membrane with tau_m = R = 1"),
    )


def _unit(name: str, value: float, unit: str, meaning: str) -> Param:
    return Param(name=name, value=value, unit=unit, meaning=meaning, lower=0.0, lower_open=True)


def circuit_symbols(neuron: Neuron) -> dict[sympy.Symbol, sympy.Expr]:
    """What the neuron's symbols are in a circuit: parameters in lower case, states as voltages over v0."""
    numbers = {p.symbol: sympy.Symbol(parameter_name(p.name), real=True) for p in neuron.parameters}
    return numbers | {state.symbol: voltage(state.name) / V0 for state in neuron.states}


def declared_parameter(parameter: Parameter) -> Param:
    """A neuron's parameter as that of its subcircuit."""
    return Param(
        name=parameter_name(parameter.name),
        value=parameter.default,
        unit=parameter.unit,
        meaning=parameter.meaning,
        lower=parameter.lower,
        upper=parameter.upper,
        lower_open=parameter.lower_open,
        upper_open=parameter.upper_open,
    )
