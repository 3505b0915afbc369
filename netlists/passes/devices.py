"""Pass: cards of the top level; independent sources belong to the test bench, all others to the circuit."""

from circuits.circuit import CurrentSource, VoltageSource
from netlists.draft import Draft
from netlists.passes.elements import card


def add_devices(draft: Draft) -> Draft:
    """Sections `devices` and `sources`."""
    definitions = {subcircuit.name: subcircuit for subcircuit in draft.circuit.subcircuits}
    sources = [d for d in draft.circuit.devices if isinstance(d, VoltageSource | CurrentSource)]
    others = [d for d in draft.circuit.devices if not isinstance(d, VoltageSource | CurrentSource)]
    return draft.with_section("devices", (card(d, definitions) for d in others)).with_section(
        "sources", (card(d, definitions) for d in sources)
    )
