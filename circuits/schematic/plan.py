"""What a schematic shows: the devices of a subcircuit sorted by the wire they hang from, with their values in words."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Literal

import sympy
from quantiphy import Quantity

from circuits.data.circuit import (
    GROUND,
    BehaviouralCurrent,
    BehaviouralVoltage,
    Capacitor,
    Circuit,
    CircuitError,
    CurrentSource,
    Device,
    Instance,
    Mosfet,
    Resistor,
    Subcircuit,
    Switch,
    Transconductance,
    VoltageSource,
    evaluate,
    sensed_nodes,
)
from circuits.data.values import Value
from circuits.realisations.cells.cell import MINUS, OUT, PLUS, VDD, VSS
from circuits.realisations.cells.cell import PINS as CELL_PINS

Symbol = Literal[
    "amplifier", "capacitor", "resistor", "current", "voltage", "nmos", "pmos", "switch", "subcircuit"
]
WIDTH = 30
"""Longest line of a caption, in letters."""
UNITS = ("v0", "i0", "c0")
"""Parameters that stay as names in the laws of sources."""
_RAILS = (GROUND, VDD, VSS)


@dataclass(frozen=True, kw_only=True)
class Part:
    """One symbol.

    Attributes:
        symbol: what is drawn.
        node: the wire it hangs from.
        far: what its other end is connected to.
        reads: what its inputs read: plus and minus of an amplifier, the gate of a transistor.
        caption: name, values and note, one line each.
        inward: whether the arrow of a source points into the wire.
    """

    symbol: Symbol
    node: str
    far: str = GROUND
    reads: tuple[str, ...] = ()
    caption: tuple[str, ...] = ()
    inward: bool = True

    @property
    def above(self) -> bool:
        """Whether it hangs between its wire and the positive supply."""
        return self.far == VDD


@dataclass(frozen=True, kw_only=True)
class Row:
    """A node as a wire with the parts that hang from it; `is_pin` where it leads outside."""

    node: str
    meaning: str
    is_pin: bool
    parts: tuple[Part, ...]


def scope_at(circuit: Circuit, path: str) -> tuple[Subcircuit, dict[str, float]]:
    """The subcircuit of an instance, and the values of its parameters there; `CircuitError` where there is none."""
    scope: Circuit | Subcircuit = circuit
    values = {p.name: float(p.value) for p in circuit.parameters}
    for name in path.split("."):
        instances = {d.name: d for d in scope.devices if isinstance(d, Instance)}
        if name not in instances:
            known = ", ".join(list(instances)[:8]) or "none"
            raise CircuitError(
                f"circuit {circuit.name}: there is no instance {path!r}; {scope.name} has {known}"
            )
        found, outer = instances[name], values
        scope = circuit.subcircuit(found.subcircuit)
        values = {p.name: float(p.value) for p in scope.parameters}
        values |= {key: evaluate(value, outer, f"{path}, {key}") for key, value in found.parameters.items()}
    if not isinstance(scope, Subcircuit):
        raise CircuitError(f"circuit {circuit.name}: give the name of an instance")
    return scope, values


def plan(circuit: Circuit, scope: Subcircuit, values: Mapping[str, float]) -> tuple[Row, ...]:
    """The rows of a subcircuit's schematic, in the order in which its devices first touch the nodes.

    Args:
        circuit: which holds the subcircuits and model cards that the devices name.
        scope: what is drawn.
        values: of its parameters.
    """
    planner = _Planner(circuit, scope, values)
    rows: dict[str, list[Part]] = {}
    for devices in _together(planner.shown):
        for part in planner.parts(devices):
            rows.setdefault(part.node, []).append(part)
    pins = {pin.name: pin.meaning for pin in scope.pins}
    states = {d.positive: d.note for d in scope.devices if isinstance(d, Capacitor) and not d.parasitic}
    return tuple(
        Row(
            node=node, meaning=states.get(node) or pins.get(node, ""), is_pin=node in pins, parts=tuple(parts)
        )
        for node, parts in rows.items()
    )


def _together(devices: Sequence[Device]) -> Iterator[list[Device]]:
    """Devices one by one; the amplifiers of one part, its staggered pairs, as one."""

    def owner(device: Device) -> str:
        return device.part if device.part and isinstance(device, Instance) else device.name

    return (list(group) for _, group in groupby(devices, owner))


class _Planner:
    """Turns the devices of one subcircuit into parts."""

    def __init__(self, circuit: Circuit, scope: Subcircuit, values: Mapping[str, float]) -> None:
        self.values = dict(values)
        self.polarity = {model.name: model.polarity for model in circuit.models}
        self.cells = {
            s.name for s in circuit.subcircuits if {p.name for p in s.pins} == {p.name for p in CELL_PINS}
        }
        constant = [d for d in scope.devices if isinstance(d, BehaviouralVoltage) and _is_reference(d)]
        self.references = {d.positive: quantity(self.number(d.voltage), "V") for d in constant}
        self.shown = [d for d in scope.devices if d not in constant and not self._is_zero(d)]
        self.timescales = {node: self.number(value) for node, value in scope.timescales.items()}

    def _is_zero(self, device: Device) -> bool:
        """A source whose current is zero in this instance."""
        return (
            isinstance(device, BehaviouralCurrent)
            and not _senses(device.current)
            and self.number(device.current) == 0
        )

    def number(self, value: Value) -> float:
        """A value in this instance."""
        return evaluate(value, self.values)

    def read(self, node: str) -> str:
        """A node as an input names it: a reference by its voltage."""
        return "0 V" if node == GROUND else self.references.get(node, node)

    def parts(self, devices: Sequence[Device]) -> Iterator[Part]:
        """The symbols of a device, or of the pairs that make one transconductor."""
        device = devices[0]
        note = () if not device.note else (device.note,)
        match device:
            case Instance() if device.subcircuit in self.cells:
                yield self._amplifier([d for d in devices if isinstance(d, Instance)])
            case Instance():
                pins = [f"{pin} = {self.read(node)}" for pin, node in device.connections.items()]
                home = next(n for n in device.terminals if n not in _RAILS)
                yield Part(
                    symbol="subcircuit", node=home, caption=_lines(device.name, device.subcircuit, *pins)
                )
            case Mosfet():
                yield self._transistor(device, note)
            case Capacitor(capacitance=value):
                yield self._hung("capacitor", device, quantity(self.number(value), "F"))
            case Resistor(resistance=value):
                yield self._hung("resistor", device, quantity(self.number(value), "Ω"), *note)
            case Switch():
                closes, opens = self.number(device.on_above), self.number(device.off_below)
                words = (
                    f"closes above {quantity(closes, 'V')}",
                    f"opens below {quantity(opens, 'V')}",
                    *note,
                )
                yield self._hung("switch", device, *words)
            case BehaviouralVoltage(voltage=value) | VoltageSource(waveform=value):
                yield self._hung("voltage", device, self._law(value, "V"), *note)
            case BehaviouralCurrent(current=value) | CurrentSource(waveform=value):
                yield self._hung("current", device, self._law(value, "A"), *note, starts=device.source)
            case Transconductance():
                across = f"v({device.sense_positive},{device.sense_negative})".replace(f",{GROUND})", ")")
                law = f"{quantity(self.number(device.gain), 'S')} · {across}"
                words = (law, *self._timescale(device.out_to, device.sense_negative == device.out_to))
                yield self._hung("current", device, *words, starts=device.out_from)

    def _hung(self, symbol: Symbol, device: Device, *words: str, starts: str = "") -> Part:
        """A part between the first two terminals of a device; it hangs from the one that is no supply."""
        near, far = device.terminals[:2]
        if near in _RAILS and far not in _RAILS:
            near, far = far, near
        return Part(
            symbol=symbol, node=near, far=far, caption=_lines(device.name, *words), inward=starts != near
        )

    def _law(self, value: object, unit: str) -> str:
        """A constant, or the expression with all parameters but the units put in."""
        if isinstance(value, sympy.Expr) and _senses(value):
            known = {s: v for s in value.free_symbols if (v := self._put_in(s)) is not None}
            return law(value.subs(known))
        if isinstance(value, sympy.Expr | int | float):
            return quantity(self.number(value), unit)
        return "over time"

    def _put_in(self, symbol: sympy.Symbol) -> float | None:
        return None if symbol.name in UNITS else self.values.get(symbol.name)

    def _timescale(self, node: str, wanted: bool = True) -> tuple[str, ...]:
        return (f"τ = {quantity(self.timescales[node], 's')}",) if wanted and node in self.timescales else ()

    def _amplifier(self, pairs: Sequence[Instance]) -> Part:
        first, out = pairs[0], pairs[0].connections[OUT]
        plus, minus = (list(dict.fromkeys(pair.connections[pin] for pair in pairs)) for pin in (PLUS, MINUS))
        name = first.name if len(pairs) == 1 else first.name.removesuffix("_0")
        biases = [self.number(pair.parameters["ib"]) for pair in pairs]
        words = [name, f"I_b = {span(biases, 'A')}"]
        if len(pairs) > 1:
            words.insert(1, f"{len(pairs)} pairs, {first.subcircuit}")
        if minus == [out]:
            words += [first.note, *self._timescale(out)]
        else:
            words += [f"{first.note or sign(plus, self.references)} {first.subcircuit}".strip()]
            state = next((end[0] for end in (plus, minus) if end[0] not in self.references), "")
            words += [f"reads {state}, {line}" for line in self._timescale(state)]
        return Part(
            symbol="amplifier", node=out, reads=(self._ends(plus), self._ends(minus)), caption=_lines(*words)
        )

    def _ends(self, nodes: Sequence[str]) -> str:
        """One node, or the range of staggered references."""
        if len(nodes) == 1:
            return self.read(nodes[0])
        return f"{self.read(nodes[0])} … {self.read(nodes[-1])}"

    def _transistor(self, device: Mosfet, note: tuple[str, ...]) -> Part:
        polarity = self.polarity.get(device.model, "nmos")
        several = (f"{device.multiplicity} in parallel",) if device.multiplicity > 1 else ()
        size = " / ".join(quantity(self.number(value), "m") for value in (device.width, device.length))
        return Part(
            symbol=polarity, node=device.drain, far=device.source, reads=(self.read(device.gate),),
            caption=_lines(device.name, f"W/L = {size}", *several, *note),
        )  # fmt: skip


def sign(plus: Sequence[str], references: Mapping[str, str]) -> str:
    """Which conductance an amplifier is: negative where its plus input reads a state."""
    return "(+)" if plus[0] in references or plus[0] == GROUND else "(−)"


def quantity(value: float, unit: str) -> str:
    """A number of three digits with an SI prefix."""
    return Quantity(value, unit).render(prec=2, strip_zeros=True).replace("-", "−").replace(" u", " µ")


def span(values: Sequence[float], unit: str) -> str:
    """One quantity, or the smallest and the largest of several."""
    low, high = quantity(min(values), unit), quantity(max(values), unit)
    return low if low == high else f"{low} to {high}"


def law(expression: sympy.Expr) -> str:
    """An expression with numbers of three digits, as people write it."""
    rounded = {number: sympy.Float(f"{float(number):.3g}", 6) for number in expression.atoms(sympy.Float)}
    text = sympy.sstr(expression.xreplace(rounded), full_prec=False)
    return text.replace("**", "^").replace("*", "·")


def _is_reference(device: BehaviouralVoltage) -> bool:
    """A constant voltage: it is written where it is read."""
    return device.negative == GROUND and not _senses(device.voltage)


def _senses(value: object) -> bool:
    return isinstance(value, sympy.Expr) and any(sensed_nodes(s) for s in value.free_symbols)


_wrapped = partial(textwrap.wrap, width=WIDTH, break_long_words=True, break_on_hyphens=False)


def _lines(*words: str) -> tuple[str, ...]:
    return tuple(line for text in words for line in _wrapped(text))
