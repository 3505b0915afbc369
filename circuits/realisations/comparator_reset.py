"""Comparator and reset of a neuron with events: a switch with hysteresis that discharges the membrane at its threshold.

The switch closes at the threshold and opens at the reset voltage. It pulls towards a voltage that lies `MARGIN` of the
swing beyond the reset voltage, with a resistance so small that no current of the neuron can hold the membrane above it:
R_on I_max < V_low - V_reset, or the neuron would latch for ever. A discharge lasts `DISCHARGE` ln(1 + 1/MARGIN) tau, by
which each interval is longer than that of the equation.

The discharge current is the spike that others receive: its charge is that of the membrane's swing, whatever the
simulator's steps are. What the neuron's own currents add meanwhile is `DISCHARGE` times current over swing: 1e-3 of the
charge for a QIF neuron with peak 10, 1e-2 with 200.
"""

from collections.abc import Iterator, Mapping

import sympy

from circuits.circuit import GROUND, BehaviouralVoltage, Device, Resistor, Switch, voltage
from circuits.realisations.forms import EventForm
from conductance.neurons.base import Neuron

DISCHARGE = 1e-4
"""Resistance of discharge in V0/I0, so that it takes this share of the time constant of a membrane with R = 1."""
MARGIN = 0.05
"""How far beyond the reset voltage the switch pulls, as a share of the swing."""
OFF = 1e6
"""Resistance of the open switch in V0/I0; it leaks a millionth of the membrane's own conductance."""
DISCHARGED, LOW = "discharge", "low"


def comparator_reset(
    neuron: Neuron, form: EventForm, *, out: str, numbers: Mapping[sympy.Symbol, sympy.Expr], unit: sympy.Expr,
    current_unit: sympy.Expr,
) -> Iterator[Device]:  # fmt: skip
    """Switch, sense resistor and output: `out` is the discharge current, v0 times a pulse whose area is one tau_m.

    Args:
        neuron: whose membrane is reset.
        form: its threshold and reset.
        out: node of the output.
        numbers: the circuit's symbols for the neuron's parameters.
        unit: the voltage unit in V.
        current_unit: the current unit in A.
    """
    node = neuron.membrane.name
    capacity = neuron.membrane.capacity.xreplace(numbers)
    high, low = (unit * value.xreplace(numbers) for value in (form.threshold, form.reset))
    swing = form.swing.xreplace(numbers)
    resistance = DISCHARGE * unit / current_unit
    yield BehaviouralVoltage(
        name="b_low", positive=LOW, negative=GROUND, voltage=low - MARGIN * unit * swing,
        note="where the switch pulls",
    )  # fmt: skip
    yield Switch(
        name="s_reset", positive=node, negative=DISCHARGED, sense_positive=node, sense_negative=GROUND,
        on_above=high, off_below=low, on_resistance=resistance / 2, off_resistance=OFF * unit / current_unit,
        note="comparator and reset",
    )  # fmt: skip
    yield Resistor(
        name="r_sense", positive=DISCHARGED, negative=LOW, resistance=resistance / 2, note="senses the spike"
    )
    charge = capacity * swing * current_unit  # of one spike, over one tau_m
    yield BehaviouralVoltage(
        name="b_out", positive=out, negative=GROUND, note="spike, area v0 tau_m",
        voltage=unit * voltage(DISCHARGED, LOW) / (resistance / 2 * charge),
    )  # fmt: skip
