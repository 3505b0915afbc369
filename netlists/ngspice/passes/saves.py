"""Pass: what is kept of a simulation."""

from netlists.analyses import Noise
from netlists.ngspice.draft import Draft
from netlists.ngspice.names import spice_node, spice_sources


def add_saves(draft: Draft) -> Draft:
    """Section `saves`: one `.save` line for each probe and meter, so that nothing else fills the disk.

    None in a noise analysis, which knows the names of what it makes only when it runs.
    """
    if isinstance(draft.analysis, Noise):
        return draft.with_section("saves", [])
    nodes = dict.fromkeys(spice_node(draft.circuit, probe) for probe in draft.circuit.probes)
    currents = spice_sources(draft.circuit).values()
    lines = [*(f".save v({node})" for node in nodes), *(f".save i({source})" for source in currents)]
    return draft.with_section("saves", lines)
