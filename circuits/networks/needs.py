"""What a subcircuit of transistors needs from generators: its ideal bias currents and references, taken out as pins.

A constant current that a diode takes (an amplifier's bias) becomes the diode's gate, any other one a transistor with
its gate at a pin, a constant voltage a pin by itself. Constant currents at one node become one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import sympy

from circuits.data.circuit import (
    GROUND,
    BehaviouralCurrent,
    BehaviouralVoltage,
    Device,
    Instance,
    Mosfet,
    Pin,
    Resistor,
    Subcircuit,
    Value,
    evaluate,
)
from circuits.data.values import sensed_nodes
from circuits.realisations.cells.cell import OUT, VDD, VSS
from circuits.realisations.cells.generator import SINK, SOURCE
from circuits.realisations.cells.ota import Transistors

REFERENCE = "reference"
RAILS = (GROUND, VDD, VSS)


@dataclass(frozen=True, kw_only=True)
class Need:
    """One pin of a generator: `way` is `SINK`, `SOURCE` or `REFERENCE`, `value` its current in A or voltage in V.

    A `balance` may be rounded: it is small, and its own error smaller. `width` (m) is that of the diode which the gate
    was that of; None where there was none.
    """

    way: str
    value: Value
    balance: bool = False
    width: float | None = None


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """A subcircuit without ideal biases, and what its new pins need, as expressions of its parameters."""

    subcircuit: Subcircuit
    needs: Mapping[str, Need] = field(default_factory=dict)


def constant(device: Device) -> bool:
    """Whether a source reads no voltage."""
    if not isinstance(device, BehaviouralCurrent | BehaviouralVoltage):
        return False
    value = device.current if isinstance(device, BehaviouralCurrent) else device.voltage
    return not any(sensed_nodes(symbol) for symbol in getattr(value, "free_symbols", ()))


def drawn(subcircuit: Subcircuit, inner: Mapping[str, Drawn], place: Transistors, output: bool) -> Drawn:
    """A subcircuit with its needs as pins.

    Args:
        subcircuit: of transistors.
        inner: the subcircuits that it has instances of, drawn already.
        place: its transistors.
        output: whether anything reads its output voltage; if not, the mirror and resistor that make it are left out.
    """
    needs: dict[str, Need] = {}
    devices: list[Device] = []
    diodes = {
        d.drain: float(d.width) for d in subcircuit.devices if isinstance(d, Mosfet) and d.drain == d.gate
    }
    loose: dict[str, sympy.Expr] = {}
    for device in subcircuit.devices:
        if isinstance(device, BehaviouralVoltage) and constant(device):
            needs[device.positive] = Need(way=REFERENCE, value=device.voltage)
        elif isinstance(device, BehaviouralCurrent) and constant(device):
            if device.source == VDD and device.sink in diodes:
                needs[device.sink] = Need(way=SINK, value=device.current, width=diodes[device.sink])
            else:
                into = device.sink not in RAILS
                node = device.sink if into else device.source
                loose[node] = loose.get(node, sympy.S.Zero) + (device.current if into else -device.current)
        elif isinstance(device, Instance) and inner[device.subcircuit].needs:
            own = inner[device.subcircuit]
            devices.append(_connected(device, own))
            needs |= dict(_outer(device, own))
        else:
            devices.append(device)
    if not output:
        devices = [d for d in devices if not _makes_output(d)]
    # a diode whose current a generator takes is the generator's
    devices = [d for d in devices if not (isinstance(d, Mosfet) and d.drain == d.gate and d.drain in needs)]
    defaults = {p.name: float(p.value) for p in subcircuit.parameters}
    balanced = {
        d.source
        for d in subcircuit.devices
        if isinstance(d, BehaviouralCurrent) and d.name.endswith("_balance")
    }
    for node, current in loose.items():
        number = evaluate(current, defaults)
        if not number:
            continue
        pin, way = f"bias_{node}", SOURCE if number > 0 else SINK
        needs[pin] = Need(way=way, value=current if number > 0 else -current, balance=node in balanced)
        make = place.pmos if number > 0 else place.nmos
        devices.append(make(f"m_bias_{node}", node, pin, note="bias current"))
    pins = [pin for pin in subcircuit.pins if output or pin.name != OUT]
    pins += [Pin(name=pin, meaning=f"{need.way} of a bias generator") for pin, need in needs.items()]
    used = {name for d in devices for value in d.expressions for name in _names(value)}
    used |= {
        name
        for value in (*subcircuit.initial.values(), *subcircuit.timescales.values())
        for name in _names(value)
    }
    made = replace(
        subcircuit, pins=tuple(pins), devices=tuple(devices),
        parameters=tuple(p for p in subcircuit.parameters if p.name in used),
    )  # fmt: skip
    return Drawn(subcircuit=made, needs=needs)


def _names(value: Value) -> set[str]:
    return {symbol.name for symbol in getattr(value, "free_symbols", ())}


def _makes_output(device: Device) -> bool:
    """Whether a device only gives the output as a voltage: its load, and the copy of the current that flows there."""
    if isinstance(device, Resistor):
        return device.positive == OUT
    return isinstance(device, Mosfet) and device.drain == OUT


def _connected(device: Instance, own: Drawn) -> Instance:
    """An instance with its new pins led out, and the parameters that are left."""
    known = {parameter.name for parameter in own.subcircuit.parameters}
    return replace(
        device,
        connections={**device.connections, **{pin: f"{device.name}_{pin}" for pin in own.needs}},
        parameters={name: value for name, value in device.parameters.items() if name in known},
    )


def _outer(device: Instance, own: Drawn) -> Iterator[tuple[str, Need]]:
    """The needs of an instance in the parameters of what holds it."""
    given: dict[sympy.Basic, Value] = {
        sympy.Symbol(name, positive=positive, real=None if positive else True): sympy.sympify(value)
        for name, value in device.parameters.items()
        for positive in (True, None)
    }
    for pin, need in own.needs.items():
        value = sympy.sympify(need.value)
        known = {symbol: given_value for symbol, given_value in given.items() if symbol in value.free_symbols}
        yield f"{device.name}_{pin}", replace(need, value=value.xreplace(known))
