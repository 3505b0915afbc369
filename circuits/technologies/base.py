"""What a technology is: supply, transistors with their model cards, matching, capacitors and the amplifier's numbers.

A technology is one TOML file. It is checked when it is read, and every fault is named with its key.
"""

import hashlib
import math
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from circuits.data.amplifier import AmplifierModel
from circuits.data.models import ModelCard, Polarity
from circuits.data.scaling import ZERO_CELSIUS, Scaling
from circuits.technologies.corners import Corner
from circuits.technologies.library import library_card, library_path
from circuits.technologies.sizing import Role, Size, Sizing
from circuits.technologies.tables import NotNegative, Positive, Table, TechnologyError

BOLTZMANN_OVER_CHARGE = 8.617333262e-5
"""k/q in V/K."""


TEMPERATURES = (-100.0, 200.0)
"""Degrees Celsius between which models of silicon hold: colder its carriers freeze out, warmer its junctions leak."""
OVERDRIVE = 2.0
"""Largest supply over the technology's own: beyond, its oxides do not last."""
SATURATION = 3.0
"""Thermal voltages across a transistor below threshold from which on it is a current source, within 5 %."""


class Card(Table):
    """The model card of a transistor, under the simulator's names."""

    level: int = Field(gt=0, description="ngspice's number of the model: 8 is BSIM3, 14 is BSIM4")
    version: str = Field(default="", pattern=r"^(\d+(\.\d+)*)?$")
    source: str = Field(min_length=1, description="where the numbers come from")
    parameters: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], float] = Field(min_length=1)


class Library(Table):
    """Where a PDK keeps the card; `{corner}` in file and section is replaced by the technology's corner."""

    package: str = Field(
        default="",
        pattern=r"^([A-Za-z_]\w*)?$",
        description="installed package that has the file; none for a path",
    )
    distribution: str = Field(
        default="",
        pattern=r"^([A-Za-z][\w.-]*)?$",
        description="what is installed for it, where its name is another",
    )
    file: str = Field(
        min_length=1,
        description="file with the cards, inside the package, or beside the technology's own file",
    )
    section: str = Field(default="", pattern=r"^\S*$", description="of a file with `.lib section ... .endl`")
    card: str = Field(
        default="",
        pattern=r"^\S*$",
        description="the card's name in the file, where it has several of a polarity",
    )
    parameters: str = Field(default="", description="file with `.param` values that the cards add")
    mismatch: str = Field(
        default="", description="file with `.param` values of the cards' mismatch terms; left out without it"
    )
    given: dict[str, float] = Field(
        default_factory=dict, description="values of names in the cards that no file defines"
    )
    omitted: tuple[str, ...] = Field(
        default=(), description="numbers of the cards that the simulator's version of the model does not have"
    )
    width: Positive = Field(
        description="usual width, m; where cards are binned, each transistor gets its own bin"
    )
    source: str = Field(min_length=1, description="where the numbers come from")

    def model_card(self, model: str, polarity: Polarity, length: float, corner: str) -> ModelCard:
        """The card out of the installed package."""
        path = self._path(self.file.replace("{corner}", corner))
        parameters = self._path(self.parameters) if self.parameters else None
        mismatch = self._path(self.mismatch) if self.mismatch else None
        return library_card(
            path, name=model, polarity=polarity, width=self.width, length=length, source=self.source,
            parameters=parameters, mismatch=mismatch, section=self.section.replace("{corner}", corner), card=self.card,
            given=self.given, omitted=self.omitted,
        )  # fmt: skip

    def _path(self, file: str) -> Path:
        return library_path(self.package, file, self.distribution)


class Transistor(Table):
    """A kind of transistor, and what its sizing needs to know."""

    model: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="name of the model card")
    width: Positive = Field(description="smallest width, m")
    length: Positive = Field(description="length, m; the early voltage grows with it")
    specific_current: Positive = Field(description="2 n mu C_ox U_T^2 in A: current at W = L, inversion 1")
    slope_factor: Annotated[float, Field(ge=1, lt=3)] = Field(description="n = 1/kappa")
    pelgrom_threshold: NotNegative = Field(
        description="sigma of one transistor's threshold times sqrt(W L), V m; a pair's A_VT over sqrt 2"
    )
    pelgrom_efficiency: Annotated[float, Field(gt=0.3, le=1.1)] = Field(
        default=1.0,
        description="gm n U_T/I where `pelgrom_threshold` was read off a current; 1 where it is the threshold's own",
    )
    pelgrom_current: NotNegative = Field(
        description="relative sigma of the current factor times sqrt(W L), m"
    )
    gate_capacitance: NotNegative = Field(
        default=0.0,
        description="of a gate below threshold with its overlaps, over W L, F/m^2; for macromodels",
    )
    drain_capacitance: NotNegative = Field(
        default=0.0, description="of a drain, its overlap and its junction, over W, F/m; for macromodels"
    )
    gate_voltage: NotNegative = Field(
        default=0.0, description="size of the gate's voltage at the current that a width is drawn for, V"
    )
    series_excess: Annotated[float, Field(gt=-0.5, lt=0.5)] = Field(
        default=0.0,
        description="a chain of m in series with one gate carries (1 + this (1 - 1/m))/m of one: BSIM's asymmetry",
    )
    shot_factor: Positive = Field(
        default=1.0, description="noise of the channel below threshold over 2 q I, as the card has it"
    )
    flicker: NotNegative | None = Field(
        default=None, description="relative density of the current's flicker noise, S f W L/I^2, m^2"
    )
    leakage: NotNegative | None = Field(
        default=None, description="of the drawn transistor at a gate voltage of zero, A"
    )
    leakage_doubling: Positive = Field(
        default=10.0,
        description="kelvin in which the leakage doubles, of the mean from here to 58 kelvin above",
    )
    card: Card | None = None
    library: Library | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> "Transistor":
        if (self.card is None) == (self.library is None):
            raise ValueError("give either a card or a library that holds it")
        return self

    def warmer(self, kelvin: float) -> "Transistor":
        """The same at another temperature: its leakage follows, its card knows by itself."""
        if self.leakage is None:
            return self
        return self.model_copy(update={"leakage": self.leakage * 2 ** (kelvin / self.leakage_doubling)})

    def model_card(self, polarity: Polarity, corner: str) -> ModelCard:
        """The card as a circuit holds it; `LibraryError` where the PDK's package is missing."""
        if self.library is not None:
            return self.library.model_card(self.model, polarity, self.length, corner)
        if self.card is None:
            raise TechnologyError(f"transistor {self.model} has no card")
        return ModelCard(
            name=self.model,
            polarity=polarity,
            level=self.card.level,
            version=self.card.version,
            parameters=self.card.parameters,
            source=self.card.source,
        )


class CapacitorData(Table):
    """The technology's capacitor."""

    density: Positive = Field(description="F/m^2")
    pelgrom: NotNegative = Field(description="relative sigma times sqrt(area), m")


def _amplifier(value: Any) -> AmplifierModel:
    if isinstance(value, AmplifierModel):
        return value
    if not isinstance(value, dict):
        raise ValueError("must be a table")
    try:
        return AmplifierModel(**value)
    except TypeError as error:
        raise ValueError(str(error).replace("AmplifierModel.__init__() ", "")) from None


class Layout(Table):
    """From the sizes of devices to their surroundings."""

    overhead: Annotated[float, Field(ge=1, allow_inf_nan=False)] = Field(
        default=3.0, description="area of a transistor with contacts, wells, wires over W L; our estimate"
    )
    diffusion: Positive = Field(
        default=0.5e-6,
        description="how far drain and source reach from the gate, m; room for a contact at 180 nm",
    )
    wire_capacitance: NotNegative = Field(
        default=0.0, description="of the wires of one net to ground, F; an extracted layout says how much"
    )


class Technology(Table):
    """A technology. Without `nmos` and `pmos` it serves the behavioural and the macromodel level only."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: str = Field(min_length=1)
    source: str = Field(min_length=1, description="where the numbers come from")
    supply: Positive = Field(description="total supply, V; circuits run from -supply/2 to supply/2")
    corner: str = Field(default="tt", description="one of `corners`")
    corners: tuple[str, ...] = Field(default=("tt",), description="process corners that the library knows")
    temperature: float = Field(
        default=27.0,
        ge=TEMPERATURES[0],
        le=TEMPERATURES[1],
        allow_inf_nan=False,
        description="degrees Celsius",
    )
    amplifier: Annotated[AmplifierModel, BeforeValidator(_amplifier)]
    follower: Annotated[AmplifierModel | None, BeforeValidator(_amplifier)] = Field(
        default=None, description="amplifier whose output is one of its inputs, where it is another one"
    )
    sizing: Sizing = Sizing()
    capacitor: CapacitorData
    layout: Layout = Layout()
    corner_shifts: dict[str, Corner] = Field(
        default_factory=dict, description="by corner, what the library does not have"
    )
    nmos: Transistor | None = None
    pmos: Transistor | None = None

    def scaling(self, *, current_unit: float = 1e-9, capacitance: float = 1e-12) -> Scaling:
        """SI units of circuits in this technology: one voltage unit is that of its amplifier."""
        return Scaling(
            voltage_unit=self.amplifier.voltage_unit, current_unit=current_unit, capacitance=capacitance
        )

    @property
    def digest(self) -> str:
        """Changes with every number of the technology and of its cards: what was measured for another one is stale."""
        cards = self.model_cards() if self.nmos is not None and self.pmos is not None else ()
        return hashlib.sha256((self.model_dump_json() + repr(cards)).encode()).hexdigest()[:16]

    @property
    def rails(self) -> tuple[float, float]:
        """Negative and positive supply in V; ground is the middle."""
        return -self.supply / 2, self.supply / 2

    def reach(self) -> float:
        """How far from midway, in V, the inputs of an n-channel pair may go: its tail or drains have no room beyond.

        Downwards the supply's half less the gate's voltage of a pair and what its tail needs; upwards less the gate's
        voltage of the mirrors, more that of the pair.
        """
        return max(0.0, (self.supply - self.least_supply) / 2)

    @property
    def least_supply(self) -> float:
        """Supply in V at which the inputs of an n-channel pair have no room any more, see `reach`."""
        nmos, pmos = self.transistor("nmos"), self.transistor("pmos")
        gates = max(nmos.gate_voltage, pmos.gate_voltage - nmos.gate_voltage)
        return 2 * (SATURATION * self.thermal_voltage + gates)

    @property
    def thermal_voltage(self) -> float:
        """k T/q in V."""
        return BOLTZMANN_OVER_CHARGE * (self.temperature + ZERO_CELSIUS)

    @property
    def leakage(self) -> float | None:
        """Of the worse transistor, off, at the technology's temperature, in A; None where none was measured."""
        known = [
            kind.leakage for kind in (self.nmos, self.pmos) if kind is not None and kind.leakage is not None
        ]
        return max(known, default=None)

    def transistor(self, polarity: Polarity) -> Transistor:
        """The transistor of that polarity, or `TechnologyError`."""
        found = self.nmos if polarity == "nmos" else self.pmos
        if found is None:
            raise TechnologyError(
                f"technology {self.name} has no {polarity}, so it has no transistor level; "
                f"use level macromodel or a technology with transistors"
            )
        return found

    def model_cards(self) -> tuple[ModelCard, ...]:
        """Cards of both transistors."""
        nmos, pmos = self.transistor("nmos"), self.transistor("pmos")
        shift = self.corner_shift
        return (
            shift.shifted(nmos.model_card("nmos", self.corner)),
            shift.shifted(pmos.model_card("pmos", self.corner)),
        )

    @property
    def corner_shift(self) -> Corner:
        """How far the technology's corner lies from the typical one, beyond what its library knows."""
        return self.corner_shifts.get(self.corner, Corner())

    def at(
        self, *, corner: str | None = None, temperature: float | None = None, supply: float | None = None
    ) -> "Technology":
        """The same technology at another corner, temperature (degrees Celsius) or supply (V).

        The voltage unit of its amplifiers, 2 n U_T, goes with the absolute temperature, their numbers with the corner,
        the leakage of transistors doubles every few kelvin.
        """
        chosen = self.corner if corner is None else corner
        if chosen not in self.corners:
            raise TechnologyError(
                f"technology {self.name} has no corner {chosen!r}; it has {', '.join(self.corners)}"
            )
        warm = self.temperature if temperature is None else temperature
        low, high = TEMPERATURES
        if not low <= warm <= high:
            raise TechnologyError(
                f"technology {self.name}: temperature = {warm!r} must be from {low:g} to {high:g} degrees Celsius, "
                "where models of silicon hold"
            )
        ratio = (warm + ZERO_CELSIUS) / (self.temperature + ZERO_CELSIUS)
        here, there = self.corner_shift, self.corner_shifts.get(chosen, Corner())
        amplifiers = {
            name: replace(moved, voltage_unit=moved.voltage_unit * ratio)
            for name, moved in (
                ("amplifier", there.amplifier.moved(self.amplifier, here.amplifier)),
                ("follower", self.follower and there.follower.moved(self.follower, here.follower)),
            )
            if moved is not None
        }
        kinds = {
            name: kind.warmer(warm - self.temperature)
            for name, kind in (("nmos", self.nmos), ("pmos", self.pmos))
            if kind is not None
        }
        given = {
            "corner": chosen,
            "temperature": warm,
            "supply": self.supply if supply is None else supply,
            **amplifiers,
            **kinds,
        }
        try:
            own = {name: value for name, value in self if value is not None}
            made = Technology.model_validate({**own, **given})
        except ValidationError as error:
            faults = "; ".join(
                f"{fault['loc'][0]} = {fault['input']!r}: {fault['msg']}" for fault in error.errors()
            )
            raise TechnologyError(f"technology {self.name}: {faults}") from None
        if supply is not None and self.nmos is not None and self.pmos is not None:
            least, most = made.least_supply, OVERDRIVE * self.supply
            if not least < supply <= most:
                raise TechnologyError(
                    f"technology {self.name}: supply = {supply:g} V must be above {least:.3g} V, where the inputs of "
                    f"its pairs have no room, and at most {most:.3g} V, {OVERDRIVE:g} times the {self.supply:g} V that "
                    "it is made for"
                )
        return made

    def width(self, polarity: Polarity, current: float, role: Role | None = None) -> float:
        """Width in m of a transistor that carries `current` (A): weakly inverted, matched, on the grid."""
        return self.size(polarity, current, role).width

    def size(self, polarity: Polarity, current: float, role: Role | None = None) -> Size:
        """Width and length in m of a transistor of a role that carries `current` (A), by the rules and what is fixed.

        Raises:
            TechnologyError: a gm/Id that weak inversion does not have, or a width below the smallest.
        """
        kind, rules = self.transistor(polarity), self.sizing
        fixed = rules.of(role)
        length = kind.length if fixed.length is None else fixed.length
        inversion = rules.inversion
        if fixed.efficiency is not None:
            inversion = self._inversion(kind, fixed.efficiency)
        width = current * length / (inversion * kind.specific_current)
        if fixed.efficiency is None:
            matched = (kind.pelgrom_threshold / rules.offset_sigma) ** 2 / length
            width = max(width, matched)
        if fixed.width is not None:
            width = fixed.width
        elif fixed.efficiency is None:
            width = max(width, kind.width)
        side = math.sqrt(fixed.area)
        if width * side < kind.width * (1 - 1e-9):
            raise TechnologyError(
                f"technology {self.name}: a {role} of {current:.3g} A would be {1e6 * width * side:.3g} um wide, and "
                f"{kind.model} begins at {1e6 * kind.width:.3g} um; fix a larger one in [sizing.roles]"
            )
        steps = math.ceil(width * side / rules.grid - 1e-9)
        longer = length if side == 1 else self.on_grid(length * side)
        return Size(width=round(steps * rules.grid, 12), length=longer)

    def _inversion(self, kind: Transistor, efficiency: float) -> float:
        """The inversion coefficient at which a transistor has this gm/Id (1/V): 1/(n U_T (sqrt(IC + 1/4) + 1/2))."""
        inverse = 1 / (efficiency * kind.slope_factor * self.thermal_voltage)
        if not inverse > 1:
            most = 1 / (kind.slope_factor * self.thermal_voltage)
            raise TechnologyError(
                f"technology {self.name}: gm/Id = {efficiency:g} 1/V; weak inversion of {kind.model} has {most:.4g} at "
                "most, and a smaller one is needed for a finite width"
            )
        return (inverse - 0.5) ** 2 - 0.25

    def on_grid(self, size: float) -> float:
        """The nearest width or length in m that can be drawn, at least one step."""
        return round(max(1, round(size / self.sizing.grid)) * self.sizing.grid, 12)
