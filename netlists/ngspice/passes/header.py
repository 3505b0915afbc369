"""Pass: title, provenance and tool versions."""

from netlists.ngspice.draft import Draft
from netlists.writing.header import provenance


def add_header(draft: Draft) -> Draft:
    """Section `header`: comment lines that say what this is and where it comes from."""
    return draft.with_section("header", (f"* {line}" for line in provenance(draft.circuit, ("PySpice",))))
