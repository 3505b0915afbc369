"""The jumps of a function along a line, each narrowed down by bisection until no number lies between its two sides."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from conductance.landscapes.surface import LandscapeError, Reading

Cause = Literal["appearance", "order", "other"]
CAUSES: tuple[Cause, ...] = ("appearance", "order", "other")
"""What changes at a jump: how often a neuron spikes; only the order of the spikes; neither. A spike that vanishes where
another of the same neuron appears leaves the count as it is, and counts as a change of order."""
RESOLUTION = 1e-6
"""Least jump that is seen, over the largest value on the line. Between neighbouring numbers a continuous loss changes
by its slope times 1e-16, and by some 1e-8 where a LIF spike is about to vanish and its time moves as a square root."""
MOST_CHANGES = 200
"""Changes of the spike counts that are narrowed down in one interval; the rest of the interval is searched by value."""

Read = Callable[[float], Reading]


@dataclass(frozen=True, kw_only=True)
class Jump:
    """A jump: its place on the line, its height (after minus before), and what changes there."""

    place: float
    height: float
    cause: Cause


@dataclass(frozen=True)
class _Side:
    """A place on the line and what was read there."""

    place: float
    reading: Reading


def find_jumps(read: Read, places: Sequence[float]) -> tuple[tuple[Jump, ...], float]:
    """The jumps of a function between the first and the last of some places, and its total variation.

    Every interval between two places is searched twice by bisection: for each change of the spike counts, and for
    the largest change of the value that is left. Both end at two neighbouring floating-point numbers. There the
    difference is a jump unless it is of the size of rounding, see `RESOLUTION`. So a jump with a change of counts is
    found whatever its height; of the others, one per interval, if it stands out of the smooth change there.

    Args:
        read: the value and the spikes at a place.
        places: rising; the finer, the fewer jumps hide in one interval.

    Returns:
        The jumps in order, and the sum of their heights' absolute values and of the changes between them.

    Raises:
        LandscapeError: fewer than two places, or places that do not rise, or a value that is not finite.
    """
    if len(places) < 2 or any(not after > before for before, after in pairwise(places)):
        raise LandscapeError("jumps: give at least two places that rise")

    def checked(place: float) -> _Side:
        reading = read(place)
        if not math.isfinite(reading.value):
            raise LandscapeError(f"jumps: the value at {place:g} is {reading.value}; it must be finite")
        return _Side(place, reading)

    sides = [checked(place) for place in places]
    least = RESOLUTION * max(abs(side.reading.value) for side in sides)
    jumps: list[Jump] = []
    variation = 0.0
    for low, high in pairwise(sides):
        pairs = _steps(checked, low, high, least)
        jumps += [_jump(left, right) for left, right in pairs]
        ends = [low, *(side for pair in pairs for side in pair), high]
        variation += sum(abs(right.reading.value - left.reading.value) for left, right in pairwise(ends))
    return tuple(jumps), variation


def _steps(
    read: Callable[[float], _Side], low: _Side, high: _Side, least: float
) -> list[tuple[_Side, _Side]]:
    """The two sides of each jump between two places, in order."""
    pairs: list[tuple[_Side, _Side]] = []
    left = low
    for _ in range(MOST_CHANGES):
        if left.reading.same_counts(high.reading):
            break
        before, after = _narrowed(read, left, high, _by_counts)
        pairs.append((before, after))
        left = after
    found = [pair for pair in pairs if _is_jump(*pair, least)]

    def largest_rest(begin: _Side, middle: _Side, end: _Side) -> bool:
        return _rest(begin, middle, found) >= _rest(middle, end, found)

    pair = _narrowed(read, low, high, largest_rest)
    known = {before.place for before, _ in found}
    if _is_jump(*pair, least) and pair[0].place not in known:
        found.append(pair)
    return sorted(found, key=lambda pair: pair[0].place)


def _narrowed(
    read: Callable[[float], _Side], low: _Side, high: _Side, first: Callable[[_Side, _Side, _Side], bool]
) -> tuple[_Side, _Side]:
    """Two neighbouring places, by bisection; `first` says whether to go on in the first half."""
    while low.place < (place := (low.place + high.place) / 2) < high.place:
        middle = read(place)
        low, high = (low, middle) if first(low, middle, high) else (middle, high)
    return low, high


def _by_counts(low: _Side, middle: _Side, _: _Side) -> bool:
    return not low.reading.same_counts(middle.reading)


def _rest(low: _Side, high: _Side, known: Sequence[tuple[_Side, _Side]]) -> float:
    """How much the value changes between two places beside the known jumps there."""
    jumped = sum(
        after.reading.value - before.reading.value
        for before, after in known
        if low.place <= before.place and after.place <= high.place
    )
    return abs(high.reading.value - low.reading.value - jumped)


def _is_jump(before: _Side, after: _Side, least: float) -> bool:
    # between the places a steep loss may be far above its value at any of them, and so is its rounding
    largest = max(abs(before.reading.value), abs(after.reading.value))
    return abs(after.reading.value - before.reading.value) > max(least, RESOLUTION * largest)


def _jump(before: _Side, after: _Side) -> Jump:
    if not before.reading.same_counts(after.reading):
        cause: Cause = "appearance"
    else:
        cause = "other" if before.reading.same_order(after.reading) else "order"
    return Jump(place=after.place, height=after.reading.value - before.reading.value, cause=cause)
