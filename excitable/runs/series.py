"""Networks for series in run folders: what is in such a folder, and the training that fills it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch

from conductance.layers import NeuronLayer
from conductance.networks import Network, series_network
from conductance.storage import load_network, save_network
from conductance.tasks import Task, TaskData
from conductance.training import Record, TrainingResult, train
from excitable.config.series import SeriesConfiguration
from excitable.runs.environment import environment
from excitable.runs.folder import ENVIRONMENT, MODEL, RunFolder

WEIGHTS_STREAM = 1
"""Distinguishes the initial weights' random numbers from others drawn from the same seed."""


class SeriesRun(RunFolder):
    """The run folder of a network for series."""

    @cached_property
    def configuration(self) -> SeriesConfiguration:
        """The run's configuration."""
        return self.configured(SeriesConfiguration)

    @cached_property
    def task(self) -> Task:
        """The run's task."""
        return self.configuration.task.build()

    @cached_property
    def data(self) -> TaskData:
        """The task's data, drawn anew from the run's seed: the same numbers each time."""
        return self.task.generate(self.configuration.seed)

    def network(self) -> Network:
        """The trained network.

        Raises:
            RunError: nothing has been trained yet. StorageError: its files are damaged.
        """
        if not (self.path / MODEL).is_file():
            raise self.untrained()
        return load_network(self.path)

    def save_network(self, network: Network) -> None:
        """Write the trained network."""
        save_network(network, self.path)


def untrained_network(configuration: SeriesConfiguration, data: TaskData) -> Network:
    """The network before training for a task's data; the same seed gives the same weights."""
    network = configuration.network
    generator = torch.Generator().manual_seed(configuration.seed * 2**8 + WEIGHTS_STREAM)
    return series_network(
        network.recipe,
        inputs=len(data.input_names),
        hidden=network.hidden,
        outputs=len(data.target_names),
        dt=network.dt,
        low_pass_tau=network.low_pass_tau,
        method=network.method,
        trainable=network.trainable,
        values=network.values,
        backend=network.kernel,
        generator=generator,
    )


@dataclass(frozen=True, kw_only=True)
class TrainedRun:
    """What training a run gave.

    Attributes:
        network: with the kept weights, as saved in the run folder.
        result: the kept weights measured on the validation and the test split.
        baselines: the test error of predictors without a network, by name.
    """

    network: Network
    result: TrainingResult
    baselines: dict[str, float]


def train_run(run: SeriesRun, *, report: Callable[[Record], None] | None = None) -> TrainedRun:
    """Train a run's network, or go on from its checkpoint, and save it.

    Args:
        run: an open run, see `SeriesRun.begun`; the caller holds its lock.
        report: called with every record.

    Raises:
        TrainingError: training cannot go on; the message says why and what to change.
        StorageError: a file cannot be written.
    """
    configuration, task, data = run.configuration, run.task, run.data
    network = untrained_network(configuration, data)
    result = train(
        network,
        task,
        data,
        configuration.training.build(),
        seed=configuration.seed,
        folder=run.path,
        report=report,
    )
    run.save_network(network)
    backends = {
        name: layer.backend_used for name, layer in network.chain.items() if isinstance(layer, NeuronLayer)
    }
    run.write_json(ENVIRONMENT, {**environment(seed=configuration.seed), "backends": backends})
    return TrainedRun(network=network, result=result, baselines=dict(task.baselines(data, data.test)))
