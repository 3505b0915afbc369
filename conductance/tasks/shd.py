"""Spiking Heidelberg Digits, and every data set in its files: spoken digits as spikes of 700 channels, in HDF5.

Cramer, Stradmann, Schemmel, Zenke, "The Heidelberg Spiking Data Sets", IEEE TNNLS 33, 2744 (2022), arXiv 1910.07407.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from conductance.errors import extra
from conductance.loading.lazy import Deferred, torch
from conductance.tasks.events import EventData, EventSplit
from conductance.tasks.options import TaskError, check_options, option, required

if TYPE_CHECKING:
    from conductance.events.spikes import Spikes
else:
    Spikes = Deferred("conductance.events.spikes", "Spikes")

FILES = {"train": "shd_train.h5", "test": "shd_test.h5"}
CHANNELS = 700
CLASSES = tuple(f"{language} {digit}" for language in ("English", "German") for digit in range(10))
MILLISECONDS = 1e3


@dataclass(frozen=True, kw_only=True)
class SpikingHeidelbergDigits:
    """Classify spoken digits, ten English and ten German, by the spikes of a model of the inner ear.

    Attributes:
        folder: holds `shd_train.h5` and `shd_test.h5`. Nothing is downloaded.
    """

    name: ClassVar[str] = "shd"

    folder: str = required("folder that holds shd_train.h5 and shd_test.h5; nothing is downloaded")
    tau_ms: float = option(
        20.0, lower=0.0, lower_open=True, unit="ms", meaning="duration of the neurons' tau"
    )
    duration_ms: float = option(
        1400.0,
        lower=0.0,
        lower_open=True,
        unit="ms",
        meaning="duration of a trial; longer recordings are refused",
    )
    merged_channels: int = option(
        1, lower=1, upper=CHANNELS, whole=True, meaning="neighbouring channels that share an input"
    )
    validation_share: float = option(
        0.1,
        lower=0.0,
        lower_open=True,
        upper=0.9,
        meaning="share of the training file that becomes the validation split",
    )

    def __post_init__(self) -> None:
        check_options(self)

    def generate(self, seed: int = 0) -> EventData:
        """Read all splits, in float64; the seed decides which training samples are for validation.

        Raises:
            TaskError: a file is missing or not in this format.
        """
        trains, labels = self._read("train")
        order = np.random.default_rng(seed).permutation(len(trains))
        cut = max(1, round(self.validation_share * len(trains)))
        return EventData(
            name=self.name,
            train=self._split(trains, labels, order[cut:]),
            validation=self._split(trains, labels, order[:cut]),
            test=self._split(*(test := self._read("test")), np.arange(len(test[0]))),
            classes=CLASSES,
            time_unit=f"tau = {self.tau_ms:g} ms",
            encoding=f"recorded spikes, {self.merged_channels} channels per input",
            seed=seed,
        )

    def _read(self, part: str) -> tuple[list[tuple[np.ndarray, np.ndarray]], np.ndarray]:
        """Every sample's times in s and channels, and all labels."""
        path = Path(self.folder) / FILES[part]
        if not path.exists():
            raise TaskError(f"task {self.name}: {path} does not exist; put the file there.")
        with extra("tasks"):
            import h5py
        try:
            with h5py.File(path, "r") as file:
                times, units = list(file["spikes/times"]), list(file["spikes/units"])
                labels = np.asarray(file["labels"])
        except (OSError, KeyError) as error:
            raise TaskError(
                f"task {self.name}: {path} is not a file of this data set ({error}); it must hold "
                "spikes/times, spikes/units and labels."
            ) from None
        fits = len(times) == len(units) == len(labels)
        if not fits or any(len(time) != len(unit) for time, unit in zip(times, units, strict=True)):
            raise TaskError(f"task {self.name}: {path} has times, units and labels of different length.")
        return list(zip(times, units, strict=True)), labels

    def _split(
        self, trains: list[tuple[np.ndarray, np.ndarray]], labels: np.ndarray, index: np.ndarray
    ) -> EventSplit:
        end = self.duration_ms / self.tau_ms
        length = max((len(trains[sample][0]) for sample in index), default=0)
        times = torch.full((length, len(index)), end, dtype=torch.float64)
        neurons = torch.zeros(length, len(index), dtype=torch.long)
        mask = torch.zeros(length, len(index), dtype=torch.bool)
        for trial, sample in enumerate(index):
            seconds, units = (np.asarray(values) for values in trains[sample])
            order = np.argsort(seconds, kind="stable")
            count = len(order)
            scaled = seconds[order].astype(np.float64) * MILLISECONDS / self.tau_ms
            times[:count, trial] = torch.from_numpy(scaled)
            neurons[:count, trial] = torch.from_numpy(units[order].astype(np.int64) // self.merged_channels)
            mask[:count, trial] = True
        spikes = Spikes(
            times=times, neurons=neurons, mask=mask, size=-(-CHANNELS // self.merged_channels), end=end
        )
        spikes.check()
        return EventSplit(spikes=spikes, labels=torch.from_numpy(labels[index].astype(np.int64)))
