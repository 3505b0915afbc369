"""Event-based classifiers in run folders: what is in such a folder, and the training that fills it."""

import json
from collections.abc import Callable
from dataclasses import asdict
from functools import cached_property
from typing import Any

import torch
from safetensors.torch import save as bytes_of_tensors

from conductance.events import EventLayer, EventNetwork
from conductance.storage.networks import read_tensors
from conductance.tasks import EventData
from conductance.training.events import EpochRecord, EventScore, score, train_classifier
from excitable.config.events import NEURONS, EventConfiguration
from excitable.runs.folder import WEIGHTS, RunFolder

METRICS = "metrics.jsonl"
RESULT = "result.json"


class EventRun(RunFolder):
    """The run folder of an event-based classifier."""

    @cached_property
    def configuration(self) -> EventConfiguration:
        """The run's configuration."""
        return self.configured(EventConfiguration)

    @cached_property
    def data(self) -> EventData:
        """The task's data, drawn anew from the run's seed: the same numbers each time."""
        return self.configuration.task.build().generate(self.configuration.seed)

    def network(self) -> EventNetwork:
        """The trained network.

        Raises:
            RunError: it is not trained to its end. StorageError: its files are damaged.
        """
        self.check_trained(RESULT)
        network, weights = untrained_network(self.configuration, self.data), read_tensors(self.path / WEIGHTS)
        try:
            network.load_state_dict(weights)
        except RuntimeError as error:
            raise self.unfitting(WEIGHTS, error) from None
        return network

    @cached_property
    def records(self) -> tuple[EpochRecord, ...]:
        """One record per epoch."""
        try:
            rows = [
                json.loads(line) for line in (self.path / METRICS).read_text(encoding="utf-8").splitlines()
            ]
            return tuple(
                EpochRecord(**{**row, "validation": EventScore(**row["validation"])}) for row in rows
            )
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise self.unfitting(METRICS, error) from None

    @cached_property
    def test(self) -> EventScore:
        """The score on the test split."""
        try:
            result: dict[str, Any] = json.loads((self.path / RESULT).read_text(encoding="utf-8"))
            return EventScore(**result["test"])
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise self.unfitting(RESULT, error) from None


def untrained_network(configuration: EventConfiguration, data: EventData) -> EventNetwork:
    """The network before training for a task's data, in double precision; the same seed gives the same weights."""
    network = configuration.network
    generator = torch.Generator().manual_seed(configuration.seed)
    widths = (data.inputs, *network.hidden, len(data.classes))
    names = [f"hidden_{number}" for number in range(1, len(network.hidden) + 1)] + ["output"]
    layers = {
        name: EventLayer(
            NEURONS[network.neuron](), inputs, size, mean=network.mean, spread=network.spread, generator=generator,
            sharpness=network.sharpness, trainable=network.trainable, backend=network.backend,
        )
        for name, inputs, size in zip(names, widths[:-1], widths[1:], strict=True)
    }  # fmt: skip
    return EventNetwork(layers).double()


def train_events(run: EventRun, *, report: Callable[[EpochRecord], None] | None = None) -> None:
    """Train a run's classifier, or go on from its checkpoint, and save it with its records and its test score.

    Args:
        run: an open run, see `EventRun.begun`; the caller holds its lock.
        report: called with every epoch's record.

    Raises:
        EventError: training cannot go on.
        StorageError: a file cannot be written.
    """
    configuration, data = run.configuration, run.data
    network = untrained_network(configuration, data)
    options = configuration.training.build(configuration.seed)
    records = train_classifier(network, data, options, report=report, folder=run.path)
    test = score(network, data.test)
    weights = {name: tensor.detach().contiguous() for name, tensor in network.state_dict().items()}
    run.write(WEIGHTS, bytes_of_tensors(weights))
    run.write(METRICS, "".join(json.dumps(asdict(record)) + "\n" for record in records))
    run.write_json(RESULT, {"test": asdict(test), "epochs": len(records)})
