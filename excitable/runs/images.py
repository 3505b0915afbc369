"""Deep networks on images from one configuration file: what it may say, and the training that it describes."""

import json
import os
import tomllib
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Self

import torch
from pydantic import Field, ValidationError, model_validator
from safetensors.torch import save as bytes_of_tensors

from conductance.deep.data.arrays import CIFAR_AUGMENTATION, digits, generated
from conductance.deep.data.base import ImageData
from conductance.deep.data.dvs import cifar10_dvs
from conductance.deep.data.files import CIFAR10_SCALE, CIFAR100_SCALE, cifar10, cifar100, imagenet, mnist
from conductance.deep.data.policies import AutoAugment
from conductance.deep.networks import NETWORKS, ImageNetwork
from conductance.deep.neurons import DeepError, NeuronOptions, Norm, Sharing, WindowKind
from conductance.deep.training import ImageResult, ImageTrainingOptions, train_images
from conductance.derivation.window import Closure
from conductance.neurons import dlif, dqif
from conductance.neurons.base import Neuron
from conductance.storage import write_whole
from excitable.config.declared import OneOf, Section, section_of
from excitable.config.faults import ConfigurationError, Fault, faults_of
from excitable.config.sections import NAME
from excitable.runs.folder import CONFIGURATION, WEIGHTS, locked

RESULT = "result.json"
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
NEURONS: Mapping[str, Callable[..., Neuron]] = MappingProxyType({"dqif": dqif, "dlif": dlif})


class DataSection(Section):
    """What the network sees."""

    name: Annotated[str, OneOf(("digits", "generated", *READERS))] = Field(
        description="data set; all but digits and generated need a folder of its published files"
    )
    auto_augment: bool = Field(False, description="AutoAugment of CIFAR's images after crop and flip")

    @model_validator(mode="after")
    def _augmented_is_cifar(self) -> Self:
        if self.auto_augment and self.name not in SCALES:
            raise ValueError(f"auto_augment is for {' and '.join(SCALES)}, not for {self.name}; leave it out")
        return self


class NetworkSection(Section):
    """The network and its neurons."""

    name: Annotated[str, OneOf(NETWORKS)] = Field(description="network")
    steps: int = Field(4, ge=1, description="time steps for which an image is shown")
    neuron: Annotated[str, OneOf(NEURONS)] = Field("dqif", description="discretised QIF, or its leaky twin")
    threshold: float = Field(0.5, gt=0, description="u_th in V0")
    window: WindowKind = Field("analytic", description="where a spike has a slope")
    closure: Closure = Field("stationary", description="how the analytic window is derived")
    half_width: float = Field(0.5, gt=0, description="of a fixed window, in V0")
    trainable: list[str] = Field([], description="parameters of the neurons that are trained")
    sharing: Sharing = Field("layer", description="one set of trained values per layer or per channel")
    norm: Norm = Field("tdbn", description="tdBN, or none")
    alpha: float = Field(1.0, gt=0, description="tdBN's factor")

    def build(self, data: ImageData) -> ImageNetwork:
        """The untrained network for a data set."""
        own = self.model_dump(include={"window", "closure", "half_width", "sharing", "norm", "alpha"})
        neuron = NEURONS[self.neuron](u_th=self.threshold)
        options = NeuronOptions(neuron=neuron, trainable=tuple(self.trainable), **own)
        return NETWORKS[self.name](
            options, classes=len(data.classes), channels=CHANNELS.get(data.name, 3), steps=self.steps
        )


class TrainingSection(Section):
    """How the network is trained: cosine annealing over all epochs."""

    def build(self) -> ImageTrainingOptions:
        """The options themselves."""
        return ImageTrainingOptions(**self.model_dump())


_MEANINGS = {
    "loss": "tet: every step has to answer rightly; rate: their mean",
    "optimiser": "sgd with momentum 0.9, or adam",
    "precision": "of convolutions; neurons always step in float32",
    "accelerator": "kind of device",
}
if TYPE_CHECKING:
    OptionsSection = TrainingSection
else:
    OptionsSection = section_of(ImageTrainingOptions, TrainingSection, _MEANINGS)


class ImageConfiguration(Section):
    """A whole configuration file."""

    name: str = Field(pattern=NAME, description="name of the run: lower case, digits, - and _")
    seed: int = Field(0, ge=0, description="of the weights, the order of the images and their augmentation")
    data: DataSection
    network: NetworkSection
    training: OptionsSection = OptionsSection()


@dataclass(frozen=True, kw_only=True)
class ImageRun:
    """A finished training and where its files are."""

    path: Path
    result: ImageResult


def shipped_image_configurations() -> dict[str, str]:
    """The configurations that come with excitable: name to TOML text."""
    found = [
        entry
        for entry in (files("excitable") / "configs" / "images").iterdir()
        if entry.name.endswith(".toml")
    ]
    return {
        entry.name.removesuffix(".toml"): entry.read_text("utf-8")
        for entry in sorted(found, key=lambda entry: entry.name)
    }


def parse_image_configuration(text: str, *, source: str = "configuration") -> ImageConfiguration:
    """The configuration that a TOML text describes.

    Raises:
        ConfigurationError: with every fault.
    """
    try:
        data = tomllib.loads(text)
        return ImageConfiguration.model_validate(data)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(source, [Fault(message=f"is no TOML: {error}")]) from None
    except ValidationError as error:
        raise ConfigurationError(source, faults_of(error, ImageConfiguration, data, text)) from None


def read_image_configuration(path: str) -> tuple[ImageConfiguration, str]:
    """The configuration of a file, or of a name that comes with excitable, and its text.

    Raises:
        ConfigurationError: there is no such file, or it has faults.
    """
    shipped = shipped_image_configurations()
    if not Path(path).exists() and path in shipped:
        return parse_image_configuration(shipped[path], source=f"{path}.toml (shipped)"), shipped[path]
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        hint = f"cannot be read ({error}); names that come with excitable: {', '.join(shipped)}"
        raise ConfigurationError(path, [Fault(message=hint)]) from None
    return parse_image_configuration(text, source=path), text


def image_data(name: str, folder: Path | None, *, seed: int, auto_augment: bool = False) -> ImageData:
    """The data set of a name; with AutoAugment after its own augmentation where that is asked for.

    Raises:
        DeepError: a folder is needed.
        DataError: its files are missing or damaged.
    """
    if name == "digits":
        return digits(seed=seed)
    if name == "generated":
        return generated(seed=seed)
    if folder is None:
        raise DeepError(
            f"data {name}: give the folder of its published files: --data FOLDER; nothing is downloaded"
        )
    if not auto_augment:
        return READERS[name](folder, seed=seed)
    mean, std = SCALES[name]
    changes = (*CIFAR_AUGMENTATION, AutoAugment(mean=mean, std=std))
    return READERS[name](folder, seed=seed, augmentations=changes)


def train_configured(
    configuration: ImageConfiguration, text: str, path: Path, *, data: Path | None, progress: bool = False
) -> ImageRun:
    """Train what a configuration describes into a folder, or go on from the checkpoint in it.

    The folder receives `config.toml`, `last.safetensors` (the checkpoint of the last epoch), `metrics.jsonl`,
    `model.safetensors` and `result.json`.

    Args:
        configuration: from `read_image_configuration`.
        text: its file.
        path: the run folder.
        data: folder of the data set's files.
        progress: show a bar.

    Raises:
        DeepError: the folder holds another run, or training cannot go on.
    """
    path.mkdir(parents=True, exist_ok=True)
    # further processes of one training are started by Lightning with this variable, while the first holds the lock
    own = nullcontext() if "LOCAL_RANK" in os.environ else locked(path)
    with own:
        before = path / CONFIGURATION
        if before.exists() and before.read_text(encoding="utf-8") != text:
            raise DeepError(
                f"{path}: it holds a run of another configuration; choose another folder with --run"
            )
        write_whole(before, text)
        torch.manual_seed(configuration.seed)
        images = image_data(
            configuration.data.name,
            data,
            seed=configuration.seed,
            auto_augment=configuration.data.auto_augment,
        )
        network = configuration.network.build(images)
        result = train_images(
            network,
            images,
            configuration.training.build(),
            seed=configuration.seed,
            folder=path,
            progress=progress,
        )
        weights = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
        write_whole(path / WEIGHTS, bytes_of_tensors(weights))
        summary = {"test_accuracy": result.test, "epochs": len(result.history)}
        write_whole(path / RESULT, json.dumps(summary, indent=1) + "\n")
    return ImageRun(path=path, result=result)
