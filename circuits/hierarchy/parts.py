"""Devices that belong to one part, or to one layer, as a subcircuit of their own."""

from collections.abc import Callable, Sequence, Set

from circuits.data.circuit import GROUND, Device, Instance, Pin, Subcircuit

Keep = Callable[[Subcircuit], Subcircuit]


def grouped(name: str, devices: Sequence[Device], outside: Set[str], keep: Keep) -> tuple[Device, ...]:
    """The devices of a scope with those of each part behind one instance, where the first of them stood.

    Args:
        name: of the scope, with which those of its parts begin.
        devices: of the scope; `part` says which part they belong to. One alone stays where it is.
        outside: nodes that lead out of the scope.
        keep: takes a part's subcircuit, and gives it back under the name that it has.
    """
    members: dict[str, list[Device]] = {}
    for device in devices:
        members.setdefault(device.part, []).append(device)
    inner: list[Device] = []
    for device in devices:
        part = members[device.part]
        if not device.part or len(part) < 2:
            inner.append(device)
        elif device is part[0]:
            others = {node for other in devices if other.part != device.part for node in other.terminals}
            inner.append(_instance(name, part, others | outside, keep))
    return tuple(inner)


def _instance(name: str, part: Sequence[Device], shared: Set[str], keep: Keep) -> Instance:
    """A part in place; nodes that nothing else touches stay inside."""
    touched = dict.fromkeys(node for device in part for node in device.terminals)
    nodes = [node for node in touched if node in shared and node != GROUND]
    label = part[0].part.replace(".", "_")
    made = keep(
        Subcircuit(
            name=f"{name}_{label}",
            title=f"part {label} of {name}",
            pins=tuple(Pin(name=node) for node in nodes),
            devices=tuple(part),
        )
    )
    return Instance(
        name=f"x_{label}", subcircuit=made.name, connections=dict(zip(nodes, nodes, strict=True)), note=label
    )
