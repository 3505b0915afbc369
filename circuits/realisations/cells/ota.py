"""Transconductance amplifiers of subthreshold transistors: an n-channel differential pair with five or ten transistors.

The pair's output current is I_b tanh(kappa (V1 - V2)/(2 U_T)) (docs/models.md, section 4).
The five-transistor amplifier
mirrors one branch once, and its output must stay above the pair's common source; the ten-transistor one mirrors both
branches, so its output reaches nearly to both rails.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from circuits.data.circuit import BehaviouralCurrent, Device, Mosfet, Subcircuit
from circuits.data.models import Polarity
from circuits.realisations.cells.cell import BIAS, MINUS, OUT, PINS, PLUS, VDD, VSS, Cell, bias_parameter
from circuits.realisations.cells.units import UNITS
from circuits.technologies import Technology
from circuits.technologies.sizing import Role, role_of

_BULK: dict[Polarity, str] = {"nmos": VSS, "pmos": VDD}


@dataclass(frozen=True, kw_only=True)
class Share:
    """What a transistor adds to its amplifier's errors when the logarithm of its current is off by s.

    `offset` s n U_T is added to the input's offset, n of the pair, and `gain` s to the logarithm of the gain.
    """

    polarity: Polarity
    offset: float = 0.0
    gain: float = 0.0


TEN_TRANSISTOR_SHARES: Mapping[str, Share] = {
    "m_bias": Share(polarity="nmos", gain=-1.0),
    "m_tail": Share(polarity="nmos", gain=1.0),
    "m_plus": Share(polarity="nmos", offset=-1.0),
    "m_minus": Share(polarity="nmos", offset=1.0),
    "m_left": Share(polarity="pmos", offset=1.0, gain=-0.5),
    "m_source": Share(polarity="pmos", offset=-1.0, gain=0.5),
    "m_right": Share(polarity="pmos", offset=-1.0, gain=-0.5),
    "m_fold": Share(polarity="pmos", offset=1.0, gain=0.5),
    "m_diode": Share(polarity="nmos", offset=-1.0, gain=-0.5),
    "m_sink": Share(polarity="nmos", offset=1.0, gain=0.5),
}
"""Of the ten-transistor amplifier, to first order. Its output is I+ exp(a) - I- exp(b), where a and b are what the
mirrors of both branches add: at balance the input makes up for a - b, and the largest current is off by (a + b)/2."""


class Transistors:
    """Places transistors of one technology, each sized for the largest current that it carries.

    `scale` multiplies widths and lengths alike: the current stays, the Early voltage grows.
    """

    def __init__(self, technology: Technology, current: float, *, scale: float = 1.0) -> None:
        self.technology = technology
        self.current = current
        self.scale = scale

    def nmos(self, name: str, drain: str, gate: str, source: str = VSS, note: str = "") -> Mosfet:
        """An n-channel transistor, bulk at vss."""
        return self._place("nmos", name, drain, gate, source, note)

    def pmos(self, name: str, drain: str, gate: str, source: str = VDD, note: str = "") -> Mosfet:
        """A p-channel transistor, bulk at vdd."""
        return self._place("pmos", name, drain, gate, source, note)

    def unit_pmos(
        self, name: str, drain: str, gate: str, source: str = VDD, *, multiplicity: int, note: str = ""
    ) -> Mosfet:
        """Unit p-channel transistors in parallel: `UNITS` of them carry what one of `pmos` does."""
        kind = self.technology.transistor("pmos")
        whole = self._place("pmos", name, drain, gate, source, note, "unit")
        side = math.sqrt(self.technology.sizing.of("unit").area)
        width = max(float(whole.width) / UNITS, kind.width * max(1.0, side))
        return replace(whole, width=self.technology.on_grid(width), multiplicity=multiplicity)

    def switch(self, name: str, drain: str, gate: str, source: str, note: str = "") -> Mosfet:
        """A p-channel transistor of the smallest width, closed by a low gate, bulk at vdd."""
        kind = self.technology.transistor("pmos")
        return replace(
            self._place("pmos", name, drain, gate, source, note),
            width=self.technology.on_grid(kind.width),
            saturates=False,
        )

    def _place(
        self, polarity: Polarity, name: str, drain: str, gate: str, source: str, note: str,
        role: Role | None = None,
    ) -> Mosfet:  # fmt: skip
        kind, role = self.technology.transistor(polarity), role or role_of(polarity, name)
        size = self.technology.size(polarity, self.current, role)
        return Mosfet(
            name=name,
            drain=drain,
            gate=gate,
            source=source,
            bulk=_BULK[polarity],
            model=kind.model,
            width=size.width * self.scale,
            length=size.length * self.scale,
            diffusion=self.technology.layout.diffusion,
            note=note,
            role=role or "",
        )


def _pair(place: Transistors) -> list[Device]:
    """Bias current, its mirror, and the pair: gates plus and minus, drains left and the caller's."""
    return [
        BehaviouralCurrent(name="b_bias", source=VDD, sink="bias", current=BIAS, note="reference current"),
        place.nmos("m_bias", "bias", "bias", note="bias diode"),
        place.nmos("m_tail", "tail", "bias", note="tail current"),
        place.nmos("m_plus", "left", PLUS, "tail", note="differential pair"),
        place.pmos("m_left", "left", "left", note="mirror, input"),
    ]


def five_transistor_ota(technology: Technology, bias: float, name: str = "ota5") -> Cell:
    """Pair, one mirror, tail: five transistors, and the diode that takes the bias current.

    `bias` (A) is the default and the largest bias current: widths are made for it.
    """
    place = Transistors(technology, bias)
    devices = [
        *_pair(place),
        place.nmos("m_minus", OUT, MINUS, "tail", note="differential pair"),
        place.pmos("m_out", OUT, "left", note="mirror, output"),
    ]
    return _cell(technology, name, "five-transistor amplifier", bias, devices)


def ten_transistor_ota(technology: Technology, bias: float, name: str = "ota10") -> Cell:
    """Pair, two upper mirrors, one lower mirror, tail and bias diode: ten transistors."""
    place = Transistors(technology, bias)
    devices = [
        *_pair(place),
        place.nmos("m_minus", "right", MINUS, "tail", note="differential pair"),
        place.pmos("m_right", "right", "right", note="mirror, input"),
        place.pmos("m_source", OUT, "left", note="sourcing arm"),
        place.pmos("m_fold", "fold", "right", note="mirror, output"),
        place.nmos("m_diode", "fold", "fold", note="lower mirror, input"),
        place.nmos("m_sink", OUT, "fold", note="sinking arm"),
    ]
    return _cell(technology, name, "ten-transistor amplifier", bias, devices)


def _cell(technology: Technology, name: str, title: str, bias: float, devices: list[Device]) -> Cell:
    return Cell(
        subcircuit=Subcircuit(
            name=name,
            title=f"{title}, {technology.title}",
            pins=PINS,
            parameters=(bias_parameter(bias),),
            devices=tuple(devices),
        ),
        models=technology.model_cards(),
    )
