"""Neurons are cut into balanced groups of a size that simulates fast."""

import pytest

from netlists.errors import NetlistError
from netlists.partition import partition


@pytest.mark.parametrize("count", [1, 5, 16, 31, 33, 64, 65, 100, 256, 1000])
@pytest.mark.parametrize("workers", [1, 2, 8])
def test_groups_are_balanced_and_cover_everything_once(count, workers):
    """Sizes differ by at most one, lie between 8 and 16 where possible, and every neuron is in one group."""
    groups = partition(count, workers=workers)
    sizes = [len(group) for group in groups]
    assert [k for group in groups for k in group] == list(range(count))
    assert max(sizes) - min(sizes) <= 1
    assert max(sizes) <= 16
    assert min(sizes) >= min(count, 8)


def test_groups_use_every_worker():
    """32 neurons on four workers are four groups of 8, on two workers two of 16."""
    assert [len(group) for group in partition(32, workers=4)] == [8] * 4
    assert [len(group) for group in partition(32, workers=2)] == [16] * 2


@pytest.mark.parametrize("arguments", [{"count": 0}, {"count": 5, "workers": 0}, {"count": 5, "largest": 3}])
def test_impossible_groups_are_refused(arguments):
    """Nothing to cut, nobody to work or crossed limits are errors."""
    with pytest.raises(NetlistError, match="partition"):
        partition(**arguments)
