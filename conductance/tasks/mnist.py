"""MNIST and every data set in its files: images and labels in IDX format, one spike per pixel in latency code."""

from __future__ import annotations

import gzip
import math
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from conductance.loading.lazy import torch
from conductance.tasks.events import EventData, EventSplit, latency_code
from conductance.tasks.options import TaskError, check_options, option, required

FILES = {"train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
         "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")}  # fmt: skip
UNSIGNED_BYTE = 8
BRIGHTEST = 255.0


@dataclass(frozen=True, kw_only=True)
class Mnist:
    """Classify images by their latencies: brighter pixels spike earlier, those below `dark` not at all.

    Attributes:
        folder: holds the four files `train-images-idx3-ubyte`, ..., plain or with `.gz`. Nothing is downloaded.
    """

    name: ClassVar[str] = "mnist"

    folder: str = required(
        "folder that holds the four files train-images-idx3-ubyte, ..., plain or with .gz; nothing is downloaded"
    )
    validation_samples: int = option(
        5000,
        lower=1,
        whole=True,
        meaning="last samples of the training file that become the validation split",
    )
    train_samples: int = option(
        0,
        lower=0,
        whole=True,
        meaning="first samples of the training file to train on; 0 takes all but validation",
    )
    dark: float = option(0.2, lower=0.0, upper=1.0, meaning="brightness up to which a pixel is silent")
    levels: int = option(
        0,
        lower=0,
        whole=True,
        meaning="equal steps of brightness above `dark`, each with one spike time; 0 keeps the 256 of the file",
    )
    early: float = option(0.0, lower=0.0, unit="tau", meaning="spike time of the brightest pixel")
    late: float = option(2.0, lower=0.0, unit="tau", meaning="spike time of the darkest pixel that spikes")
    end: float = option(4.0, lower=0.0, lower_open=True, unit="tau", meaning="duration of a trial")

    def __post_init__(self) -> None:
        check_options(self)

    def generate(self, seed: int = 0) -> EventData:
        """Read all splits, in float64; the seed has no influence, since the files are split already.

        Raises:
            TaskError: a file is missing, damaged or does not fit its partner.
        """
        images, labels = self._read("train")
        cut = len(labels) - self.validation_samples
        if cut < 1:
            raise TaskError(
                f"task {self.name}: validation_samples = {self.validation_samples} leaves nothing of the "
                f"{len(labels)} training images; lower it."
            )
        if self.train_samples > cut:
            raise TaskError(
                f"task {self.name}: train_samples = {self.train_samples}, but {cut} are left beside "
                f"{self.validation_samples} for validation; lower one."
            )
        kept = self.train_samples or cut
        return EventData(
            name=self.name,
            train=self._split(images[:kept], labels[:kept]),
            validation=self._split(images[cut:], labels[cut:]),
            test=self._split(*self._read("test")),
            classes=tuple(str(digit) for digit in range(10)),
            time_unit="tau",
            encoding=f"brightness v above {self.dark:g} to {self.late:g} - v {self.late - self.early:g}, others silent"
            + (f", in {self.levels} levels" if self.levels else ""),
            seed=seed,
        )

    def _read(self, part: str) -> tuple[np.ndarray, np.ndarray]:
        images, labels = (read_idx(Path(self.folder) / name) for name in FILES[part])
        if images.ndim != 3 or labels.ndim != 1 or len(images) != len(labels):
            raise TaskError(
                f"task {self.name}, {part}: images have shape {images.shape} and labels {labels.shape}; "
                "(sample, row, column) and (sample,) of one length are needed."
            )
        return images, labels

    def _stepped(self, brightness: np.ndarray) -> np.ndarray:
        """Brightness above `dark` as the middle of its level."""
        if self.levels == 0:
            return brightness
        width = (1 - self.dark) / self.levels
        level = np.minimum((brightness - self.dark) // width, self.levels - 1)
        return np.where(brightness > self.dark, self.dark + (level + 0.5) * width, brightness)

    def _split(self, images: np.ndarray, labels: np.ndarray) -> EventSplit:
        values = torch.from_numpy(self._stepped(images.reshape(len(images), -1) / BRIGHTEST))
        spikes = latency_code(values, early=self.early, late=self.late, end=self.end, silent_below=self.dark)
        return EventSplit(spikes=spikes, labels=torch.from_numpy(labels.astype(np.int64)))


def read_idx(path: Path) -> np.ndarray:
    """The array of unsigned bytes in an IDX file, or in the same file with `.gz` behind its name.

    The format: two zero bytes, the type (8: unsigned byte), the number of axes, each length as a big-endian 32-bit
    number, then the values in C order (yann.lecun.com/exdb/mnist).

    Raises:
        TaskError: the file is missing, not of this type, or not of the length that its head promises.
    """
    packed = path.with_name(path.name + ".gz")
    try:
        content = path.read_bytes() if path.exists() else gzip.decompress(packed.read_bytes())
    except FileNotFoundError:
        raise TaskError(
            f"{path}: there is no such file, nor {packed.name}; put the IDX file there."
        ) from None
    except (OSError, EOFError) as error:
        raise TaskError(f"{path}: the file cannot be read ({error}); fetch it again.") from None
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != UNSIGNED_BYTE:
        raise TaskError(
            f"{path}: this is not an IDX file of unsigned bytes (it begins with {content[:4].hex()})."
        )
    axes = content[3]
    begin = 4 + 4 * axes
    if len(content) < begin:
        raise TaskError(f"{path}: the file ends in its head; fetch it again.")
    shape = tuple(int(length) for length in np.frombuffer(content, ">u4", count=axes, offset=4))
    if len(content) - begin != math.prod(shape):
        raise TaskError(
            f"{path}: {len(content) - begin} values follow a head that promises {math.prod(shape)} "
            f"({' x '.join(map(str, shape))}); fetch it again."
        )
    return np.frombuffer(content, np.uint8, offset=begin).reshape(shape)
