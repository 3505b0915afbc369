"""The 1797 handwritten digits that come with scikit-learn (8 by 8 pixels, UCI), one spike per pixel in latency code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from conductance.errors import extra
from conductance.loading.lazy import Deferred, torch
from conductance.tasks.events import EVENT_SPLITS, EventData, EventSplit, latency_code
from conductance.tasks.options import check_options, option

if TYPE_CHECKING:
    from conductance.events.spikes import Spikes
else:
    Spikes = Deferred("conductance.events.spikes", "Spikes")

DIGITS = tuple(str(digit) for digit in range(10))
BRIGHTEST = 16.0


@dataclass(frozen=True, kw_only=True)
class Digits:
    """Classify handwritten digits by 64 latencies: brighter pixels spike earlier, dark ones not at all."""

    name: ClassVar[str] = "digits"

    validation_samples: int = option(
        300, lower=1, upper=800, whole=True, meaning="samples of the validation split"
    )
    test_samples: int = option(300, lower=1, upper=800, whole=True, meaning="samples of the test split")
    early: float = option(0.0, lower=0.0, unit="tau", meaning="spike time of the brightest pixel")
    late: float = option(2.0, lower=0.0, unit="tau", meaning="spike time of a pixel that is almost dark")
    end: float = option(4.0, lower=0.0, lower_open=True, unit="tau", meaning="duration of a trial")

    copies: int = option(
        0, lower=0, upper=1000, whole=True, meaning="noisy copies of every sample of the train split; ours"
    )
    jitter: float = option(
        0.0, lower=0.0, unit="tau", meaning="standard deviation of the spike times of noisy copies; ours"
    )

    def __post_init__(self) -> None:
        check_options(self)

    def generate(self, seed: int = 0) -> EventData:
        """Split the digits at random, in float64; the seed decides which are for testing.

        Raises:
            MissingExtra: scikit-learn is not installed.
        """
        with extra("tasks"):
            from sklearn.datasets import load_digits
        pixels, labels = load_digits(return_X_y=True)
        order = np.random.default_rng(seed).permutation(len(labels))
        held = self.validation_samples, self.validation_samples + self.test_samples
        parts = dict(
            zip(EVENT_SPLITS, (order[held[1] :], order[: held[0]], order[held[0] : held[1]]), strict=True)
        )
        splits = {
            name: EventSplit(
                spikes=latency_code(
                    torch.from_numpy(pixels[index] / BRIGHTEST),
                    early=self.early, late=self.late, end=self.end, silent_below=0.0,
                ),
                labels=torch.from_numpy(labels[index].astype(np.int64)),
            )
            for name, index in parts.items()
        }  # fmt: skip
        if self.copies:
            splits["train"] = self._with_copies(splits["train"], seed)
        return EventData(
            name=self.name,
            **splits,
            classes=DIGITS,
            time_unit="tau",
            encoding=f"brightness v in (0, 1] to {self.late:g} - v {self.late - self.early:g}, dark pixels silent",
            seed=seed,
        )

    def _with_copies(self, split: EventSplit, seed: int) -> EventSplit:
        """The split and its noisy copies; no spike is lost, and times stay inside the trial."""
        random = torch.Generator().manual_seed(seed)
        latencies = split.spikes.first().masked_fill(split.spikes.counts() == 0, torch.inf)
        latest = self.end * (1 - 1e-9)
        parts = [latencies]
        for _ in range(self.copies):
            noise = torch.randn(latencies.shape, generator=random, dtype=latencies.dtype)
            moved = (latencies + self.jitter * noise).clamp(0.0, latest)
            parts.append(moved.masked_fill(latencies.isinf(), torch.inf))
        return EventSplit(
            spikes=Spikes.of_latencies(torch.cat(parts), end=self.end),
            labels=split.labels.repeat(self.copies + 1),
        )
