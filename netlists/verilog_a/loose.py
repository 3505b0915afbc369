"""Behavioural devices that stand in no subcircuit: each gets one, since only subcircuits become modules."""

from collections.abc import Iterator
from dataclasses import replace

import sympy

from circuits.data.circuit import (
    GROUND,
    BehaviouralCurrent,
    BehaviouralVoltage,
    Circuit,
    Device,
    Instance,
    Pin,
    Subcircuit,
    Switch,
)
from netlists.verilog_a.module import touched

_LOOSE = (BehaviouralCurrent, BehaviouralVoltage, Switch)


def with_modules(circuit: Circuit) -> Circuit:
    """The circuit with each behavioural device of its top level as an instance of a subcircuit of its own."""
    if not any(isinstance(device, _LOOSE) for device in circuit.devices):
        return circuit
    taken = {subcircuit.name for subcircuit in circuit.subcircuits}
    subcircuits = list(circuit.subcircuits)
    devices: list[Device] = []
    for device in circuit.devices:
        if not isinstance(device, _LOOSE):
            devices.append(device)
            continue
        made = _subcircuit(device, circuit, next(_names(device.name, taken)))
        taken.add(made.name)
        subcircuits.append(made)
        devices.append(
            Instance(
                name=f"x_{device.name}",
                subcircuit=made.name,
                connections={pin.name: pin.name for pin in made.pins},
                parameters={p.name: sympy.Symbol(p.name, real=True) for p in made.parameters},
                note=device.note,
            )
        )
    return replace(circuit, subcircuits=tuple(subcircuits), devices=tuple(devices))


def _subcircuit(device: Device, circuit: Circuit, name: str) -> Subcircuit:
    nodes = sorted(touched((device,)) - {GROUND})
    used = {symbol.name for value in device.expressions for symbol in getattr(value, "free_symbols", ())}
    return Subcircuit(
        name=name,
        title=device.note,
        pins=tuple(Pin(name=node) for node in nodes),
        parameters=tuple(p for p in circuit.parameters if p.name in used),
        devices=(device,),
    )


def _names(name: str, taken: set[str]) -> Iterator[str]:
    """Names that are free."""
    while name in taken:
        name += "_"
    yield name
