"""One device as a card: PySpice's element, its text in lower case, and a comment in engineering units."""

import logging
import math
import warnings

from circuits.data.circuit import (
    BehaviouralCurrent,
    BehaviouralVoltage,
    Capacitor,
    CurrentSource,
    Device,
    HeldWaveform,
    Instance,
    Mosfet,
    NoiseSource,
    Resistor,
    Subcircuit,
    Switch,
    Transconductance,
    Value,
    VoltageSource,
)
from netlists.errors import NetlistError
from netlists.ngspice.expressions import print_expression, print_number, print_value
from netlists.writing.comments import engineering, trailing
from netlists.writing.names import card_name

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
    text = str(_element(PySpiceNetlist(), device, definitions))
    line = text[0].lower() + text[1:] + trailing(_unit_text(device), device.note)
    return f"{line}\n{_switch_model(device)}" if isinstance(device, Switch) else line


def _element(owner: PySpiceNetlist, device: Device, definitions: dict[str, Subcircuit]) -> object:
    """PySpice's element, whose name lacks the letter that PySpice puts in front."""
    name = card_name(device)[1:]
    nodes = device.terminals
    match device:
        case Capacitor():
            return owner.C(name, *nodes, print_value(device.capacitance))
        case Resistor():
            return owner.R(name, *nodes, print_value(device.resistance))
        case Transconductance():
            return owner.VCCS(name, *nodes, transconductance=print_value(device.gain))
        case BehaviouralCurrent():
            return owner.BehavioralSource(name, *nodes, current_expression=print_expression(device.current))
        case BehaviouralVoltage():
            return owner.BehavioralSource(name, *nodes, voltage_expression=print_expression(device.voltage))
        case VoltageSource():
            small = f" ac {print_number(device.small_signal)}" if device.small_signal else ""
            return owner.V(name, *nodes, waveform_text(device.waveform) + small)
        case CurrentSource():
            small = f" ac {print_number(device.small_signal)}" if device.small_signal else ""
            return owner.I(name, *nodes, waveform_text(device.waveform) + small)
        case NoiseSource():
            step = print_value(device.step)
            if device.flicker:  # the density of its numbers is their variance over pi f
                own = print_value(device.amplitude * math.sqrt(math.pi))
                return owner.V(name, *nodes, f"dc 0 trnoise(0 {step} 1 {own})")
            return owner.V(name, *nodes, f"dc 0 trnoise({print_value(device.amplitude)} {step} 0 0)")
        case Switch():
            return owner.S(name, *nodes, model=_switch_model_name(device))
        case Mosfet():
            sizes = {"w": device.width, "l": device.length, **device.junction_sizes}
            size = {name: print_value(value) for name, value in sizes.items()}
            nodes = (device.drain, device.gate, device.source, device.bulk)
            several = {"multiplier": device.multiplicity} if device.multiplicity > 1 else {}
            return owner.M(name, *nodes, model=device.model, **size, **several, **_draw(device))
        case Instance():
            definition = definitions[device.subcircuit]
            ordered = [device.connections[pin.name] for pin in definition.pins]
            values = {name: print_value(value) for name, value in device.parameters.items()}
            element = owner.X(name, definition.name, *ordered)
            element.parameters = (
                values  # as keywords, a parameter called `self` or `name` would be PySpice's own
            )
            return element
        case _:
            raise NetlistError(f"{device.label}: this kind of device cannot be written")


def _draw(device: Mosfet) -> dict[str, str]:
    """How far a transistor is off its model."""
    if not device.is_off:
        return {}
    shift, factor = print_value(device.threshold_shift), print_value(device.current_factor)
    return {"raw_spice": f"delvto={shift} mulu0={factor}"}


def _switch_model_name(device: Switch) -> str:
    return f"{card_name(device)}_model"


def _switch_model(device: Switch) -> str:
    """A switch keeps its numbers in a model card of its own, in the scope of the switch."""
    numbers = {
        "vt": (device.on_above + device.off_below) / 2,
        "vh": (device.on_above - device.off_below) / 2,
        "ron": device.on_resistance,
        "roff": device.off_resistance,
    }
    values = " ".join(f"{name}={print_value(value)}" for name, value in numbers.items())
    return f".model {_switch_model_name(device)} sw {values}"


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


def _unit_text(device: Device) -> str:
    """The device's number in engineering units, where it is one number."""
    match device:
        case Capacitor(capacitance=value):
            return _plain(value, "F")
        case Resistor(resistance=value):
            return _plain(value, "Ohm")
        case Transconductance(gain=value):
            return _plain(value, "S")
        case Mosfet(width=width, length=length, multiplicity=number):
            size = " / ".join(filter(None, (_plain(width, "m"), _plain(length, "m"))))
            return f"{number} x {size}" if number > 1 and size else size
        case VoltageSource(waveform=value) if not isinstance(value, HeldWaveform):
            return _plain(value, "V")
        case CurrentSource(waveform=value) if not isinstance(value, HeldWaveform):
            return _plain(value, "A")
        case _:
            return ""


def _plain(value: Value, unit: str) -> str:
    symbolic = getattr(value, "free_symbols", None)
    return "" if symbolic else engineering(float(value), unit)
