"""The first step of the loop: from a configuration to a trained network in a run folder."""

from collections.abc import Callable
from dataclasses import dataclass

from conductance.layers import NeuronLayer
from conductance.networks import Network
from conductance.training import Record, TrainingResult, train
from excitable.runs.environment import environment
from excitable.runs.folder import ENVIRONMENT, RunFolder


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


def train_run(run: RunFolder, *, report: Callable[[Record], None] | None = None) -> TrainedRun:
    """Train a run's network, or go on from its checkpoint, and save it.

    Args:
        run: an open run, see `runs.begun`; the caller holds its lock.
        report: called with every record.

    Raises:
        TrainingError: training cannot go on; the message says why and what to change.
        StorageError: a file cannot be written.
    """
    configuration, task, data = run.configuration, run.task, run.data
    network = configuration.network.build(data, configuration.seed)
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
