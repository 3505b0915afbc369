"""Yin-Yang: three classes of points in a disc, which a network without a hidden layer cannot tell apart.

Kriener, Göltz, Petrovici, "The Yin-Yang dataset", NICE 2022, arXiv 2102.08211. Drawn as there: a class is drawn, then
points of the disc until one has this class. A point (x, y) spikes at four inputs, (x, y, 1 - x, 1 - y), and a fifth
input spikes at a fixed time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from conductance.loading.lazy import Deferred, torch
from conductance.tasks.events import EVENT_SPLITS, EventData, EventSplit
from conductance.tasks.options import TaskError, check_options, option

if TYPE_CHECKING:
    from conductance.events.spikes import Spikes
else:
    Spikes = Deferred("conductance.events.spikes", "Spikes")

CLASSES = ("yin", "yang", "dot")
PUBLISHED_SEEDS = {"train": 42, "validation": 41, "test": 40}
"""Seeds of the published splits, those of `generate(seed=0)`."""
SEED_STEP = 1000

MOST = 10**7
"""Samples of a split: a gigabyte."""
SMALLEST_DOT = 0.01
"""Smallest radius of a dot, in radii of the disc: one of 6000 points falls into one."""


@dataclass(frozen=True, kw_only=True)
class YinYang:
    """The Yin-Yang task in latency code: an input with value v in [0, 1] spikes at early + v (late - early)."""

    name: ClassVar[str] = "yin_yang"

    train_samples: int = option(
        5000, lower=1, upper=MOST, whole=True, meaning="samples of the train split", source="arXiv 2102.08211"
    )
    validation_samples: int = option(
        1000, lower=1, upper=MOST, whole=True, meaning="samples of the validation split"
    )
    test_samples: int = option(1000, lower=1, upper=MOST, whole=True, meaning="samples of the test split")
    radius: float = option(
        0.5, lower=1e-3, upper=1e3, meaning="radius of the disc", source="arXiv 2102.08211"
    )
    dot_radius: float = option(
        0.1, lower=0.0, lower_open=True, meaning="radius of a dot", source="arXiv 2102.08211"
    )
    early: float = option(
        0.15, lower=0.0, unit="tau", meaning="spike time of value 0", source="arXiv 1912.11443"
    )
    late: float = option(
        2.0, lower=0.0, unit="tau", meaning="spike time of value 1", source="arXiv 1912.11443"
    )
    bias: float = option(
        0.9, lower=0.0, unit="tau", meaning="time of the bias spike", source="arXiv 1912.11443"
    )
    end: float = option(4.0, lower=0.0, lower_open=True, unit="tau", meaning="duration of a trial")

    def __post_init__(self) -> None:
        check_options(self)
        if not (self.early < self.late < self.end and self.bias < self.end):
            raise TaskError(
                f"task {self.name}: early = {self.early:g} < late = {self.late:g} < end = {self.end:g} and "
                f"bias = {self.bias:g} < end must hold."
            )
        if not self.dot_radius < self.radius / 2:
            raise TaskError(f"task {self.name}: dot_radius must be below half of radius.")
        if not self.dot_radius >= SMALLEST_DOT * self.radius:
            raise TaskError(
                f"task {self.name}: dot_radius = {self.dot_radius:g} must be at least {SMALLEST_DOT:g} of radius: "
                f"points are drawn until one falls into the dots"
            )

    def generate(self, seed: int = 0) -> EventData:
        """Draw all splits, in float64; seed 0 draws with the published seeds."""
        sizes = (self.train_samples, self.validation_samples, self.test_samples)
        splits = {
            split: self._split(size, (PUBLISHED_SEEDS[split] + SEED_STEP * seed) % 2**32)
            for split, size in zip(EVENT_SPLITS, sizes, strict=True)
        }
        return EventData(
            name=self.name,
            **splits,
            classes=CLASSES,
            time_unit="tau",
            encoding=f"(x, y, 1 - x, 1 - y) to {self.early:g} + v {self.late - self.early:g}, "
            f"and a bias spike at {self.bias:g}",
            seed=seed,
        )

    def label(self, x: float, y: float) -> int:
        """Class of a point in [0, 2 radius]^2: 0 yin, 1 yang, 2 dot."""
        middle = self.radius
        right = math.hypot(x - 1.5 * self.radius, y - middle)
        left = math.hypot(x - 0.5 * self.radius, y - middle)
        if right < self.dot_radius or left < self.dot_radius:
            return 2
        in_left_half_disc = left <= 0.5 * self.radius
        above = y > middle and right > 0.5 * self.radius
        return int(in_left_half_disc or above)

    def points(self, size: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Points (size, 2) and classes (size,), drawn as published."""
        # the published draw uses this generator
        random = np.random.RandomState(seed)
        points, labels = np.empty((size, 2)), np.empty(size, dtype=np.int64)
        for index in range(size):
            wanted = random.randint(3)
            while True:
                x, y = random.rand(2) * 2 * self.radius
                inside = math.hypot(x - self.radius, y - self.radius) <= self.radius
                if inside and self.label(x, y) == wanted:
                    break
            points[index], labels[index] = (x, y), wanted
        return points, labels

    def _split(self, size: int, seed: int) -> EventSplit:
        points, labels = self.points(size, seed)
        values = torch.from_numpy(np.concatenate([points, 1 - points], axis=1))
        times = self.early + values * (self.late - self.early)
        bias = torch.full((size, 1), self.bias, dtype=times.dtype)
        spikes = Spikes.of_latencies(torch.cat([times, bias], 1), end=self.end)
        return EventSplit(spikes=spikes, labels=torch.from_numpy(labels))
