"""A time that is a whole step, in its precision, belongs to that step; no step loses or gains a spike."""

import numpy as np
import pytest
import torch

from conductance.events import Spikes
from conductance.grid import step_of, steps_until
from conductance.stimulus import Stimulus


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("step", [0.001, 0.1, 0.3, 0.05, 0.7, 2.5e-4])
def test_whole_steps_stay_where_they_are(step, dtype):
    """k times the step, as a product, as a sum and as a text that was read, is in step k."""
    k = np.arange(1, 5000)
    products = (k.astype(dtype) * dtype(step)).astype(dtype)
    literals = np.array([float(f"{number * step:.12g}") for number in k.tolist()]).astype(dtype)
    for times in (products, literals):
        assert np.array_equal(step_of(times, step), k)


def test_between_steps_a_time_belongs_to_the_step_before():
    """More than four units in the last place below k step is still step k - 1."""
    k = np.arange(1, 1000)
    whole = k * 0.1
    assert np.array_equal(step_of(whole - 9 * np.spacing(whole), 0.1), k - 1)
    assert np.array_equal(step_of(whole - 3 * np.spacing(whole), 0.1), k)
    assert np.array_equal(step_of(whole + 0.0999, 0.1), k)


@pytest.mark.parametrize(
    ("dtype", "step"), [(torch.float32, 0.001), (torch.float32, 0.1), (torch.float64, 0.1)]
)
def test_spikes_on_whole_steps_are_one_per_bin(dtype, step):
    """100 spikes at whole multiples of the step fill 100 bins, one each."""
    train = [(float(f"{k * step:.12g}"), 0) for k in range(100)]
    spikes = Spikes.of_trains([train], size=1, end=float(f"{100 * step:.12g}"), dtype=dtype)
    binned = spikes.binned(step)
    assert binned.shape == (100, 1, 1)
    assert torch.equal(binned, torch.ones_like(binned))


def test_the_number_of_steps_covers_the_end():
    """A trial of whole steps has that many; anything more needs one more."""
    assert [steps_until(k * 0.1, 0.1) for k in range(1, 200)] == list(range(1, 200))
    assert steps_until(0.5000001, 0.1) == 6
    assert steps_until(1e-9, 0.1) == 1


def test_a_stimulus_changes_in_its_own_step():
    """Sampled at k step, a change at the literal time k step is seen in step k."""
    for step in (0.1, 0.01, 0.3, 0.7):
        for k in range(1, 400):
            change = Stimulus.step(0.0, 1.0, at=float(f"{k * step:.12g}"))
            assert change.at(np.array([(k - 1) * step, k * step])).tolist() == [0.0, 1.0]
