"""The noise of one part in SI units, for comparisons with a simulator."""

from circuits.data.scaling import Scaling
from circuits.noise.law import PartNoise
from conductance.neurons.base import Neuron


def at_state(
    noise: PartNoise, neuron: Neuron, states: dict[str, float], scaling: Scaling
) -> tuple[float, float]:
    """White density and flicker density at 1 Hz of a part in A^2/Hz, at states in V0 by name."""
    numbers = neuron.substitutions() | {state.symbol: states[state.name] for state in neuron.states}
    white = 2 * scaling.shot_power * scaling.capacitance * scaling.voltage_unit * scaling.current_unit
    slow = 0.0 if noise.flicker is None else float(noise.flicker.subs(numbers)) * scaling.current_unit**2
    return white * float(noise.shot.subs(numbers)), slow
