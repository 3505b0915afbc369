"""What the dialects of a layout share: the drawn devices of a circuit, and their files as a netlist without a bench."""

from collections.abc import Mapping

from circuits.data.circuit import Circuit
from circuits.hierarchy import drawn_circuit
from netlists.analyses import Analysis, Measure
from netlists.errors import NetlistError
from netlists.netlist import Netlist
from netlists.writing.seam import faults


def drawn_of(circuit: Circuit, analysis: Analysis, measures: tuple[Measure, ...]) -> Circuit:
    """The drawn devices of a circuit.

    Raises:
        NetlistError: what no dialect can write. CircuitError: nothing of the circuit is drawn.
    """
    found = list(faults(circuit, analysis, measures))
    if found:
        raise NetlistError(f"circuit {circuit.name}: " + "; ".join(found))
    return drawn_circuit(circuit)


def drawn_netlist(
    drawn: Circuit, files: Mapping[str, str], first: str, analysis: Analysis, dialect: str
) -> Netlist:
    """The files of drawn devices, of which `first` is opened, as a netlist that nothing simulates."""
    return Netlist(
        name=drawn.name, dialect=dialect, files=files, bench=first, analysis=analysis,
        probes={node: node for node in drawn.probes},
    )  # fmt: skip
