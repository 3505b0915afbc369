"""The synapse: a copy of a neuron's output current, multiplied by a weight, sourced or sunk by its sign.

A neuron's output is a current from 0 to I0. In transistors it is copied by a mirror whose ratio of W/L is the weight:
a p-channel transistor sources an excitatory current, and one more mirror turns it round for an inhibitory one.
The pin `axon` is the gate voltage of the output mirror in transistors, the output voltage in the macromodel.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import sympy

from circuits.data.amplifier import AmplifierModel
from circuits.data.circuit import (
    BehaviouralCurrent,
    CircuitError,
    Device,
    Instance,
    Mosfet,
    Param,
    Pin,
    Subcircuit,
    voltage,
)
from circuits.data.scaling import Scaling
from circuits.realisations.cells.cell import OUT, VDD, VSS
from circuits.realisations.cells.ota import Transistors

AXON = "axon"
PINS = (
    Pin(name=AXON, meaning="output of the neuron before the synapse"),
    Pin(name=OUT, meaning="the current flows in here"),
    Pin(name=VDD, meaning="positive supply"),
    Pin(name=VSS, meaning="negative supply"),
)
WIDTH, LENGTH, WEIGHT = sympy.symbols("width length weight", positive=True)
EXCITATORY, INHIBITORY = "synapse_excitatory", "synapse_inhibitory"
LEAST = 1e-3
"""Weights smaller than this are left out: their mirrors would be longer than wide by a thousand."""


@dataclass(frozen=True, kw_only=True)
class Synapses:
    """Both signs of a synapse at one level; `sizes` are width and length of weight one and the smallest width, in m.

    `on_grid` gives the nearest size that can be drawn.
    """

    excitatory: Subcircuit
    inhibitory: Subcircuit
    sizes: tuple[float, float, float] | None = field(default=None)
    on_grid: Callable[[float], float] = field(default=float, compare=False)

    @property
    def subcircuits(self) -> tuple[Subcircuit, Subcircuit]:
        """Both subcircuits."""
        return self.excitatory, self.inhibitory

    def place(self, name: str, *, axon: str, out: str, weight: float) -> Instance | None:
        """A synapse of that weight, its sign included; None where the weight is too small to be built."""
        if not math.isfinite(weight):
            raise CircuitError(f"synapse {name}: weight {weight!r} is not finite")
        if abs(weight) < LEAST:
            return None
        return Instance(
            name=name,
            subcircuit=(self.excitatory if weight > 0 else self.inhibitory).name,
            connections={AXON: axon, OUT: out, VDD: VDD, VSS: VSS},
            parameters=self._parameters(abs(weight)),
            note=f"weight {weight:.4g}",
        )

    def _parameters(self, weight: float) -> Mapping[str, float]:
        """The weight itself, or the size of the transistor whose W/L is that multiple of the output mirror's."""
        if self.sizes is None:
            return {"weight": weight}
        width, length, least = self.sizes
        drawn = self.on_grid(max(weight * width, least))
        # the length makes up for the width's rounding, since it has more steps
        return {"width": drawn, "length": self.on_grid(length * drawn / (weight * width))}


def macromodel_synapses(
    model: AmplifierModel, scaling: Scaling, *, supply: float, thermal_voltage: float
) -> Synapses:
    """Sources that carry weight times the output current, with an output transistor's rail and Early effect."""
    current = scaling.current_unit / scaling.voltage_unit * WEIGHT * voltage(AXON)

    def arm(across: sympy.Symbol) -> sympy.Expr:
        law = sympy.S.One
        if model.rails:
            law = 1 - sympy.exp(-sympy.Max((across - model.headroom) / thermal_voltage, -6.0))
        if math.isfinite(model.early_voltage):
            law *= (1 + across / model.early_voltage) / (1 + supply / 2 / model.early_voltage)
        return current * law

    weight = (Param(name="weight", value=1.0, meaning="magnitude of the weight"),)
    source = BehaviouralCurrent(name="b_source", source=VDD, sink=OUT, current=arm(voltage(VDD, OUT)))
    sink = BehaviouralCurrent(name="b_sink", source=OUT, sink=VSS, current=arm(voltage(OUT, VSS)))
    return Synapses(
        excitatory=_subcircuit(EXCITATORY, weight, (source,)),
        inhibitory=_subcircuit(INHIBITORY, weight, (sink,)),
    )


def transistor_synapses(place: Transistors) -> Synapses:
    """Current mirrors: one transistor for an excitatory synapse, three for an inhibitory one."""
    unit = place.pmos("m_copy", OUT, AXON, note="copy of the output current, weighted")
    sizes = (
        Param(name="width", value=float(unit.width), unit="m", meaning="width of the copy"),
        Param(name="length", value=float(unit.length), unit="m", meaning="length of the copy"),
    )

    def copy(drain: str) -> Mosfet:
        return Mosfet(
            name=unit.name, drain=drain, gate=AXON, source=VDD, bulk=VDD, model=unit.model, width=WIDTH,
            length=LENGTH, diffusion=unit.diffusion, note=unit.note,
        )  # fmt: skip

    turned = (
        copy("fold"),
        place.nmos("m_fold", "fold", "fold", note="turns the current round, input"),
        place.nmos("m_sink", OUT, "fold", note="turns the current round, output"),
    )
    return Synapses(
        excitatory=_subcircuit(EXCITATORY, sizes, (copy(OUT),)),
        inhibitory=_subcircuit(INHIBITORY, sizes, turned),
        sizes=(float(unit.width), float(unit.length), place.technology.transistor("pmos").width),
        on_grid=place.technology.on_grid,
    )


def _subcircuit(name: str, parameters: tuple[Param, ...], devices: tuple[Device, ...]) -> Subcircuit:
    return Subcircuit(
        name=name, title=name.replace("_", ", "), pins=PINS, parameters=parameters, devices=devices
    )
