"""Noise of a sampled circuit: what switches leave on the capacitors that they open, kT/C each.

In one period a state passes two switches, onto its sampling capacitor and onto its holding one, and each leaves kT/C
whatever its resistance. With the first come two resistors of V0/I0 through the same filter of one time constant, whose
noise on a capacitor C of their own has kT/C, too, half of which passes: that of the summing node, as far as the state
follows the input, and that of the multiplier's pole. Buffers, multipliers and comparators are ideal.
"""

from collections.abc import Mapping
from dataclasses import replace

import sympy

from circuits.data.scaling import ELEMENTARY_CHARGE, ZERO_CELSIUS, Scaling
from circuits.realisations.sampled import arithmetic
from circuits.technologies import Technology
from circuits.technologies.base import BOLTZMANN_OVER_CHARGE
from conductance.neurons.base import INPUT, SAMPLING, Neuron, State
from conductance.neurons.noisy import silent
from conductance.parameter import Parameter

SAMPLING_POWER = "sampling_power"
"""Name of the parameter that all noise of a sampled neuron grows with, kT/(C V0^2) of its circuit."""
PASSED = sympy.Rational(1, 2)
"""Share of a resistor's noise that passes a filter of the same time constant behind it."""


def sampling_power(scaling: Scaling, temperature: float) -> float:
    """kT/(C V0^2) of a circuit's capacitors, the temperature in degrees Celsius."""
    thermal = ELEMENTARY_CHARGE * BOLTZMANN_OVER_CHARGE * (temperature + ZERO_CELSIUS)
    return thermal / (scaling.capacitance * scaling.voltage_unit**2)


def sampled_share(neuron: Neuron, state: State) -> sympy.Expr:
    """The variance that is sampled with a state's next value, over kT/C: the switch's, the sum's, the multiplier's."""
    gain = sympy.diff(sympy.sympify(state.following), INPUT)
    multiplies = arithmetic(neuron, state)[1]
    return 1 + PASSED * gain**2 + (PASSED if multiplies else 0)


def sampling_noise(
    neuron: Neuron, made_of: Technology, units: Scaling, held: Mapping[sympy.Symbol, float]
) -> Neuron:
    """The map with the noise of its circuit in each state; `held` are states at which amplitudes stay."""
    quiet = silent(neuron)
    power = Parameter(
        name=SAMPLING_POWER, default=sampling_power(units, made_of.temperature), lower=0.0, unit="1",
        transform="softplus", meaning="kT/(C V0^2), what all noise of the sampled circuit grows with",
    )  # fmt: skip
    states = tuple(
        replace(
            state,
            noise={
                SAMPLING: sympy.sqrt(power.symbol)
                * sympy.sqrt(1 + sampled_share(quiet, state)).subs(dict(held))
            },
        )
        for state in quiet.states
    )
    return replace(quiet, parameters=(*quiet.parameters, power), states=states)
