"""A bias current for many: the gate voltage of a mirror, made of one master current by a converter of unit transistors.

The master current enters mirrors of different numbers of units (coarse), whose converters switch on a number of them
(fine): current = code/into of the master. A diode of the size of every amplifier's tail takes it, so that each tail
with its gate carries the same. Where a current must be sourced, one more mirror turns it round.
"""

import math
import warnings
from dataclasses import dataclass, replace

from circuits.data.circuit import CircuitError, Instance, Pin, Subcircuit
from circuits.realisations.cells.cell import VDD, VSS
from circuits.realisations.cells.ota import Transistors

SINK, SOURCE = "sink", "source"
"""Which way the currents of a gate flow: into n-channel transistors, or out of p-channel ones."""
IN, GATE = "in", "gate"
BITS = 8
"""Of a converter, sign included, which a bias has none of."""
COARSE = tuple(2**k for k in range(3, 11))
"""Units at the input of a master's mirror; more would make a unit's current smaller than its leakage."""
NOTED = 0.1
"""Relative error of a current from which on it is said."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """How a current is made: `code` units of a mirror whose input has `into` units."""

    code: int
    into: int

    @classmethod
    def of(cls, share: float, gain: float = 1.0) -> "Setting":
        """For a positive share of the master current, where the mirrors multiply by `gain`.

        >>> Setting.of(1.5)
        Setting(code=96, into=64)
        """
        most = 2 ** (BITS - 1) - 1
        if not (math.isfinite(share) and 0 < share / gain <= most / COARSE[0]):
            raise CircuitError(
                f"a bias of {share!r} times the master current cannot be made; up to {most / COARSE[0]:g} can"
            )
        into = max(units for units in COARSE if round(share / gain * units) <= most)
        made = cls(code=max(1, round(share / gain * into)), into=into)
        off = made.code / into * gain / share - 1
        if abs(off) > NOTED:
            warnings.warn(
                f"a bias of {share:.3g} times the master current is made as {made.code}/{into} of it, {off:+.0%}; the "
                f"smallest is 1/{into}",
                stacklevel=2,
            )
        return made


def gate_name(place: Transistors, way: str, width: float | None = None) -> str:
    """Name of the cell whose diode has this width in m; that of the usual transistor where none is given."""
    usual = float(place.nmos("m_in", IN, IN).width)
    return (
        f"bias_{way}" if width is None or math.isclose(width, usual) else f"bias_{way}_{round(1e9 * width)}"
    )


def gate_cell(place: Transistors, way: str, width: float | None = None) -> Subcircuit:
    """What turns a current that flows into `in` into the gate voltage of sinks or sources of the same current.

    Its diode is as wide as the transistors that its gate drives, `width` in m, or as usual where none is given.
    """
    diode = place.nmos("m_in", IN, IN, note="bias diode")
    devices = [diode if width is None else replace(diode, width=width)]
    if way == SOURCE:
        devices += [
            place.nmos("m_turn", GATE, IN, note="turns it round"),
            place.pmos("m_gate", GATE, GATE, note="bias diode"),
        ]
    gate = () if way == SINK else (Pin(name=GATE, meaning="gate of the sources"),)
    return Subcircuit(
        name=gate_name(place, way, width),
        title=f"gate voltage of currents that are {'drawn' if way == SINK else 'sourced'}",
        pins=(
            Pin(name=IN, meaning="the current flows in here"),
            *gate,
            Pin(name=VDD, meaning="positive supply"),
            Pin(name=VSS, meaning="negative supply"),
        ),
        devices=tuple(devices),
    )


def placed_gate(name: str, way: str, entry: str, gate: str, cell: str = "") -> Instance:
    """A cell, by its name, between the node that the current flows into and its gate, which is that node for sinks."""
    own = {IN: entry} if way == SINK else {IN: entry, GATE: gate}
    return Instance(name=name, subcircuit=cell or f"bias_{way}", connections={**own, VDD: VDD, VSS: VSS})
