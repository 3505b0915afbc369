"""Area estimate of a circuit, from the sizes of its devices."""

from dataclasses import dataclass

from circuits.data.circuit import Circuit
from circuits.data.values import CircuitError
from circuits.measures.bias import CODED, MEMORY, bias_table
from circuits.measures.memory import memory_of
from circuits.technologies import Technology


@dataclass(frozen=True, kw_only=True)
class Area:
    """Areas in m^2, and what they stand for.

    Attributes:
        transistors: of the gates, W L, times the technology's overhead for contacts, wells and wires.
        capacitors: capacitance over the technology's density.
        memory: of the shift register that holds the codes of coded weights, with the same overhead.
        transistor_count, capacitor_count: how many there are.
        capacitance: all of it, in F.
        left_out: devices without an area: resistors of many megohms, which a layout makes of transistors, and sources
            that are still ideal, such as bias currents and references.
    """

    transistors: float
    capacitors: float
    memory: float
    transistor_count: int
    capacitor_count: int
    capacitance: float
    left_out: int

    @property
    def total(self) -> float:
        """Transistors and capacitors side by side; in many processes capacitors lie on top of transistors."""
        return self.transistors + self.capacitors + self.memory


def area_of(circuit: Circuit, technology: Technology) -> Area:
    """The area of a circuit of transistors.

    Raises:
        CircuitError: it has no transistors, so there is nothing to be measured.
    """
    rows = [row for row in bias_table(circuit) if row.kind not in (CODED, MEMORY)]
    drawn = [row for row in rows if row.width is not None and row.length is not None]
    gates = [(row.width or 0.0) * (row.length or 0.0) * (row.number or 1) for row in drawn]
    if not gates:
        raise CircuitError(
            f"circuit {circuit.name}: it has no transistors, so it has no area; build it at level transistor"
        )
    capacitors = [row.capacitance for row in rows if row.capacitance is not None]
    return Area(
        transistors=technology.layout.overhead * sum(gates),
        capacitors=sum(capacitors) / technology.capacitor.density,
        memory=memory_of(circuit, technology).area,
        transistor_count=sum(row.number or 1 for row in drawn),
        capacitor_count=len(capacitors),
        capacitance=sum(capacitors),
        left_out=len(rows) - len(gates) - len(capacitors),
    )
