"""A subcircuit's behavioural part as one Verilog-A module.

A module has no instances and no transistors: those stay in the netlist, and all nodes that they share with the module
are its terminals. Every statement is smooth, without events and without hidden state, so that any compiler takes it. A
switch with hysteresis is a conductance that follows a latch: a node of its own, whose voltage goes to 1 V or to -1 V
within the time constant `t_switch`, and moves the threshold as it goes.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

from circuits.data.circuit import (
    GROUND,
    BehaviouralCurrent,
    BehaviouralVoltage,
    Capacitor,
    Device,
    Instance,
    Mosfet,
    Param,
    Pin,
    Resistor,
    Subcircuit,
    Switch,
    Transconductance,
    Value,
    sensed_nodes,
)
from netlists.errors import NetlistError
from netlists.verilog_a.expressions import print_expression
from netlists.verilog_a.names import RESERVED
from netlists.writing.comments import comment, engineering
from netlists.writing.expressions import print_number

KEPT = 256
"""Subcircuits whose modules are kept: a circuit that is simulated again at other values has the same ones."""
SWITCHING = "t_switch"
"""Parameter of a module with switches: how fast they act, in s."""
_SWITCHING_TIME = 1e-9
_STEEPNESS = 1e4
"""A switch's latch sees its thresholds as sharply as 1/10000 of the hysteresis."""
_FOLD = math.sqrt(1 - 1 / _STEEPNESS) - math.atanh(math.sqrt(1 - 1 / _STEEPNESS)) / _STEEPNESS
"""Where v = tanh(STEEPNESS (FOLD x + v)) loses its lower solution at x = 1, and its upper one at x = -1: without it a
latch would turn half a thousandth of the hysteresis before its thresholds."""


@dataclass(frozen=True, kw_only=True)
class Module:
    """A Verilog-A module; `nodes` are those inside, `latches` among them the states of switches."""

    name: str
    title: str
    pins: tuple[Pin, ...]
    nodes: tuple[str, ...]
    parameters: tuple[Param, ...]
    devices: tuple[Device, ...]

    @property
    def latches(self) -> tuple[str, ...]:
        """Nodes whose voltage says whether a switch is open, -1 V, or closed, 1 V."""
        return tuple(latch(device) for device in self.devices if isinstance(device, Switch))

    @cached_property
    def text(self) -> str:
        """The module in Verilog-A."""
        return "\n".join(_lines(self)) + "\n"


def latch(switch: Switch) -> str:
    """The node that holds a switch's state."""
    return f"{switch.name}_latch"


@lru_cache(KEPT)
def behavioural_part(subcircuit: Subcircuit) -> tuple[Module | None, tuple[Device, ...]]:
    """The subcircuit's module, None where nothing in it is behavioural, and the devices that are left.

    Where nothing is left, the module is the whole subcircuit: it has the same name and pins, and nodes inside.

    Raises:
        NetlistError: names that Verilog-A keeps for itself.
    """
    left = tuple(d for d in subcircuit.devices if isinstance(d, Instance | Mosfet))
    inside = tuple(d for d in subcircuit.devices if not isinstance(d, Instance | Mosfet))
    if not inside:
        return None, left
    pins = subcircuit.pins
    nodes = tuple(sorted(touched(inside) - {pin.name for pin in pins} - {GROUND}))
    name = subcircuit.name
    if left:
        meanings = {pin.name: pin.meaning for pin in pins}
        shared = sorted(touched(inside) - {GROUND})
        pins = tuple(Pin(name=node, meaning=meanings.get(node, "")) for node in shared)
        nodes, name = (), f"{subcircuit.name}_body"
    made = Module(
        name=name,
        title=subcircuit.title,
        pins=pins,
        nodes=(*nodes, *(latch(d) for d in inside if isinstance(d, Switch))),
        parameters=(*subcircuit.parameters, *_switching(inside)),
        devices=inside,
    )
    found = list(dict.fromkeys(_faults(made)))
    if found:
        raise NetlistError(f"subcircuit {subcircuit.name}: " + "; ".join(found))
    return made, left


def _switching(devices: tuple[Device, ...]) -> tuple[Param, ...]:
    if not any(isinstance(device, Switch) for device in devices):
        return ()
    meaning = "time constant of the switches, short beside all others"
    return (
        Param(name=SWITCHING, value=_SWITCHING_TIME, unit="s", meaning=meaning, lower=0.0, lower_open=True),
    )


def touched(devices: tuple[Device, ...]) -> set[str]:
    """Nodes at the devices' terminals and in their expressions."""
    found = {node for device in devices for node in device.terminals}
    for device in devices:
        for value in device.expressions:
            for symbol in getattr(value, "free_symbols", ()):
                found |= set(sensed_nodes(symbol) or ())
    return found


def _faults(module: Module) -> Iterator[str]:
    names = {
        "module": [module.name],
        "node": [*(pin.name for pin in module.pins), *module.nodes],
        "parameter": [p.name for p in module.parameters],
    }
    seen: dict[str, str] = {}
    for kind, given in names.items():
        for name in given:
            if name in RESERVED:
                yield f"{kind} {name} has a name that Verilog-A keeps for itself; rename it"
            if name in seen:
                yield f"{kind} {name} has the name of a {seen[name]}, which Verilog-A does not tell apart; rename one"
            seen[name] = kind


def _lines(module: Module) -> Iterator[str]:
    pins = [pin.name for pin in module.pins]
    yield f"// {module.name}: {comment(module.title)}".rstrip(": ")
    yield f"module {module.name}({', '.join(pins)});"
    for pin in module.pins:
        text = comment(pin.meaning)
        yield f"  inout {pin.name};{'  // ' + text if text else ''}"
        yield f"  electrical {pin.name};"
    for node in module.nodes:
        yield f"  electrical {node};"
    for device in module.devices:
        if isinstance(device, BehaviouralVoltage):
            yield f"  branch ({_ends(*device.terminals)}) {device.name}_branch;"
    yield from (f"  {_parameter(parameter)}" for parameter in module.parameters)
    yield ""
    yield "  analog begin"
    for device in module.devices:
        note = comment(device.note)
        first, *rest = _statements(device)
        yield f"    {first}{'  // ' + note if note else ''}"
        yield from (f"    {line}" for line in rest)
    yield "  end"
    yield "endmodule"


def _ends(positive: str, negative: str) -> str:
    """Two nodes, ground left out where it is the second."""
    return positive if negative == GROUND else f"{positive}, {negative}"


def _parameter(parameter: Param) -> str:
    """One declaration with its attributes, default and range; instance parameters, since each neuron has its own."""
    unit = "" if parameter.unit in ("", "1") else f'units="{comment(parameter.unit)}", '
    low = "(-inf" if parameter.lower == -math.inf else print_number(parameter.lower)
    high = "inf)" if parameter.upper == math.inf else print_number(parameter.upper)
    low = low if low[0] == "(" else f"{'(' if parameter.lower_open else '['}{low}"
    high = high if high[-1] == ")" else f"{high}{')' if parameter.upper_open else ']'}"
    value = comment(engineering(parameter.value, parameter.unit))
    return (
        f'(* type="instance", {unit}desc="{comment(parameter.meaning)}" *)\n'
        f"  parameter real {parameter.name} = {print_number(parameter.value)} from {low}:{high};  // {value}"
    )


def _statements(device: Device) -> list[str]:
    """Contributions of one device."""
    match device:
        case Capacitor(positive=positive, negative=negative):
            return [
                _flow(positive, negative, f"ddt({_factor(device.capacitance)}*{_across(positive, negative)})")
            ]
        case Resistor(positive=positive, negative=negative):
            return [_flow(positive, negative, f"{_across(positive, negative)}/{_factor(device.resistance)}")]
        case Transconductance():
            across = _across(device.sense_positive, device.sense_negative)
            return [_flow(device.out_from, device.out_to, f"{_factor(device.gain)}*{across}")]
        case BehaviouralCurrent():
            return [_flow(device.source, device.sink, print_expression(device.current))]
        case BehaviouralVoltage():
            return [f"V({device.name}_branch) <+ {print_expression(device.voltage)};"]
        case Switch():
            return _switch(device)
        case _:
            raise NetlistError(f"{device.label}: this kind of device cannot be written in Verilog-A")


def _factor(value: Value) -> str:
    return f"({print_expression(value)})"


def _across(positive: str, negative: str) -> str:
    if positive == GROUND:
        return f"(-V({negative}))" if negative != GROUND else "0.0"
    return f"V({_ends(positive, negative)})"


def _flow(source: str, sink: str, current: str) -> str:
    """A current that leaves `source` and enters `sink`."""
    if source == GROUND:
        return f"I({sink}) <+ -({current});"
    return f"I({_ends(source, sink)}) <+ {current};"


def _switch(device: Switch) -> list[str]:
    """The latch and the conductance that follows it.

    The latch goes to tanh(STEEPNESS (2 FOLD (sense - middle)/width + latch)): open, it sees the upper threshold,
    closed, the lower one. The logarithm of the conductance is linear in it.
    """
    state = latch(device)
    sense = _across(device.sense_positive, device.sense_negative)
    middle = print_expression((device.on_above + device.off_below) / 2)
    width = print_expression(device.on_above - device.off_below)
    on, off = print_expression(device.on_resistance), print_expression(device.off_resistance)
    goal = f"tanh({print_number(_STEEPNESS)}*({print_number(2 * _FOLD)}*({sense} - ({middle}))/({width}) + V({state})))"
    conductance = f"exp(-0.5*(ln({on}) + ln({off})) + 0.5*V({state})*(ln({off}) - ln({on})))"
    return [
        f"I({state}) <+ ddt({SWITCHING}*V({state})) + V({state}) - {goal};",
        _flow(device.positive, device.negative, f"{_across(device.positive, device.negative)}*{conductance}"),
    ]
