"""What of a circuit is drawn on the chip: transistors, capacitors and resistors, from the network to the device.

Ideal sources, references and filters are left out, and the nodes that they drive or read become pins, from where they
stand up to the top. Parameters become numbers: a subcircuit that is drawn in two sizes stands there twice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import sympy

from circuits.data.circuit import (
    GROUND,
    Capacitor,
    Circuit,
    CircuitError,
    Device,
    Instance,
    Mosfet,
    Pin,
    Resistor,
    Subcircuit,
    evaluate,
    parameter_names,
    sensed_nodes,
)
from circuits.hierarchy.parts import grouped

TOP = "x"
"""The one instance of the top level."""
DRAWN = (Mosfet, Capacitor, Resistor)
NAMELESS = "nameless"


def _is_drawn(device: Device) -> bool:
    """Whether a layout has it as a device; wires have their capacitance without one."""
    return isinstance(device, DRAWN) and not (isinstance(device, Capacitor) and device.parasitic)


def drawn_circuit(circuit: Circuit) -> Circuit:
    """The drawn devices of a circuit: network, layer, neuron, part, device.

    Every value is a number. Subcircuits stand in an order in which each is defined before it is used, devices in that
    of the circuit. The top level is one instance, of a subcircuit with the circuit's name.

    Args:
        circuit: e.g. of `network_circuit` at the transistor level.

    Raises:
        CircuitError: nothing in it is drawn.
    """
    maker = _Maker(circuit=circuit)
    values = {parameter.name: float(parameter.value) for parameter in circuit.parameters}
    observed = [Pin(name=node, meaning="observed") for node in circuit.probes if "." not in node]
    whole = maker.scope(circuit.name, circuit.title, observed, circuit.devices, values)
    if whole is None:
        raise CircuitError(
            f"circuit {circuit.name}: it has no transistors, capacitors or resistors, so there is nothing to be drawn; "
            f"realise it at the level transistor"
        )
    if len(whole.devices) == 1 and isinstance(whole.devices[0], Instance):  # one neuron in its bench
        maker.made.popitem()
        whole = next(one for one in maker.made.values() if one.name == whole.devices[0].subcircuit)
    instance = Instance(name=TOP, subcircuit=whole.name, connections={p.name: p.name for p in whole.pins})
    return Circuit(
        name=circuit.name,
        title=circuit.title,
        subcircuits=tuple(maker.made.values()),
        models=circuit.models,
        temperature=circuit.temperature,
        corner=circuit.corner,
        devices=(instance,),
        probes=tuple(pin.name for pin in whole.pins),
        provenance=circuit.provenance,
    )


@dataclass(kw_only=True)
class _Maker:
    """Makes subcircuits, each once; `made` has them by what is in them, in the order of their making."""

    circuit: Circuit
    made: dict[Subcircuit, Subcircuit] = field(default_factory=dict)
    known: dict[tuple[str, tuple[float, ...]], Subcircuit | None] = field(default_factory=dict)
    used: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def scope(
        self,
        name: str,
        title: str,
        pins: Sequence[Pin],
        devices: Sequence[Device],
        values: Mapping[str, float],
    ) -> Subcircuit | None:
        """The subcircuit of what is drawn of some devices; None where nothing is."""
        kept: list[Device] = []
        freed: dict[str, str] = {}
        for device in devices:
            drawn, opened = self._device(device, values)
            kept += drawn
            freed |= {node: meaning for node, meaning in opened.items() if node not in freed}
        if not kept:
            return None
        touched = {node for device in kept for node in device.terminals} - {GROUND}
        meanings = {**freed, **{pin.name: pin.meaning for pin in pins}}
        order = dict.fromkeys((*(pin.name for pin in pins), *freed))
        outside = [Pin(name=node, meaning=meanings[node]) for node in order if node in touched]
        inner = grouped(name, kept, {pin.name for pin in outside}, self.keep)
        return self.keep(Subcircuit(name=name, title=title, pins=tuple(outside), devices=inner))

    def keep(self, made: Subcircuit) -> Subcircuit:
        """The subcircuit that has these pins and devices, under a name of its own."""
        content = replace(made, name=NAMELESS)
        if content not in self.made:
            taken, name, number = {one.name for one in self.made.values()}, made.name, 2
            while name in taken:
                name, number = f"{made.name}_{number}", number + 1
            self.made[content] = replace(made, name=name)
        return self.made[content]

    def _device(
        self, device: Device, values: Mapping[str, float]
    ) -> tuple[tuple[Device, ...], dict[str, str]]:
        """What is drawn of a device, and the nodes that it leaves open, with what they were."""
        if isinstance(device, Instance):
            return self._instance(device, values)
        if _is_drawn(device):
            sizes: dict[str, Any] = {
                name: evaluate(getattr(device, name), values, device.label) for name in device.value_fields
            }
            return (replace(device, **sizes),), {}
        read = {node for value in device.expressions for node in _sensed(value)}
        return (), {node: device.note for node in (*device.terminals, *sorted(read))}

    def _instance(
        self, device: Instance, values: Mapping[str, float]
    ) -> tuple[tuple[Device, ...], dict[str, str]]:
        child = self.circuit.subcircuit(device.subcircuit)
        needed = self._used(child)
        given = {p.name: float(p.value) for p in child.parameters if p.name in needed}
        given |= {
            name: evaluate(value, values, device.label)
            for name, value in device.parameters.items()
            if name in needed
        }
        key = child.name, tuple(given[name] for name in sorted(given))
        if key not in self.known:
            self.known[key] = self.scope(child.name, child.title, child.pins, child.devices, given)
        made = self.known[key]
        if made is None:
            return (), dict.fromkeys(device.terminals, device.note)
        own = {pin.name: device.connections.get(pin.name, f"{device.name}_{pin.name}") for pin in made.pins}
        opened = {own[pin.name]: pin.meaning for pin in made.pins if pin.name not in device.connections}
        placed = replace(device, subcircuit=made.name, connections=own, parameters={})
        return (placed,), opened

    def _used(self, scope: Subcircuit) -> tuple[str, ...]:
        """The parameters that sizes in a subcircuit, or below it, depend on."""
        if scope.name not in self.used:
            found: set[str] = set()
            for device in scope.devices:
                if isinstance(device, Instance):
                    below = self._used(self.circuit.subcircuit(device.subcircuit))
                    values = [value for name, value in device.parameters.items() if name in below]
                    found |= {name for value in values for name in parameter_names(value)}
                elif _is_drawn(device):
                    found |= {name for value in device.expressions for name in parameter_names(value)}
            self.used[scope.name] = tuple(sorted(found))
        return self.used[scope.name]


def _sensed(value: object) -> set[str]:
    symbols = value.free_symbols if isinstance(value, sympy.Expr) else ()
    return {node for symbol in symbols for node in sensed_nodes(symbol) or ()}
