"""The synapse: a copy of a neuron's output current, multiplied by a weight, sourced or sunk by its sign.

A neuron's output is a current from 0 to I0. In transistors it is copied by a mirror of unit transistors (`units`): a
p-channel copy sources an excitatory current, and one more mirror turns it round for an inhibitory one.
The pin `axon` is the gate voltage of the output mirror in transistors, the output voltage in the macromodel.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import sympy

from circuits.data.amplifier import AmplifierModel
from circuits.data.circuit import (
    BehaviouralCurrent,
    CircuitError,
    Device,
    Instance,
    Param,
    Pin,
    Subcircuit,
    voltage,
)
from circuits.data.scaling import Scaling
from circuits.realisations.cells.cell import OUT, VDD, VSS
from circuits.realisations.cells.coded import AXON, CodedCells
from circuits.realisations.cells.ota import Transistors
from circuits.realisations.cells.units import LONGEST, UNITS, Composition, compose

PINS = (
    Pin(name=AXON, meaning="output of the neuron before the synapse"),
    Pin(name=OUT, meaning="the current flows in here"),
    Pin(name=VDD, meaning="positive supply"),
    Pin(name=VSS, meaning="negative supply"),
)
WEIGHT = sympy.Symbol("weight", positive=True)
EXCITATORY, INHIBITORY = "synapse_excitatory", "synapse_inhibitory"
LEAST = 0.5 / (UNITS * LONGEST)
"""Weights smaller than this are left out: they are nearer to nothing than to the least that is drawn."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A subcircuit of synapses, and the parameters that make it a synapse of one weight."""

    subcircuit: Subcircuit
    parameters: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Synapse:
    """A synapse in place, and the subcircuit that it is an instance of."""

    instance: Instance
    subcircuit: Subcircuit


@dataclass(frozen=True, kw_only=True)
class Synapses:
    """The synapses of one level; `kind` makes that of a weight of either sign, at least `LEAST` in size.

    `coded` are the cells of coded weights, where there are transistors to make them of.
    """

    kind: Callable[[float], Kind | None] = field(compare=False)
    coded: CodedCells | None = field(default=None, compare=False)

    def place(self, name: str, *, axon: str, out: str, weight: float) -> Synapse | None:
        """A synapse of that weight, its sign included; None where the weight is too small to be built."""
        if not math.isfinite(weight):
            raise CircuitError(f"synapse {name}: weight {weight!r} is not finite")
        kind = self.kind(weight) if abs(weight) >= LEAST else None
        if kind is None:
            return None
        instance = Instance(
            name=name,
            subcircuit=kind.subcircuit.name,
            connections={AXON: axon, OUT: out, VDD: VDD, VSS: VSS},
            parameters=kind.parameters,
            note=f"weight {weight:.4g}",
        )
        return Synapse(instance=instance, subcircuit=kind.subcircuit)


def sign_of(weight: float) -> str:
    """The name of the synapses of a weight's sign, and of what calibration finds of them."""
    return EXCITATORY if weight > 0 else INHIBITORY


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
    made = {
        EXCITATORY: _subcircuit(EXCITATORY, (source,), weight),
        INHIBITORY: _subcircuit(INHIBITORY, (sink,), weight),
    }
    return Synapses(
        kind=lambda weight: Kind(subcircuit=made[sign_of(weight)], parameters={"weight": abs(weight)})
    )


def transistor_synapses(place: Transistors) -> Synapses:
    """Current mirrors of unit transistors: one subcircuit for each composition and sign."""
    excess = place.technology.transistor("pmos").series_excess

    def kind(weight: float) -> Kind | None:
        drawn = compose(abs(weight), excess)
        if drawn is None:
            return None
        sign = sign_of(weight)
        devices = (
            tuple(_copies(place, drawn, OUT))
            if weight > 0
            else (*_copies(place, drawn, "fold"), *_turned(place))
        )
        return Kind(subcircuit=_subcircuit(f"{sign}_{drawn.name}", devices))

    return Synapses(kind=kind, coded=CodedCells(place=place))


def _copies(place: Transistors, drawn: Composition, out: str) -> Iterator[Device]:
    """The chains of unit transistors from the positive supply to `out`, all with the mirror's gate."""
    for length, count in drawn.chains:
        nodes = [VDD, *(f"in{length}_{step}" for step in range(1, length)), out]
        for step in range(length):
            unit = place.unit_pmos(
                f"m_{length}_{step}", nodes[step + 1], AXON, nodes[step], multiplicity=count,
                note="copy of the output current" if length == 1 else f"one of {length} in series",
            )  # fmt: skip
            yield replace(unit, saturates=nodes[step + 1] == out)


def _turned(place: Transistors) -> Iterator[Device]:
    yield place.nmos("m_fold", "fold", "fold", note="turns the current round, input")
    yield place.nmos("m_sink", OUT, "fold", note="turns the current round, output")


def _subcircuit(name: str, devices: tuple[Device, ...], parameters: tuple[Param, ...] = ()) -> Subcircuit:
    return Subcircuit(
        name=name, title=name.replace("_", ", ", 2), pins=PINS, parameters=parameters, devices=devices
    )
