"""Devices as plain data: names, values, waveforms, one frozen dataclass for each kind of device, in SI units.

Names are lower-case, node `0` is ground. A value is a number or a sympy expression of the parameters of its
scope; behavioural sources may also use node voltages made by `voltage`.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, TypeAlias

import numpy as np
import sympy

from conductance.errors import ExcitableError
from conductance.frozen import FrozenMapping

GROUND = "0"
Value: TypeAlias = sympy.Expr | float

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_SLACK = 1e-9
"""By which share an edge may differ from its hold and still fill it: times are sums of floats."""
_VOLTAGE = re.compile(r"v\(([a-z0-9_]+)(?:,([a-z0-9_]+))?\)")


class CircuitError(ExcitableError):
    """A circuit contradicts itself."""


def check_name(name: object, owner: str) -> str:
    """Return `name`, or raise `CircuitError` saying that `owner` is badly named."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise CircuitError(
            f"{owner}: the name {name!r} is not allowed; use a lower-case letter, then a to z, 0 to 9 and _"
        )
    return name


def check_node(node: object, owner: str) -> None:
    """Raise `CircuitError` where `node` is neither ground nor a name."""
    if node != GROUND:
        check_name(node, f"{owner}, node")


def voltage(node: str, reference: str = GROUND) -> sympy.Symbol:
    """Voltage of `node` against `reference` in V, as a symbol to be used inside expressions.

    >>> voltage("um")
    v(um)
    """
    check_node(node, "voltage")
    check_node(reference, "voltage")
    return sympy.Symbol(f"v({node})" if reference == GROUND else f"v({node},{reference})", real=True)


def sensed_nodes(symbol: sympy.Symbol) -> tuple[str, str] | None:
    """Node and reference that a symbol made by `voltage` reads; None for every other symbol."""
    match = _VOLTAGE.fullmatch(symbol.name)
    return (match[1], match[2] or GROUND) if match else None


def parameter_names(value: Value) -> set[str]:
    """Names of the parameters that a value uses."""
    if not isinstance(value, sympy.Expr):
        return set()
    return {symbol.name for symbol in value.free_symbols if sensed_nodes(symbol) is None}


def evaluate(value: Value, parameters: Mapping[str, float], owner: str = "value") -> float:
    """Number that a value has for given parameters; it must not read voltages."""
    if not isinstance(value, sympy.Expr):
        return float(value)
    missing = sorted(symbol.name for symbol in value.free_symbols if symbol.name not in parameters)
    if missing:
        raise CircuitError(f"{owner}: {', '.join(missing)} has no value; give it as a parameter")
    number = value.subs({symbol: parameters[symbol.name] for symbol in value.free_symbols}).evalf()
    if not number.is_number or not number.is_finite or not number.is_real:
        raise CircuitError(f"{owner}: {value} = {number} is not a finite real number")
    return float(number)


def check_value(value: object, owner: str, *, senses: bool = False, positive: bool = False) -> None:
    """Refuse what is no finite real number or expression; voltages only where the device `senses` them."""
    number = value
    if isinstance(value, sympy.Expr):
        if any(sensed_nodes(symbol) for symbol in value.free_symbols) and not senses:
            raise CircuitError(f"{owner}: {value} reads a node voltage; only behavioural sources can")
        if value.free_symbols:
            if value.has(sympy.nan, sympy.zoo, sympy.oo, -sympy.oo):
                raise CircuitError(f"{owner}: {value} is not finite")
            return
        number = value.evalf()
        number = float(number) if number.is_real else math.nan
    if (
        isinstance(number, bool)
        or not isinstance(number, int | float | np.number)
        or not math.isfinite(number)
    ):
        raise CircuitError(f"{owner}: received {value!r}; allowed is a finite number or a sympy expression")
    if positive and number <= 0:
        raise CircuitError(f"{owner}: received {value}; it must be greater than zero")


@dataclass(frozen=True, kw_only=True)
class Param:
    """A named number of a circuit or subcircuit: `value` in SI (or `1`), `unit`, what it means, and its bounds."""

    name: str
    value: float
    unit: str = "1"
    meaning: str = ""
    lower: float = -math.inf
    upper: float = math.inf
    lower_open: bool = False
    upper_open: bool = False

    def __post_init__(self) -> None:
        check_name(self.name, f"parameter {self.name!r}")
        check_value(self.value, f"parameter {self.name}")
        if isinstance(self.value, sympy.Expr):
            raise CircuitError(f"parameter {self.name}: received {self.value}; allowed is a number")


@dataclass(frozen=True, kw_only=True)
class Pin:
    """A node by which a subcircuit is connected, and what it carries."""

    name: str
    meaning: str = ""

    def __post_init__(self) -> None:
        check_name(self.name, f"pin {self.name!r}")


@dataclass(frozen=True, kw_only=True)
class HeldWaveform:
    """Zero-order hold: `values[k]` holds from `times[k]` (s) to `times[k + 1]`, the first value from t = 0.

    A real source cannot jump: each step is a linear ramp of duration `edge` (s) centred on its time, so that
    the integral over time stays that of the ideal step. An edge as long as the hold makes one line from the middle of
    a hold to the middle of the next.
    """

    times: tuple[float, ...]
    values: tuple[float, ...]
    edge: float

    def __post_init__(self) -> None:
        times, values = np.asarray(self.times, dtype=float), np.asarray(self.values, dtype=float)
        if times.ndim != 1 or times.shape != values.shape or times.size == 0:
            raise CircuitError(
                f"held waveform: received {times.size} times, {values.size} values; give one value per time"
            )
        if not (np.isfinite(times).all() and np.isfinite(values).all()):
            raise CircuitError("held waveform: times and values must be finite")
        gaps = np.diff(times)
        if times[0] < 0 or (gaps <= 0).any():
            raise CircuitError("held waveform: times must start at or after 0 and increase strictly")
        if not (math.isfinite(self.edge) and self.edge > 0):
            raise CircuitError(f"held waveform: the edge of {self.edge} s must be greater than zero")
        if times.size > 1 and not self.edge <= gaps.min() * (1 + _SLACK):
            raise CircuitError(
                f"held waveform: the edge, {self.edge:g} s, must not be longer than any hold; "
                f"the shortest is {gaps.min():g} s"
            )
        object.__setattr__(self, "times", tuple(times.tolist()))
        object.__setattr__(self, "values", tuple(values.tolist()))

    def corners(self) -> tuple[np.ndarray, np.ndarray]:
        """Corner times (s) and values of the piecewise linear waveform, starting at t = 0."""
        times, values = np.asarray(self.times[1:]), np.asarray(self.values)
        corner_times = np.stack([times - self.edge / 2, times + self.edge / 2], axis=-1).ravel()
        corner_values = np.repeat(values, 2)[1:-1]
        corner_times = np.concatenate([[0.0], corner_times])
        corner_values = np.concatenate([values[:1], corner_values])
        # where an edge fills its hold, its end is the beginning of the next
        apart = np.concatenate([[True], np.diff(corner_times) > 4 * _SLACK * self.edge])
        return corner_times[apart], corner_values[apart]


@dataclass(frozen=True, kw_only=True)
class Device:
    """What all devices share: a name, a note for the reader of the netlist, terminals and values.

    `part` names the part of a neuron that a device belongs to; empty where it stands alone. A kind of device is the
    table of its fields: which of them are nodes, which must differ, which are values.
    """

    name: str
    note: str = ""
    part: str = ""

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
    """Capacitor between two nodes; `capacitance` in F, greater than zero."""

    positive: str
    negative: str
    capacitance: Value

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
class Mosfet(Device):
    """MOS transistor of the model `model`; `width` and `length` in m, greater than zero.

    `diffusion` is how far source and drain reach from the gate, in m: their junctions have width times it as area and
    twice the sum of both as perimeter. None leaves the junctions without area, as a simulator does. `multiplicity` says
    how many such transistors lie in parallel.
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

    @property
    def junction_area(self) -> Value:
        """Of source and drain, each, in m^2."""
        return self.width * (self.diffusion or 0.0)

    @property
    def junction_perimeter(self) -> Value:
        """Of source and drain, each, in m; the edge at the gate included, as simulators count it."""
        return 2 * (self.width + self.diffusion) if self.diffusion else 0.0


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
