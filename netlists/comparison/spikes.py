"""Which spike of one train is which spike of another."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netlists.comparison.crossings import ComparisonError


@dataclass(frozen=True, kw_only=True)
class SpikeMatch:
    """Result of `match_spikes`. Times are in the unit of the trains.

    Attributes:
        pairs: shape (pair, 2): index into the reference, index into the candidate; both increase.
        time_errors: shape (pair,): candidate minus reference, so a late candidate is positive.
        missing: indices of the reference's spikes without a partner.
        extra: indices of the candidate's spikes without a partner.
        window: largest time difference of a pair.
    """

    pairs: NDArray[np.int64]
    time_errors: NDArray[np.floating]
    missing: NDArray[np.int64]
    extra: NDArray[np.int64]
    window: float


def match_spikes(reference: ArrayLike, candidate: ArrayLike, *, window: float) -> SpikeMatch:
    """Match two trains one-to-one: as many pairs as possible and, among those, the least sum of |time error|.

    A pair may lie at most `window` apart. Pairs do not cross, which costs nothing: two crossing pairs, once
    exchanged, are still inside the window and their summed |time error| is not larger. So the best matching in
    order, found by dynamic programming, is the best of all. Where both trains pause for longer than the window
    nothing can be paired across, so each stretch between such pauses is solved alone.

    Exchanging the trains exchanges `missing` and `extra` and negates the errors.

    Args:
        reference: increasing spike times, shape (spike,).
        candidate: the same, in the same unit.
        window: in the same unit, > 0.

    Raises:
        ComparisonError: for a train that is not an increasing list of finite times, or a bad window.

    >>> match = match_spikes([1.0, 5.0, 9.0], [1.25, 8.5, 20.0], window=1.0)
    >>> match.time_errors.tolist(), match.missing.tolist(), match.extra.tolist()
    ([0.25, -0.5], [1], [2])
    """
    a, b = _train(reference, "reference"), _train(candidate, "candidate")
    if not (np.isfinite(window) and window > 0):
        raise ComparisonError(f"match_spikes: window is {window}, but must be finite and above 0.")
    found: list[tuple[int, int]] = []
    for (a_from, a_to), (b_from, b_to) in _stretches(a, b, window):
        pairs = _best_pairs(a[a_from:a_to].tolist(), b[b_from:b_to].tolist(), window)
        found += [(a_from + i, b_from + j) for i, j in pairs]
    index = np.array(found, dtype=np.int64).reshape(-1, 2)
    return SpikeMatch(
        pairs=index,
        time_errors=b[index[:, 1]] - a[index[:, 0]],
        missing=np.setdiff1d(np.arange(a.size), index[:, 0]),
        extra=np.setdiff1d(np.arange(b.size), index[:, 1]),
        window=float(window),
    )


@dataclass(frozen=True, kw_only=True)
class Doubt:
    """How well a train is known that was computed twice, with two tolerances. Times are in the unit of the trains.

    Attributes:
        sizes: shape (spike,): how far each spike lies from its partner in the second computation; infinite where it has
            none there.
        phantoms: shape (spike,): times of the second computation's spikes that the train does not have.
    """

    sizes: NDArray[np.floating]
    phantoms: NDArray[np.floating]

    @classmethod
    def none(cls, train: ArrayLike) -> Doubt:
        """Of a train that was computed once: nothing is known of its error, and none is allowed for."""
        return cls(sizes=np.zeros(np.shape(train)), phantoms=np.zeros(0))


def spike_doubt(train: ArrayLike, again: ArrayLike, *, window: float) -> Doubt:
    """How well each spike of a train is known, from the same train computed with another tolerance.

    >>> found = spike_doubt([1.0, 5.0, 9.0], [1.0, 5.25, 12.0], window=1.0)
    >>> found.sizes.tolist(), found.phantoms.tolist()
    ([0.0, 0.25, inf], [12.0])
    """
    match = match_spikes(train, again, window=window)
    sizes = np.full(np.shape(train), np.inf)
    sizes[match.pairs[:, 0]] = np.abs(match.time_errors)
    return Doubt(sizes=sizes, phantoms=np.asarray(again, np.float64)[match.extra])


@dataclass(frozen=True, kw_only=True)
class DoubtfulMatch:
    """Result of `match_in_doubt`. Times are in the unit of the trains.

    Attributes:
        time_errors: shape (pair,): how much farther apart a pair is than the reference's doubt; 0 inside it.
        missing: times of the reference's spikes without a partner, of which it is certain.
        extra: times of the candidate's spikes without a partner, where the reference is certain that there is none.
        undecided: how many spikes without a partner there are of which the reference is not certain.
    """

    time_errors: NDArray[np.floating]
    missing: NDArray[np.floating]
    extra: NDArray[np.floating]
    undecided: int


def match_in_doubt(
    reference: NDArray[np.floating], candidate: NDArray[np.floating], doubt: Doubt, *, window: float
) -> DoubtfulMatch:
    """Match two trains, where a difference counts only beyond the reference's doubt of each spike.

    >>> doubt = Doubt(sizes=np.array([0.0, 3.0, np.inf]), phantoms=np.array([30.0]))
    >>> found = match_in_doubt(np.array([1.0, 10.0, 20.0]), np.array([1.5, 14.0, 30.5]), doubt, window=2.0)
    >>> found.time_errors.tolist(), found.missing.size, found.extra.size, found.undecided
    ([0.5, 1.0], 0, 0, 2)
    """
    match = match_spikes(reference, candidate, window=window)
    errors = np.maximum(np.abs(match.time_errors) - _finite(doubt.sizes)[match.pairs[:, 0]], 0.0).tolist()
    missing, extra, undecided = [], match.extra.tolist(), 0
    for index in match.missing:
        time, size = reference[index], doubt.sizes[index]
        reach = [j for j in extra if abs(candidate[j] - time) <= window + size] if 0 < size < np.inf else []
        if reach:
            partner = min(reach, key=lambda j: abs(candidate[j] - time))
            extra.remove(partner)
            errors.append(max(abs(candidate[partner] - time) - size, 0.0))
        elif np.isinf(size):
            undecided += 1
        else:
            missing.append(time)
    certain = [j for j in extra if not (np.abs(doubt.phantoms - candidate[j]) <= window).any()]
    return DoubtfulMatch(
        time_errors=np.array(errors), missing=np.array(missing), extra=candidate[certain],
        undecided=undecided + len(extra) - len(certain),
    )  # fmt: skip


def _finite(sizes: NDArray[np.floating]) -> NDArray[np.floating]:
    return np.where(np.isfinite(sizes), sizes, 0.0)


def _train(times: ArrayLike, name: str) -> NDArray[np.floating]:
    """The train as a float64 array."""
    train = np.asarray(times, dtype=np.float64)
    if train.ndim != 1 or not np.all(np.isfinite(train)) or np.any(np.diff(train) < 0):
        raise ComparisonError(f"match_spikes: the {name} train must be one list of finite, increasing times.")
    return train


def _stretches(
    a: NDArray[np.floating], b: NDArray[np.floating], window: float
) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Index ranges of both trains between pauses longer than the window, where both trains have spikes."""
    merged = np.sort(np.concatenate([a, b]))
    # The pause is judged as the pairs are, by the rounded difference of the same two numbers.
    cuts = merged[1:][np.diff(merged) > window]
    a_edges = [0, *np.searchsorted(a, cuts).tolist(), a.size]
    b_edges = [0, *np.searchsorted(b, cuts).tolist(), b.size]
    ranges = zip(pairwise(a_edges), pairwise(b_edges), strict=True)
    return [(x, y) for x, y in ranges if x[0] < x[1] and y[0] < y[1]]


def _best_pairs(a: list[float], b: list[float], window: float) -> list[tuple[int, int]]:
    """Pairs of the best matching in order, by dynamic programming over prefixes.

    best[i][j] = (-number of pairs, sum of |time error|) for the first i and j spikes; smaller is better. On a
    tie the last two spikes are paired, whichever train comes first, so that the result is symmetric.
    """
    best = [[(0, 0.0)] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            option = min(best[i][j + 1], best[i + 1][j])
            if abs(y - x) <= window:
                count, total = best[i][j]
                option = min((count - 1, total + abs(y - x)), option)
            best[i + 1][j + 1] = option
    pairs = []
    i, j = len(a), len(b)
    while i and j:
        x, y = a[i - 1], b[j - 1]
        count, total = best[i - 1][j - 1]
        if abs(y - x) <= window and best[i][j] == (count - 1, total + abs(y - x)):
            i, j = i - 1, j - 1
            pairs.append((i, j))
        elif best[i][j] == best[i - 1][j]:
            i -= 1
        else:
            j -= 1
    return pairs[::-1]
