"""Matching of spike trains: optimal, symmetric, and blind to a common shift."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from netlists.comparison import ComparisonError, match_spikes

# Times on a grid of 1/8 are exact in binary, so that sums and shifts have no rounding.
ticks = st.integers(0, 160).map(lambda k: k / 8)
windows = st.integers(1, 40).map(lambda k: k / 8)


def trains(max_size):
    return st.lists(ticks, max_size=max_size, unique=True).map(sorted)


def score(match):
    """What is optimised: number of pairs, then the sum of |time error|."""
    return len(match.pairs), np.abs(match.time_errors).sum()


def brute_force(a, b, window):
    """The best score of all one-to-one matchings, in order or not, by trying every one."""
    best = (0, 0.0)
    for size in range(1, min(len(a), len(b)) + 1):
        for chosen in itertools.combinations(a, size):
            for partners in itertools.permutations(b, size):
                errors = [abs(x - y) for x, y in zip(chosen, partners, strict=True)]
                if max(errors) <= window:
                    best = min(best, (-size, sum(errors)))
    return -best[0], best[1]


@settings(deadline=None)
@given(a=trains(4), b=trains(4), window=windows)
def test_no_matching_is_better(a, b, window):
    """On small trains no matching, crossing or not, has more pairs, or as many with a smaller summed error."""
    assert score(match_spikes(a, b, window=window)) == brute_force(a, b, window)


@settings(deadline=None)
@given(a=trains(40), b=trains(40), window=windows)
def test_scipys_assignment_agrees_on_longer_trains(a, b, window):
    """An assignment solver that knows nothing of order finds the same number of pairs and summed error."""
    pairs, total = 0, 0.0
    if a and b:
        distance = np.abs(np.subtract.outer(a, b))
        allowed = distance <= window
        rows, columns = linear_sum_assignment(np.where(allowed, distance - 1e5, 0))
        kept = allowed[rows, columns]
        pairs, total = kept.sum(), distance[rows, columns][kept].sum()
    assert score(match_spikes(a, b, window=window)) == (pairs, total)


@given(a=trains(30), b=trains(30), window=windows)
def test_exchanging_the_trains_exchanges_the_result(a, b, window):
    """Missing and extra change places, pairs swap columns, errors change sign."""
    forward, backward = match_spikes(a, b, window=window), match_spikes(b, a, window=window)
    assert forward.pairs.tolist() == backward.pairs[:, ::-1].tolist()
    assert forward.time_errors.tolist() == (-backward.time_errors).tolist()
    assert forward.missing.tolist() == backward.extra.tolist()
    assert forward.extra.tolist() == backward.missing.tolist()


@given(a=trains(30), b=trains(30), window=windows, shift=st.integers(-800, 800).map(lambda k: k / 8))
def test_a_common_shift_changes_nothing(a, b, window, shift):
    """Only time differences matter."""
    here = match_spikes(a, b, window=window)
    there = match_spikes(np.array(a) + shift, np.array(b) + shift, window=window)
    assert here.pairs.tolist() == there.pairs.tolist()
    assert here.time_errors.tolist() == there.time_errors.tolist()


@given(a=trains(30), b=trains(30), window=windows)
def test_pairs_are_one_to_one_in_order_and_complete(a, b, window):
    """Pairs increase in both trains, keep to the window, and with missing and extra make up the trains."""
    match = match_spikes(a, b, window=window)
    assert np.all(np.diff(match.pairs, axis=0) > 0)
    assert np.all(np.abs(match.time_errors) <= window)
    assert sorted([*match.pairs[:, 0], *match.missing]) == list(range(len(a)))
    assert sorted([*match.pairs[:, 1], *match.extra]) == list(range(len(b)))


@given(a=trains(30), window=windows)
def test_a_train_matches_itself(a, window):
    """A train against itself has every spike paired with no error."""
    match = match_spikes(a, a, window=window)
    assert match.pairs.tolist() == [[k, k] for k in range(len(a))]
    assert not match.time_errors.any()


def test_one_early_spike_does_not_push_the_others_aside():
    """Greedy pairing from the left would take 1.0 with 1.5 and lose a pair; the best one keeps both."""
    match = match_spikes([1.0, 2.0], [0.25, 1.5], window=1.0)
    assert match.pairs.tolist() == [[0, 0], [1, 1]]
    assert match.time_errors.tolist() == [-0.75, -0.5]


def test_a_late_candidate_is_positive_and_the_sides_are_not_confused():
    """Two reference spikes, three of the candidate, each side with one of its own."""
    match = match_spikes([10.0, 30.0], [10.5, 50.0, 70.0], window=2.0)
    assert match.time_errors.tolist() == [0.5]
    assert (match.missing.tolist(), match.extra.tolist(), match.window) == ([1], [1, 2], 2.0)


def test_empty_trains_match_nothing():
    """No spikes is a legal train."""
    match = match_spikes([], [1.0, 2.0], window=1.0)
    assert (match.pairs.shape, match.extra.tolist()) == ((0, 2), [0, 1])


@pytest.mark.parametrize(
    ("a", "window", "words"),
    [([2.0, 1.0], 1.0, "increasing"), ([np.nan], 1.0, "finite"), ([1.0], 0.0, "window")],
)
def test_bad_trains_are_refused(a, window, words):
    """An error names the train or the window."""
    with pytest.raises(ComparisonError, match=words):
        match_spikes(a, [1.0], window=window)
