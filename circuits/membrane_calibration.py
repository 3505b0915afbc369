"""Calibration of a membrane: all its amplifiers together, swept by DC, against the neuron's own I-V curve.

Amplifiers that are trimmed one by one still err together: a pair's current grows with the voltage of its tail and of
its output, so the staggered pairs of a leak do not cancel at rest, and every output conductance adds to the leak.
What a sweep finds of both, an offset and a conductance, is put right in the leak: its references and bias currents.
"""

from dataclasses import dataclass

import numpy as np

from circuits.calibration import SENSE_VOLTAGE, CalibrationError
from circuits.circuit import GROUND, Circuit, Instance, Resistor, VoltageSource
from circuits.realisations import Realisation
from circuits.realisations.behavioural import input_state
from circuits.realisations.leak import LEAK
from circuits.realisations.transconductor import Trim
from circuits.scaling import Scaling
from circuits.single import supplies
from conductance.neurons.base import Neuron
from conductance.neurons.membrane import RESISTANCE
from conductance.shaping.curves import steady_curve

SWEPT = "v_drive"
DRIVE = "drive"
REACH = 3.0
"""The fit goes this many voltage units to both sides of zero: between rest and the peak of a spike."""
LARGEST_OFFSET = 0.5
"""A membrane farther off than this, in V0, is no systematic error of working amplifiers."""


@dataclass(frozen=True, kw_only=True)
class MembraneFit:
    """What a sweep found of a membrane beyond its declared I-V curve.

    Attributes:
        gain: the leak's conductance with all that is added to it, over what was declared.
        offset: by which the leak's reference must be higher, in V.
        residual: largest deviation from the curve that is left after both, in I0.
    """

    gain: float
    offset: float
    residual: float

    @property
    def trims(self) -> dict[str, Trim]:
        """The trim that undoes it, by the name of the leak."""
        return {LEAK: Trim(gain=self.gain, offset=self.offset)}


def has_leak(neuron: Neuron) -> bool:
    """Whether a neuron's membrane has a leak to be trimmed, and a resistance that says how strong it is."""
    return LEAK in neuron.membrane.currents and RESISTANCE.name in neuron.defaults


def membrane_bench(
    neuron: Neuron, built: Realisation, scaling: Scaling, name: str = "membrane_bench"
) -> Circuit:
    """A neuron whose membrane the source `v_drive` holds through a small resistor; its filters settle."""
    membrane = input_state(neuron).name
    return Circuit(
        name=name,
        title=f"DC sweep of the membrane of a {neuron.name} neuron",
        subcircuits=(*built.cells, built.subcircuit),
        models=built.models,
        temperature=built.temperature,
        devices=(
            *supplies(built),
            VoltageSource(name=SWEPT, positive=DRIVE, negative=GROUND, waveform=0.0, note="swept"),
            Resistor(
                name="r_sense",
                positive=DRIVE,
                negative=membrane,
                resistance=SENSE_VOLTAGE / scaling.current_unit,
                note="senses the current",
            ),
            Instance(
                name="xn",
                subcircuit=built.name,
                connections={pin.name: pin.name for pin in built.subcircuit.pins},
            ),
        ),
        probes=(membrane,),
    )


def fit_membrane(drive: np.ndarray, membrane: np.ndarray, *, neuron: Neuron, scaling: Scaling) -> MembraneFit:
    """Fit a sweep of `membrane_bench`.

    Args:
        drive: (point,), voltage of the source in V.
        membrane: (point,), voltage of the membrane in V.
        neuron: whose I-V curve is declared.
        scaling: the circuit's units.

    Raises:
        CalibrationError: a membrane that is far from its curve.
    """
    voltage = np.asarray(membrane, float) / scaling.voltage_unit
    current = (np.asarray(drive, float) - membrane) / SENSE_VOLTAGE
    inside = np.abs(voltage) < REACH
    if np.count_nonzero(inside) < 5:
        raise CalibrationError(
            f"membrane of neuron {neuron.name}: {np.count_nonzero(inside)} points lie within {REACH:g} V0; "
            f"sweep it in finer steps"
        )
    voltage, current = voltage[inside], current[inside]
    excess = current - steady_curve(neuron).function()(voltage)
    conductance, constant = np.polyfit(voltage, excess, 1)
    gain = 1 + float(conductance) * neuron.defaults[RESISTANCE.name]
    offset = float(constant) * neuron.defaults[RESISTANCE.name]
    if not gain > 0 or abs(offset) > LARGEST_OFFSET * gain:
        raise CalibrationError(
            f"membrane of neuron {neuron.name}: its leak is {gain:.3g} times the declared one and {offset:.3g} V0 off; "
            f"check supply and bias currents"
        )
    return MembraneFit(
        gain=gain,
        offset=offset / gain * scaling.voltage_unit,
        residual=float(np.abs(excess - conductance * voltage - constant).max()),
    )
