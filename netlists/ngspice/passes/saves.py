"""Pass: what is kept of a simulation."""

from netlists.analyses import Noise
from netlists.ngspice.draft import Draft
from netlists.ngspice.names import spice_node, spice_sources, spice_transistors
from netlists.waveforms.transistors import QUANTITIES, column


def add_saves(draft: Draft) -> Draft:
    """Section `saves`: one `.save` line for each probe, meter and inspected transistor: nothing else fills the disk.

    None in a noise analysis, which knows the names of what it makes only when it runs.
    """
    if isinstance(draft.analysis, Noise):
        return draft.with_section("saves", [])
    nodes = dict.fromkeys(spice_node(draft.circuit, probe) for probe in draft.circuit.probes)
    currents = spice_sources(draft.circuit).values()
    lines = [*(f".save v({node})" for node in nodes), *(f".save i({source})" for source in currents)]
    for name in spice_transistors(draft.circuit).values():
        lines.append(".save " + " ".join(column(name, quantity) for quantity in QUANTITIES))
    return draft.with_section("saves", lines)
