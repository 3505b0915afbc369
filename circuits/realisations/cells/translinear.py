"""Translinear loops of subthreshold transistors: source-coupled pairs whose common source is a follower's.

Below threshold I = I_0 exp((kappa V_G - V_S)/U_T), so two transistors with one source carry currents in the ratio
exp(kappa (V_G1 - V_G2)/U_T). Two such pairs between the same two gates make the alternating loop, I_1 I_3 = I_2 I_4, in
which kappa drops out; in a stacked loop it stays, as an exponent 1 + kappa (docs/models.md, section 4).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import sympy

from circuits.data.circuit import BehaviouralCurrent, Device, Instance, ModelCard, Mosfet, Subcircuit, Value
from circuits.realisations.cells.cell import VSS
from circuits.realisations.cells.ota import Transistors
from circuits.technologies import Technology

UNIT = sympy.Symbol("iu", positive=True)
"""The current that the loops' constant side carries, in A: a parameter of the block."""
LOWER, UNIT_GATE = "mid", "unit_gate"
"""Lower diode of the reference, and the gate at which a transistor of the loops carries the unit current."""
SCALE = 3.0
"""Transistors of a loop are this many times longer and wider than an amplifier's: errors are those of the Early
effect."""
TAIL = 16.0
"""Tails are this many times longer and as narrow as can be: their gates, the drains of the pairs, lie higher."""


@dataclass(frozen=True, kw_only=True)
class Block:
    """A subcircuit of transistors with pins of its own, and the cards that it needs."""

    subcircuit: Subcircuit
    models: tuple[ModelCard, ...]

    def place(
        self, name: str, connections: Mapping[str, str], parameters: Mapping[str, Value] | None = None
    ) -> Instance:
        """The block in place."""
        return Instance(
            name=name,
            subcircuit=self.subcircuit.name,
            connections=connections,
            parameters=parameters or {},
        )


@dataclass(kw_only=True)
class Loops:
    """Collects the devices of translinear loops between one constant gate and others.

    `current` (A) is the largest one, for which transistors are sized.
    """

    technology: Technology
    current: float
    devices: list[Device] = field(default_factory=list)

    @property
    def transistors(self) -> Transistors:
        """Where transistors come from."""
        return Transistors(self.technology, self.current, scale=SCALE)

    def nmos(self, name: str, drain: str, gate: str, source: str = VSS, note: str = "") -> None:
        """An n-channel transistor."""
        self.devices.append(self.transistors.nmos(name, drain, gate, source, note))

    def mirror(self, name: str, gate: str, drain: str, *, ratio: float = 1.0, note: str = "") -> None:
        """A p-channel copy of the current of the diode at `gate`, into `drain`; the diode itself where they are one."""
        device: Mosfet = self.transistors.pmos(name, drain, gate, note=note)
        self.devices.append(replace(device, width=self.technology.on_grid(float(device.width) * ratio)))

    def unit(self) -> None:
        """The unit current, its p-channel diode `unit`, and two stacked diodes that set the constant gate."""
        self.devices.append(
            BehaviouralCurrent(name="b_unit", source="unit", sink=VSS, current=UNIT, note="reference current")
        )
        self.mirror("m_unit", "unit", "unit", note="unit current, mirror's input")
        self.mirror("m_unit_gate", "unit", UNIT_GATE, note="unit current into the stacked diodes")
        self.nmos("m_upper", UNIT_GATE, UNIT_GATE, LOWER, "upper diode")
        self.nmos("m_lower", LOWER, LOWER, note="lower diode")

    def pair(self, name: str, *, forced: tuple[str, str], free: tuple[str, str], source: str) -> None:
        """A source-coupled pair whose first side carries whatever current flows into its drain.

        Args:
            name: of the pair.
            forced: gate and drain of the side that is forced; the drain moves the tail until it takes the current.
            free: gate and drain of the other side.
            source: the common node.
        """
        self.nmos(f"m_{name}_forced", forced[1], forced[0], source, "takes the current of its drain")
        self.nmos(f"m_{name}_free", free[1], free[0], source, "follows")
        kind = self.technology.transistor("nmos")
        tail = self.transistors.nmos(f"m_{name}_tail", source, forced[1], note="tail")
        self.devices.append(replace(tail, width=kind.width, length=TAIL * kind.length))
