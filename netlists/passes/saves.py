"""Pass: what is kept of a simulation."""

from netlists.draft import Draft
from netlists.names import spice_node


def add_saves(draft: Draft) -> Draft:
    """Section `saves`: one `.save` line for each probe, so that nothing else fills the disk."""
    nodes = dict.fromkeys(spice_node(draft.circuit, probe) for probe in draft.circuit.probes)
    return draft.with_section("saves", (f".save v({node})" for node in nodes))
