"""How a network for series becomes a circuit, and how that is simulated: two sections, one field per key."""

from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, WithJsonSchema, field_validator, model_validator

from circuits.data.levels import LEVELS, MIXED, Biases, Ideal, Level
from circuits.data.scaling import Scaling
from circuits.technologies import Technology, technology
from circuits.technologies.base import TEMPERATURES
from excitable.config.declared import Section
from excitable.config.quantities import Amperes, Farads, Seconds, TimeConstants, Volts


def _level_names(value: Any) -> Any:
    """A level or a list of different ones, as a list."""
    names = [value] if isinstance(value, str) else value
    allowed = (*LEVELS, MIXED)
    if not isinstance(names, list) or not names or len(set(map(str, names))) != len(names):
        raise ValueError(f"must be one of {', '.join(allowed)}, or a list of different ones")
    for name in names:
        if name not in allowed:
            raise ValueError(f"{name!r} is unknown; allowed are {', '.join(allowed)}")
    return names


LevelNames = Annotated[
    list[str],
    BeforeValidator(_level_names),
    WithJsonSchema(
        {
            "anyOf": [
                {"enum": [*LEVELS, MIXED]},
                {"type": "array", "items": {"enum": [*LEVELS, MIXED]}, "minItems": 1, "uniqueItems": True},
            ]
        }
    ),
]


UNIT_AGREES = 0.02
"""A stated voltage unit within this share of the amplifiers' own is the same."""


class UnitsSection(Section):
    """How the circuit is built: the SI values of the dimensionless units."""

    voltage_unit: Volts = Field(
        default=Scaling.voltage_unit, description="one unit of voltage, 2 U_T/kappa [V]"
    )
    current_unit: Amperes = Field(
        default=Scaling.current_unit, description="one unit of current, the bias current [A]"
    )
    capacitance: Farads = Field(
        default=Scaling.capacitance, description="membrane capacitance at tau_m = R = 1 [F]"
    )

    def units(self) -> Scaling:
        """The units themselves."""
        return Scaling(
            voltage_unit=self.voltage_unit, current_unit=self.current_unit, capacitance=self.capacitance
        )


class CircuitSection(UnitsSection):
    """How the circuit is built: the SI values of the dimensionless units, and what it is made of."""

    tau_m: TimeConstants | None = Field(
        default=None,
        description="membrane time constant at tau_m = R = 1; capacitance follows from it, or current_unit where "
        "capacitance is given; that of the data's seconds where they have any [s]",
    )
    filter_current: Amperes | None = Field(
        default=None,
        description="bias current of the slow filters, whose capacitors shrink with it; current_unit where none [A]",
    )
    level: LevelNames = Field(
        default_factory=lambda: ["behavioural"],
        description="what the circuit is made of, one or a list: behavioural: sources that state the equation; "
        "macromodel: amplifiers as numbers; transistor: subthreshold transistors; mixed: see mixed",
    )
    mixed: dict[str, Level] = Field(
        default_factory=dict,
        examples=['hidden_3 = "transistor"'],
        description="level of a layer, as in hidden, or of one neuron, as in hidden_3; the others are behavioural",
    )
    technology: str = Field(
        default="generic_180nm",
        description="of the amplifiers: a technology that comes with excitable, or the path of a .toml file",
    )
    ideal: Ideal = Field(
        default="some",
        description="of transistors: some: biases, references, the weights of inputs and linear filters are ideal; "
        "none: all on the chip is devices, which needs network.bits and neurons with a filter_limit",
    )
    biases: Biases = Field(
        default="constant",
        description="of the generator, over temperature: constant: currents and references stay, and time constants "
        "grow with V0; ptat: both go with the absolute temperature, and time constants stay",
    )
    corner: str | None = Field(
        default=None, description="process corner; the technology's own where not given"
    )
    temperature: float | None = Field(
        default=None,
        ge=TEMPERATURES[0],
        le=TEMPERATURES[1],
        description="the technology's own where not given [degrees Celsius]",
    )

    @model_validator(mode="after")
    def _amplifiers_have_their_own_unit(self) -> "CircuitSection":
        amplifiers = sorted({*self.level, *self.mixed.values()} & {"macromodel", "transistor"})
        # a configuration that is written out states the default, too
        if self.voltage_unit != Scaling.voltage_unit and amplifiers:
            own = self.built_in().amplifier.voltage_unit
            if abs(self.voltage_unit / own - 1) > UNIT_AGREES:
                raise ValueError(
                    f"voltage_unit = {self.voltage_unit:g} V: at level {', '.join(amplifiers)} it is that of the "
                    f"pairs, 2 n U_T, which {self.technology} has as {own:.4g} V; leave it out"
                )
        return self

    @model_validator(mode="after")
    def _buildable(self) -> "CircuitSection":
        if MIXED in self.level and not self.mixed:
            raise ValueError(
                f"level = {MIXED!r} needs the table [circuit.mixed] with the level of a layer or of a neuron"
            )
        if MIXED in self.level and self.ideal == "none":
            raise ValueError(
                "ideal = 'none': at level mixed the parts of different levels meet in ideal ones; give level = "
                "'transistor' alone, or ideal = 'some'"
            )
        if self.tau_m is not None and {"capacitance", "current_unit"} <= self.model_fields_set:
            raise ValueError(
                f"tau_m = {self.tau_m} is C V0 / I0: give two of tau_m, capacitance and current_unit, not three"
            )
        return self

    @field_validator("technology")
    @classmethod
    def _known_technology(cls, name: str) -> str:
        technology(name)
        return name

    @field_validator("corner", "temperature")
    @classmethod
    def _legal_condition(cls, value: Any, info: ValidationInfo) -> Any:
        if "technology" in info.data:
            technology(info.data["technology"]).at(**{str(info.field_name): value})
        return value

    @property
    def given_capacitor(self) -> bool:
        """Whether the capacitor is what is given, so that a current follows from a time constant."""
        return "capacitance" in self.model_fields_set

    def built_in(self) -> Technology:
        """The technology at its corner and temperature."""
        return technology(self.technology).at(corner=self.corner, temperature=self.temperature)

    def scaling(self, level: str = "behavioural") -> Scaling:
        """The SI units of a level: amplifiers have the technology's own voltage unit, for their tanh has no other."""
        units = {"current_unit": self.current_unit, "capacitance": self.capacitance}
        made = self.units()
        if level != "behavioural":
            made = self.built_in().scaling(**units)
        if self.tau_m is None:
            return made
        if self.given_capacitor:
            return replace(made, current_unit=made.capacitance * made.voltage_unit / self.tau_m)
        return replace(made, capacitance=self.tau_m * made.current_unit / made.voltage_unit)

    def time_text(self, dt: float) -> str:
        """The circuit's time in a sentence: tau_m and one step of the model in seconds, and what they follow from."""
        made = self.scaling()
        return (
            f"tau_m = {made.time_unit:.4g} s, one step of {dt:g} tau_m {dt * made.time_unit:.4g} s: C = "
            f"{made.capacitance:.4g} F at I0 = {made.current_unit:.4g} A and V0 = {made.voltage_unit:.4g} V"
        )


Quantity = Literal[
    "task_error",
    "error_ratio",
    "rms",
    "spikes",
    "voltage_unit",
    "gain",
    "offset",
    "residual",
    "margin",
    "tau_m",
]
"""What a datasheet says of a circuit; see `excitable.conditions.table`."""


class DatasheetSection(Section):
    """The limits that a circuit must keep under all conditions, for `excitable conditions`."""

    least: dict[Quantity, float] = Field(
        default_factory=dict,
        examples=["tau_m = 5e-5"],
        description="smallest value of each quantity, in SI units",
    )
    most: dict[Quantity, float] = Field(
        default_factory=dict, examples=["error_ratio = 1.5"], description="largest value of each, in SI units"
    )

    @model_validator(mode="after")
    def _in_order(self) -> "DatasheetSection":
        for name, least in self.least.items():
            if name in self.most and least > self.most[name]:
                raise ValueError(f"least.{name} = {least:g} is above most.{name} = {self.most[name]:g}")
        return self


SimulatorName = Literal["ngspice", "vacask", "auto"]
_BY_LEVEL = "by level and simulator where not given (docs/settings.md)"


class RunningSection(Section):
    """How the circuit is simulated and compared with the model."""

    workers: int | None = Field(
        default=None, ge=1, le=1024, description="simulations at a time; one per core where not given"
    )
    time_limit: Seconds = Field(default=600.0, description="of one simulation, wall-clock time [s]")


class SimulationSection(RunningSection):
    """How the circuit is simulated and compared with the model."""

    samples: int = Field(
        default=1000, ge=2, le=10**8, description="most samples of the held-out series, from its start"
    )
    simulator: SimulatorName = Field(
        default="ngspice",
        description="ngspice, vacask, or auto: the fastest that is installed and proven equal at the level; a run "
        "keeps the one it began with",
    )
    max_step: float | None = Field(
        default=None, ge=1e-6, le=10, description=f"largest time step of the simulator, {_BY_LEVEL} [tau_m]"
    )
    relative: float | None = Field(
        default=None, ge=1e-12, le=1e-2, description=f"relative tolerance of the simulator, {_BY_LEVEL}"
    )
    amplifier_max_step: float | None = Field(
        default=None, ge=1e-6, le=10, description="the same where there are amplifiers [tau_m]"
    )
    amplifier_relative: float | None = Field(
        default=None, ge=1e-12, le=1e-2, description="the same where there are amplifiers"
    )
    monolithic: bool = Field(
        default=False, description="one netlist for the whole network instead of parts of a few neurons"
    )
