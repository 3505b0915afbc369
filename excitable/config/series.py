"""What a configuration file of a network for series may say: one class per section, one field per key."""

from collections.abc import Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, get_args

from pydantic import Field, model_validator

from conductance.tasks import EVENT_TASKS, SERIES_TASKS, FreeRun, MackeyGlass, Task
from conductance.training import TrainingOptions
from conductance.training.options import LossName, loss_meaning
from excitable.config.base import Configuration, with_task
from excitable.config.circuit import CircuitSection, DatasheetSection, SimulationSection
from excitable.config.declared import OneOf, is_own, section_of
from excitable.config.network import NetworkSection
from excitable.config.own import NotTrusted, OwnSection, load_loss, load_task

if TYPE_CHECKING:
    from conductance.training.losses import Loss

SPIKES = dict.fromkeys(EVENT_TASKS, "by events, as in the configuration yin-yang")
"""Tasks on spikes, which a file of this kind does not have."""


class TaskSection(OwnSection):
    """What is learnt."""

    name: Annotated[str, OneOf(SERIES_TASKS, SPIKES, own=True)] = Field(
        default=MackeyGlass.name, description="the task; of your own: FILE.py:NAME"
    )

    @model_validator(mode="after")
    def _buildable(self) -> "TaskSection":
        with suppress(NotTrusted):  # told when the task is needed
            self.build()
        return self

    def build(self) -> Task:
        """The task itself.

        Raises:
            NotTrusted: it is of a file that must not be run.
        """
        if is_own(self.name):
            return load_task(self.name, self._code)
        return SERIES_TASKS[self.name](**self.model_dump(exclude={"name"}))


class TrainingSection(OwnSection):
    """How the network is trained: Adam with cosine annealing on a loss of the output after the warm-up."""

    loss: Annotated[str, OneOf(get_args(LossName), own=True)] = Field(
        default="auto", description=f"{loss_meaning()}; of your own: FILE.py:NAME"
    )
    noise: float = Field(
        default=0.0, ge=0, le=1e6,
        description="every step sees another noise of the circuit's transistors, of this power: 1 is that of "
        "[circuit], 4 that of capacitors a quarter as large; a step then takes about 5 times as long",
    )  # fmt: skip
    on: Literal["model", "measured"] = Field(
        default="model",
        description="what steps the network in training: model, its neurons' equation; measured, the law that the "
        "cells of its circuit are swept for, at the transistor or macromodel level that [circuit] has",
    )
    if TYPE_CHECKING:  # comes with the options
        batch: int = 0
        trained: str = ""
        class_weights: str = ""

    @model_validator(mode="after")
    def _buildable(self) -> "TrainingSection":
        self.build()
        return self

    def build(self) -> TrainingOptions:
        """The options themselves; a loss of one's own is no option, see `own_loss`."""
        given = self.model_dump(exclude={"noise", "on"})
        return TrainingOptions(**{**given, "loss": "auto"} if is_own(self.loss) else given)

    @model_validator(mode="after")
    def _weighs_its_own_classes(self) -> "TrainingSection":
        if is_own(self.loss) and self.class_weights != "none":
            raise ValueError(
                f"class_weights = {self.class_weights!r}: a loss of one's own weighs its classes itself; leave it out"
            )
        with suppress(NotTrusted):  # told when the loss is needed
            self.own_loss()
        return self

    def own_loss(self) -> "Loss | None":
        """The loss of one's own; None where it is one of the package's.

        Raises:
            NotTrusted: it is of a file that must not be run.
        """
        return load_loss(self.loss, self._code) if is_own(self.loss) else None


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
    datasheet: DatasheetSection = Field(default_factory=DatasheetSection)

    def continued_by(self, other: Configuration) -> bool:
        """Whether another configuration is this one with more steps of training."""
        differences = self.training_differences(other)
        return (
            isinstance(other, SeriesConfiguration)
            and [each.partition(":")[0] for each in differences] == ["training.steps"]
            and other.training.build().steps > self.training.build().steps
        )

    @model_validator(mode="after")
    def _sections_fit(self) -> "SeriesConfiguration":
        # what a task that draws its series knows of them beforehand; of a table, training says it
        known = self.task.model_dump()
        faults = []
        for key, value, limit in (
            ("training.batch", self.training.batch if self.training.build().stepwise else 0, "train_series"),
            ("simulation.samples", self.simulation.samples, "held_out_samples"),
        ):
            if value > known.get(limit, value):
                faults.append(f"{key} = {value} is more than task.{limit} = {known[limit]}")
        if self.task.name == FreeRun.name and self.training.trained != "none":
            faults.append(f"task.name = {FreeRun.name!r} has nothing to learn; set training.trained = 'none'")
        if self.training.noise and not self.training.build().stepwise:
            faults.append(
                f"training.noise = {self.training.noise:g} is seen by steps of training, and there are none here; "
                f"leave it out (`excitable sweep --noise` is the noise of circuits)"
            )
        if self.training.on == "measured":
            faults += self._measured_faults()
        warm_up = known.get("warm_up", 0)
        if self.simulation.samples <= warm_up:
            faults.append(
                f"simulation.samples = {self.simulation.samples} leaves nothing to compare after "
                f"task.warm_up = {warm_up}; give more"
            )
        if faults:
            raise ValueError("; ".join(faults))
        self._check_mixed()
        return self

    @property
    def measured_level(self) -> str:
        """The level whose cells a measured law is swept of: transistor where [circuit] has it, else macromodel."""
        return "transistor" if "transistor" in self.circuit.level else "macromodel"

    def _measured_faults(self) -> list[str]:
        """What keeps a training from being on the measured law, as far as the configuration says."""
        faults = []
        if self.measured_level not in self.circuit.level:
            faults.append(
                f"training.on = 'measured' needs a circuit of amplifiers, and circuit.level = "
                f"{list(self.circuit.level)} has none; add 'transistor' or 'macromodel'"
            )
        if self.training.noise:
            faults.append(
                f"training.on = 'measured' has no noise, and training.noise = {self.training.noise:g}; leave one out"
            )
        if not self.training.build().stepwise:
            faults.append(
                "training.on = 'measured' is for steps of training, and there are none here; leave it out"
            )
        return faults

    def _check_mixed(self) -> None:
        sizes = self.network.sizes()
        for key in self.circuit.mixed:
            layer, _, index = key.rpartition("_")
            size = {**sizes, "filter": 1}.get(layer, 0)
            numbered = index.isdecimal() and str(int(index)) == index and int(index) < size
            if key not in (*sizes, "filter") and not numbered:
                some = ", ".join(f"{name}_0 to {name}_{size - 1}" for name, size in sizes.items())
                raise ValueError(
                    f"circuit.mixed.{key} = {self.circuit.mixed[key]!r}: there is no such layer or neuron; known are "
                    f"{', '.join(sizes)}, filter, filter_0, and {some}"
                )


class OwnTaskConfiguration(SeriesConfiguration):
    """A configuration file of a network for series, with a task of one's own."""

    task: TaskSection = Field()


CONFIGURATIONS: Mapping[str, type[SeriesConfiguration]] = MappingProxyType(
    {**with_task(SeriesConfiguration, SERIES_TASKS, TaskSection), MackeyGlass.name: SeriesConfiguration}
)
"""The configuration of each task on series."""
