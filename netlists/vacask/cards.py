"""Devices as VACASK's instances."""

from collections.abc import Iterator, Mapping

from circuits.data.circuit import (
    Capacitor,
    Circuit,
    CurrentSource,
    Device,
    HeldWaveform,
    Instance,
    Mosfet,
    Resistor,
    Subcircuit,
    Transconductance,
    VoltageSource,
)
from netlists.errors import NetlistError
from netlists.vacask.expressions import print_value
from netlists.vacask.models import draw_names
from netlists.verilog_a.module import SWITCHING, Module, behavioural_part
from netlists.writing.comments import comment
from netlists.writing.expressions import print_number
from netlists.writing.names import card_name

_PAIRS_PER_LINE = 4


def subcircuit_lines(
    subcircuit: Subcircuit, circuit: Circuit, modules: Mapping[str, Module], switching: float
) -> Iterator[str]:
    """The definition of a subcircuit; nothing where its module is the whole of it."""
    made, left = modules.get(subcircuit.name), behavioural_part(subcircuit)[1]
    if made is not None and not left:
        return
    yield f"// {subcircuit.name}: {comment(subcircuit.title)}".rstrip(": ")
    yield f"subckt {subcircuit.name} ({' '.join(pin.name for pin in subcircuit.pins)})"
    given = [*((p.name, p.value) for p in subcircuit.parameters)]
    if given:
        yield "parameters " + " ".join(f"{name}={print_number(value)}" for name, value in given)
    if made is not None:
        handed = [f"{p.name}={p.name}" for p in subcircuit.parameters]
        handed += [f"{SWITCHING}={print_number(switching)}"] if made.latches else []
        yield f"body ({' '.join(pin.name for pin in made.pins)}) {made.name} {' '.join(handed)}".rstrip()
    yield from (card(device, circuit, modules, switching) for device in left)
    yield "ends"


def card(device: Device, circuit: Circuit, modules: Mapping[str, Module], switching: float) -> str:
    """One instance; `switching` (s) is how fast switches act in an instance of a module that has some."""
    note = comment(device.note)
    return f"{card_name(device)} {_body(device, circuit, modules, switching)}{'  // ' + note if note else ''}"


def _body(device: Device, circuit: Circuit, modules: Mapping[str, Module], switching: float) -> str:
    match device:
        case Capacitor():
            return f"({device.positive} {device.negative}) capacitor c={print_value(device.capacitance)}"
        case Resistor():
            return f"({device.positive} {device.negative}) resistor r={print_value(device.resistance)}"
        case Transconductance():
            nodes = (device.out_from, device.out_to, device.sense_positive, device.sense_negative)
            return f"({' '.join(nodes)}) vccs gain={print_value(device.gain)}"
        case VoltageSource():
            small = f" mag={print_number(device.small_signal)}" if device.small_signal else ""
            return f"({device.positive} {device.negative}) vsource {_waveform(device.waveform)}{small}"
        case CurrentSource():
            small = f" mag={print_number(device.small_signal)}" if device.small_signal else ""
            return f"({device.source} {device.sink}) isource {_waveform(device.waveform)}{small}"
        case Mosfet():
            return _mosfet(device, circuit)
        case Instance():
            definition = circuit.subcircuit(device.subcircuit)
            pins = tuple(device.connections[pin.name] for pin in definition.pins)
            values = {name: print_value(value) for name, value in device.parameters.items()}
            made = modules.get(definition.name)
            if made is not None and made.name == definition.name:
                # all of them: a compiled module has the defaults of whoever had it compiled first
                values = {p.name: print_number(p.value) for p in definition.parameters} | values
                values |= {SWITCHING: print_number(switching)} if made.latches else {}
            given = " ".join(f"{name}={value}" for name, value in values.items())
            return f"({' '.join(pins)}) {definition.name} {given}".rstrip()
        case _:
            raise NetlistError(f"{device.label}: this kind of device cannot be written for VACASK")


def _mosfet(device: Mosfet, circuit: Circuit) -> str:
    junctions = "".join(f" {name}={print_value(value)}" for name, value in device.junction_sizes.items())
    nodes = (device.drain, device.gate, device.source, device.bulk)
    size = f"w={print_value(device.width)} l={print_value(device.length)}"
    binned = any(model.name == device.model and model.bins for model in circuit.models)
    name = "several" if binned else "$mfactor"
    several = f" {name}={device.multiplicity}" if device.multiplicity > 1 else ""
    return f"({' '.join(nodes)}) {device.model} {size}{junctions}{several}{_draw(device, circuit)}"


def _draw(device: Mosfet, circuit: Circuit) -> str:
    """How far a transistor is off its model, under the names of its compact model."""
    if not device.is_off:
        return ""
    shift, factor = draw_names(next(model for model in circuit.models if model.name == device.model))
    return f" {shift}={print_value(device.threshold_shift)} {factor}={print_value(device.current_factor)}"


def _waveform(waveform: float | HeldWaveform) -> str:
    if not isinstance(waveform, HeldWaveform):
        return f"dc={print_number(waveform)}"
    times, values = waveform.corners()
    if len(times) == 1:
        return f"dc={print_number(values[0])}"
    pairs = [f"{t!r}, {v!r}" for t, v in zip(times.tolist(), values.tolist(), strict=True)]
    lines = [", ".join(pairs[k : k + _PAIRS_PER_LINE]) for k in range(0, len(pairs), _PAIRS_PER_LINE)]
    return 'type="pwl" wave=[' + ",\n  ".join(lines) + "]"
