"""What a configuration file of an event-based classifier may say: one class per section, one field per key."""

from collections.abc import Callable, Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import Annotated, ClassVar

from pydantic import Field, field_validator, model_validator

from conductance.events import synaptic_lif, theta
from conductance.events.backend import Backend
from conductance.events.exact.sharpness import SHARPNESS
from conductance.neurons import Neuron, qif
from conductance.tasks import EVENT_TASKS, EventTask
from conductance.training.events import EventTraining
from excitable.config.base import Configuration, with_task
from excitable.config.circuit import RunningSection, UnitsSection
from excitable.config.declared import OneOf, Section

NEURONS: Mapping[str, Callable[[], Neuron]] = MappingProxyType(
    {"qif": qif, "synaptic_lif": synaptic_lif, "theta": theta}
)

MOST_WEIGHTS = 1e8
"""Between hidden layers: a gigabyte with Adam's moments."""


class NetworkSection(Section):
    """The network: layers of event-based neurons, one output neuron per class."""

    neuron: Annotated[str, OneOf(NEURONS)] = Field(default="qif", description="the neurons")
    hidden: list[Annotated[int, Field(ge=1, le=100_000)]] = Field(
        default=[30], max_length=64, description="number of neurons of each hidden layer"
    )
    mean: float = Field(
        default=4.0, ge=-1e6, le=1e6, description="mean of the first weights, divided by sqrt(inputs)"
    )
    spread: float = Field(
        default=4.0, ge=0, le=1e6, description="their standard deviation, divided by sqrt(inputs)"
    )
    sharpness: float = Field(
        default=SHARPNESS, gt=0, le=1e6, description="how fast pseudospikes move away with inhibition"
    )
    trainable: list[str] = Field(default=["weight", "initial_voltage"], description="what training changes")
    backend: Backend = Field(default="auto", description="auto: the compiled event loop where it can be had")

    @field_validator("hidden")
    @classmethod
    def _fits_memory(cls, hidden: list[int]) -> list[int]:
        weights = sum(before * after for before, after in pairwise(hidden))
        if weights > MOST_WEIGHTS:
            raise ValueError(
                f"makes {weights:.3g} weights between hidden layers; at most {MOST_WEIGHTS:g} are allowed"
            )
        return hidden


class TrainingSection(Section):
    """How the network is trained: Adam with cosine annealing on first spike times."""

    epochs: int = Field(
        default=EventTraining.epochs, ge=1, le=10**6, description="passes over the train split"
    )
    batch: int = Field(default=EventTraining.batch, ge=1, le=10**6, description="trials per step")
    learning_rate: float = Field(
        default=EventTraining.learning_rate, gt=0, le=10, description="at the beginning"
    )
    clip: float = Field(default=EventTraining.clip, gt=0, le=1e9, description="largest norm of a gradient")
    loss_tau: float = Field(
        default=EventTraining.loss_tau,
        gt=0,
        le=1e6,
        description="time by which two spikes are told apart [tau]",
    )
    regulariser: float = Field(
        default=0.03, ge=0, le=1e6, description="push towards an early spike of the right neuron"
    )
    silence: float = Field(
        default=EventTraining.silence, ge=0, le=1e6, description="weight of the silence penalty"
    )

    @model_validator(mode="after")
    def _buildable(self) -> "TrainingSection":
        self.build(0)
        return self

    def build(self, seed: int) -> EventTraining:
        """The options themselves."""
        return EventTraining(**self.model_dump(), seed=seed)


class TaskSection(Section):
    """What is learnt."""

    name: Annotated[str, OneOf(EVENT_TASKS)] = Field(description="the task")

    @model_validator(mode="after")
    def _buildable(self) -> "TaskSection":
        self.build()
        return self

    def build(self) -> EventTask:
        """The task itself."""
        return EVENT_TASKS[self.name](**self.model_dump(exclude={"name"}))


class SimulationSection(RunningSection):
    """How the circuit is simulated and compared with the model."""

    samples: int = Field(default=10, ge=1, le=10**6, description="trials of the test split, from its start")
    max_step: float = Field(
        default=0.01, gt=0, le=1, description="largest time step of the simulator [tau_m]"
    )
    relative: float = Field(default=1e-5, gt=0, le=1e-2, description="relative tolerance of the simulator")


class EventConfiguration(Configuration):
    """A configuration file of an event-based classifier."""

    kind: ClassVar[str] = "events"

    task: TaskSection
    network: NetworkSection = Field(default_factory=NetworkSection)
    training: TrainingSection = Field(default_factory=TrainingSection)
    circuit: UnitsSection = Field(default_factory=UnitsSection)
    simulation: SimulationSection = Field(default_factory=SimulationSection)


CONFIGURATIONS: Mapping[str, type[EventConfiguration]] = MappingProxyType(
    with_task(EventConfiguration, EVENT_TASKS, TaskSection)
)
"""The configuration of each task on spikes."""
