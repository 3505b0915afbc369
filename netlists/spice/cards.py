"""Devices as cards, in a tool's form of SPICE."""

from collections.abc import Iterator, Mapping

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
from circuits.data.models import ModelCard
from netlists.errors import NetlistError
from netlists.spice.tongue import Tongue
from netlists.writing.comments import comment, engineering
from netlists.writing.expressions import print_number
from netlists.writing.models import origin, used_bins
from netlists.writing.names import card_name

_PER_LINE = 4


def subcircuit_lines(subcircuit: Subcircuit, circuit: Circuit, tongue: Tongue) -> Iterator[str]:
    """The definition, with its pins and parameters explained."""
    pins = " ".join(pin.name for pin in subcircuit.pins)
    yield f"* {subcircuit.name}: {comment(subcircuit.title)}".rstrip(": ")
    yield from (f"*   {pin.name} {comment(pin.meaning)}".rstrip() for pin in subcircuit.pins)
    for p in subcircuit.parameters:
        yield f"*   {p.name} = {comment(engineering(p.value, p.unit))} {comment(p.meaning)}".rstrip()
    yield f".subckt {subcircuit.name} {pins}" + (" params:" if subcircuit.parameters else "")
    yield from (f"+ {p.name}={print_number(p.value)}" for p in subcircuit.parameters)
    for device in subcircuit.devices:
        yield from card(device, circuit, tongue)
    yield f".ends {subcircuit.name}"


def card(device: Device, circuit: Circuit, tongue: Tongue) -> Iterator[str]:
    """The device's card, and its model where it has one of its own."""
    note = comment(device.note)
    head = f"{card_name(device)} {_body(device, circuit, tongue)}"
    yield head + (f" ; {note}" if note else "")
    if isinstance(device, Switch):
        yield _switch_model(device, tongue)


def _body(device: Device, circuit: Circuit, tongue: Tongue) -> str:
    value = tongue.value
    match device:
        case Capacitor():
            return f"{device.positive} {device.negative} {value(device.capacitance)}"
        case Resistor():
            return f"{device.positive} {device.negative} {value(device.resistance)}"
        case Transconductance():
            ends = f"{device.out_from} {device.out_to} {device.sense_positive} {device.sense_negative}"
            return f"{ends} {value(device.gain)}"
        case BehaviouralCurrent():
            return f"{device.source} {device.sink} i={tongue.source(device.current)}"
        case BehaviouralVoltage():
            return f"{device.positive} {device.negative} v={tongue.source(device.voltage)}"
        case VoltageSource():
            small = f" ac {print_number(device.small_signal)}" if device.small_signal else ""
            return f"{device.positive} {device.negative} {_waveform(device.waveform)}{small}"
        case CurrentSource():
            small = f" ac {print_number(device.small_signal)}" if device.small_signal else ""
            return f"{device.source} {device.sink} {_waveform(device.waveform)}{small}"
        case Switch():
            ends = f"{device.positive} {device.negative} {device.sense_positive} {device.sense_negative}"
            return f"{ends} {card_name(device)}_model"
        case Mosfet():
            return _mosfet(device, tongue)
        case Instance():
            definition = circuit.subcircuit(device.subcircuit)
            nodes = " ".join(device.connections[pin.name] for pin in definition.pins)
            given = " ".join(f"{name}={value(each)}" for name, each in device.parameters.items())
            return f"{nodes} {definition.name}" + (f" params: {given}" if given else "")
        case _:
            raise NetlistError(f"{device.label}: this kind of device cannot be written for {tongue.reader}")


def _mosfet(device: Mosfet, tongue: Tongue) -> str:
    if device.is_off:
        raise NetlistError(
            f"{device.label}: {tongue.reader} has no number for a transistor that is off its model by mismatch; write "
            "the circuit for ngspice or VACASK"
        )
    value = tongue.value
    nodes = f"{device.drain} {device.gate} {device.source} {device.bulk} {device.model}"
    drawn = {"w": device.width, "l": device.length, **device.junction_sizes}
    sizes = {name: value(size) for name, size in drawn.items()}
    if device.multiplicity > 1:
        sizes["m"] = str(device.multiplicity)
    return f"{nodes} " + " ".join(f"{name}={text}" for name, text in sizes.items())


def _switch_model(device: Switch, tongue: Tongue) -> str:
    numbers = {
        "vt": (device.on_above + device.off_below) / 2,
        "vh": (device.on_above - device.off_below) / 2,
        "ron": device.on_resistance,
        "roff": device.off_resistance,
    }
    return f".model {card_name(device)}_model sw(" + " ".join(
        f"{name}={tongue.value(number)}" for name, number in numbers.items()
    ) + ")"  # fmt: skip


def _waveform(waveform: float | HeldWaveform) -> str:
    if not isinstance(waveform, HeldWaveform):
        return print_number(waveform)
    times, values = waveform.corners()
    points = [f"{t!r} {v!r}" for t, v in zip(times.tolist(), values.tolist(), strict=True)]
    lines = [" ".join(points[k : k + _PER_LINE]) for k in range(0, len(points), _PER_LINE)]
    return "pwl(" + "\n+ ".join(lines) + ")"


def model_lines(circuit: Circuit, tongue: Tongue) -> Iterator[str]:
    """The transistors' cards under the tool's level, bins with their bounds."""
    for model in circuit.models:
        yield from origin(model, "* ")
        if not model.bins:
            yield from _model(model, model.name, model.parameters, tongue)
        for index, size in enumerate(used_bins(model, circuit)):
            bounds = {
                "lmin": size.shortest,
                "lmax": size.longest,
                "wmin": size.narrowest,
                "wmax": size.widest,
            }
            yield from _model(model, f"{model.name}.{index}", {**bounds, **size.parameters}, tongue)


def _model(model: ModelCard, name: str, numbers: Mapping[str, float], tongue: Tongue) -> Iterator[str]:
    version = f" version={model.version}" if model.version else ""
    yield f".model {name} {model.polarity} level={tongue.levels[model.level]}{version}"
    pairs = [f"{key}={print_number(value)}" for key, value in numbers.items()]
    for start in range(0, len(pairs), _PER_LINE):
        yield f"+ {' '.join(pairs[start : start + _PER_LINE])}"
