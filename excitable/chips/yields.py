"""The yield of a sweep: which share of chips still does its task."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest

RATIO = 1.5
"""A chip is good whose circuit's task error stays within this many times that of the design's own circuit: built at the
same level, without mismatch, at the design's corner, temperature and supply."""
CONFIDENCE = 0.95


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One chip under one set of conditions; see `judge_chip`."""

    chip: int | None
    corner: str
    temperature: float
    supply: float
    level: str
    model_error: float | None
    circuit_error: float | None
    reason: str
    seconds: float

    @property
    def conditions(self) -> tuple[str, float, float]:
        """Corner, temperature, supply."""
        return self.corner, self.temperature, self.supply


@dataclass(frozen=True, kw_only=True)
class Yield:
    """How many chips are good under one set of conditions.

    Attributes:
        corner, temperature, supply: the conditions; empty and None for all of them: a good chip is good in each.
        chips: how many there are. One chip under several conditions is one, since what it does there is not
            independent.
        good: whose task error stays within the limit.
        failed: that could not be simulated; they are not good.
        lower, upper: bounds of the share, at 95 % (Wilson).
        median_ratio: median task error over the nominal one, of those that were simulated.
    """

    corner: str
    temperature: float | None
    supply: float | None
    chips: int
    good: int
    failed: int
    lower: float
    upper: float
    median_ratio: float | None

    @property
    def share(self) -> float:
        """The yield."""
        return self.good / self.chips


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """All chips of a sweep.

    Attributes:
        level: of the circuits.
        mismatch: as it was asked for.
        samples: length of the held-out stretch.
        error_name: of the task error.
        nominal: the design itself.
        chips: every chip under every set of conditions.
    """

    level: str
    mismatch: str
    samples: int
    error_name: str
    nominal: Judged
    chips: tuple[Judged, ...]

    @property
    def limit(self) -> float:
        """The largest task error of a good chip."""
        return RATIO * (self.nominal.circuit_error or 0.0)

    @property
    def yields(self) -> tuple[Yield, ...]:
        """The yield over all conditions, each chip at its worst, and under each set where there are several."""
        groups: dict[tuple[str, float, float], list[Judged]] = {}
        for chip in self.chips:
            groups.setdefault(chip.conditions, []).append(chip)
        rows = [self._yield(self.at_worst, "", None, None)]
        if len(groups) > 1:
            rows += [self._yield(chips, *place) for place, chips in groups.items()]
        return tuple(rows)

    @property
    def at_worst(self) -> tuple[Judged, ...]:
        """Every chip once, under the conditions where it is worst."""
        found: dict[int | None, Judged] = {}
        for chip in self.worst:
            found.setdefault(chip.chip, chip)
        return tuple(found.values())

    @property
    def worst(self) -> tuple[Judged, ...]:
        """Chips under each of their conditions, from the worst on; what failed comes first."""
        return tuple(
            sorted(
                self.chips, key=lambda c: np.inf if c.circuit_error is None else c.circuit_error, reverse=True
            )
        )

    @property
    def correlation(self) -> float | None:
        """Pearson's correlation of the task errors of model and netlist, over the chips that have both."""
        pairs = [(c.model_error, c.circuit_error) for c in self.chips]
        return correlation([(a, b) for a, b in pairs if a is not None and b is not None])

    def curve(self, ratios: np.ndarray) -> np.ndarray:
        """The share of chips whose error stays within each of these multiples of the nominal one in all conditions."""
        nominal = self.nominal.circuit_error or 0.0
        errors = np.array([np.inf if c.circuit_error is None else c.circuit_error for c in self.at_worst])
        return (errors[None, :] <= np.asarray(ratios)[:, None] * nominal).mean(axis=1)

    def _yield(
        self, chips: Sequence[Judged], corner: str, temperature: float | None, supply: float | None
    ) -> Yield:
        errors = [chip.circuit_error for chip in chips if chip.circuit_error is not None]
        good = sum(error <= self.limit for error in errors)
        bounds = binomtest(good, len(chips)).proportion_ci(CONFIDENCE, method="wilson")
        nominal = self.nominal.circuit_error
        return Yield(
            corner=corner,
            temperature=temperature,
            supply=supply,
            chips=len(chips),
            good=good,
            failed=len(chips) - len(errors),
            lower=float(bounds.low),
            upper=float(bounds.high),
            median_ratio=float(np.median(errors)) / nominal if errors and nominal else None,
        )


def correlation(pairs: Sequence[tuple[float, float]]) -> float | None:
    """Pearson's correlation; None where there are too few pairs, or one side does not vary."""
    values = np.asarray(pairs, float).reshape(-1, 2)
    # chips whose errors are all the same differ by rounding alone
    if len(values) < 3 or (values.std(axis=0) <= 1e-9 * np.abs(values).max(axis=0)).any():
        return None
    return float(np.corrcoef(values.T)[0, 1])
