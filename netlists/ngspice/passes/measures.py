"""Pass: measurements that ngspice itself prints at the end of a run."""

from netlists.analyses import SpikeInterval
from netlists.ngspice.draft import Draft
from netlists.ngspice.expressions import print_number
from netlists.ngspice.names import spice_node


def add_measures(draft: Draft) -> Draft:
    """Section `measures`: one `.meas` line for each measurement."""
    lines = []
    for measure in draft.measures:
        node = f"v({spice_node(draft.circuit, measure.node)})"
        level = print_number(measure.threshold)
        if isinstance(measure, SpikeInterval):
            trigger = f"trig {node} val={level} rise={measure.spike}"
            lines.append(
                f".meas tran {measure.name} {trigger} targ {node} val={level} rise={measure.spike + 1}"
            )
        else:
            lines.append(f".meas tran {measure.name} when {node}={level} rise={measure.spike}")
    return draft.with_section("measures", lines)
