"""Devices as plain data: one frozen dataclass for each kind of device, in SI units."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import sympy

from circuits.data.values import (
    CircuitError,
    Value,
    check_name,
    check_node,
    check_value,
)
from circuits.data.waveform import HeldWaveform
from conductance.frozen import FrozenMapping


@dataclass(frozen=True, kw_only=True)
class Device:
    """What all devices share: a name, a note for the reader of the netlist, terminals and values.

    `part` names the part of a neuron that a device belongs to; empty where it stands alone. `code` is that of a weight
    that has one. A kind of device is the
    table of its fields: which of them are nodes, which must differ, which are values.
    """

    name: str
    note: str = ""
    part: str = ""
    code: int | None = None

    terminal_fields: ClassVar[tuple[str, ...]] = ()
    value_fields: ClassVar[tuple[str, ...]] = ()
    senses_voltages: ClassVar[bool] = False
    positive_values: ClassVar[bool] = False

    @property
    def label(self) -> str:
        """The device as errors name it."""
        return f"{type(self).__name__} {self.name}"

    @property
    def terminals(self) -> tuple[str, ...]:
        """Nodes to which the device is connected; current flows between the first two."""
        return tuple(getattr(self, name) for name in self.terminal_fields)

    @property
    def expressions(self) -> tuple[Value, ...]:
        """Values of the device, each a number or an expression."""
        return tuple(getattr(self, name) for name in self.value_fields)

    def __post_init__(self) -> None:
        check_name(self.name, f"{type(self).__name__} {self.name!r}")
        for node in self.terminals:
            check_node(node, self.label)
        if self.terminal_fields and self.terminals[0] == self.terminals[1]:
            raise CircuitError(f"{self.label}: it begins and ends on node {self.terminals[0]}; use two nodes")
        for name in self.value_fields:
            check_value(
                getattr(self, name),
                f"{self.label}, {name}",
                senses=self.senses_voltages,
                positive=self.positive_values,
            )


@dataclass(frozen=True, kw_only=True)
class Capacitor(Device):
    """Capacitor between two nodes; `capacitance` in F, greater than zero.

    A `parasitic` one holds no state of its own: its nodes need no initial voltage, the operating point has them.
    """

    positive: str
    negative: str
    capacitance: Value
    parasitic: bool = False

    terminal_fields = ("positive", "negative")
    value_fields = ("capacitance",)
    positive_values = True


@dataclass(frozen=True, kw_only=True)
class Resistor(Device):
    """Resistor between two nodes; `resistance` in Ohm, greater than zero."""

    positive: str
    negative: str
    resistance: Value

    terminal_fields = ("positive", "negative")
    value_fields = ("resistance",)
    positive_values = True


@dataclass(frozen=True, kw_only=True)
class Transconductance(Device):
    """Linear current source: `gain * (v(sense_positive) - v(sense_negative))` from `out_from` into `out_to`.

    `gain` in S, of either sign. Positive current is drawn from node `out_from` and injected into `out_to`.
    """

    out_from: str
    out_to: str
    sense_positive: str
    sense_negative: str
    gain: Value

    terminal_fields = ("out_from", "out_to", "sense_positive", "sense_negative")
    value_fields = ("gain",)


@dataclass(frozen=True, kw_only=True)
class BehaviouralCurrent(Device):
    """Current given by an expression, in A: positive current leaves node `source` and enters node `sink`."""

    source: str
    sink: str
    current: Value

    terminal_fields = ("source", "sink")
    value_fields = ("current",)
    senses_voltages = True


@dataclass(frozen=True, kw_only=True)
class BehaviouralVoltage(Device):
    """Voltage of `positive` against `negative` given by an expression, in V."""

    positive: str
    negative: str
    voltage: Value

    terminal_fields = ("positive", "negative")
    value_fields = ("voltage",)
    senses_voltages = True


@dataclass(frozen=True, kw_only=True)
class VoltageSource(Device):
    """Independent voltage of `positive` against `negative`: a constant in V, or held values.

    `small_signal` is its amplitude (V) in a small-signal analysis, which adds it to the operating point.
    """

    positive: str
    negative: str
    waveform: float | HeldWaveform
    small_signal: float = 0.0

    terminal_fields = ("positive", "negative")

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_waveform(self.waveform, self.label)
        _check_small_signal(self.small_signal, self.label, "V")


@dataclass(frozen=True, kw_only=True)
class CurrentSource(Device):
    """Independent current, in A: positive current is drawn from `source` and injected into `sink`.

    `small_signal` is its amplitude (A) in a small-signal analysis.
    """

    source: str
    sink: str
    waveform: float | HeldWaveform
    small_signal: float = 0.0

    terminal_fields = ("source", "sink")

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_waveform(self.waveform, self.label)
        _check_small_signal(self.small_signal, self.label, "A")


@dataclass(frozen=True, kw_only=True)
class NoiseSource(Device):
    """Noise of a transient analysis, drawn by the simulator, as the voltage of `positive` against `negative`.

    Normal numbers, one every `step` (s), joined by straight lines. White ones have the standard deviation `amplitude`
    (V), and far below 1/step the one-sided density 2 amplitude^2 step. With `flicker` the density is amplitude^2/f,
    down to one over the length of the run. It is silent in all other analyses. The numbers are others in every run:
    ngspice 39 takes no seed for them.
    """

    positive: str
    negative: str
    amplitude: float
    step: float
    flicker: bool = False

    terminal_fields = ("positive", "negative")
    value_fields = ("amplitude", "step")
    positive_values = True


@dataclass(frozen=True, kw_only=True)
class Switch(Device):
    """Switch with hysteresis between two nodes: a comparator and a transistor in one.

    It closes where v(sense_positive, sense_negative) exceeds `on_above` (V), opens where it falls below `off_below`
    (V), and stays as it was between the two. Resistances in Ohm.
    """

    positive: str
    negative: str
    sense_positive: str
    sense_negative: str
    on_above: Value
    off_below: Value
    on_resistance: Value
    off_resistance: Value

    terminal_fields = ("positive", "negative", "sense_positive", "sense_negative")
    value_fields = ("on_above", "off_below", "on_resistance", "off_resistance")

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("on_resistance", "off_resistance"):
            check_value(getattr(self, name), f"{self.label}, {name}", positive=True)
        ends = self.on_above, self.off_below
        if not any(isinstance(end, sympy.Expr) for end in ends) and not ends[0] > ends[1]:
            raise CircuitError(f"{self.label}: on_above = {ends[0]} V must lie above off_below = {ends[1]} V")


@dataclass(frozen=True, kw_only=True)
class Junctions:
    """Areas (m^2) and perimeters (m) of a transistor's drain and source, as they lie in a layout."""

    drain_area: float
    source_area: float
    drain_perimeter: float
    source_perimeter: float

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            check_value(value, f"junctions, {name}")
            if value < 0:
                raise CircuitError(f"junctions: {name} = {value:g}; give 0 or more")


@dataclass(frozen=True, kw_only=True)
class Mosfet(Device):
    """MOS transistor of the model `model`; `width` and `length` in m, greater than zero.

    `diffusion` is how far source and drain reach from the gate, in m: their junctions have width times it as area and
    twice the sum of both as perimeter. `junctions` says instead what a layout has. None of both leaves the junctions
    without area, as a simulator does. `multiplicity` says how many such transistors lie in parallel. How far it is
    off its model: `threshold_shift` in V is added to its threshold, which is negative where it is p-channel, and
    `current_factor` multiplies its mobility. `saturates` says whether it is meant to be saturated where it conducts:
    a switch, the inner ones of a chain and a limiter are not. `role` says with which others it
    is drawn alike, empty where with none.
    """

    drain: str
    gate: str
    source: str
    bulk: str
    model: str
    width: Value
    length: Value
    diffusion: float | None = None
    multiplicity: int = 1
    junctions: Junctions | None = None
    threshold_shift: Value = 0.0
    current_factor: Value = 1.0
    saturates: bool = True
    role: str = ""

    # current flows between drain and source; a gate may share a node with either
    terminal_fields = ("drain", "source", "gate", "bulk")
    value_fields = ("width", "length")
    positive_values = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check_name(self.model, f"{self.label}, model")
        if (
            isinstance(self.multiplicity, bool)
            or not isinstance(self.multiplicity, int)
            or self.multiplicity < 1
        ):
            raise CircuitError(
                f"{self.label}: multiplicity = {self.multiplicity!r}; give how many lie in parallel, 1 or more"
            )
        if self.diffusion is not None:
            check_value(self.diffusion, f"{self.label}, diffusion", positive=True)
            if self.junctions is not None:
                raise CircuitError(f"{self.label}: give diffusion or junctions, not both")
        check_value(self.threshold_shift, f"{self.label}, threshold_shift")
        check_value(self.current_factor, f"{self.label}, current_factor", positive=True)

    @property
    def is_off(self) -> bool:
        """Whether it is another transistor than its model's."""
        return self.threshold_shift != 0 or self.current_factor != 1

    @property
    def expressions(self) -> tuple[Value, ...]:
        """Size and draw, each a number or an expression."""
        return self.width, self.length, self.threshold_shift, self.current_factor

    @property
    def junction_sizes(self) -> Mapping[str, Value]:
        """Areas (m^2) and perimeters (m), the edge at the gate included, under the names that simulators have."""
        if self.junctions is not None:
            each = self.junctions
            return {
                "ad": each.drain_area, "as": each.source_area, "pd": each.drain_perimeter, "ps": each.source_perimeter,
            }  # fmt: skip
        if self.diffusion is None:
            return {}
        area, perimeter = self.width * self.diffusion, 2 * (self.width + self.diffusion)
        return {"ad": area, "as": area, "pd": perimeter, "ps": perimeter}


@dataclass(frozen=True, kw_only=True)
class Instance(Device):
    """A subcircuit in place: `connections` maps each pin to a node, `parameters` replaces defaults."""

    subcircuit: str
    connections: Mapping[str, str]
    parameters: Mapping[str, Value] = field(default_factory=dict)

    @property
    def terminals(self) -> tuple[str, ...]:
        """Nodes to which the pins are connected."""
        return tuple(self.connections.values())

    @property
    def expressions(self) -> tuple[Value, ...]:
        """Values given to parameters."""
        return tuple(self.parameters.values())

    def __post_init__(self) -> None:
        object.__setattr__(self, "connections", FrozenMapping(self.connections))
        object.__setattr__(self, "parameters", FrozenMapping(self.parameters))
        super().__post_init__()
        check_name(self.subcircuit, f"{self.label}, subcircuit")
        for name, value in self.parameters.items():
            check_value(value, f"{self.label}, parameter {name}")


def _check_small_signal(amplitude: float, owner: str, unit: str) -> None:
    if not math.isfinite(amplitude):
        raise CircuitError(f"{owner}: small_signal = {amplitude!r} is not a finite amplitude in {unit}")


def _check_waveform(waveform: object, owner: str) -> None:
    if isinstance(waveform, sympy.Expr):
        raise CircuitError(f"{owner}: received {waveform}; allowed is a number or a HeldWaveform")
    if not isinstance(waveform, HeldWaveform):
        check_value(waveform, f"{owner}, waveform")
