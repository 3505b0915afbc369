"""How objects of a circuit are called in a netlist, in every dialect."""

from collections.abc import Sequence

from circuits.data.circuit import (
    BehaviouralCurrent,
    BehaviouralVoltage,
    Capacitor,
    Circuit,
    CurrentSource,
    Device,
    Instance,
    Mosfet,
    NoiseSource,
    Resistor,
    Subcircuit,
    Switch,
    Transconductance,
    VoltageSource,
)
from netlists.errors import NetlistError

PREFIXES: dict[type[Device], str] = {
    Capacitor: "c",
    Resistor: "r",
    Transconductance: "g",
    BehaviouralCurrent: "b",
    BehaviouralVoltage: "b",
    VoltageSource: "v",
    CurrentSource: "i",
    NoiseSource: "v",
    Switch: "s",
    Mosfet: "m",
    Instance: "x",
}
"""First letter of a card, by which SPICE knows the kind of device."""


def card_name(device: Device) -> str:
    """Name of the device's card: its own name, with the letter of its kind in front unless it begins with it.

    >>> card_name(Instance(name="h0", subcircuit="mtc", connections={}))
    'xh0'
    """
    prefix = PREFIXES.get(type(device))
    if prefix is None:
        known = ", ".join(kind.__name__ for kind in PREFIXES)
        raise NetlistError(f"{device.label}: this kind of device cannot be written; known are {known}")
    begins = device.name.startswith(prefix) and device.name != prefix
    return device.name if begins else prefix + device.name


def instances(scope: Circuit | Subcircuit) -> dict[str, Instance]:
    """Instances of one scope, by their names."""
    return {device.name: device for device in scope.devices if isinstance(device, Instance)}


def outer_path(circuit: Circuit, path: str) -> str:
    """The same node seen from as far out as possible: a pin is the node to which it is connected.

    >>> # with xh0 connecting pin um to node m: outer_path(circuit, "xh0.um") is "m"
    """
    *names, node = path.split(".")
    inside: list[Instance] = []
    for name in names:
        scope = circuit.subcircuit(inside[-1].subcircuit) if inside else circuit
        inside.append(instances(scope)[name])
    while inside and node in inside[-1].connections:
        node = inside.pop().connections[node]
        names.pop()
    return node if node == "0" else ".".join([*names, node])


def device_path(circuit: Circuit, path: str) -> tuple[str, ...]:
    """Cards of the instances from the top, then that of the device, of a device's path."""
    *names, name = path.split(".")
    cards, scope = _cards(circuit, names)
    return (*cards, card_name(next(device for device in scope.devices if device.name == name)))


def node_path(circuit: Circuit, path: str) -> tuple[str, ...]:
    """Cards of the instances from the top, then the node, of a path; pins are the nodes outside."""
    *names, node = outer_path(circuit, path).split(".")
    return (*_cards(circuit, names)[0], node)


def _cards(circuit: Circuit, names: Sequence[str]) -> tuple[list[str], Circuit | Subcircuit]:
    """The cards of instances inside each other from the top on, and what the last one is of."""
    cards: list[str] = []
    scope: Circuit | Subcircuit = circuit
    for name in names:
        instance = instances(scope)[name]
        cards.append(card_name(instance))
        scope = circuit.subcircuit(instance.subcircuit)
    return cards, scope
