"""Data sets that are held as one array of bytes: digits, generated images, and what files of arrays hold."""

from collections.abc import Sequence

import numpy as np
import torch

from conductance.deep.data.augment import Crop, Flip, Roll
from conductance.deep.data.base import Augmentation, DataError, ImageData, Images, split_places
from conductance.errors import extra

DIGITS_BRIGHTEST = 16.0


def images_of(
    pixels: np.ndarray,
    labels: Sequence[int],
    *,
    mean: Sequence[float],
    std: Sequence[float],
    augmentations: Sequence[Augmentation] = (),
    seed: int = 0,
) -> Images:
    """Images from an array, each channel standardised when it is read.

    Args:
        pixels: (image, channel, row, column), any numbers.
        labels: one class per image.
        mean: per channel, in the unit of the pixels.
        std: per channel, likewise.
        augmentations: of what training sees, before standardisation.
        seed: of the augmentation.
    """
    if pixels.ndim != 4 or len(pixels) != len(labels) or pixels.shape[1] != len(mean):
        raise DataError(
            f"images have shape {pixels.shape} with {len(labels)} labels and {len(mean)} means; "
            f"(image, channel, row, column), one label per image and one mean per channel are needed"
        )
    centre = torch.tensor(mean, dtype=torch.float32).view(-1, 1, 1)
    width = torch.tensor(std, dtype=torch.float32).view(-1, 1, 1)

    def read(place: int) -> torch.Tensor:
        return (torch.from_numpy(np.array(pixels[place])).float() - centre) / width

    return Images(read, labels, augmentations=augmentations, seed=seed)


def statistics(pixels: np.ndarray) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each channel of (image, channel, row, column)."""
    return pixels.mean((0, 2, 3)).tolist(), (pixels.std((0, 2, 3)) + 1e-9).tolist()


def data_of(
    name: str, pixels: np.ndarray, labels: np.ndarray, classes: Sequence[str], *, shares: Sequence[float],
    augmentations: Sequence[Augmentation], seed: int,
) -> ImageData:  # fmt: skip
    """A data set cut at random into train, validation and test by the first two's shares."""
    parts = split_places(len(labels), shares, seed)
    mean, std = statistics(pixels[parts[0]])
    splits = {
        part: images_of(
            pixels[places], labels[places].tolist(), mean=mean, std=std, seed=seed,
            augmentations=augmentations if part == "train" else (),
        )
        for part, places in zip(("train", "validation", "test"), parts, strict=True)
    }  # fmt: skip
    return ImageData(name=name, classes=tuple(classes), **splits)


def digits(*, seed: int = 0) -> ImageData:
    """The 1797 handwritten digits that come with scikit-learn, 8 x 8 pixels: 65 % train, 10 % validation, 25 % test.

    Raises:
        MissingExtra: scikit-learn is not installed.
    """
    with extra("tasks"):
        from sklearn.datasets import load_digits
    pixels, labels = load_digits(return_X_y=True)
    images = (pixels / DIGITS_BRIGHTEST).reshape(-1, 1, 8, 8)
    return data_of(
        "digits", images, labels, [str(digit) for digit in range(10)], shares=(0.65, 0.1),
        augmentations=(Crop(border=1),), seed=seed,
    )  # fmt: skip


def generated_pixels(
    images: int, *, size: int = 32, classes: int = 10, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Coloured gratings in noise, in the format of CIFAR: the class is the direction of the stripes.

    Phase, wavelength, colour and contrast vary within a class, so that no single pixel tells it.

    Returns:
        Pixels (image, 3, row, column) in bytes, and labels (image,).
    """
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, classes, images)
    row, column = np.mgrid[0:size, 0:size] / size
    angle = (labels * np.pi / classes)[:, None, None]
    wavelength = generator.uniform(0.15, 0.3, (images, 1, 1))
    phase = generator.uniform(0, 2 * np.pi, (images, 1, 1))
    wave = np.sin(2 * np.pi * (row * np.sin(angle) + column * np.cos(angle)) / wavelength + phase)
    colour = generator.uniform(20, 60, (images, 3, 1, 1)) * generator.choice([-1, 1], (images, 3, 1, 1))
    noise = generator.normal(0, 30, (images, 3, size, size))
    pixels = 128 + colour * wave[:, None] + noise
    return pixels.clip(0, 255).astype(np.uint8), labels.astype(np.int64)


def generated(images: int = 2000, *, size: int = 32, seed: int = 0) -> ImageData:
    """The generated images as a data set: 70 % train, 10 % validation, 20 % test. A flip would change classes."""
    pixels, labels = generated_pixels(images, size=size, seed=seed)
    return data_of(
        "generated", pixels, labels, [f"{18 * k} degrees" for k in range(10)], shares=(0.7, 0.1),
        augmentations=(Roll(pixels=2),), seed=seed,
    )  # fmt: skip


CIFAR_AUGMENTATION: tuple[Augmentation, ...] = (Crop(border=4), Flip())
"""A random crop with a border of 4 pixels and a random flip, as everywhere for CIFAR."""
