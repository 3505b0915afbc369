"""A neuron composed from sweeps that are made up: what each sweep does to the equations, by hand."""

import numpy as np
import pytest
import sympy

from circuits.measured import measured_neuron
from circuits.measured.sweeps import COARSE, RADIAN, VOLTAGES, Element, Fixed, Slow, Swept
from conductance.elements import tanh
from conductance.neurons import mtc

NEURON = mtc((tanh("fast", -2.0), tanh("slow", 2.0)), tau_s=20.0)
FLAT = np.zeros_like(VOLTAGES)


def swept(gates: float = 0.0, transfer: float = 0.0) -> Swept:
    """What parts without any charge would show, and the two capacitances of the slow state's gates, in C0."""
    element = {"slope": FLAT[None], "residual": 0.0, "gains": np.array([2.0])}
    return Swept(
        fixed=Fixed(current=-VOLTAGES, output=np.array([])),
        elements={
            "f_minus": Element(reads="um", base=2 * np.tanh(VOLTAGES)[None], **element),
            "s_plus": Element(reads="us", base=-2 * np.tanh(VOLTAGES)[None], **element),
        },
        slow={"us": Slow(gates=FLAT + gates, transfer=FLAT + transfer, follower=None)},
        admittance=np.ones((len(COARSE), len(RADIAN)), complex),
        lag=0.0,
    )


def rates(found: Swept, membrane: float, slow: float) -> tuple[float, float]:
    """d/dt of the membrane and of the slow state, in V0/tau_m, with no input."""
    neuron = measured_neuron(NEURON, found).neuron
    values = {state.symbol: membrane for state in neuron.states} | {neuron.states[1].symbol: slow}
    values |= {sympy.Symbol("I_in", real=True): 0.0, **neuron.substitutions()}
    return tuple(float(state.derivative.subs(values).evalf()) for state in neuron.states[:2])


def test_parts_without_charges_are_the_declared_equation():
    """U' = -U + 2 tanh U - 2 tanh U_s, U_s' = (U - U_s)/20."""
    first, second = rates(swept(), 0.5, -1.0)
    assert first == pytest.approx(-0.5 + 2 * np.tanh(0.5) + 2 * np.tanh(1.0), rel=1e-6)
    assert second == pytest.approx(1.5 / 20, rel=1e-9)


@pytest.mark.parametrize("gates", [0.5, 5.0])
def test_gates_at_a_slow_state_slow_it_down(gates):
    """The resistor charges the capacitor of 20 C0 and the gates that hang on it: 1.5/(20 + C)."""
    assert rates(swept(gates), 0.5, -1.0)[1] == pytest.approx(1.5 / (20 + gates), rel=1e-9)


def test_a_slow_state_moves_charge_out_of_the_membrane_as_its_transfer_admittance_says():
    """Parts that draw C U_s' from the membrane change its rate by -C U_s'."""
    before, after = (rates(swept(transfer=c), 0.5, -1.0)[0] for c in (0.0, 0.8))
    assert after - before == pytest.approx(-0.8 * 1.5 / 20, rel=1e-6)
