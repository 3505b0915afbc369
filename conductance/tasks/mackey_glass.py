"""The Mackey-Glass series: predict a chaotic, scalar series some time ahead.

    dx/dt = beta x(t - tau) / (1 + x(t - tau)^n) - gamma x(t)

Mackey & Glass, Science 197:287-289, 1977, doi 10.1126/science.267326. Time is in the unit of the equation.
At tau = 17 the largest Lyapunov exponent is 0.0051 per time unit (measured from the tangent equation: 96 series
of 30 000 time units, 0.00512 with a standard error of 0.00003): one Lyapunov time is 195 to 200 time units.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from conductance.loading.lazy import torch
from conductance.tasks.base import TaskData
from conductance.tasks.baselines import autoregression
from conductance.tasks.delay import integrate_delay
from conductance.tasks.metrics import nrmse
from conductance.tasks.options import TaskError, check_options, option
from conductance.tasks.splits import SPLITS, Split, Standardisation

if TYPE_CHECKING:
    from torch import Tensor

Array = NDArray[np.floating]

HISTORY_MODES = 4
"""Number of cosines in a random history; several, so that no two series start near each other."""
AUTOREGRESSION_TAPS = 24
AUTOREGRESSION_SPACING = 3.0
"""Delays of the linear baseline: 0, 3, ..., 69 time units: four times tau, and more than one cycle."""


MOST_NUMBERS, MOST_STEPS = 1e8, 1e7
"""That one task may draw (a gigabyte) and that its integration may take (about ten minutes)."""


@dataclass(frozen=True, kw_only=True)
class HorizonReading:
    """One reading of a horizon that a publication gives in steps without saying how long a step is."""

    name: str
    sample_step: float
    horizon_steps: int
    meaning: str

    @property
    def options(self) -> dict[str, float | int]:
        """The two options of `MackeyGlass` that this reading sets."""
        return {"sample_step": self.sample_step, "horizon_steps": self.horizon_steps}


READINGS: Mapping[str, HorizonReading] = MappingProxyType(
    {
        reading.name: reading
        for reading in (
            HorizonReading(
                name="paper_steps",
                sample_step=0.1,
                horizon_steps=675,
                meaning="675 steps, as arXiv 2605.11835 is quoted, at dt = 0.1: 67.5 time units. "
                "The paper's dt is open; 0.1 is our choice.",
            ),
            HorizonReading(
                name="lyapunov",
                sample_step=0.29,
                horizon_steps=675,
                meaning="675 steps as one Lyapunov time, as arXiv 2605.11835 is quoted: 195.75 time units. "
                "The paper's dt is open; 0.29 makes 675 steps one Lyapunov time.",
            ),
        )
    }
)
"""The two readings of the paper's horizon: `MackeyGlass(**READINGS["lyapunov"].options)`."""


@dataclass(frozen=True, kw_only=True)
class MackeyGlass:
    """Input: the present value x(t), one sample per model step. Target: x(t + horizon). Both standardised.

    The horizon is given either in time units (`horizon`, a whole number of sample steps) or in samples
    (`horizon_steps`); with neither it is the paper's 675 samples.

    No split shares a trajectory with another: every series starts from its own random history, each split
    draws from its own child of the seed, and the first `transient` time units of each series are thrown away.

    >>> MackeyGlass(sample_step=0.5, horizon=50.0).lead
    100
    >>> MackeyGlass(**READINGS["lyapunov"].options).horizon_time
    195.75
    """

    name: ClassVar[str] = "mackey_glass"

    tau: float = option(
        17.0, lower=0, lower_open=True, upper=1e4, unit="time unit", meaning="delay", source="Mackey 1977"
    )
    beta: float = option(
        0.2,
        lower=0,
        lower_open=True,
        upper=100,
        unit="1 / time unit",
        meaning="production",
        source="Mackey 1977",
    )
    gamma: float = option(
        0.1, lower=0, lower_open=True, upper=100, unit="1 / time unit", meaning="decay", source="Mackey 1977"
    )
    n: float = option(10.0, lower=1, upper=100, meaning="exponent of the feedback", source="Mackey 1977")
    sample_step: float = option(
        0.1,
        lower=1e-3,
        upper=1e3,
        unit="time unit",
        meaning="time between samples",
        source="ours: open in arXiv 2605.11835",
    )
    horizon: float | None = option(
        None,
        lower=0,
        lower_open=True,
        optional=True,
        unit="time unit",
        meaning="how far ahead the target lies",
    )
    horizon_steps: int | None = option(
        None, lower=1, whole=True, optional=True, unit="sample", meaning="how far ahead the target lies"
    )
    series_samples: int = option(
        2000, lower=2, whole=True, unit="sample", meaning="length of a series, with warm-up"
    )
    warm_up: int = option(
        500, lower=0, whole=True, unit="sample", meaning="first samples that no error counts"
    )
    train_series: int = option(128, lower=1, whole=True, unit="series", meaning="size of the train split")
    validation_series: int = option(
        32, lower=1, whole=True, unit="series", meaning="size of the validation split"
    )
    test_series: int = option(32, lower=1, whole=True, unit="series", meaning="size of the test split")
    held_out_samples: int = option(
        5000, lower=2, whole=True, unit="sample", meaning="length of the circuit's series"
    )
    transient: float = option(
        1000.0, lower=0, upper=1e6, unit="time unit", meaning="start of a trajectory that is thrown away"
    )
    max_step: float = option(
        0.25,
        lower=1e-4,
        upper=1,
        unit="time unit",
        meaning="upper bound of the integration step",
    )

    def __post_init__(self) -> None:
        check_options(self)
        shortest = min(self.series_samples, self.held_out_samples)
        if self.warm_up > shortest - 2:
            raise TaskError(
                f"task MackeyGlass: warm_up = {self.warm_up} leaves fewer than two of {shortest} samples; "
                "shorten it, or lengthen series_samples and held_out_samples."
            )
        self._check_size()
        if self.horizon is not None and self.horizon_steps is not None:
            raise TaskError(
                f"task MackeyGlass: horizon = {self.horizon} time units and "
                f"horizon_steps = {self.horizon_steps} are both given; keep one."
            )
        if self.horizon is not None:
            steps = self.horizon / self.sample_step
            if round(steps) < 1 or abs(steps - round(steps)) > 1e-6 * steps:
                nearest = max(1, round(steps)) * self.sample_step
                raise TaskError(
                    f"task MackeyGlass: horizon = {self.horizon} is not a whole number of samples of "
                    f"{self.sample_step} time units; the nearest that is: {nearest:g}."
                )

    def _check_size(self) -> None:
        """Refuse what needs more numbers than memory holds, or more steps of integration than an hour gives."""
        series = self.train_series + self.validation_series + self.test_series
        lead = self.horizon / self.sample_step if self.horizon is not None else self.horizon_steps or 0
        longest = max(self.series_samples, self.held_out_samples) + lead
        numbers = series * (self.series_samples + lead + self.tau / self.max_step) + longest
        steps = (self.transient + longest * self.sample_step) / min(self.max_step, self.tau)
        faults = [
            f"{value:.3g} {what}, at most {bound:g}"
            for value, what, bound in (
                (numbers, "numbers in all series", MOST_NUMBERS), (steps, "steps of integration", MOST_STEPS),
                (lead, "samples of horizon", MOST_NUMBERS / 10),
            )
            if not value <= bound
        ]  # fmt: skip
        if faults:
            raise TaskError(
                f"task MackeyGlass: it asks for {' and '.join(faults)}; lower series_samples, the number of series, "
                f"horizon, transient or tau, or raise max_step or sample_step"
            )

    @property
    def error_name(self) -> str:
        """Name of the error."""
        return "nrmse"

    @property
    def lead(self) -> int:
        """The horizon in samples."""
        if self.horizon is not None:
            return round(self.horizon / self.sample_step)
        return READINGS["paper_steps"].horizon_steps if self.horizon_steps is None else self.horizon_steps

    @property
    def horizon_time(self) -> float:
        """The horizon in time units."""
        return self.lead * self.sample_step

    def right_hand_side(self, x: Array, delayed: Array) -> Array:
        """dx/dt from x(t) and x(t - tau), per time unit; any shape."""
        return self.beta * delayed / (1 + delayed**self.n) - self.gamma * x

    def trajectories(self, rng: np.random.Generator, *, series: int, samples: int) -> Array:
        """Trajectories from random histories, after the transient: x of shape (samples, series)."""
        return self._integrated([random_history(rng, series=series, delay=self.tau)], samples)

    def _integrated(self, histories: Sequence[Callable[[Array], Array]], samples: int) -> Array:
        """Trajectories from several histories side by side: one step for all costs little more than for one."""
        return integrate_delay(
            self.right_hand_side,
            delay=self.tau,
            history=lambda times: np.concatenate([history(times) for history in histories], axis=1),
            times=self.transient + self.sample_step * np.arange(samples),
            max_step=self.max_step,
        )

    def _lengths(self) -> dict[int, list[str]]:
        """The splits by the number of their samples."""
        lengths = {name: self.series_samples for name in SPLITS} | {"held_out": self.held_out_samples}
        return {samples: [n for n in SPLITS if lengths[n] == samples] for samples in lengths.values()}

    def generate(self, seed: int = 0) -> TaskData:
        """Draw all splits, as float32. See the class for what separates them."""
        sizes = dict(
            zip(SPLITS, (self.train_series, self.validation_series, self.test_series, 1), strict=True)
        )
        generators = dict(zip(SPLITS, np.random.default_rng(seed).spawn(len(SPLITS)), strict=True))
        raw: dict[str, Array] = {}
        for samples, names in self._lengths().items():
            histories = [random_history(generators[n], series=sizes[n], delay=self.tau) for n in names]
            together = self._integrated(histories, samples + self.lead)
            raw |= zip(
                names, np.split(together, np.cumsum([sizes[n] for n in names])[:-1], axis=1), strict=True
            )
        seen = raw["train"][: self.series_samples]
        scale = Standardisation(mean=float(seen.mean()), std=float(seen.std()))
        splits = {name: self._split(scale.apply(torch.from_numpy(x))) for name, x in raw.items()}
        return TaskData(
            name=self.name,
            train=splits["train"],
            validation=splits["validation"],
            test=splits["test"],
            held_out=splits["held_out"],
            scale=scale,
            sample_step=self.sample_step,
            time_unit="time unit of the Mackey-Glass equation",
            sample=f"x(t) every {self.sample_step:g} time units, one sample per model step, held in between",
            input_names=("x(t)",),
            target_names=(f"x(t + {self.horizon_time:g})",),
            seed=seed,
        )

    def error(self, prediction: Tensor, split: Split) -> float:
        """Normalised rms error over the samples after the warm-up: 1 for the mean of the target."""
        return nrmse(prediction, split.targets, split.mask)

    def baselines(self, data: TaskData, split: Split) -> Mapping[str, float]:
        """Error of the train mean, of persistence (predict x(t)), and of a linear autoregression."""
        spacing = max(1, round(AUTOREGRESSION_SPACING / self.sample_step))
        lags = [spacing * k for k in range(AUTOREGRESSION_TAPS)]
        predictions = {
            "mean": torch.zeros_like(split.targets),
            "persistence": split.inputs,
            "autoregression": autoregression(data.train, split, lags=lags),
        }
        return {name: self.error(prediction, split) for name, prediction in predictions.items()}

    def _split(self, z: Tensor) -> Split:
        """Cut standardised trajectories, shape (samples + lead, series), into inputs and targets."""
        z = z.float().unsqueeze(-1)
        inputs, targets = z[: -self.lead].contiguous(), z[self.lead :].contiguous()
        mask = torch.ones(inputs.shape[:2], dtype=torch.bool)
        mask[: self.warm_up] = False
        return Split(inputs=inputs, targets=targets, mask=mask)


def random_history(rng: np.random.Generator, *, series: int, delay: float) -> Callable[[Array], Array]:
    """Smooth positive random functions on [-delay, 0]: 0.9 plus four cosines of random amplitude and phase.

    Constant histories would not do: nearby ones separate by only e in a Lyapunov time of 200 time units, so a
    hundred of them on one line of starting values stay near each other long after the transient.

    Returns:
        times of shape (k,) -> values of shape (k, series), in the unit of x, inside (0.1, 1.7).
    """
    amplitude = rng.uniform(0, 0.2, size=(HISTORY_MODES, series))
    phase = rng.uniform(0, 2 * math.pi, size=(HISTORY_MODES, series))
    frequency = math.pi * np.arange(HISTORY_MODES) / delay

    def history(times: Array) -> Array:
        angle = frequency[:, None, None] * times[None, :, None] + phase[:, None, :]
        return 0.9 + np.sum(amplitude[:, None, :] * np.cos(angle), axis=0)

    return history
