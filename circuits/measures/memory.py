"""What holds the codes of a network: how many bits, and what a shift register of them takes."""

from dataclasses import dataclass

from circuits.data.circuit import Circuit, Mosfet
from circuits.measures.bias import coded_bits
from circuits.realisations.cells.memory import code_bit
from circuits.realisations.cells.ota import Transistors
from circuits.technologies import Technology


@dataclass(frozen=True, kw_only=True)
class Memory:
    """The shift register of a circuit's codes, which lies on the chip and outside of the simulated netlist.

    Attributes:
        bits: that are held, one stage each.
        transistors: of all stages.
        area: of their gates times the technology's overhead, in m^2.
    """

    bits: int
    transistors: int
    area: float


def memory_of(circuit: Circuit, technology: Technology) -> Memory:
    """The memory of a circuit of transistors; of one without codes it is empty."""
    bits = coded_bits(circuit)
    stage = code_bit(Transistors(technology, 0.0)).devices
    gates = [float(each.width) * float(each.length) for each in stage if isinstance(each, Mosfet)]
    return Memory(
        bits=bits, transistors=bits * len(gates), area=bits * technology.layout.overhead * sum(gates)
    )
