"""Pass: refuse what ngspice would misread, all faults at once."""

from collections import Counter
from collections.abc import Iterator

from circuits.data.circuit import Circuit, CurrentSource, Subcircuit, VoltageSource
from netlists.analyses import DCSweep, Transient
from netlists.errors import NetlistError
from netlists.ngspice.draft import Draft
from netlists.ngspice.names import RESERVED, card_name


def validate(draft: Draft) -> Draft:
    """Check names, probes, measurements and the swept source; the draft is returned unchanged."""
    faults = list(dict.fromkeys(_faults(draft)))
    if faults:
        raise NetlistError(f"circuit {draft.circuit.name}: " + "; ".join(faults))
    return draft


def _faults(draft: Draft) -> Iterator[str]:
    circuit = draft.circuit
    yield from _scope_faults(circuit)
    for subcircuit in circuit.subcircuits:
        yield from _scope_faults(subcircuit)
    if not circuit.probes:
        yield "it has no probes, so a simulation would keep nothing; name the nodes to observe"
    yield from _measure_faults(draft)
    if isinstance(draft.analysis, DCSweep):
        sources = [d.name for d in circuit.devices if isinstance(d, VoltageSource | CurrentSource)]
        if draft.analysis.source not in sources:
            known = ", ".join(sources) or "none"
            yield f"the DC sweep names source {draft.analysis.source}; known are {known}"


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


def _measure_faults(draft: Draft) -> Iterator[str]:
    if draft.measures and not isinstance(draft.analysis, Transient):
        yield "spike times are measured in a transient analysis only"
    for name, count in Counter(measure.name for measure in draft.measures).items():
        if count > 1:
            yield f"two measurements are named {name}; rename one"
    for measure in draft.measures:
        if measure.node not in draft.circuit.probes:
            yield f"measurement {measure.name} reads node {measure.node}; add it to the probes"
