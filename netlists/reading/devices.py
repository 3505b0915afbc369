"""The devices of a subcircuit, line by line: each becomes data, or is refused."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import sympy

from circuits.data.circuit import Capacitor, Device, Instance, Mosfet, Resistor
from circuits.data.devices import Junctions
from circuits.data.values import Value
from netlists.reading.lines import Line, Names, fields, number

_JUNCTIONS = {"ad": "drain_area", "as": "source_area", "pd": "drain_perimeter", "ps": "source_perimeter"}
_SILENT: Mapping[str, float] = {
    "nf": 1,
    "sa": 0,
    "sb": 0,
    "sd": 0,
    "nrd": 0,
    "nrs": 0,
    "mult": 1,
    "topography": 0,
}
"""Parameters of a transistor that change nothing at this value; another one is refused."""


@dataclass(kw_only=True)
class Definition:
    """A subcircuit as far as it is read."""

    name: str
    pins: tuple[str, ...]
    parameters: dict[str, float]
    at: Line
    devices: list[Device] = field(default_factory=list)
    nets: Names = field(default_factory=Names)
    cards: Names = field(default_factory=Names)


@dataclass(frozen=True, kw_only=True)
class Reader:
    """Turns lines into devices: `transistors` are models by the file's names, `capacitors` F/m^2 by theirs, and `scale`
    is what drawn lengths are multiplied by.
    """

    transistors: Mapping[str, str]
    capacitors: Mapping[str, float]
    scale: float

    def device(self, line: Line, inside: Definition, known: Mapping[str, Definition]) -> Device:
        """The device of a line."""
        match line.words[0][0].lower():
            case "x":
                return self._instance(line, inside, known)
            case "m":
                return self._transistor(line, inside)
            case "c":
                name, (positive, negative), value = _two_ends(line, inside)
                return Capacitor(
                    name=name,
                    positive=positive,
                    negative=negative,
                    capacitance=value,
                    parasitic=True,
                    note=line.words[0],
                )
            case "r":
                name, (positive, negative), value = _two_ends(line, inside)
                return Resistor(
                    name=name, positive=positive, negative=negative, resistance=value, note=line.words[0]
                )
        raise line.fault(
            f"a device {line.words[0]}; M, C, R and X are read, so leave it out of the extraction, or draw it of these"
        )

    def _transistor(self, line: Line, inside: Definition) -> Mosfet:
        words, given = fields(line)
        if len(words) != 6:
            raise line.fault("not a name, drain, gate, source, bulk and a model")
        model = self.transistors.get(words[5].lower())
        if model is None:
            raise line.fault(f"a transistor {words[5]}; known are {', '.join(self.transistors) or 'none'}")
        if not {"w", "l"} <= given.keys():
            raise line.fault("a transistor without w and l")
        for key, harmless in _SILENT.items():
            if key in given and number(given.pop(key), line) != harmless:
                raise line.fault(f"{key}, which is read as {harmless:g} only")
        multiplicity = number(given.pop("m", "1"), line)
        if multiplicity != round(multiplicity):
            raise line.fault(f"m = {multiplicity:g}, which is no whole number")
        sizes = {key: self.scale * number(given.pop(key), line) for key in ("w", "l")}
        junctions = {
            name: number(given.pop(key), line) * (self.scale if key[0] == "p" else self.scale**2)
            for key, name in _JUNCTIONS.items()
            if key in given
        }
        if given:
            raise line.fault(f"{', '.join(given)}, which is not read of a transistor")
        if junctions and len(junctions) < len(_JUNCTIONS):
            raise line.fault(f"some of {', '.join(_JUNCTIONS)} only; give all or none")
        drain, gate, source, bulk = (inside.nets.of(node, line) for node in words[1:5])
        return Mosfet(
            name=inside.cards.of(words[0], line), drain=drain, gate=gate, source=source, bulk=bulk, model=model,
            width=sizes["w"], length=sizes["l"], multiplicity=round(multiplicity), note=words[0],
            junctions=Junctions(**junctions) if junctions else None,
        )  # fmt: skip

    def _instance(self, line: Line, inside: Definition, known: Mapping[str, Definition]) -> Device:
        words, given = fields(line)
        called = words[-1].lower()
        if called in self.transistors:
            return self._transistor(line, inside)
        if called in self.capacitors and len(words) == 4 and given.keys() == {"w", "l"}:
            area = self.scale**2 * number(given["w"], line) * number(given["l"], line)
            ends = [inside.nets.of(node, line) for node in words[1:3]]
            return Capacitor(
                name=inside.cards.of(words[0], line), positive=ends[0], negative=ends[1],
                capacitance=self.capacitors[called] * area, note=f"{words[0]}, {called}",
            )  # fmt: skip
        if called not in known:
            names = ", ".join([*known, *self.transistors, *self.capacitors]) or "none"
            raise line.fault(f"an instance of {words[-1]}, which is not defined above; known are {names}")
        definition = known[called]
        if len(words) - 2 != len(definition.pins):
            raise line.fault(f"{len(words) - 2} nodes for the {len(definition.pins)} pins of {words[-1]}")
        nodes = [inside.nets.of(node, line) for node in words[1:-1]]
        return Instance(
            name=inside.cards.of(words[0], line), subcircuit=definition.name, note=words[0],
            connections=dict(zip(definition.pins, nodes, strict=True)),
            parameters={name: _value(text, inside, line) for name, text in given.items()},
        )  # fmt: skip


def _two_ends(line: Line, inside: Definition) -> tuple[str, tuple[str, str], Value]:
    """Name, both nodes and the value of a device that has no more."""
    words, given = fields(line)
    if len(words) != 4 or given:
        raise line.fault("not a name, two nodes and one value")
    ends = (inside.nets.of(words[1], line), inside.nets.of(words[2], line))
    return inside.cards.of(words[0], line), ends, _value(words[3], inside, line)


def _value(text: str, inside: Definition, line: Line) -> Value:
    """A number, or a parameter of the subcircuit."""
    name = text.strip("{}'").lower()
    if name in inside.parameters:
        return sympy.Symbol(name, real=True)
    return number(text, line)
