"""Subcircuits that a layout tool extracted: transistors, capacitors, resistors and instances, and nothing else.

What is read becomes data like every circuit of ours, so that no line of the file reaches a netlist. What has no place
in that data is refused by its line and never dropped: a device of another kind, a parameter that changes a transistor.
"""

from collections.abc import Mapping
from pathlib import Path

from circuits.data.circuit import Param, Pin, Subcircuit
from circuits.data.values import GROUND, CircuitError
from circuits.technologies import Technology
from netlists.errors import NetlistError
from netlists.reading.devices import Definition, Reader
from netlists.reading.lines import Line, Names, fields, lines, number

_IGNORED = (".end", ".global")
"""Cards that say nothing of a device."""


def read_extracted(
    file: Path | str, technology: Technology, *, transistors: Mapping[str, str] | None = None,
    capacitors: Mapping[str, float] | None = None,
) -> tuple[Subcircuit, ...]:  # fmt: skip
    """The subcircuits of an extracted netlist, in the order of the file.

    Names of nets and devices are written in small letters, with `_` for what SPICE and we do not both allow, such as
    the `/` and `#` of a flattened layout; two that become alike are refused. A device's own name stays as its note.
    `.option scale` is read.

    Args:
        file: SPICE, as Magic, KLayout or Calibre write it: `.subckt` ... `.ends` with M, C, R and X lines.
        technology: whose transistors are meant.
        transistors: the technology's model by the file's name of the device; those of the technology are known, and
            those of its library.
        capacitors: F/m^2 by the file's name of a drawn capacitor, whose instances have w and l.

    Raises:
        NetlistError: no such file, or a line that cannot be read, by its number.
    """
    path = Path(file)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise NetlistError(f"extracted netlist {path}: {error}") from None
    reader = Reader(
        transistors=_known_transistors(technology) | {key.lower(): each for key, each in (transistors or {}).items()},
        capacitors={key.lower(): each for key, each in (capacitors or {}).items()},
        scale=_scale(path, text),
    )  # fmt: skip
    found: dict[str, Definition] = {}
    inside: Definition | None = None
    for line in lines(path, text):
        word = line.words[0].lower()
        if word == ".subckt":
            if inside is not None:
                raise line.fault(f".subckt inside of {inside.name}")
            inside = _begun(line)
        elif word == ".ends":
            if inside is None:
                raise line.fault(".ends without .subckt")
            found[inside.name], inside = inside, None
        elif word in (*_IGNORED, ".option", ".options"):
            continue
        elif word.startswith(".") or inside is None:
            raise line.fault(f"{line.words[0]} stands outside of a subcircuit's devices and is not read")
        else:
            inside.devices.append(reader.device(line, inside, found))
    if inside is not None:
        raise inside.at.fault(f"{inside.name} has no .ends")
    if not found:
        raise NetlistError(f"extracted netlist {path}: it has no .subckt")
    return tuple(_built(each) for each in found.values())


def _known_transistors(technology: Technology) -> dict[str, str]:
    """The technology's models by their own names and by those of its library."""
    kinds = [kind for kind in (technology.nmos, technology.pmos) if kind is not None]
    known = {kind.model: kind.model for kind in kinds}
    return known | {
        kind.library.card.lower(): kind.model for kind in kinds if kind.library and kind.library.card
    }


def _scale(path: Path, text: str) -> float:
    """Of drawn lengths, as `.option scale=5n` says."""
    found = 1.0
    for line in lines(path, text):
        if line.words[0].lower() in (".option", ".options"):
            words, given = fields(line)
            if len(words) > 1 or given.keys() != {"scale"}:
                raise line.fault("an option other than scale")
            found = number(given["scale"], line)
    return found


def _begun(line: Line) -> Definition:
    words, given = fields(line)
    if len(words) < 2:
        raise line.fault(".subckt without a name")
    nets = Names()
    name = Names().of(words[1], line)
    pins = tuple(nets.of(pin, line) for pin in words[2:] if pin.lower() != "params:")
    if GROUND in pins or len(set(pins)) < len(pins):
        raise line.fault("a pin twice, or ground as a pin")
    values = {key: number(text, line) for key, text in given.items()}
    return Definition(name=name, pins=pins, parameters=values, at=line, nets=nets)


def _built(definition: Definition) -> Subcircuit:
    try:
        return Subcircuit(
            name=definition.name, title=f"extracted, {definition.at.file.name}",
            pins=tuple(Pin(name=pin) for pin in definition.pins),
            parameters=tuple(Param(name=name, value=value) for name, value in definition.parameters.items()),
            devices=tuple(definition.devices),
        )  # fmt: skip
    except CircuitError as error:
        raise definition.at.fault(str(error)) from None
