"""Calibration of what follows the membrane: the output stage and the synapses, swept by DC with the membrane held.

A chain of current mirrors multiplies what passes through it, each by a few per cent. The fit
out = gain clip_line(u - offset), below its ceiling, goes back into the stage's bias currents and reference, and the
gain of each sign of a synapse into its weight.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares

from circuits.calibration.amplifiers import CalibrationError
from circuits.data.circuit import GROUND, Circuit, Instance, Resistor, VoltageSource
from circuits.data.scaling import Scaling
from circuits.networks.single import supplies
from circuits.realisations import Realisation
from circuits.realisations.cells.cell import Trim
from circuits.realisations.cells.synapse import EXCITATORY, INHIBITORY
from circuits.realisations.interface import OUTPUT, input_state
from circuits.realisations.parts.output_stage import STAGE, line_law
from conductance.neurons.base import Neuron

SWEPT = "v_membrane"
SILENT = 0.25
"""The stage is silent in this part of the sweep, in V0 from its lowest voltage on."""
EXCITED, INHIBITED = "excited", "inhibited"
FITTED = (0.1, 0.8)
"""The stage is fitted where its output should lie between these shares of the largest one: off corner and ceiling."""


@dataclass(frozen=True, kw_only=True)
class OutputFit:
    """What a sweep of the membrane found of the output stage and of synapses of weight one.

    Attributes:
        gain: of the stage between its corner and its ceiling.
        offset: by which the membrane must be higher than it should, in V.
        residual: largest deviation of the sweep from the fit, over the largest output, in the fitted part.
        excitatory: current of a synapse over the stage's own output current.
        inhibitory: the same of a synapse that draws current.
        excitatory_floor: current of a synapse behind a silent stage, in I0.
        inhibitory_floor: the same of a synapse that draws current.
    """

    gain: float
    offset: float
    residual: float
    excitatory: float
    inhibitory: float
    excitatory_floor: float = 0.0
    inhibitory_floor: float = 0.0

    @property
    def trims(self) -> dict[str, Trim]:
        """The trims that undo it, by the names of the stage and of the synapses."""
        return {
            STAGE: Trim(gain=self.gain, offset=self.offset),
            EXCITATORY: Trim(gain=self.excitatory, imbalance=self.excitatory_floor / self.excitatory),
            INHIBITORY: Trim(gain=self.inhibitory, imbalance=self.inhibitory_floor / self.inhibitory),
        }


def output_bench(neuron: Neuron, built: Realisation, scaling: Scaling, name: str = "output_bench") -> Circuit:
    """A neuron whose membrane the source `v_membrane` holds, and a synapse of each sign of weight one on V0/I0.

    Raises:
        CalibrationError: a neuron without synapses of amplifiers.
    """
    if built.synapses is None:
        raise CalibrationError(
            f"neuron {neuron.name}: its output is no current, so it has no synapses to sweep"
        )
    membrane, load = input_state(neuron).name, scaling.voltage_unit / scaling.current_unit
    synapses = [
        built.synapses.place(f"x_{node}", axon=built.axon, out=node, weight=weight)
        for node, weight in ((EXCITED, 1.0), (INHIBITED, -1.0))
    ]
    placed = [synapse for synapse in synapses if synapse is not None]
    return Circuit(
        name=name,
        title=f"DC sweep of the output of a {neuron.name} neuron",
        subcircuits=(*built.cells, *(synapse.subcircuit for synapse in placed), built.subcircuit),
        models=built.models,
        temperature=built.temperature,
        corner=built.corner,
        devices=(
            *supplies(built),
            VoltageSource(name=SWEPT, positive=membrane, negative=GROUND, waveform=0.0, note="swept"),
            Instance(
                name="xn",
                subcircuit=built.name,
                connections={pin.name: pin.name for pin in built.subcircuit.pins},
            ),
            *(synapse.instance for synapse in placed),
            *(
                Resistor(name=f"r_{node}", positive=node, negative=GROUND, resistance=load)
                for node in (EXCITED, INHIBITED)
            ),
        ),
        probes=(membrane, OUTPUT, EXCITED, INHIBITED),
    )


def fit_output(
    voltages: np.ndarray, output: np.ndarray, excited: np.ndarray, inhibited: np.ndarray, *, neuron: Neuron,
    scaling: Scaling,
) -> OutputFit:  # fmt: skip
    """Fit a sweep: all arrays (point,) in V, the synapses' across V0/I0.

    Raises:
        CalibrationError: an output that does not rise through its line.
    """
    unit = scaling.voltage_unit
    law = line_law(neuron)
    wanted = law(voltages / unit)
    inside = (wanted > FITTED[0]) & (wanted < FITTED[1])
    if np.count_nonzero(inside) < 5 or not np.ptp(output[inside]) > 0.2 * unit:
        raise CalibrationError(
            f"output of neuron {neuron.name}: it does not rise with the membrane from {voltages[0]:g} to "
            f"{voltages[-1]:g} V; check supply, U_th and U_sat"
        )
    v, out = voltages[inside] / unit, output[inside] / unit
    silent = voltages <= voltages.min() + SILENT * unit
    found = least_squares(lambda p: p[0] * law(v - p[1]) - out, (1.0, 0.0), xtol=1e-12, ftol=1e-12)
    gain, offset = (float(value) for value in found.x)
    return OutputFit(
        gain=gain,
        offset=offset * unit,
        residual=float(np.abs(found.fun).max()),
        excitatory=float(np.polyfit(output[inside], excited[inside], 1)[0]),
        inhibitory=float(-np.polyfit(output[inside], inhibited[inside], 1)[0]),
        excitatory_floor=float(excited[silent].mean()) / unit,
        inhibitory_floor=float(-inhibited[silent].mean()) / unit,
    )
