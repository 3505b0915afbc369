"""Where a netlist comes from, in words: what its files begin with."""

import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from circuits.data.circuit import Circuit
from netlists.writing.comments import comment


def provenance(circuit: Circuit, tools: tuple[str, ...] = ()) -> Iterator[str]:
    """Harmless lines: title, circuit, versions of what wrote it, and what the circuit says of itself."""
    written = [
        *(f"{name} {_version(name)}" for name in ("excitable", *tools, "sympy")),
        f"Python {sys.version.split()[0]}",
    ]
    yield comment(circuit.title) or circuit.name
    yield f"circuit: {circuit.name}"
    yield f"written by: {comment(', '.join(written))}"
    yield from (f"{comment(key)}: {comment(value)}" for key, value in circuit.provenance.items())


@cache
def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "(not installed)"
