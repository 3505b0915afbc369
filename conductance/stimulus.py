"""What drives a neuron, as data: currents held between changes, and charges that arrive at instants.

Nothing here is interpolated: a current changes in a jump, and a solver restarts at each change.
"""

import math
import numbers
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from conductance.errors import ExcitableError, refuse_truth_values
from conductance.grid import ULPS


class StimulusError(ExcitableError):
    """A stimulus contradicts itself."""


def _checked(owner: str, times: Sequence[float], values: Sequence[float]) -> tuple[tuple[float, ...], ...]:
    refuse_truth_values(owner, times=times, values=values)
    pairs = tuple(float(time) for time in times), tuple(float(value) for value in values)
    if len(pairs[0]) != len(pairs[1]):
        raise StimulusError(
            f"{owner}: {len(pairs[0])} times and {len(pairs[1])} values; give as many of each"
        )
    if not all(map(math.isfinite, (*pairs[0], *pairs[1]))):
        raise StimulusError(f"{owner}: a time or value is not finite")
    for earlier, later in zip(pairs[0][:-1], pairs[0][1:], strict=True):
        if later <= earlier:
            raise StimulusError(f"{owner}: time {later:g} follows {earlier:g}; times must increase")
    return pairs


@dataclass(frozen=True)
class Stimulus:
    """A current that is held: `values[k]` from `times[k]` (in tau_m) until the next time, the last one for ever.

    The first time is where an integration starts. Two stimuli add up to their superposition.

    >>> (Stimulus.constant(-1.0) + Stimulus.pulse(0.3, start=10.0, duration=2.0)).values
    (-1.0, -0.7, -1.0)
    """

    times: tuple[float, ...]
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        times, values = _checked("stimulus", self.times, self.values)
        if not times:
            raise StimulusError("stimulus: it has no value; give at least one, Stimulus.constant(current)")
        object.__setattr__(self, "times", times)
        object.__setattr__(self, "values", values)

    @classmethod
    def constant(cls, current: float) -> "Stimulus":
        """The same current for ever, from time 0."""
        return cls((0.0,), (current,))

    @classmethod
    def of(cls, given: object) -> "Stimulus":
        """A stimulus as it is, a number as a constant current.

        Raises:
            StimulusError: it is neither.
        """
        if isinstance(given, Stimulus):
            return given
        if isinstance(given, bool) or not isinstance(given, numbers.Real):
            raise StimulusError(
                f"stimulus: {given!r} is none; give a number for a constant current, or a Stimulus as "
                f"Stimulus.step(-3.0, -1.0, at=100)"
            )
        return cls.constant(float(given))

    @classmethod
    def step(cls, before: float, after: float, *, at: float) -> "Stimulus":
        """`before` from time 0, `after` from time `at` on."""
        return cls((0.0, at), (before, after))

    @classmethod
    def pulse(cls, amplitude: float, *, start: float, duration: float, base: float = 0.0) -> "Stimulus":
        """`base` from time 0, and `base + amplitude` for `duration` from `start` on."""
        refuse_truth_values("pulse", amplitude=amplitude, start=start, duration=duration, base=base)
        if duration <= 0:
            raise StimulusError(f"pulse: duration {duration:g} tau_m must be positive")
        if start == 0:
            return cls((0.0, duration), (base + amplitude, base))
        return cls((0.0, start, start + duration), (base, base + amplitude, base))

    def at(self, times: float | np.ndarray) -> np.ndarray:
        """The current at `times`; from a change on it is the new value, also where rounding put a step below it."""
        changes = np.asarray(self.times)
        place = (
            np.searchsorted(
                changes - ULPS * np.spacing(np.abs(changes)), np.asarray(times, float), side="right"
            )
            - 1
        )
        return np.asarray(self.values)[np.maximum(place, 0)]

    def __add__(self, other: "Stimulus") -> "Stimulus":
        if self.times[0] != other.times[0]:
            raise StimulusError(
                f"stimuli that start at {self.times[0]:g} and {other.times[0]:g} do not add; let both start together"
            )
        times = sorted({*self.times, *other.times})
        # rounding so that -1 + 0.3 and -0.7 are one number
        return Stimulus(tuple(times), tuple(round(float(self.at(t) + other.at(t)), 12) for t in times))


@dataclass(frozen=True)
class Arrivals:
    """Input spikes of a neuron that declares arrivals: at `times` (tau_m) the charges `weights` arrive."""

    times: tuple[float, ...] = ()
    weights: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        times, weights = _checked("arrivals", self.times, self.weights)
        object.__setattr__(self, "times", times)
        object.__setattr__(self, "weights", weights)


@dataclass(frozen=True, kw_only=True)
class Pulse:
    """A current added to the held one: `amplitude` in current units for `duration` in tau_m."""

    amplitude: float
    duration: float

    def __post_init__(self) -> None:
        refuse_truth_values("pulse", amplitude=self.amplitude, duration=self.duration)
        if not (math.isfinite(self.amplitude) and self.duration > 0 and math.isfinite(self.duration)):
            raise StimulusError(
                f"pulse of {self.amplitude:g} for {self.duration:g}: give finite numbers, duration > 0"
            )

    def starting(self, start: float) -> Stimulus:
        """The pulse alone, as a stimulus that is zero elsewhere."""
        return Stimulus.pulse(self.amplitude, start=start, duration=self.duration)
