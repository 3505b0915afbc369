"""Pass: let the bench run by itself.

With `-r file` ngspice simulates on its own account. Without, in batch mode or at its prompt, it is told to
simulate and to write the kept waveforms beside the bench.
"""

from netlists.draft import Draft


def add_control(draft: Draft) -> Draft:
    """Section `control`."""
    lines = [
        ".control",
        "if $?rawfile",
        "else",
        "  run",
        f"  write {draft.circuit.name}.raw",
        "  if $?batchmode",
        "    quit",
        "  end",
        "end",
        ".endc",
    ]
    return draft.with_section("control", lines)
