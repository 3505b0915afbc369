"""The schematic of a subcircuit with its biases written in, drawn from the circuit's data as SVG."""

from circuits.circuit import Circuit
from circuits.schematic.drawing import draw
from circuits.schematic.plan import Part, Row, plan, scope_at

__all__ = ["Part", "Row", "draw", "plan", "schematic", "scope_at"]


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
    units = {name: values[name] for name in ("v0", "i0") if name in values}
    return draw(plan(circuit, scope, values), title=f"{path}: {scope.title or scope.name}", units=units)
