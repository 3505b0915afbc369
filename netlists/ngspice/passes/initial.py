"""Pass: initial voltages of all state nodes.

They are forced during the operating point (`.ic` without `uic`), so that all other nodes start consistently.
"""

from netlists.analyses import Transient
from netlists.ngspice.draft import Draft
from netlists.ngspice.expressions import print_rounded
from netlists.writing.initial import initial_voltages


def add_initial_voltages(draft: Draft) -> Draft:
    """Section `initial`: one `.ic` line for each state node of a transient analysis."""
    if not isinstance(draft.analysis, Transient):
        return draft.with_section("initial", ())
    values = initial_voltages(draft.circuit)
    return draft.with_section("initial", (f".ic v({node})={print_rounded(v)}" for node, v in values.items()))
