"""CIFAR10-DVS: recordings of an event camera of 128 x 128 pixels, one AEDAT 2.0 file for each image shown to it."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import interpolate

from conductance.deep.data.augment import Flip, Roll
from conductance.deep.data.base import DataError, ImageData, Images, split_places

PIXELS = 128
SIZE = 48
"""Rows and columns to which frames are resized, as VGG-SNN reads them."""
FRAMES = 10
RECORD = np.dtype([("address", ">u4"), ("microseconds", ">u4")])
EXTERNAL = 0x8000
"""Bit of addresses that are no pixel: the camera's own marks."""
PARTS_PER_CLASS = 0.9
"""Share of each class for training, as published: 9000 of 10000."""


def read_events(path: Path) -> np.ndarray:
    """The events of an AEDAT 2.0 file of a DVS128: fields `time` in microseconds, `row`, `column`, `polarity`.

    A header of lines that begin with #, then records of two big-endian 32-bit numbers, address and time; the address
    holds the polarity in bit 0, the column in bits 1 to 7 (counted from the right) and the row in bits 8 to 14.

    Raises:
        DataError: the file is missing, cut off inside a record, or without events.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: the file cannot be read ({error.strerror})") from None
    if not content.startswith(b"#!AER-DAT2"):
        raise DataError(f"{path}: this is no AEDAT 2.0 file (it begins with {content[:10]!r})")
    begin = 0
    while content[begin : begin + 1] == b"#":
        end = content.find(b"\n", begin)
        if end < 0:
            raise DataError(f"{path}: the file ends in its header; fetch it again")
        begin = end + 1
    if (len(content) - begin) % RECORD.itemsize:
        raise DataError(
            f"{path}: {len(content) - begin} bytes of events are no whole number of records of "
            f"{RECORD.itemsize}; the file is cut off, fetch it again"
        )
    records = np.frombuffer(content, RECORD, offset=begin)
    records = records[(records["address"] & EXTERNAL) == 0]
    if not len(records):
        raise DataError(f"{path}: it holds no events")
    address = records["address"].astype(np.int64)
    events = np.empty(
        len(records), [("time", np.int64), ("row", np.int64), ("column", np.int64), ("polarity", np.int64)]
    )
    events["time"] = records["microseconds"]
    events["row"] = (address >> 8) & 0x7F
    events["column"] = PIXELS - 1 - ((address >> 1) & 0x7F)
    events["polarity"] = address & 1
    return events


def frames_of(events: np.ndarray, *, frames: int = FRAMES, size: int = SIZE) -> torch.Tensor:
    """Counts of events (frame, polarity, row, column) at another resolution; every frame has equally many events."""
    counts = np.zeros((frames, 2, PIXELS, PIXELS), np.float32)
    edges = np.linspace(0, len(events), frames + 1).astype(int)
    for frame, (begin, end) in enumerate(pairwise(edges)):
        part = events[begin:end]
        np.add.at(counts[frame], (part["polarity"], part["row"], part["column"]), 1)
    return interpolate(torch.from_numpy(counts), (size, size), mode="bilinear", antialias=True)


def cifar10_dvs(
    folder: Path, *, frames: int = FRAMES, size: int = SIZE, validation_share: float = 0.05, seed: int = 0
) -> ImageData:
    """CIFAR10-DVS from `CLASS/*.aedat`: nine tenths of each class for training, flipped and rolled by up to 5 pixels.

    Raises:
        DataError: there are no files, or one is damaged (when it is read).
    """
    classes = sorted(entry.name for entry in folder.iterdir() if entry.is_dir()) if folder.is_dir() else []
    train: list[tuple[Path, int]] = []
    test: list[tuple[Path, int]] = []
    for label, name in enumerate(classes):
        paths = sorted((folder / name).glob("*.aedat"))
        cut = round(PARTS_PER_CLASS * len(paths))
        train += [(path, label) for path in paths[:cut]]
        test += [(path, label) for path in paths[cut:]]
    if not train or not test:
        raise DataError(f"{folder}: it holds no .aedat files in folders of classes, at least two each")
    held, kept = split_places(len(train), (validation_share,), seed)

    def part(entries: list[tuple[Path, int]], changes: tuple = ()) -> Images:
        def read(place: int) -> torch.Tensor:
            return frames_of(read_events(entries[place][0]), frames=frames, size=size)

        return Images(read, [label for _, label in entries], augmentations=changes, seed=seed)

    return ImageData(
        name="cifar10_dvs",
        train=part([train[place] for place in kept], (Flip(), Roll(pixels=5))),
        validation=part([train[place] for place in held]),
        test=part(test),
        classes=tuple(classes),
    )
