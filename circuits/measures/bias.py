"""The bias table: every bias current, reference, transistor, capacitor and ideal part, as data and as CSV."""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass, fields

from circuits.data.circuit import (
    BehaviouralCurrent,
    BehaviouralVoltage,
    Capacitor,
    Circuit,
    CurrentSource,
    Device,
    HeldWaveform,
    Instance,
    Mosfet,
    Resistor,
    Subcircuit,
    Switch,
    Transconductance,
    VoltageSource,
)
from circuits.data.values import Value, evaluate, sensed_nodes
from circuits.networks.generated import made_values
from circuits.realisations.cells.cell import VDD, VSS
from circuits.realisations.cells.coded import CONVERTER


@dataclass(frozen=True, kw_only=True)
class BiasRow:
    """One device and its numbers in SI units; None where the kind of device has no such number.

    Attributes:
        path: the instances that hold the device, and its name, joined by dots.
        kind: kind of device, e.g. `Mosfet`.
        model: a transistor's model.
        current: of a constant current source, in A.
        voltage: of a constant voltage source, in V.
        width: of a transistor, in m.
        length: of a transistor, in m.
        number: how many such transistors lie in parallel.
        capacitance: in F.
        resistance: in Ohm.
        transconductance: of an ideal linear source, in S.
        code: of a weight or a bias that has one, in units of its layer's.
        note: the device's own note.
    """

    path: str
    kind: str
    model: str = ""
    current: float | None = None
    voltage: float | None = None
    width: float | None = None
    length: float | None = None
    number: int | None = None
    capacitance: float | None = None
    resistance: float | None = None
    transconductance: float | None = None
    code: int | None = None
    note: str = ""


SUPPLIES = (VDD, VSS)
CODED, MEMORY = "CodedWeight", "Memory"
"""Kinds of rows that are no device: a weight whose transistors follow, and the bits that hold all of them."""


def bias_table(circuit: Circuit) -> list[BiasRow]:
    """All rows of a circuit, in the order of its devices; inputs over time are left out.

    A source that states a law of voltages, such as the output of a low-pass, is an ideal part without a number. Codes
    in transistors need a memory, which is the last row: its `number` is that of its bits.
    """
    parameters = {p.name: float(p.value) for p in circuit.parameters}
    rows, bits = list(_rows(circuit, circuit, "", parameters)), coded_bits(circuit)
    if bits:
        note = "bits of a shift register that holds the codes: on the chip, outside of the netlist"
        rows.append(BiasRow(path="memory", kind=MEMORY, number=bits, note=note))
    return rows


@dataclass(frozen=True, kw_only=True)
class BiasGroup:
    """One value that a generator must make: a current in A or a reference in V, and how many devices have it."""

    value: float
    unit: str
    number: int


def bias_groups(circuit: Circuit) -> list[BiasGroup]:
    """The different bias currents and references of a circuit, smallest first; supplies are none, zero needs no source.

    Values that agree to six digits are one. What generators on the chip make is among them, as
    they make it, with the number of pins that it goes to.
    """
    found: dict[tuple[str, float], int] = {}
    for made in made_values(circuit):
        key = (made.unit, float(f"{made.value:.6g}"))
        found[key] = found.get(key, 0) + made.number
    for row in bias_table(circuit):
        for value, unit in ((row.current, "A"), (row.voltage, "V")):
            if value and row.path.removeprefix("v_") not in SUPPLIES:
                known = (unit, float(f"{value:.6g}"))
                found[known] = found.get(known, 0) + 1
    return [
        BiasGroup(value=value, unit=unit, number=number) for (unit, value), number in sorted(found.items())
    ]


def groups_csv(circuit: Circuit) -> str:
    """The groups as CSV: value, unit, number of devices."""
    rows = (f"{group.value!r},{group.unit},{group.number}" for group in bias_groups(circuit))
    return "\n".join(["value,unit,number", *rows]) + "\n"


def coded_bits(circuit: Circuit) -> int:
    """How many bits hold the codes of a circuit's weights: as many as its converters have pins for them."""
    converters = [
        device
        for device in circuit.devices
        if isinstance(device, Instance)
        and device.subcircuit.startswith(CONVERTER)
        and device.code is not None
    ]
    # the two pins of the sign are one bit, since a zero has all bits off; a paired converter has no code of its own
    return sum(len(device.connections) - _OTHER_PINS for device in converters)


_OTHER_PINS = 5
"""Of a converter: gate, output, two supplies, and the second pin of the sign."""


def bias_csv(circuit: Circuit) -> str:
    """The table as CSV with a header line, SI units, empty fields where there is no number."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    units = {
        "current": "A",
        "voltage": "V",
        "width": "m",
        "length": "m",
        "capacitance": "F",
        "resistance": "Ohm",
        "transconductance": "S",
    }
    names = [field.name for field in fields(BiasRow)]
    writer.writerow([f"{name}_{units[name]}" if name in units else name for name in names])
    for row in bias_table(circuit):
        writer.writerow(["" if value is None else value for value in astuple(row)])
    return text.getvalue()


def _rows(
    scope: Circuit | Subcircuit, circuit: Circuit, prefix: str, parameters: Mapping[str, float]
) -> Iterator[BiasRow]:
    for device in scope.devices:
        if isinstance(device, Instance) and device.code is not None:
            yield BiasRow(path=prefix + device.name, kind=CODED, code=device.code, note=device.note)
        if isinstance(device, Instance):
            inner = circuit.subcircuit(device.subcircuit)
            values = {p.name: float(p.value) for p in inner.parameters}
            values |= {
                name: evaluate(value, parameters, f"{device.label}, parameter {name}")
                for name, value in device.parameters.items()
            }
            yield from _rows(inner, circuit, f"{prefix}{device.name}.", values)
        else:
            numbers = _numbers(device, parameters)
            if numbers is not None:
                model = device.model if isinstance(device, Mosfet) else ""
                kind = type(device).__name__
                number = device.multiplicity if isinstance(device, Mosfet) else None
                yield BiasRow(
                    path=prefix + device.name,
                    kind=kind,
                    model=model,
                    number=number,
                    code=device.code,
                    note=device.note,
                    **numbers,
                )


def _numbers(device: Device, parameters: Mapping[str, float]) -> dict[str, float] | None:
    """The numbers of a device by the names of the table's columns; empty for a law of voltages, None for an input."""
    found: dict[str, Value]
    match device:
        case Mosfet(width=width, length=length):
            found = {"width": width, "length": length}
        case Capacitor(parasitic=True):
            return None  # nobody draws it
        case Capacitor(capacitance=value):
            found = {"capacitance": value}
        case Resistor(resistance=value):
            found = {"resistance": value}
        case Transconductance(gain=value):
            found = {"transconductance": value}
        case Switch(on_resistance=value):
            found = {"resistance": value}
        case BehaviouralCurrent(current=value) | CurrentSource(waveform=value):
            found = {"current": value}
        case BehaviouralVoltage(voltage=value) | VoltageSource(waveform=value):
            found = {"voltage": value}
        case _:
            return {}
    if any(isinstance(value, HeldWaveform) for value in found.values()):
        return None
    if not all(_is_constant(value) for value in found.values()):
        return {}
    return {name: evaluate(value, parameters, f"{device.label}, {name}") for name, value in found.items()}


def _is_constant(value: object) -> bool:
    """A number, or an expression of parameters alone."""
    symbols = getattr(value, "free_symbols", None)
    if symbols is None:
        return isinstance(value, int | float)
    return not any(sensed_nodes(symbol) for symbol in symbols)
