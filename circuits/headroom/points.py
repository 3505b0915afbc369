"""The operating point of each transistor, as a designer reads it: saturation, inversion, gate voltage."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from circuits.data.circuit import Circuit, Instance, Mosfet, evaluate
from circuits.mismatch.circuit import Place, places
from circuits.technologies import Technology

CONDUCTS = 0.05
"""A transistor is judged where it carries this share of the most that it does: below, its arm is switched off."""
LEAST = 0.01
"""And this share of the unit of current: what never carries so much is off."""
GIVES = 0.2
"""An output gives a current from this share of its largest on: below, its rectifier's diode has less than 4 U_T."""
OUTPUT = "output"
"""The part whose transistors count only where it gives a current: below, its pair has nowhere to send its own."""
NET = "m_net"
"""The transistor through which an output's whole current flows."""


def saturation_voltage(inversion: np.ndarray | float, thermal_voltage: float) -> np.ndarray | float:
    """The least drain voltage in V of a saturated transistor: U_T (2 sqrt(IC + 1/4) + 3), so 4 U_T in weak inversion.

    C. Enz and E. Vittoz, Charge-based MOS Transistor Modeling, Wiley 2006, section 4.4.5.

    >>> float(saturation_voltage(0.0, 0.0259) / 0.0259)
    4.0
    """
    return thermal_voltage * (2 * np.sqrt(np.asarray(inversion) + 0.25) + 3)


@dataclass(frozen=True, kw_only=True)
class Observed:
    """A transistor of a bench whose operating point is kept, and what is known of it from the circuit.

    Attributes:
        path: of the device in the circuit.
        part: of the neuron that it belongs to, as `leak`; empty outside of one.
        device: its name in its cell.
        role: what it is for.
        polarity: nmos or pmos.
        ratio: W/L of all that lie in parallel.
        saturates: whether it is meant to be a current source; a diode, whose gate is its drain, always is one.
        diode: whether it is one.
    """

    path: str
    part: str
    device: str
    role: str
    polarity: str
    ratio: float
    saturates: bool
    diode: bool = False

    @property
    def source(self) -> bool:
        """Whether its drain must have the voltage of saturation."""
        return self.saturates and not self.diode


@dataclass(frozen=True, kw_only=True)
class Point:
    """A transistor over all operating points: the worst of each number, where it conducts.

    Attributes:
        of: the transistor.
        current: largest, in A; 0 where it is off at all points.
        inversion: largest inversion coefficient.
        drain: voltage from drain to source in V at the point of the least margin.
        margin: least of drain voltage less that of saturation, in thermal voltages.
        where: voltage of the membrane in V at that point.
        resting: the margin at rest; None where it does not conduct there.
        gate: largest size of the gate's voltage against its source, in V.
    """

    of: Observed
    current: float
    inversion: float = 0.0
    drain: float = math.nan
    margin: float = math.inf
    where: float = math.nan
    resting: float | None = None
    gate: float = 0.0


def observed(circuit: Circuit) -> list[Observed]:
    """The transistors of a circuit, in order."""
    polarity = {model.name: model.polarity for model in circuit.models}
    parts = _parts(circuit)
    return [
        _observed(place, place.device, polarity[place.device.model], parts)
        for place in places(circuit)
        if isinstance(place.device, Mosfet)
    ]


def _observed(place: Place, device: Mosfet, polarity: str, parts: Mapping[str, str]) -> Observed:
    owner = f"device {place.path}"
    width, length = (evaluate(size, place.numbers, owner) for size in (device.width, device.length))
    inside = [part for path, part in parts.items() if place.path.startswith(f"{path}.")]
    return Observed(
        path=place.path,
        part=device.part or next(iter(inside), place.path.split(".")[0]),
        device=device.name,
        role=device.note,
        polarity=polarity,
        ratio=device.multiplicity * width / length,
        saturates=device.saturates,
        diode=device.gate == device.drain,
    )


def _parts(circuit: Circuit) -> dict[str, str]:
    """The part that each instance inside an instance of the top belongs to, by its path."""
    found = {}
    for outer in circuit.devices:
        if isinstance(outer, Instance):
            for device in circuit.subcircuit(outer.subcircuit).devices:
                if isinstance(device, Instance) and device.part:
                    found[f"{outer.name}.{device.name}"] = device.part
    return found


def points(
    transistors: Sequence[Observed], quantities: np.ndarray, names: Sequence[str], *, membrane: np.ndarray,
    resting: int, technology: Technology, unit: float,
) -> list[Point]:  # fmt: skip
    """What all operating points say of each transistor.

    Args:
        transistors: that were observed.
        quantities: (point, transistor, quantity), in SI units, positive in the direction of conduction.
        names: (quantity,), `id`, `vgs` and `vds` among them.
        membrane: (point,), in V.
        resting: the index of the point at rest.
        technology: of the transistors, at its temperature and supply.
        unit: of current, in A.
    """
    columns = {name: np.asarray(quantities)[..., list(names).index(name)] for name in ("id", "vgs", "vds")}
    currents = np.abs(columns["id"])
    gives = _gives(transistors, currents, unit)
    return [
        _point(one, currents[:, k], columns["vgs"][:, k], columns["vds"][:, k], membrane=membrane, resting=resting,
               technology=technology, unit=unit, counted=gives if one.part == OUTPUT else np.full_like(gives, True))
        for k, one in enumerate(transistors)
    ]  # fmt: skip


def _gives(transistors: Sequence[Observed], currents: np.ndarray, unit: float) -> np.ndarray:
    """(point,): whether the output gives a current; everywhere where there is none."""
    net = [k for k, one in enumerate(transistors) if one.part == OUTPUT and one.device == NET]
    if not net:
        return np.full(len(currents), True)
    given: np.ndarray = currents[:, net[0]]
    return given > max(GIVES * given.max(), LEAST * unit)


def _point(
    one: Observed, current: np.ndarray, gate: np.ndarray, drain: np.ndarray, *, membrane: np.ndarray, resting: int,
    technology: Technology, unit: float, counted: np.ndarray,
) -> Point:  # fmt: skip
    thermal = technology.thermal_voltage
    kind = technology.transistor("nmos" if one.polarity == "nmos" else "pmos")
    inversion = current / (kind.specific_current * one.ratio)
    margin = (drain - saturation_voltage(inversion, thermal)) / thermal
    judged = counted & (current > max(CONDUCTS * current.max(), LEAST * unit))
    if not judged.any():
        return Point(of=one, current=0.0)
    worst = int(np.argmin(np.where(judged, margin, np.inf)))
    return Point(
        of=one,
        current=float(current[judged].max()),
        inversion=float(inversion[judged].max()),
        drain=float(drain[worst]),
        margin=float(margin[worst]),
        where=float(membrane[worst]),
        resting=float(margin[resting]) if judged[resting] else None,
        gate=float(np.abs(gate[judged]).max()),
    )


def renamed(found: Iterable[Point], neuron: str, inside: str) -> list[Point]:
    """The points of one neuron under the name of its instance in a network.

    Args:
        found: the points.
        neuron: name of the instance.
        inside: how the bench named it; what stands beside it there gets the neuron's name in front.
    """

    def path(old: str) -> str:
        return f"{neuron}.{old.removeprefix(f'{inside}.')}"

    return [replace(point, of=replace(point.of, path=path(point.of.path))) for point in found]


def worst_of(found: Iterable[Point]) -> list[Point]:
    """Of each device of each part the point of the least margin, with the other numbers' worst; least margin first.

    What many neurons have is one row, under the path of the neuron where it has the least margin.
    """
    groups: dict[tuple[str, str, str], list[Point]] = {}
    for point in found:
        cell = point.of.path.partition(".")[2]
        groups.setdefault((point.of.part, cell, point.of.device), []).append(point)
    return sorted(map(_worst, groups.values()), key=lambda point: (point.margin, point.of.path))


def _worst(group: list[Point]) -> Point:
    resting = [point.resting for point in group if point.resting is not None]
    return replace(
        min(group, key=lambda point: point.margin),
        current=max(point.current for point in group),
        inversion=max(point.inversion for point in group),
        gate=max(point.gate for point in group),
        resting=min(resting, default=None),
    )


def on(found: Sequence[Point]) -> Iterator[Point]:
    """Those that conduct somewhere."""
    return (point for point in found if point.current > 0)
