"""The coded weights of a network's circuit in transistors: what hands them their currents, and the weights in place."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from circuits.data.circuit import GROUND, CurrentSource, Device, HeldWaveform, Instance, Subcircuit
from circuits.data.scaling import Scaling
from circuits.realisations import Trim
from circuits.realisations.cells.cell import VDD, VSS
from circuits.realisations.cells.coded import AXON, DRIVER, ENTRY, GATE, CodedCells, Ratio
from conductance.layers import Projection
from conductance.layers.weights.recurrence import Recurrence

ONE, REST = "one", "rest"
"""Nodes of the mirror of a constant current of one unit, for biases, and of an input's current at rest."""


@dataclass(frozen=True, kw_only=True)
class Codes:
    """The codes of what flows into one neuron.

    Attributes:
        bits: of each code, sign included.
        unit: weight of code 1.
        weights: code of each source by its node.
        bias_unit: current of bias code 1, in I0.
        bias: code of the bias; None where there is none.
    """

    bits: int
    unit: float
    weights: Mapping[str, int]
    bias_unit: float = 1.0
    bias: int | None = None


@dataclass(frozen=True, kw_only=True)
class CodeTable:
    """The codes of all weights (output, input) and biases (output,) of a layer, with their units."""

    bits: int
    unit: float
    weights: np.ndarray
    bias_unit: float
    biases: np.ndarray

    @classmethod
    def of(cls, layer: Projection | Recurrence) -> "CodeTable | None":
        """The codes of a layer; None where it has none."""
        code = layer.code
        if code is None:
            return None
        weight = layer.weight.detach()
        if isinstance(layer, Recurrence):
            weight = weight if layer.mask is None else weight * layer.mask
        bias = layer.bias.detach() if isinstance(layer, Projection) else weight.new_zeros(len(weight))
        return cls(
            bits=code.bits,
            unit=float(code.unit(weight)),
            weights=code.codes(weight).numpy(),
            bias_unit=float(code.unit(bias)),
            biases=code.codes(bias).numpy(),
        )

    def row(self, target: int, sources: Mapping[int, str], with_bias: bool) -> Codes:
        """What flows into one neuron, from the nodes of its sources by their place."""
        return Codes(
            bits=self.bits,
            unit=self.unit,
            weights={node: int(self.weights[target, place]) for place, node in sources.items()},
            bias_unit=self.bias_unit,
            bias=int(self.biases[target]) if with_bias else None,
        )


@dataclass(kw_only=True)
class CodedPlaces:
    """Puts coded weights into one circuit, each mirror and each kind of converter once.

    Attributes:
        scaling: the SI units.
        trims: what calibration found of the mirrors.
        inputs: the network's inputs by their node, in V.
        devices: of the circuit, which grow.
        subcircuits: of the circuit by name, which grow.
    """

    scaling: Scaling
    trims: Mapping[str, Trim]
    inputs: Mapping[str, HeldWaveform]
    devices: list[Device]
    subcircuits: dict[str, Subcircuit]
    gates: dict[str, str] = field(default_factory=dict)

    def takes(self, source: str, axons: Mapping[str, object]) -> bool:
        """Whether a source is a current that mirrors copy: a neuron's output or an input of the network."""
        return source in axons or source in self.inputs

    def weigh(self, codes: Codes, node: str, cells: CodedCells, axons: Mapping[str, str]) -> None:
        """Bring the weighted currents of all sources that are currents, and the bias, into a node."""
        place = partial(self._place, node, codes.bits, cells)
        for source, code in codes.weights.items():
            if source in axons:
                ratio = self._ratio(codes.unit, DRIVER)
                place(source, self._driven(source, axons[source], ratio, cells), ratio, code)
            elif source in self.inputs:
                ratio = self._ratio(codes.unit, ENTRY)
                moving, still = self._input(source, ratio, cells)
                place(source, moving, ratio, code)
                if still:
                    place(f"{source}_{REST}", still, ratio, -code, paired=True)
        if codes.bias is not None:
            ratio = self._ratio(codes.bias_unit, ENTRY)
            current = self.scaling.current_unit
            gate = self._entered(f"{ONE}_{ratio.into}", current, ratio, cells, "one unit, for biases")
            place("bias", gate, ratio, codes.bias)

    def _ratio(self, unit: float, way: str) -> Ratio:
        """The units of a weight; the mirrors on its way are a little strong, which their input's number undoes."""
        return Ratio.of(unit / self.trims.get(way, Trim()).gain)

    def _place(
        self, node: str, bits: int, cells: CodedCells, source: str, gate: str, ratio: Ratio, code: int,
        paired: bool = False,
    ) -> None:  # fmt: skip
        """A converter between a gate and a node; a paired one has the memory of its partner."""
        made = cells.synapse(bits, ratio.each)
        self.subcircuits.setdefault(made.name, made)
        placed = cells.weight(
            f"x_w_{node}_{source}", gate=gate, out=node, code=code, bits=bits, each=ratio.each
        )
        self.devices.append(replace(placed, code=None, note=f"{placed.note}, paired") if paired else placed)

    def _driven(self, source: str, axon: str, ratio: Ratio, cells: CodedCells) -> str:
        """The gate that hands on a neuron's output."""
        gate = f"{source}_gate{ratio.into}"
        if gate not in self.gates:
            made = cells.driver(ratio.into)
            self.subcircuits.setdefault(made.name, made)
            self.gates[gate] = gate
            self.devices.append(
                Instance(
                    name=f"x_{gate}", subcircuit=made.name,
                    connections={AXON: axon, GATE: gate, VDD: VDD, VSS: VSS},
                )
            )  # fmt: skip
        return gate

    def _input(self, source: str, ratio: Ratio, cells: CodedCells) -> tuple[str, str]:
        """The gates of an input's current and of that at rest; the latter is empty where the input has one sign.

        A mirror's current has one direction, so that an input which goes below zero is raised by its least value, and
        what that adds is taken off again by weights of the other sign.
        """
        held = self.inputs[source]
        values = np.asarray(held.values) / self.scaling.voltage_unit
        rest = float(max(0.0, -values.min()))
        current = self.scaling.current_unit
        raised = replace(held, values=tuple(((values + rest) * current).tolist()))
        moving = self._entered(f"{source}_{ratio.into}", raised, ratio, cells, "input, off the chip")
        if not rest:
            return moving, ""
        note = "input at rest, off the chip"
        return moving, self._entered(f"{source}_{REST}_{ratio.into}", rest * current, ratio, cells, note)

    def _entered(
        self, name: str, current: float | HeldWaveform, ratio: Ratio, cells: CodedCells, note: str
    ) -> str:
        """The gate of a mirror whose input current a source draws."""
        gate = f"{name}_gate"
        if gate not in self.gates:
            made = cells.entry(ratio.into)
            self.subcircuits.setdefault(made.name, made)
            self.gates[gate] = gate
            self.devices += [
                Instance(
                    name=f"x_{gate}", subcircuit=made.name, connections={GATE: gate, VDD: VDD, VSS: VSS}
                ),
                CurrentSource(name=f"i_{gate}", source=gate, sink=GROUND, waveform=current, note=note),
            ]
        return gate
