"""Calibration of a membrane: all its amplifiers together, against the neuron's own I-V curve and capacitor.

Amplifiers that are trimmed one by one still err together: a pair's current grows with the voltage of its tail and of
its output, so the staggered pairs of a leak do not cancel at rest, and every output conductance adds to the leak.
What a DC sweep finds of both, an offset and a conductance, is put right in the leak: its references and bias currents.
The gates and drains at the membrane are a capacitor besides, a third of the drawn one: it is drawn smaller by theirs.
"""

from dataclasses import dataclass, replace

import numpy as np

from circuits.calibration.amplifiers import SENSE_VOLTAGE, CalibrationError
from circuits.data.circuit import GROUND, Circuit, HeldWaveform, Instance, Resistor, VoltageSource
from circuits.data.scaling import Scaling
from circuits.networks.single import supplies
from circuits.realisations import Realisation
from circuits.realisations.cells.cell import Trim
from circuits.realisations.interface import input_state
from circuits.realisations.parts.leak import LEAK
from conductance.neurons.base import Neuron
from conductance.neurons.membrane import RESISTANCE
from conductance.shaping.curves import steady_curve

SWEPT = "v_drive"
DRIVE = "drive"
REACH = 3.0
"""The fit goes this many voltage units to both sides of zero: between rest and the peak of a spike."""
RAMP = 2.0
"""Duration in tau_m of the ramps from -V0 to V0 and back that measure the capacitance: slow against the mirrors."""
FROZEN = 1000.0
"""The slower time constants are so many times longer then, so that ramps move the membrane alone."""
LARGEST_OFFSET = 0.5
"""A membrane farther off than this, in V0, is no systematic error of working amplifiers."""


@dataclass(frozen=True, kw_only=True)
class MembraneFit:
    """What a sweep found of a membrane beyond its declared I-V curve.

    Attributes:
        gain: the leak's conductance with all that is added to it, over what was declared.
        offset: by which the leak's reference must be higher, in V.
        residual: largest deviation from the curve that is left after both, in I0.
        capacitance: of gates and drains at the membrane, beyond the declared one, in F.
    """

    gain: float
    offset: float
    residual: float
    capacitance: float

    @property
    def trims(self) -> dict[str, Trim]:
        """The trim that undoes it, by the name of the leak."""
        return {LEAK: Trim(gain=self.gain, offset=self.offset, capacitance=self.capacitance)}


def has_leak(neuron: Neuron) -> bool:
    """Whether a neuron's membrane has a leak to be trimmed, and a resistance that says how strong it is."""
    return LEAK in neuron.membrane.currents and RESISTANCE.name in neuron.defaults


def frozen(neuron: Neuron) -> Neuron:
    """The neuron whose slower states hardly move within a ramp."""
    slow = set().union(*(state.capacity.free_symbols for state in neuron.states[1:]))
    taus = [parameter for parameter in neuron.parameters if parameter.symbol in slow]
    return neuron.with_values(**{tau.name: FROZEN * neuron.defaults[tau.name] for tau in taus})


def ramps(scaling: Scaling) -> HeldWaveform:
    """The drive from -V0 to V0 and back, over 4 ramps' time."""
    edge = RAMP * scaling.time_unit
    unit = scaling.voltage_unit
    return HeldWaveform(times=(0.0, 1.5 * edge, 3 * edge), values=(-unit, unit, -unit), edge=edge)


def membrane_bench(
    neuron: Neuron, built: Realisation, scaling: Scaling, *, drive: float | HeldWaveform = 0.0,
    name: str = "membrane_bench",
) -> Circuit:  # fmt: skip
    """A neuron whose membrane the source `v_drive` holds through a small resistor, for a DC sweep or for `ramps`."""
    membrane = input_state(neuron).name
    return Circuit(
        name=name,
        title=f"membrane of a {neuron.name} neuron, driven",
        subcircuits=(*built.cells, built.subcircuit),
        models=built.models,
        temperature=built.temperature,
        corner=built.corner,
        devices=(
            *supplies(built),
            VoltageSource(name=SWEPT, positive=DRIVE, negative=GROUND, waveform=drive, note="swept"),
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
        probes=(DRIVE, membrane),
    )


def fit_membrane(drive: np.ndarray, membrane: np.ndarray, *, neuron: Neuron, scaling: Scaling) -> MembraneFit:
    """Fit a DC sweep of `membrane_bench`; its capacitance is left at 0.

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
        capacitance=0.0,
    )


def with_capacitance(
    fit: MembraneFit, time: np.ndarray, drive: np.ndarray, membrane: np.ndarray, *, neuron: Neuron,
    scaling: Scaling, corner: float = 1.0,
) -> MembraneFit:  # fmt: skip
    """The fit with the capacitance that `ramps` found: half the difference of the currents up and down, over the rate.

    Args:
        fit: of the DC sweep.
        time: (point,), in s.
        drive: (point,), voltage of the source in V.
        membrane: (point,), voltage of the membrane in V.
        neuron: whose capacitor is declared.
        scaling: the circuit's units.
        corner: what the process corner multiplies the declared capacitor by.

    Raises:
        CalibrationError: ramps that do not pass the middle, or gates that are larger than the declared capacitor.
    """
    edge = RAMP * scaling.time_unit
    current = (np.asarray(drive, float) - membrane) / SENSE_VOLTAGE * scaling.current_unit
    probed = np.linspace(-0.5, 0.5, 11) * scaling.voltage_unit
    found = []
    for middle, sign in ((1.5 * edge, 1), (3 * edge, -1)):
        inside = np.abs(time - middle) < 0.45 * edge
        order = np.argsort(membrane[inside])
        if np.count_nonzero(inside) < len(probed):
            raise CalibrationError(
                f"membrane of neuron {neuron.name}: too few points in a ramp; simulate finer"
            )
        found.append(sign * np.interp(probed, membrane[inside][order], current[inside][order]))
    rate = 2 * scaling.voltage_unit / edge
    total = float(np.mean(found)) / rate
    declared = float(neuron.membrane.capacity.subs(neuron.substitutions())) * scaling.capacitance * corner
    if not total < 2 * declared:
        raise CalibrationError(
            f"membrane of neuron {neuron.name}: its gates have {total - declared:.3g} F, more than its capacitor of "
            f"{declared:.3g} F; choose a larger capacitance, or smaller bias currents"
        )
    return replace(fit, capacitance=total - declared)
