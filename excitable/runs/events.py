"""Event-based classifiers from one configuration file: what it may say, and the run that it describes."""

import json
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

import torch
from pydantic import Field, ValidationError, create_model, model_validator
from safetensors.torch import save as bytes_of_tensors

from conductance.events import EventError, EventLayer, EventNetwork, synaptic_lif, theta
from conductance.events.backend import Backend
from conductance.files import readable_json
from conductance.neurons import Neuron, qif
from conductance.storage import StorageError, write_whole
from conductance.storage.checkpoints import CHECKPOINT
from conductance.storage.networks import read_tensors
from conductance.tasks import EVENT_TASKS, EventData, EventTask
from conductance.training.events import EpochRecord, EventScore, EventTraining, score, train_classifier
from excitable.config.declared import OneOf, Section, section_of
from excitable.config.faults import ConfigurationError, Fault, faults_of
from excitable.config.sections import NAME
from excitable.runs.environment import environment
from excitable.runs.folder import CONFIGURATION, ENVIRONMENT, WEIGHTS, RunError, located, locked

NEURONS: Mapping[str, Callable[[], Neuron]] = MappingProxyType(
    {"qif": qif, "synaptic_lif": synaptic_lif, "theta": theta}
)
METRICS = "metrics.jsonl"
RESULT = "result.json"


class NetworkSection(Section):
    """The network: layers of event-based neurons, one output neuron per class."""

    neuron: Annotated[str, OneOf(NEURONS)] = Field(default="qif", description="the neurons")
    hidden: list[int] = Field(default=[30], description="number of neurons of each hidden layer")
    mean: float = Field(default=4.0, description="mean of the first weights, divided by sqrt(inputs)")
    spread: float = Field(default=4.0, ge=0, description="their standard deviation, divided by sqrt(inputs)")
    sharpness: float = Field(default=1.0, gt=0, description="how fast pseudospikes move away with inhibition")
    trainable: list[str] = Field(default=["weight", "initial_voltage"], description="what training changes")
    backend: Backend = Field(default="auto", description="auto: the compiled event loop where it can be had")

    def build(self, data: EventData, seed: int) -> EventNetwork:
        """The untrained network for a task's data, in double precision."""
        generator = torch.Generator().manual_seed(seed)
        widths = (data.inputs, *self.hidden, len(data.classes))
        names = [f"hidden_{number}" for number in range(1, len(self.hidden) + 1)] + ["output"]
        layers = {
            name: EventLayer(
                NEURONS[self.neuron](), inputs, size, mean=self.mean, spread=self.spread, generator=generator,
                sharpness=self.sharpness, trainable=self.trainable, backend=self.backend,
            )
            for name, inputs, size in zip(names, widths[:-1], widths[1:], strict=True)
        }  # fmt: skip
        return EventNetwork(layers).double()


class TrainingSection(Section):
    """How the network is trained: Adam with cosine annealing on first spike times."""

    epochs: int = Field(default=EventTraining.epochs, description="passes over the train split")
    batch: int = Field(default=EventTraining.batch, description="trials per step")
    learning_rate: float = Field(default=EventTraining.learning_rate, description="at the beginning")
    clip: float = Field(default=EventTraining.clip, description="largest norm of a gradient")
    loss_tau: float = Field(
        default=EventTraining.loss_tau, description="time by which two spikes are told apart [tau]"
    )
    regulariser: float = Field(default=0.03, description="push towards an early spike of the right neuron")
    silence: float = Field(default=EventTraining.silence, description="weight of the silence penalty")

    @model_validator(mode="after")
    def _buildable(self) -> "TrainingSection":
        self.build(0)
        return self

    def build(self, seed: int) -> EventTraining:
        """The options themselves."""
        return EventTraining(**self.model_dump(), seed=seed)


class EventTaskSection(Section):
    """What is learnt."""

    name: Annotated[str, OneOf(EVENT_TASKS)] = Field(description="the task")

    @model_validator(mode="after")
    def _buildable(self) -> "EventTaskSection":
        self.build()
        return self

    def build(self) -> EventTask:
        """The task itself."""
        return EVENT_TASKS[self.name](**self.model_dump(exclude={"name"}))


class EventConfiguration(Section):
    """A whole configuration file of an event-based classifier."""

    name: str = Field(pattern=NAME, description="name of the run: lower case, digits, - and _")
    seed: int = Field(default=0, ge=0, lt=2**32, description="of the data, the weights and the batches")
    task: EventTaskSection
    network: NetworkSection = Field(default_factory=NetworkSection)
    training: TrainingSection = Field(default_factory=TrainingSection)


def _for_task(name: str) -> type[EventConfiguration]:
    """The configuration with the options of one task."""
    options = EVENT_TASKS[name]
    section = section_of(options, EventTaskSection)
    return create_model(f"{options.__name__}Configuration", __base__=EventConfiguration, task=(section, ...))


CONFIGURATIONS: Mapping[str, type[EventConfiguration]] = MappingProxyType(
    {name: _for_task(name) for name in EVENT_TASKS}
)


def is_event_configuration(text: str) -> bool:
    """Whether a TOML text names a task on spikes."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    task = data.get("task")
    return isinstance(task, dict) and task.get("name") in EVENT_TASKS


def parse_event_configuration(text: str, *, source: str = "configuration") -> EventConfiguration:
    """The configuration that a TOML text with a task on spikes describes.

    Raises:
        ConfigurationError: with every fault.
    """
    if not is_event_configuration(text):
        fault = Fault(key="task.name", message=f"it must be one of {', '.join(EVENT_TASKS)}")
        raise ConfigurationError(source, [fault])
    data = tomllib.loads(text)
    model = CONFIGURATIONS[data["task"]["name"]]
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise ConfigurationError(source, faults_of(error, model, data, text)) from None


@dataclass(frozen=True, kw_only=True)
class EventRun:
    """A trained event-based classifier in its folder.

    Attributes:
        path: the run folder.
        configuration: what was asked for.
        data: the task's splits, drawn anew from the seed.
        network: with the trained weights.
        records: one per epoch.
        test: score on the test split.
    """

    path: Path
    configuration: EventConfiguration
    data: EventData
    network: EventNetwork
    records: tuple[EpochRecord, ...]
    test: EventScore


def train_event_run(
    text: str, path: Path, *, source: str = "configuration", report: Callable[[EpochRecord], None] | None = None
) -> EventRun:  # fmt: skip
    """Train what a configuration describes into a folder, or go on from the checkpoint in it.

    The folder receives `config.toml`, `environment.json`, the checkpoint of the last epoch, `metrics.jsonl`,
    `model.safetensors` and `result.json`.

    Args:
        text: the configuration file.
        path: the run folder.
        source: where the text was read, for errors.
        report: called with every epoch's record.

    Raises:
        ConfigurationError: the configuration has faults.
        RunError: the folder holds a run of another configuration, or is in use.
        EventError: training cannot go on.
    """
    configuration = parse_event_configuration(text, source=source)
    path.mkdir(parents=True, exist_ok=True)
    with locked(path):
        _check_same(path, configuration)
        write_whole(path / CONFIGURATION, text)
        write_whole(path / ENVIRONMENT, readable_json(environment(seed=configuration.seed)) + "\n")
        data = configuration.task.build().generate(configuration.seed)
        network = configuration.network.build(data, configuration.seed)
        options = configuration.training.build(configuration.seed)
        records = train_classifier(network, data, options, report=report, folder=path)
        test = score(network, data.test)
        weights = {name: tensor.detach().contiguous() for name, tensor in network.state_dict().items()}
        write_whole(path / WEIGHTS, bytes_of_tensors(weights))
        write_whole(path / METRICS, "".join(json.dumps(asdict(record)) + "\n" for record in records))
        write_whole(path / RESULT, readable_json({"test": asdict(test), "epochs": len(records)}) + "\n")
    return EventRun(
        path=path, configuration=configuration, data=data, network=network, records=records, test=test
    )


def _check_same(path: Path, wanted: EventConfiguration) -> None:
    before = path / CONFIGURATION
    if not before.exists() or not (path / CHECKPOINT).exists():
        return
    present = before.read_text(encoding="utf-8")
    if not is_event_configuration(present) or parse_event_configuration(present) != wanted:
        raise RunError(
            f"{path}: it holds a run of another configuration; give another --run, or delete the folder"
        )


def is_event_run(path: Path) -> bool:
    """Whether a folder holds a run of an event-based classifier."""
    file = path / CONFIGURATION
    return file.is_file() and is_event_configuration(file.read_text(encoding="utf-8"))


def load_event_run(run: str | Path) -> EventRun:
    """A finished run, by its name in `runs/` or its folder.

    Raises:
        RunError: there is no such run, or it is not trained to its end.
        StorageError: a file is damaged.
    """
    path = Path(run) if (Path(run) / CONFIGURATION).is_file() else located(run)
    if not is_event_run(path):
        raise RunError(f"{path}: there is no run of an event-based classifier here")
    if not (path / RESULT).is_file():
        raise RunError(
            f"{path}: the network is not trained yet; `excitable train {path / CONFIGURATION} --run {path}` does it"
        )
    text = (path / CONFIGURATION).read_text(encoding="utf-8")
    configuration = parse_event_configuration(text, source=str(path / CONFIGURATION))
    data = configuration.task.build().generate(configuration.seed)
    network = configuration.network.build(data, configuration.seed)
    try:
        network.load_state_dict(read_tensors(path / WEIGHTS))
        rows = [json.loads(line) for line in (path / METRICS).read_text(encoding="utf-8").splitlines()]
        result = json.loads((path / RESULT).read_text(encoding="utf-8"))
        records = tuple(EpochRecord(**{**row, "validation": EventScore(**row["validation"])}) for row in rows)
        test = EventScore(**result["test"])
    except (OSError, RuntimeError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, StorageError | EventError):
            raise
        raise StorageError(
            f"{path}: its files do not fit its configuration ({error}); delete the folder and train again"
        ) from None
    return EventRun(
        path=path, configuration=configuration, data=data, network=network, records=records, test=test
    )
