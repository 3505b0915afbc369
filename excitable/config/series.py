"""What a configuration file of a network for series may say: one class per section, one field per key."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from conductance.derivation.methods import METHODS
from conductance.kernels.backend import Backend
from conductance.networks import RECIPES, Recipe, Spread
from conductance.tasks import EVENT_TASKS, SERIES_TASKS, MackeyGlass, Task
from conductance.training import TrainingOptions
from excitable.config.base import Configuration, with_task
from excitable.config.circuit import CircuitSection, SimulationSection
from excitable.config.declared import OneOf, Section, section_of

ELSEWHERE = {
    "qif": "by events, as in the configuration yin-yang",
    "dqif": "on images, as in the configuration digits-dqif",
    "dlif": "on images, as in the configuration digits-dqif",
}
"""Neurons that networks for series do not have, and what trains them."""
SPIKES = dict.fromkeys(EVENT_TASKS, "by events, as in the configuration yin-yang")
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


class SeriesConfiguration(Configuration):
    """A configuration file of a network for series."""

    kind: ClassVar[str] = "series"

    task: MackeyGlassSection = Field(default_factory=lambda: MackeyGlassSection())
    network: NetworkSection = Field(default_factory=NetworkSection)
    training: TrainingOptionsSection = Field(default_factory=lambda: TrainingOptionsSection())
    circuit: CircuitSection = Field(default_factory=CircuitSection)
    simulation: SimulationSection = Field(default_factory=SimulationSection)

    @model_validator(mode="after")
    def _sections_fit(self) -> "SeriesConfiguration":
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


CONFIGURATIONS: Mapping[str, type[SeriesConfiguration]] = MappingProxyType(
    {**with_task(SeriesConfiguration, SERIES_TASKS, TaskSection), MackeyGlass.name: SeriesConfiguration}
)
"""The configuration of each task on series."""
