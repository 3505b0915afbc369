"""Images with labels, their augmentation, and the order in which training sees them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch.utils.data import Dataset, Sampler

from conductance.errors import ExcitableError

Key = tuple[int, int]
"""Epoch and place of an image: together with the seed they decide its augmentation."""


class DataError(ExcitableError):
    """A data set's file or shape is not what it should be."""


class Augmentation(Protocol):
    """A random change of one image (or of frames), drawn from a generator."""

    def __call__(self, image: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """The changed image; its shape may change, but to one for all."""


class Images(Dataset):
    """Images with labels by place.

    Args:
        read: from a place to the image, (channel, row, column) or (time, channel, row, column), in float32.
        labels: one class per image.
        augmentations: applied in order to what training sees.
        seed: of the augmentation.
    """

    def __init__(
        self,
        read: Callable[[int], torch.Tensor],
        labels: Sequence[int],
        *,
        augmentations: Sequence[Augmentation] = (),
        seed: int = 0,
    ) -> None:
        self.read, self.labels = read, [int(label) for label in labels]
        self.augmentations, self.seed = tuple(augmentations), seed

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, key: int | Key) -> tuple[torch.Tensor, int]:
        epoch, place = key if isinstance(key, tuple) else (0, key)
        image = self.read(place)
        if self.augmentations:
            # one stream for each image and epoch, so that neither order nor number of workers matters
            stream = hash((self.seed, epoch, place)) % 2**62
            generator = torch.Generator().manual_seed(stream)
            for augmentation in self.augmentations:
                image = augmentation(image, generator)
        return image, self.labels[place]


@dataclass(frozen=True, kw_only=True)
class ImageData:
    """A data set: what is trained on, selected by, and reported on."""

    name: str
    train: Images
    validation: Images
    test: Images
    classes: tuple[str, ...]

    def __post_init__(self) -> None:
        for name in ("train", "validation", "test"):
            labels = getattr(self, name).labels
            if not labels:
                raise DataError(f"data {self.name}: the {name} split is empty")
            if not 0 <= min(labels) <= max(labels) < len(self.classes):
                raise DataError(
                    f"data {self.name}: labels of the {name} split lie in [{min(labels)}, {max(labels)}], "
                    f"but there are {len(self.classes)} classes"
                )


class EpochSampler(Sampler[Key]):
    """The images of one process in the order of one epoch: a function of seed and epoch alone.

    Args:
        size: number of images.
        seed: of the order.
        rank: number of this process.
        processes: how many share the images.
    """

    def __init__(self, size: int, *, seed: int, rank: int = 0, processes: int = 1) -> None:
        self.size, self.seed, self.rank, self.processes, self.epoch = size, seed, rank, processes, 0

    def set_epoch(self, epoch: int) -> None:
        """Begin this epoch; Lightning calls it."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.size // self.processes

    def __iter__(self) -> Iterator[Key]:
        generator = torch.Generator().manual_seed(hash((self.seed, self.epoch)) % 2**62)
        order = torch.randperm(self.size, generator=generator).tolist()
        own = order[self.rank :: self.processes][: len(self)]
        return iter([(self.epoch, place) for place in own])


def collate(samples: Sequence[tuple[torch.Tensor, int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Images (batch, channel, row, column), or frames (time, batch, channel, row, column), and labels (batch,)."""
    images = torch.stack([image for image, _ in samples])
    labels = torch.tensor([label for _, label in samples])
    return images.transpose(0, 1) if images.dim() == 5 else images, labels


def split_places(size: int, shares: Sequence[float], seed: int) -> tuple[list[int], ...]:
    """Places 0 to size - 1 in random order, cut after these shares; the last part is what is left."""
    order = torch.randperm(size, generator=torch.Generator().manual_seed(seed)).tolist()
    ends = [round(size * sum(shares[: count + 1])) for count in range(len(shares))]
    return tuple(order[begin:end] for begin, end in zip([0, *ends], [*ends, size], strict=True))
