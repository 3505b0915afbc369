"""The schematic of a subcircuit with its biases written in, drawn from the circuit's data as SVG."""

from collections.abc import Iterator

from circuits.data.circuit import Circuit, Instance, Subcircuit
from circuits.schematic.drawing import draw
from circuits.schematic.plan import Part, Row, plan, scope_at

__all__ = ["Part", "Row", "draw", "plan", "schematic", "schematics", "scope_at"]


def schematic(circuit: Circuit, path: str) -> str:
    """The schematic of one subcircuit in place, as the text of an SVG file.

    Each node is a wire with its name, each device hangs from it, and what is elsewhere is named where it is read. Every
    value is that of this instance: bias currents, reference voltages, capacitors, transistor sizes.

    Args:
        circuit: e.g. of `neuron_circuit` or `network_circuit`.
        path: the instance, with those that hold it, joined by dots: `xn`, `xhidden_3`, or `xn.x_um_f_minus` for the
            amplifier of an element.

    Raises:
        CircuitError: there is no such instance.
    """
    scope, values = scope_at(circuit, path)
    units: dict[str, float] = {name: values[name] for name in ("v0", "i0") if name in values}
    return draw(plan(circuit, scope, values), title=f"{path}: {scope.title or scope.name}", units=units)


def schematics(circuit: Circuit) -> dict[str, str]:
    """One schematic for each subcircuit that a circuit uses, by its name: that of the instance met first."""
    found: dict[str, str] = {}
    for path, name in _instances(circuit, circuit, ""):
        if name not in found:
            found[name] = schematic(circuit, path)
    return found


def _instances(circuit: Circuit, scope: Circuit | Subcircuit, prefix: str) -> Iterator[tuple[str, str]]:
    """Path and subcircuit of the first instance of each kind, outer ones first."""
    first = {d.subcircuit: d.name for d in reversed(scope.devices) if isinstance(d, Instance)}
    for name in sorted(first):
        yield f"{prefix}{first[name]}", name
    for name in sorted(first):
        yield from _instances(circuit, circuit.subcircuit(name), f"{prefix}{first[name]}.")
