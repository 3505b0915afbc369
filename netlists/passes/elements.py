"""One device as a card: PySpice's element, its text in lower case, and a comment in engineering units."""

import logging
import warnings
from collections.abc import Callable

from circuits.circuit import (
    BehaviouralCurrent,
    BehaviouralVoltage,
    Capacitor,
    CurrentSource,
    Device,
    HeldWaveform,
    Instance,
    Resistor,
    Subcircuit,
    Transconductance,
    Value,
    VoltageSource,
)
from netlists.comments import engineering, trailing
from netlists.expressions import print_expression, print_number, print_value
from netlists.names import PREFIXES, card_name

with warnings.catch_warnings():
    # PySpice 1.5 has unescaped backslashes in its docstrings, which newer Pythons warn about.
    warnings.simplefilter("ignore")
    from PySpice.Spice.Netlist import Netlist as PySpiceNetlist

# A node called `in` is good SPICE; PySpice warns because it is no Python attribute.
logging.getLogger("PySpice.Spice.Netlist.Node").addFilter(
    lambda record: "Python keyword" not in record.getMessage()
)

_POINTS_PER_LINE = 4


def card(device: Device, definitions: dict[str, Subcircuit]) -> str:
    """The device's card. `definitions` are the subcircuits that instances may name."""
    owner = PySpiceNetlist()
    name = card_name(device).removeprefix(PREFIXES[type(device)]) or device.name
    if isinstance(device, Instance):
        element = _instance(owner, name, device, definitions[device.subcircuit])
    else:
        element = _BUILDERS[type(device)](owner, name, device)
    text = str(element)
    return text[0].lower() + text[1:] + trailing(_unit_text(device), device.note)


def _instance(owner: PySpiceNetlist, name: str, device: Instance, definition: Subcircuit) -> object:
    nodes = [device.connections[pin.name] for pin in definition.pins]
    values = {
        p.name: print_value(device.parameters[p.name])
        for p in definition.parameters
        if p.name in device.parameters
    }
    return owner.X(name, definition.name, *nodes, **values)


def waveform_text(waveform: float | HeldWaveform) -> str:
    """A source's value: a number, or `pwl(...)` wrapped over continuation lines.

    PySpice's own piecewise linear sources print units after the numbers, and `0.1A` can be read as 0.1 atto.
    """
    if not isinstance(waveform, HeldWaveform):
        return print_number(waveform)
    times, values = waveform.corners()
    points = [f"{t!r} {v!r}" for t, v in zip(times.tolist(), values.tolist(), strict=True)]
    lines = [" ".join(points[k : k + _POINTS_PER_LINE]) for k in range(0, len(points), _POINTS_PER_LINE)]
    return "pwl(" + "\n+ ".join(lines) + ")"


_BUILDERS: dict[type[Device], Callable[[PySpiceNetlist, str, Device], object]] = {
    Capacitor: lambda n, name, d: n.C(name, *d.terminals, print_value(d.capacitance)),
    Resistor: lambda n, name, d: n.R(name, *d.terminals, print_value(d.resistance)),
    Transconductance: lambda n, name, d: n.VCCS(name, *d.terminals, transconductance=print_value(d.gain)),
    BehaviouralCurrent: lambda n, name, d: n.BehavioralSource(
        name, *d.terminals, current_expression=print_expression(d.current)
    ),
    BehaviouralVoltage: lambda n, name, d: n.BehavioralSource(
        name, *d.terminals, voltage_expression=print_expression(d.voltage)
    ),
    VoltageSource: lambda n, name, d: n.V(name, *d.terminals, waveform_text(d.waveform)),
    CurrentSource: lambda n, name, d: n.I(name, *d.terminals, waveform_text(d.waveform)),
}


def _unit_text(device: Device) -> str:
    """The device's number in engineering units, where it is one number."""
    match device:
        case Capacitor(capacitance=value):
            return _plain(value, "F")
        case Resistor(resistance=value):
            return _plain(value, "Ohm")
        case Transconductance(gain=value):
            return _plain(value, "S")
        case VoltageSource(waveform=value) if not isinstance(value, HeldWaveform):
            return _plain(value, "V")
        case CurrentSource(waveform=value) if not isinstance(value, HeldWaveform):
            return _plain(value, "A")
        case _:
            return ""


def _plain(value: Value, unit: str) -> str:
    symbolic = getattr(value, "free_symbols", None)
    return "" if symbolic else engineering(float(value), unit)
