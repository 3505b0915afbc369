"""Pass: let the bench run by itself.

With `-r file` ngspice simulates on its own account. Without, in batch mode or at its prompt, it is told to
simulate, to write the kept waveforms beside the bench, and to say how to see them.
"""

from netlists.ngspice.draft import Draft
from netlists.ngspice.names import spice_node


def add_control(draft: Draft) -> Draft:
    """Section `control`."""
    name = draft.circuit.name
    # ngspice's echo drops commas and ends at a semicolon
    shown = [f"plot v({spice_node(draft.circuit, probe)})" for probe in draft.circuit.probes[:1]]
    lines = [
        ".control",
        "if $?rawfile",
        "else",
        "  run",
        f"  write {name}.raw",
        *(
            f"  echo waveforms are in {name}.raw - at the prompt: load {name}.raw - then: {plot}"
            for plot in shown
        ),
        "  if $?batchmode",
        "    quit",
        "  end",
        "end",
        ".endc",
    ]
    return draft.with_section("control", lines)
