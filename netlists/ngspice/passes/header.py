"""Pass: title, provenance and tool versions."""

import sys
from importlib.metadata import PackageNotFoundError, version

from netlists.ngspice.comments import comment
from netlists.ngspice.draft import Draft


def add_header(draft: Draft) -> Draft:
    """Section `header`: comment lines that say what this is and where it comes from."""
    circuit = draft.circuit
    tools = [f"{name} {_version(name)}" for name in ("excitable", "PySpice", "sympy")]
    lines = [
        f"* {comment(circuit.title) or circuit.name}",
        f"* circuit: {circuit.name}",
        f"* written by: {comment(', '.join([*tools, 'Python ' + sys.version.split()[0]]))}",
        *(f"* {comment(key)}: {comment(value)}" for key, value in circuit.provenance.items()),
    ]
    return draft.with_section("header", lines)


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "(not installed)"
