"""SPICE for a comparison of layout and schematic: transistors, capacitors and resistors alone, with numbers as sizes.

Biases, references and whatever else is ideal come in through pins, from the part up to the network. Node 0 is what the
plates of capacitors lie on; parallel devices are one card with `m=`.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from circuits.data.circuit import Circuit, Instance, Subcircuit
from circuits.hierarchy.drawn import DRAWN
from netlists.analyses import Analysis, Measure, Tolerances
from netlists.errors import NetlistError
from netlists.netlist import Netlist
from netlists.spice.cards import subcircuit_lines
from netlists.spice.tongue import Tongue
from netlists.writing.comments import comment
from netlists.writing.drawn import drawn_netlist, drawn_of
from netlists.writing.expressions import print_number
from netlists.writing.header import provenance
from netlists.writing.seam import Dialect

READER = "tools that compare a layout with its schematic: netgen, Calibre, KLayout"


def write(
    circuit: Circuit, analysis: Analysis, tolerances: Tolerances, measures: tuple[Measure, ...]
) -> Netlist:
    """One file, `<name>.spice`: the subcircuits from the cells to the whole circuit, and no bench.

    Raises:
        NetlistError: what no dialect can write. CircuitError: nothing of the circuit is drawn.
    """
    drawn, file = drawn_of(circuit, analysis, measures), f"{circuit.name}.spice"
    lines = [f"* {line}" for line in (*provenance(circuit), *left_out(circuit))]
    for subcircuit in map(_without_notes, drawn.subcircuits):
        lines += ["", *subcircuit_lines(subcircuit, drawn, TONGUE)]
    return drawn_netlist(drawn, {file: "\n".join(lines) + "\n.end\n"}, file, analysis, DIALECT.name)


def _without_notes(subcircuit: Subcircuit) -> Subcircuit:
    """The subcircuit without words behind its cards, which netgen would take for names."""
    return replace(subcircuit, devices=tuple(replace(device, note="") for device in subcircuit.devices))


def left_out(circuit: Circuit) -> Iterator[str]:
    """What stands in the circuit and not in its layout, counted by kind, in words."""
    counts: Counter[str] = Counter()
    placed = [(device, 1) for device in circuit.devices]
    for device, number in placed:
        if isinstance(device, Instance):
            placed += [(inner, number) for inner in circuit.subcircuit(device.subcircuit).devices]
        elif not isinstance(device, DRAWN):
            counts[type(device).__name__] += number
    if counts:
        kinds = ", ".join(f"{number} {kind}" for kind, number in sorted(counts.items()))
        yield comment(f"ideal and left out, their nodes are pins: {kinds}")


def _no_source(_: object) -> str:
    raise NetlistError("a netlist of drawn devices has no behavioural source")


TONGUE = Tongue(
    name="lvs", reader=READER, source=_no_source, value=lambda value: print_number(float(value)), levels={},
    hysteresis=False, options=lambda *_: [], saves=lambda *_: [], reserved=frozenset(),
)  # fmt: skip

DIALECT = Dialect(name="lvs", reader=READER, write=write)
