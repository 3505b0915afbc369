"""Pass: one `.subckt` for each subcircuit, with a commented pin list and `params:`."""

from functools import lru_cache

from circuits.data.circuit import Instance, Subcircuit
from netlists.ngspice.draft import Draft
from netlists.ngspice.expressions import print_number
from netlists.ngspice.passes.elements import card
from netlists.writing.comments import comment, engineering

KEPT = 256
"""Definitions that are kept: a circuit that is simulated again at other values has the same ones."""


def add_subcircuits(draft: Draft) -> Draft:
    """Section `subcircuits`: the definitions in the order of the circuit."""
    definitions = {subcircuit.name: subcircuit for subcircuit in draft.circuit.subcircuits}
    lines: list[str] = []
    for subcircuit in draft.circuit.subcircuits:
        inside = {device.subcircuit for device in subcircuit.devices if isinstance(device, Instance)}
        used = tuple(definitions[name] for name in sorted(inside))
        lines += ["", *_definition(subcircuit, used)]
    return draft.with_section("subcircuits", lines)


@lru_cache(KEPT)
def _definition(subcircuit: Subcircuit, used: tuple[Subcircuit, ...]) -> tuple[str, ...]:
    """Its lines; `used` are the subcircuits that it has instances of."""
    definitions = {each.name: each for each in used}
    pins = " ".join(pin.name for pin in subcircuit.pins)
    defaults = [f"{p.name}={print_number(p.value)}" for p in subcircuit.parameters]
    return (
        f"* {subcircuit.name}: {comment(subcircuit.title)}".rstrip(": "),
        "* pins, in this order:",
        *(f"*   {pin.name} {comment(pin.meaning)}".rstrip() for pin in subcircuit.pins),
        *(["* parameters:"] if subcircuit.parameters else []),
        *(
            f"*   {p.name} = {comment(engineering(p.value, p.unit))} {comment(p.meaning)}".rstrip()
            for p in subcircuit.parameters
        ),
        # PySpice prints no `params:` and one long line, so the first line is written here.
        f".subckt {subcircuit.name} {pins}".rstrip() + (" params:" if defaults else ""),
        *(f"+ {default}" for default in defaults),
        *(card(device, definitions) for device in subcircuit.devices),
        f".ends {subcircuit.name}",
    )
