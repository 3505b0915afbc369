"""CIFAR-10, CIFAR-100, MNIST and ImageNet from their files as published. Nothing is downloaded.

What is called test is what the publications report on: the test batch, or ImageNet's validation folder. The
validation split is held back from the training images.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from conductance.deep.data.arrays import CIFAR_AUGMENTATION, images_of
from conductance.deep.data.augment import Crop, Flip, ResizedCrop, centre
from conductance.deep.data.base import Augmentation, DataError, ImageData, Images, split_places
from conductance.deep.data.pickled import read_pickled
from conductance.errors import extra
from conductance.tasks.mnist import FILES as MNIST_FILES
from conductance.tasks.mnist import read_idx

CIFAR_SHAPE = (3, 32, 32)
CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
CIFAR10_SCALE = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
CIFAR100_SCALE = (0.5071, 0.4866, 0.4409), (0.2673, 0.2564, 0.2762)
MNIST_SCALE = (0.1307,), (0.3081,)
IMAGENET_SCALE = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Mean and standard deviation of each channel, with brightness from 0 to 1; of the training images, widely used."""
BRIGHTEST = 255.0
IMAGENET_SIZE, IMAGENET_SHORTER = 224, 256
SUFFIXES = {".jpeg", ".jpg", ".png"}


def cifar10(
    folder: Path, *, validation_share: float = 0.1, seed: int = 0,
    augmentations: Sequence[Augmentation] = CIFAR_AUGMENTATION,
) -> ImageData:  # fmt: skip
    """CIFAR-10 from `data_batch_1` to `data_batch_5` and `test_batch` (the python version).

    Raises:
        DataError: a file is missing, cut off, or does not hold 32 x 32 colour images with labels.
    """
    batches = [_cifar_batch(folder / f"data_batch_{number}", "labels", 10) for number in range(1, 6)]
    train = (
        np.concatenate([pixels for pixels, _ in batches]),
        np.concatenate([labels for _, labels in batches]),
    )
    test = _cifar_batch(folder / "test_batch", "labels", 10)
    return _of_arrays(
        "cifar10", train, test, CIFAR10_CLASSES, CIFAR10_SCALE, augmentations, validation_share, seed
    )


def cifar100(
    folder: Path, *, validation_share: float = 0.1, seed: int = 0,
    augmentations: Sequence[Augmentation] = CIFAR_AUGMENTATION,
) -> ImageData:  # fmt: skip
    """CIFAR-100, with its 100 fine classes, from `train` and `test` (the python version).

    Raises:
        DataError: as for `cifar10`.
    """
    train, test = (_cifar_batch(folder / name, "fine_labels", 100) for name in ("train", "test"))
    classes = [str(number) for number in range(100)]
    return _of_arrays("cifar100", train, test, classes, CIFAR100_SCALE, augmentations, validation_share, seed)


def mnist(folder: Path, *, validation_share: float = 0.1, seed: int = 0) -> ImageData:
    """MNIST from its four IDX files, plain or with `.gz`.

    Raises:
        TaskError: a file is missing or damaged.
        DataError: images and labels do not fit.
    """
    train, test = (
        (read_idx(folder / images)[:, None], read_idx(folder / labels).astype(np.int64))
        for images, labels in (MNIST_FILES["train"], MNIST_FILES["test"])
    )
    classes = [str(digit) for digit in range(10)]
    return _of_arrays("mnist", train, test, classes, MNIST_SCALE, (Crop(border=2),), validation_share, seed)


def _cifar_batch(path: Path, key: str, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Pixels (image, 3, 32, 32) and labels (image,) of one file."""
    batch = read_pickled(path)
    pixels, labels = batch.get("data"), batch.get(key)
    width = int(np.prod(CIFAR_SHAPE))
    if not isinstance(pixels, np.ndarray) or pixels.ndim != 2 or pixels.shape[1] != width:
        shape = pixels.shape if isinstance(pixels, np.ndarray) else type(pixels).__name__
        raise DataError(f"{path}: its data are {shape}; unsigned bytes (image, {width}) are needed")
    if not isinstance(labels, list) or len(labels) != len(pixels):
        count = len(labels) if isinstance(labels, list) else "no"
        raise DataError(f"{path}: {count} {key} for {len(pixels)} images; one each is needed")
    if not all(isinstance(label, int) and 0 <= label < classes for label in labels):
        raise DataError(f"{path}: {key} must be whole numbers from 0 to {classes - 1}")
    return pixels.reshape(-1, *CIFAR_SHAPE), np.array(labels, np.int64)


def _of_arrays(
    name: str, train: tuple[np.ndarray, np.ndarray], test: tuple[np.ndarray, np.ndarray], classes: Sequence[str],
    scale: tuple[Sequence[float], Sequence[float]], augmentations: Sequence[Augmentation], share: float, seed: int,
) -> ImageData:  # fmt: skip
    mean, std = ([BRIGHTEST * value for value in values] for values in scale)
    held, kept = split_places(len(train[1]), (share,), seed)

    def part(pixels: np.ndarray, labels: np.ndarray, changes: Sequence[Augmentation] = ()) -> Images:
        return images_of(pixels, labels.tolist(), mean=mean, std=std, augmentations=changes, seed=seed)

    return ImageData(
        name=name,
        train=part(train[0][kept], train[1][kept], augmentations),
        validation=part(train[0][held], train[1][held]),
        test=part(*test),
        classes=tuple(classes),
    )


def imagenet(folder: Path, *, validation_share: float = 0.01, seed: int = 0) -> ImageData:
    """ImageNet from `train/CLASS/*.JPEG` and `val/CLASS/*.JPEG`; images are read when they are asked for.

    Raises:
        DataError: a folder is missing, or the two have not the same classes.
    """
    classes, train = _folder(folder / "train")
    known, test = _folder(folder / "val")
    if classes != known:
        raise DataError(
            f"{folder}: train has {len(classes)} classes and val {len(known)}, and they must be the same; "
            f"sort the validation images into folders of their classes"
        )
    held, kept = split_places(len(train), (validation_share,), seed)
    size = IMAGENET_SIZE

    def part(entries: list[tuple[Path, int]], changes: Sequence[Augmentation]) -> Images:
        def read(place: int) -> torch.Tensor:
            image = _decoded(entries[place][0])
            return image if changes else centre(image, size, IMAGENET_SHORTER)

        return Images(read, [label for _, label in entries], augmentations=changes, seed=seed)

    changes = (ResizedCrop(size=size), Flip())
    return ImageData(
        name="imagenet",
        train=part([train[place] for place in kept], changes),
        validation=part([train[place] for place in held], ()),
        test=part(test, ()),
        classes=classes,
    )


def _folder(folder: Path) -> tuple[tuple[str, ...], list[tuple[Path, int]]]:
    """Classes in the order of their names, and every image with its label."""
    if not folder.is_dir():
        raise DataError(f"{folder}: there is no such folder; it must hold one folder of images per class")
    classes = sorted(entry.name for entry in folder.iterdir() if entry.is_dir())
    entries = [
        (path, label)
        for label, name in enumerate(classes)
        for path in sorted((folder / name).iterdir())
        if path.suffix.lower() in SUFFIXES
    ]
    if not entries:
        raise DataError(f"{folder}: it holds no images in folders of classes")
    return tuple(classes), entries


def _decoded(path: Path) -> torch.Tensor:
    """An image (3, row, column), standardised."""
    with extra("images"):
        from PIL import Image

    try:
        with Image.open(path) as opened:
            pixels = np.array(opened.convert("RGB"), np.float32) / BRIGHTEST
    except (OSError, SyntaxError, ValueError) as error:
        raise DataError(f"{path}: the image is damaged ({error}); fetch it again") from None
    mean, std = (np.array(values, np.float32) for values in IMAGENET_SCALE)
    return torch.from_numpy((pixels - mean) / std).permute(2, 0, 1).contiguous()
