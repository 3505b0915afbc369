"""Deep networks on images in run folders: what is in such a folder, and the training that fills it."""

import json
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import torch
from safetensors.torch import save as bytes_of_tensors

from conductance.deep.data.arrays import CIFAR_AUGMENTATION, digits, generated
from conductance.deep.data.base import ImageData
from conductance.deep.data.dvs import cifar10_dvs
from conductance.deep.data.files import CIFAR10_SCALE, CIFAR100_SCALE, cifar10, cifar100, imagenet, mnist
from conductance.deep.networks import NETWORKS, ImageNetwork
from conductance.deep.neurons import DeepError, NeuronOptions
from conductance.storage import StorageError
from conductance.storage.networks import read_tensors
from excitable.config.images import NEURONS, ImageConfiguration
from excitable.runs.folder import WEIGHTS, RunFolder

if TYPE_CHECKING:
    from conductance.deep.training import ImageResult

METRICS = "metrics.jsonl"
RESULT = "result.json"
DATA = "data.json"
"""Names the folder of the data set's files, where one was given."""
READERS: Mapping[str, Callable[..., ImageData]] = MappingProxyType(
    {
        "cifar10": cifar10,
        "cifar100": cifar100,
        "cifar10_dvs": cifar10_dvs,
        "imagenet": imagenet,
        "mnist": mnist,
    }
)
"""Data sets that are read from a folder."""
SCALES: Mapping[str, tuple[tuple[float, ...], tuple[float, ...]]] = MappingProxyType(
    {"cifar10": CIFAR10_SCALE, "cifar100": CIFAR100_SCALE}
)
"""Mean and standard deviation of the data sets that AutoAugment is for."""
CHANNELS: Mapping[str, int] = MappingProxyType({"digits": 1, "mnist": 1, "cifar10_dvs": 2})
"""Channels of the images; three where not said."""


class ImageRun(RunFolder):
    """The run folder of a deep network on images."""

    @cached_property
    def configuration(self) -> ImageConfiguration:
        """The run's configuration."""
        return self.configured(ImageConfiguration)

    @cached_property
    def data(self) -> ImageData:
        """The data set, read anew from where training found it; see `image_data`."""
        return image_data(self.configuration, data_folder(self.path))

    def network(self) -> ImageNetwork:
        """The trained network, in evaluation.

        Raises:
            RunError: it is not trained to its end. StorageError: its files are damaged.
        """
        self.check_trained(RESULT)
        weights = read_tensors(self.path / WEIGHTS)
        network = untrained_network(self.configuration, self.data)
        try:
            network.load_state_dict(weights)
        except RuntimeError as error:
            raise self.unfitting(WEIGHTS, error) from None
        return network.eval()

    @cached_property
    def records(self) -> tuple[dict[str, float], ...]:
        """One entry per epoch: epoch, loss and accuracy while training, validation accuracy after it."""
        try:
            rows = [
                json.loads(line) for line in (self.path / METRICS).read_text(encoding="utf-8").splitlines()
            ]
            names = ("epoch", "loss", "accuracy", "validation")
            return tuple({name: float(row[name]) for name in names} for row in rows)
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise self.unfitting(METRICS, error) from None

    @cached_property
    def test(self) -> float:
        """The accuracy on the test split."""
        try:
            return float(json.loads((self.path / RESULT).read_text(encoding="utf-8"))["test_accuracy"])
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise self.unfitting(RESULT, error) from None


def untrained_network(configuration: ImageConfiguration, data: ImageData) -> ImageNetwork:
    """The network before training for a data set; the same seed gives the same weights."""
    network = configuration.network
    own = network.model_dump(include={"window", "closure", "half_width", "sharing", "norm", "alpha"})
    neuron = NEURONS[network.neuron](u_th=network.threshold)
    options = NeuronOptions(neuron=neuron, trainable=tuple(network.trainable), **own)
    torch.manual_seed(configuration.seed)
    return NETWORKS[network.name](
        options, classes=len(data.classes), channels=CHANNELS.get(data.name, 3), steps=network.steps
    )


def data_folder(path: Path) -> Path | None:
    """Where the training in a run folder found the data set's files; None where it needed none."""
    try:
        return Path(json.loads((path / DATA).read_text(encoding="utf-8"))["folder"])
    except FileNotFoundError:
        return None
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise StorageError(
            f"{path / DATA}: the file is damaged ({error}); delete it and train again with --data"
        ) from None


def image_data(configuration: ImageConfiguration, folder: Path | None) -> ImageData:
    """The data set of a configuration; with AutoAugment after its own augmentation where that is asked for.

    Raises:
        DeepError: a folder is needed, or given to data that have none.
        DataError: its files are missing or damaged.
    """
    name, seed = configuration.data.name, configuration.seed
    if name not in READERS:
        if folder is not None:
            raise DeepError(f"data {name}: it is made here and read from no folder; leave --data out")
        return digits(seed=seed) if name == "digits" else generated(seed=seed)
    if folder is None:
        raise DeepError(
            f"data {name}: give the folder of its published files: --data FOLDER; nothing is downloaded"
        )
    if not configuration.data.auto_augment:
        return READERS[name](folder, seed=seed)
    from conductance.deep.data.policies import AutoAugment  # needs the extra `images`

    mean, std = SCALES[name]
    changes = (*CIFAR_AUGMENTATION, AutoAugment(mean=mean, std=std))
    return READERS[name](folder, seed=seed, augmentations=changes)


def train_on_images(run: ImageRun, data: ImageData, *, progress: bool = False) -> "ImageResult":
    """Train a run's network, or go on from the checkpoint of its last epoch, and save it with its test accuracy.

    Args:
        run: an open run, see `ImageRun.begun`; the caller holds its lock.
        data: from `image_data`, read before the run is begun: a folder that is not there leaves no run behind.
        progress: show a bar.

    Raises:
        DeepError: training cannot go on.
        StorageError: a file cannot be written.
    """
    from conductance.deep.training import train_images  # Lightning, which nothing else needs

    configuration = run.configuration
    network = untrained_network(configuration, data)
    result = train_images(
        network,
        data,
        configuration.training.build(),
        seed=configuration.seed,
        folder=run.path,
        progress=progress,
    )
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    run.write(WEIGHTS, bytes_of_tensors(weights))
    run.write_json(RESULT, {"test_accuracy": result.test, "epochs": len(result.history)})
    return result
