"""The circuit as plain data: subcircuits with pins and parameters, instances, initial voltages, probes.

Every object checks itself when it is built. How a circuit is written and simulated is not known here.
The devices of `circuits.data.devices` are offered here as well, so that one import serves a realisation.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import sympy

from circuits.data.devices import (
    BehaviouralCurrent,
    BehaviouralVoltage,
    Capacitor,
    CurrentSource,
    Device,
    Instance,
    Mosfet,
    NoiseSource,
    Resistor,
    Switch,
    Transconductance,
    VoltageSource,
)
from circuits.data.models import ModelCard
from circuits.data.scaling import ZERO_CELSIUS
from circuits.data.values import (
    GROUND,
    CircuitError,
    Param,
    Pin,
    Value,
    check_name,
    check_value,
    evaluate,
    parameter_names,
    sensed_nodes,
    voltage,
)
from circuits.data.waveform import HeldWaveform
from conductance.frozen import FrozenMapping

__all__ = [
    "GROUND",
    "BehaviouralCurrent",
    "BehaviouralVoltage",
    "Capacitor",
    "Circuit",
    "CircuitError",
    "CurrentSource",
    "Device",
    "HeldWaveform",
    "Instance",
    "ModelCard",
    "Mosfet",
    "NoiseSource",
    "Param",
    "Pin",
    "Resistor",
    "Subcircuit",
    "Switch",
    "Transconductance",
    "Value",
    "VoltageSource",
    "evaluate",
    "parameter_names",
    "sensed_nodes",
    "voltage",
]


_NODE_VALUES = {"initial": "initial voltage", "timescales": "time constant"}
"""What a subcircuit says of its nodes."""


def _duplicates(names: Iterable[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]


def _scope_faults(
    devices: tuple[Device, ...], nodes: set[str], parameters: tuple[Param, ...]
) -> Iterator[str]:
    """What is wrong inside one scope: duplicate names, undeclared parameters, nodes that do not exist."""
    for name in _duplicates(device.name for device in devices):
        yield f"two devices are named {name}; rename one"
    for name in _duplicates(parameter.name for parameter in parameters):
        yield f"two parameters are named {name}; rename one"
    declared = {parameter.name for parameter in parameters}
    for device in devices:
        for value in device.expressions:
            for name in sorted(parameter_names(value) - declared):
                yield f"{device.label} uses {name}, which is no parameter here; declare it as a Param"
            for symbol in value.free_symbols if isinstance(value, sympy.Expr) else ():
                for node in sensed_nodes(symbol) or ():
                    if node not in nodes:
                        yield f"{device.label} reads node {node}, which no device here touches"


def _raise_faults(owner: str, faults: Iterable[str]) -> None:
    found = list(dict.fromkeys(faults))
    if found:
        raise CircuitError(f"{owner}: " + "; ".join(found))


@dataclass(frozen=True, kw_only=True)
class Subcircuit:
    """A reusable circuit with pins in a stable order and parameters with defaults.

    `initial` gives the initial voltage (V) of nodes, from the subcircuit's parameters, and `timescales` the time
    constant (s) of those that one part draws to what they follow.
    """

    name: str
    title: str = ""
    pins: tuple[Pin, ...]
    parameters: tuple[Param, ...] = ()
    devices: tuple[Device, ...]
    initial: Mapping[str, Value] = field(default_factory=dict)
    timescales: Mapping[str, Value] = field(default_factory=dict)

    @property
    def nodes(self) -> set[str]:
        """All nodes of the subcircuit, its pins and ground among them."""
        touched = {node for device in self.devices for node in device.terminals}
        return touched | {pin.name for pin in self.pins} | {GROUND}

    def __post_init__(self) -> None:
        owner = f"subcircuit {self.name!r}"
        check_name(self.name, owner)
        for attribute in ("pins", "parameters", "devices"):
            object.__setattr__(self, attribute, tuple(getattr(self, attribute)))
        for attribute, what in _NODE_VALUES.items():
            object.__setattr__(self, attribute, FrozenMapping(getattr(self, attribute)))
            for node, value in getattr(self, attribute).items():
                check_value(value, f"{owner}, {what} of {node}")
        _raise_faults(f"subcircuit {self.name}", self._faults())

    def _faults(self) -> Iterator[str]:
        if not self.devices:
            yield "it has no devices"
        for name in _duplicates(pin.name for pin in self.pins):
            yield f"two pins are named {name}; rename one"
        yield from _scope_faults(self.devices, self.nodes, self.parameters)
        declared = {parameter.name for parameter in self.parameters}
        for attribute, what in _NODE_VALUES.items():
            for node, value in getattr(self, attribute).items():
                if node not in self.nodes - {GROUND}:
                    yield f"the {what} is for node {node}, which no device here touches"
                for name in sorted(parameter_names(value) - declared):
                    yield f"the {what} of {node} uses {name}, which is no parameter here"


@dataclass(frozen=True, kw_only=True)
class Circuit:
    """A whole circuit: subcircuits, the devices of the top level, initial voltages and what is observed.

    `models` are the cards of its transistors at the process corner `corner`, after which the library's section is
    named, and `temperature` in degrees Celsius is that of all devices.
    `initial` (V) and `probes` name nodes by path: the instance names from the top, then the node, joined by
    dots, e.g. `out` or `xh0.us`. `metered` names voltage sources of the top level whose current is observed, too, such
    as supplies, and `inspected` transistors, by path, whose operating point is. `provenance` says in words where the
    circuit comes from (seeds, source).
    """

    name: str
    title: str = ""
    parameters: tuple[Param, ...] = ()
    subcircuits: tuple[Subcircuit, ...] = ()
    models: tuple[ModelCard, ...] = ()
    temperature: float = 27.0
    corner: str = "tt"
    devices: tuple[Device, ...]
    initial: Mapping[str, float] = field(default_factory=dict)
    probes: tuple[str, ...] = ()
    metered: tuple[str, ...] = ()
    inspected: tuple[str, ...] = ()
    provenance: Mapping[str, str] = field(default_factory=dict)

    @property
    def nodes(self) -> set[str]:
        """Nodes of the top level, ground among them."""
        return {node for device in self.devices for node in device.terminals} | {GROUND}

    def subcircuit(self, name: str) -> Subcircuit:
        """The subcircuit of that name, or `CircuitError`."""
        for subcircuit in self.subcircuits:
            if subcircuit.name == name:
                return subcircuit
        known = ", ".join(subcircuit.name for subcircuit in self.subcircuits) or "none"
        raise CircuitError(f"circuit {self.name}: there is no subcircuit {name}; known are {known}")

    def has_node(self, path: str) -> bool:
        """Whether a node path such as `xh0.us` names a node of this circuit."""
        scope, node = self._scope(path)
        return scope is not None and node in scope.nodes

    def has_transistor(self, path: str) -> bool:
        """Whether a path such as `xh0.xum.m_tail` names a transistor of this circuit."""
        scope, name = self._scope(path)
        return scope is not None and any(
            isinstance(device, Mosfet) and device.name == name for device in scope.devices
        )

    def _scope(self, path: str) -> "tuple[Circuit | Subcircuit | None, str]":
        """What the instances of a path lead to, None where one is missing, and the path's last name."""
        *instances, last = path.split(".")
        scope: Circuit | Subcircuit = self
        for name in instances:
            found = [d for d in scope.devices if isinstance(d, Instance) and d.name == name]
            if not found:
                return None, last
            scope = self.subcircuit(found[0].subcircuit)
        return scope, last

    def __post_init__(self) -> None:
        check_name(self.name, f"circuit {self.name!r}")
        check_value(self.temperature, f"circuit {self.name}, temperature")
        if self.temperature <= -ZERO_CELSIUS:
            raise CircuitError(
                f"circuit {self.name}: temperature = {self.temperature!r} degrees Celsius is not above absolute zero; "
                f"give more than {-ZERO_CELSIUS:g}"
            )
        check_name(self.corner, f"circuit {self.name}, corner")
        for attribute in ("parameters", "subcircuits", "models", "devices", "probes", "metered", "inspected"):
            object.__setattr__(self, attribute, tuple(getattr(self, attribute)))
        for attribute in ("initial", "provenance"):
            object.__setattr__(self, attribute, dict(getattr(self, attribute)))
        _raise_faults(f"circuit {self.name}", self._faults())
        _raise_faults(f"circuit {self.name}", self._path_faults())

    def _faults(self) -> Iterator[str]:
        if not self.devices:
            yield "it has no devices"
        yield from _scope_faults(self.devices, self.nodes, self.parameters)
        for name in _duplicates(subcircuit.name for subcircuit in self.subcircuits):
            yield f"two subcircuits are named {name}; rename one"
        for name in _duplicates(model.name for model in self.models):
            yield f"two models are named {name}; rename one"
        known = {subcircuit.name: subcircuit for subcircuit in self.subcircuits}
        models = [model.name for model in self.models]
        scopes: tuple[Circuit | Subcircuit, ...] = (self, *self.subcircuits)
        for scope in scopes:
            for device in scope.devices:
                if isinstance(device, Instance):
                    yield from _instance_faults(device, known)
                elif isinstance(device, Mosfet) and device.model not in models:
                    names = ", ".join(models) or "none"
                    yield f"{device.label}: there is no model {device.model}; known are {names}"
        for subcircuit in self.subcircuits:
            if subcircuit.name in _contained(subcircuit.name, known):
                yield f"subcircuit {subcircuit.name} contains itself"

    def _path_faults(self) -> Iterator[str]:
        for path, value in self.initial.items():
            check_value(value, f"circuit {self.name}, initial voltage of {path}")
            if path == GROUND or not self.has_node(path):
                yield f"the initial voltage is for {path}, which is no node of the circuit"
        for path in self.probes:
            if path == GROUND or not self.has_node(path):
                yield f"the probe {path!r} is no node of the circuit"
        for path in _duplicates(self.probes):
            yield f"the probe {path} is given twice"
        sources = [device.name for device in self.devices if isinstance(device, VoltageSource)]
        for name in self.metered:
            if name not in sources:
                known = ", ".join(sources) or "none"
                yield f"the current of {name} is to be observed, but the voltage sources are {known}"
        for path in self.inspected:
            if not self.has_transistor(path):
                yield f"the operating point of {path} is to be observed, which is no transistor of the circuit"


def _instance_faults(instance: Instance, known: Mapping[str, Subcircuit]) -> Iterator[str]:
    if instance.subcircuit not in known:
        names = ", ".join(known) or "none"
        yield f"{instance.label}: there is no subcircuit {instance.subcircuit}; known are {names}"
        return
    definition = known[instance.subcircuit]
    pins = [pin.name for pin in definition.pins]
    if set(pins) != set(instance.connections):
        yield (
            f"{instance.label} connects pins {', '.join(instance.connections) or 'none'}; "
            f"subcircuit {definition.name} has {', '.join(pins) or 'none'}"
        )
    parameters = [parameter.name for parameter in definition.parameters]
    for name in instance.parameters:
        if name not in parameters:
            yield (
                f"{instance.label} sets parameter {name}; "
                f"subcircuit {definition.name} has {', '.join(parameters) or 'none'}"
            )


def _contained(name: str, known: Mapping[str, Subcircuit]) -> set[str]:
    """Names of all subcircuits inside the subcircuit `name`, at any depth."""
    found: set[str] = set()
    pending = [name]
    while pending:
        for device in known[pending.pop()].devices:
            if isinstance(device, Instance) and device.subcircuit in known and device.subcircuit not in found:
                found.add(device.subcircuit)
                pending.append(device.subcircuit)
    return found
