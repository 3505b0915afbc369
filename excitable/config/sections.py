"""What a configuration file may say: one class per section, one field per key."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any

import torch
from pydantic import (
    BeforeValidator,
    Field,
    ValidationInfo,
    WithJsonSchema,
    create_model,
    field_validator,
    model_validator,
)

from circuits.data.scaling import Scaling
from circuits.networks.continuous import AMPLIFIER_EDGE, EDGE
from circuits.realisations.levels import LEVELS, MIXED, Level, check_level
from circuits.technologies import Technology, technology
from conductance.derivation.methods import METHODS
from conductance.kernels.backend import Backend
from conductance.networks import RECIPES, Network, Recipe, Spread, series_network
from conductance.tasks import EVENT_TASKS, SERIES_TASKS, MackeyGlass, Task, TaskData
from conductance.training import TrainingOptions
from excitable.config.declared import OneOf, Section, section_of
from excitable.config.quantities import Amperes, Farads, Seconds, Volts
from excitable.ladder.options import CircuitOptions

NAME = r"^[a-z0-9][a-z0-9_-]{0,63}$"
"""Names of runs: they become folders and parts of netlist names."""
WEIGHTS_STREAM = 1
"""Distinguishes the initial weights' random numbers from others drawn from the same seed."""

ELSEWHERE = {
    "qif": "by events, see the configuration yin-yang",
    "dqif": "on images, by excitable train-images",
    "dlif": "on images, by excitable train-images",
}
"""Neurons that networks for series do not have, and what trains them."""
SPIKES = dict.fromkeys(EVENT_TASKS, "by events, in a file as the configuration yin-yang")
"""Tasks on spikes, which a file of this kind does not have."""


def _number_or_spread(value: Any) -> Any:
    """A start: a number, or [lower, upper] between which each neuron draws its own."""
    if isinstance(value, bool) or not isinstance(value, int | float | list | Spread):
        raise ValueError("must be a number or [lower, upper]")
    if isinstance(value, list):
        if len(value) != 2 or any(isinstance(end, bool) or not isinstance(end, int | float) for end in value):
            raise ValueError("must be a number or [lower, upper]")
        return Spread(lower=value[0], upper=value[1])
    return value if isinstance(value, Spread) else float(value)


Start = Annotated[Any, BeforeValidator(_number_or_spread)]


def _rung_names(value: Any) -> Any:
    """A level or a list of different ones, as a list."""
    names = [value] if isinstance(value, str) else value
    allowed = (*LEVELS, MIXED)
    if not isinstance(names, list) or not names or len(set(map(str, names))) != len(names):
        raise ValueError(f"must be one of {', '.join(allowed)}, or a list of different ones")
    for name in names:
        if name not in allowed:
            raise ValueError(f"{name!r} is unknown; allowed are {', '.join(allowed)}")
    return names


RungNames = Annotated[
    list[str],
    BeforeValidator(_rung_names),
    WithJsonSchema(
        {
            "anyOf": [
                {"enum": [*LEVELS, MIXED]},
                {"type": "array", "items": {"enum": [*LEVELS, MIXED]}, "minItems": 1, "uniqueItems": True},
            ]
        }
    ),
]


class TaskSection(Section):
    """What is learnt."""

    name: Annotated[str, OneOf(SERIES_TASKS, SPIKES)] = Field(
        default=MackeyGlass.name, description="the task"
    )

    if TYPE_CHECKING:  # every task's section has these; they come with the task's own options
        train_series: int = 0
        held_out_samples: int = 0

    @model_validator(mode="after")
    def _buildable(self) -> "TaskSection":
        self.build()
        return self

    def build(self) -> Task:
        """The task itself."""
        return SERIES_TASKS[self.name](**self.model_dump(exclude={"name"}))


class NetworkSection(Section):
    """The network: projection, hidden neurons, linear readout, low-pass filter."""

    neuron: Annotated[str, OneOf(RECIPES, ELSEWHERE)] = Field(default="mtc", description="the hidden neurons")
    hidden: int = Field(default=64, ge=1, le=100_000, description="number of hidden neurons")
    dt: float = Field(
        default=0.2, gt=0, description="time step; one sample of the series is held for one step [tau_m]"
    )
    low_pass_tau: float = Field(
        default=2.0, gt=0, description="time constant of each of the output filter's four sections [tau_m]"
    )
    method: Annotated[str, OneOf(METHODS)] | None = Field(
        default=None, description="update rule of the hidden neurons; the neuron's own where not given"
    )
    trainable: list[str] | None = Field(
        default=None,
        description="parameters of the hidden neurons to train; the neuron's own where not given",
    )
    values: dict[str, Start] = Field(
        default_factory=dict,
        examples=["tau_s = [10, 40]"],
        description="start of the hidden neurons' parameters: a number, or [lower, upper] to spread them",
    )
    kernel: Backend = Field(
        default="auto",
        description="what steps the neurons: auto: the fastest that works here; or eager (torch), c, triton (GPU)",
    )

    @field_validator("trainable")
    @classmethod
    def _known_trainable(cls, names: list[str] | None, info: ValidationInfo) -> list[str] | None:
        _check_parameters(names or [], info)
        return names

    @field_validator("values")
    @classmethod
    def _legal_values(cls, values: dict[str, Start], info: ValidationInfo) -> dict[str, Start]:
        _check_parameters(values, info)
        recipe = RECIPES.get(info.data.get("neuron", ""))
        if recipe is not None:
            for name, start in values.items():
                for number in (start.lower, start.upper) if isinstance(start, Spread) else (start,):
                    recipe.neuron.parameter(name).check(number, owner=f"neuron {recipe.neuron.name}")
        return values

    @property
    def recipe(self) -> Recipe:
        """The hidden neuron's recipe."""
        return RECIPES[self.neuron]

    def build(self, data: TaskData, seed: int) -> Network:
        """The untrained network for a task's data; the same seed gives the same weights."""
        generator = torch.Generator().manual_seed(seed * 2**8 + WEIGHTS_STREAM)
        return series_network(
            self.recipe,
            inputs=len(data.input_names),
            hidden=self.hidden,
            outputs=len(data.target_names),
            dt=self.dt,
            low_pass_tau=self.low_pass_tau,
            method=self.method,
            trainable=self.trainable,
            values=self.values,
            backend=self.kernel,
            generator=generator,
        )


def _check_parameters(names: Any, info: ValidationInfo) -> None:
    recipe = RECIPES.get(info.data.get("neuron", ""))
    if recipe is not None:
        for name in names:
            recipe.neuron.parameter(name)


class TrainingSection(Section):
    """How the network is trained: Adam with cosine annealing on the mean square error after the warm-up."""

    if TYPE_CHECKING:  # comes with the options
        batch: int = 0

    @model_validator(mode="after")
    def _buildable(self) -> "TrainingSection":
        self.build()
        return self

    def build(self) -> TrainingOptions:
        """The options themselves."""
        return TrainingOptions(**self.model_dump())


class CircuitSection(Section):
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
    level: RungNames = Field(
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
    corner: str | None = Field(
        default=None, description="process corner; the technology's own where not given"
    )
    temperature: float | None = Field(
        default=None, gt=-273.15, le=200, description="the technology's own where not given [degrees Celsius]"
    )

    @model_validator(mode="after")
    def _buildable(self) -> "CircuitSection":
        if MIXED in self.level and not self.mixed:
            raise ValueError(
                f"level = {MIXED!r} needs the table [circuit.mixed] with the level of a layer or of a neuron"
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

    def built_in(self) -> Technology:
        """The technology at its corner and temperature."""
        return technology(self.technology).at(corner=self.corner, temperature=self.temperature)

    def scaling(self, rung: str = "behavioural") -> Scaling:
        """The SI units of a rung: amplifiers have the technology's own voltage unit, for their tanh has no other."""
        if rung != "behavioural":
            return self.built_in().scaling(current_unit=self.current_unit, capacitance=self.capacitance)
        return Scaling(
            voltage_unit=self.voltage_unit, current_unit=self.current_unit, capacitance=self.capacitance
        )


class SimulationSection(Section):
    """How the circuit is simulated and compared with the model."""

    samples: int = Field(default=1000, ge=2, description="samples of the held-out series, from its start")
    workers: int | None = Field(
        default=None, ge=1, description="simulations at a time; one per core where not given"
    )
    time_limit: Seconds = Field(default=600.0, description="of one simulation, wall-clock time [s]")
    max_step: float = Field(
        default=0.2, gt=0, le=10, description="largest time step of the simulator [tau_m]"
    )
    relative: float = Field(default=1e-6, gt=0, le=1e-2, description="relative tolerance of the simulator")
    amplifier_max_step: float = Field(
        default=0.5, gt=0, le=10, description="the same where there are amplifiers [tau_m]"
    )
    amplifier_relative: float = Field(
        default=1e-4,
        gt=0,
        le=1e-2,
        description="the same where there are amplifiers, whose laws are known to 1e-2",
    )
    monolithic: bool = Field(
        default=False, description="one netlist for the whole network instead of parts of 8 to 16 neurons"
    )


_TRAINING_MEANINGS = {
    "keep": "which weights the trained network has: of the lowest validation error (best) or of the last step (last)",
    "device": "where the network is trained: cpu or cuda",
}
if TYPE_CHECKING:
    MackeyGlassSection = TaskSection
    TrainingOptionsSection = TrainingSection
else:
    MackeyGlassSection = section_of(MackeyGlass, TaskSection)
    TrainingOptionsSection = section_of(TrainingOptions, TrainingSection, _TRAINING_MEANINGS)


class Configuration(Section):
    """A whole configuration file."""

    name: str = Field(
        pattern=NAME, description="name of the run: lower-case letters, digits, - and _; at most 64"
    )
    seed: int = Field(
        default=0, ge=0, lt=2**32, description="decides all random numbers: data, weights, batches"
    )
    task: MackeyGlassSection = Field(default_factory=lambda: MackeyGlassSection())
    network: NetworkSection = Field(default_factory=NetworkSection)
    training: TrainingOptionsSection = Field(default_factory=lambda: TrainingOptionsSection())
    circuit: CircuitSection = Field(default_factory=CircuitSection)
    simulation: SimulationSection = Field(default_factory=SimulationSection)

    @model_validator(mode="after")
    def _sections_fit(self) -> "Configuration":
        faults = []
        if self.training.batch > self.task.train_series:
            faults.append(
                f"training.batch = {self.training.batch} is more than task.train_series = {self.task.train_series}"
            )
        if self.simulation.samples > self.task.held_out_samples:
            faults.append(
                f"simulation.samples = {self.simulation.samples} is more than "
                f"task.held_out_samples = {self.task.held_out_samples}"
            )
        if faults:
            raise ValueError("; ".join(faults))
        for key in self.circuit.mixed:
            layer, _, index = key.rpartition("_")
            size = {"hidden": self.network.hidden, "filter": 1}.get(layer, 0)
            numbered = index.isdecimal() and str(int(index)) == index and int(index) < size
            if key not in ("hidden", "filter") and not numbered:
                raise ValueError(
                    f"circuit.mixed.{key} = {self.circuit.mixed[key]!r}: there is no such layer or neuron; known are "
                    f"hidden, filter, filter_0, and hidden_0 to hidden_{self.network.hidden - 1}"
                )
        return self

    def training_differences(self, other: "Configuration") -> list[str]:
        """What differs from another configuration and needs the network to be trained anew, as `key: own -> other`.

        The circuit and its simulation do not.
        """
        found = []
        for section in ("name", "seed", "task", "network", "training"):
            own, others = getattr(self, section), getattr(other, section)
            if not isinstance(own, Section):
                pairs = {section: (own, others)}
            else:
                names = type(own).model_fields
                pairs = {f"{section}.{name}": (getattr(own, name), getattr(others, name)) for name in names}
            found += [f"{key}: {ours} -> {theirs}" for key, (ours, theirs) in pairs.items() if ours != theirs]
        return found

    def circuit_options(self, rung: str = "behavioural") -> CircuitOptions:
        """How the circuit of a rung is built and simulated, before any calibration.

        Args:
            rung: behavioural, mixed, macromodel or transistor.
        """
        ideal = rung == "behavioural"
        simulation = self.simulation
        return CircuitOptions(
            scaling=self.circuit.scaling(rung),
            levels=dict(self.circuit.mixed) if rung == MIXED else check_level(rung),
            technology=None if ideal else self.circuit.built_in(),
            relative=simulation.relative if ideal else simulation.amplifier_relative,
            max_step=simulation.max_step if ideal else simulation.amplifier_max_step,
            edge=EDGE if ideal else AMPLIFIER_EDGE,
            time_limit=simulation.time_limit,
            monolithic=simulation.monolithic,
        )


def _for_task(name: str) -> type[Configuration]:
    """The configuration with the options of one task."""
    if name == MackeyGlass.name:
        return Configuration
    options = SERIES_TASKS[name]
    section = section_of(options, TaskSection)
    return create_model(f"{options.__name__}Configuration", __base__=Configuration, task=(section, ...))


CONFIGURATIONS: Mapping[str, type[Configuration]] = MappingProxyType(
    {name: _for_task(name) for name in SERIES_TASKS}
)
"""The configuration of each task on series."""


def configuration_for(data: Mapping[str, Any]) -> type[Configuration]:
    """The configuration of the task that a file names; that of the default task where it names none that is known."""
    task = data.get("task")
    name = task.get("name") if isinstance(task, Mapping) else None
    return CONFIGURATIONS.get(name, Configuration) if isinstance(name, str) else Configuration
