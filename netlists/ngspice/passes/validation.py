"""Pass: refuse what ngspice would misread, all faults at once."""

from collections import Counter
from collections.abc import Iterator

from circuits.data.circuit import Circuit, Subcircuit
from netlists.errors import NetlistError
from netlists.ngspice.draft import Draft
from netlists.ngspice.names import RESERVED
from netlists.writing import faults
from netlists.writing.names import card_name

COMPILED = {103: "PSP103"}
"""Transistor models without C code in ngspice."""


def validate(draft: Draft) -> Draft:
    """Check names, probes, measurements and the swept source; the draft is returned unchanged."""
    found = list(dict.fromkeys(_faults(draft)))
    if found:
        raise NetlistError(f"circuit {draft.circuit.name}: " + "; ".join(found))
    return draft


def _faults(draft: Draft) -> Iterator[str]:
    yield from _scope_faults(draft.circuit)
    for subcircuit in draft.circuit.subcircuits:
        yield from _scope_faults(subcircuit)
    for model in draft.circuit.models:
        if model.level in COMPILED:
            yield (
                f"model {model.name} is {COMPILED[model.level]}, which ngspice has only as a compiled module (OSDI), "
                'and this dialect loads none; simulate it in VACASK: dialect="vacask"'
            )
    yield from faults(draft.circuit, draft.analysis, draft.measures)


def _scope_faults(scope: Circuit | Subcircuit) -> Iterator[str]:
    where = f" in subcircuit {scope.name}" if isinstance(scope, Subcircuit) else ""
    if isinstance(scope, Subcircuit) and scope.name in RESERVED:
        yield f"subcircuit {scope.name} has a name that ngspice keeps for itself; rename it"
    for parameter in scope.parameters:
        if parameter.name in RESERVED:
            yield f"parameter {parameter.name}{where} has a name that ngspice keeps for itself; rename it"
    for node in sorted(scope.nodes & RESERVED):
        yield f"node {node}{where} has a name that ngspice keeps for itself; rename it"
    cards = Counter(card_name(device) for device in scope.devices)
    for name, count in cards.items():
        if count > 1:
            names = " and ".join(d.name for d in scope.devices if card_name(d) == name)
            yield f"devices {names}{where} would share the card {name}; rename one"
