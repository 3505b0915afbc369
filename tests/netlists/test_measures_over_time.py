"""Measures run over time, not over samples, and over the record's own duration, wherever it begins."""

import numpy as np
import pytest

from netlists.comparison.errors import waveform_error
from netlists.comparison.ladder import Rung, compare
from netlists.comparison.sparsity import communication, computation


def spiking(time):
    """One spike for each unit of time, membrane from -1 to 1."""
    return np.where(np.mod(time, 1.0) < 0.3, 1.0, -1.0)


def test_spikes_are_counted_over_the_duration_of_the_record():
    """A record from 20 to 30 with a spike each unit has 0.5 spikes per step of 0.5, as the one from 0 to 10."""
    early = np.linspace(0.5, 10.5, 2001)
    for start in (0.0, 20.0):
        found = communication(early + start, spiking(early), step=0.5)
        assert found == pytest.approx([0.5], rel=1e-6)


def test_communication_is_per_step():
    """Twice the step, twice the spikes in each."""
    time = np.linspace(0.5, 10.5, 2001)
    one, two = (communication(time, spiking(time), step=step)[0] for step in (0.1, 0.2))
    assert two == pytest.approx(2 * one)


def test_the_duty_cycle_weighs_time():
    """Above the threshold for 1 of 10 units is 0.1, however densely that unit is sampled."""
    time = np.concatenate([np.linspace(0, 1, 400), [1 + 1e-9, 10.0]])
    values = np.concatenate([np.ones(400), [-1.0, -1.0]])
    assert computation(time, values) == pytest.approx([0.1], rel=1e-6)


@pytest.mark.parametrize("threshold", [-0.7, -0.2, 0.4, 0.9])
def test_the_duty_cycle_is_that_above_the_threshold(threshold):
    """A straight line from -1 to 1 is above theta for (1 - theta)/2 of its time; one spike crosses it, or none."""
    time = np.array([2.0, 3.0, 6.0])
    ramp = np.array([-1.0, -0.5, 1.0])
    assert computation(time, ramp, threshold=threshold) == pytest.approx(
        [np.interp(1.0, ramp, time) / 4 - np.interp(threshold, ramp, time) / 4]
    )
    assert communication(time, ramp, step=0.5, threshold=threshold) == pytest.approx([0.5 / 4])
    assert communication(time, ramp - 1.0 + threshold, step=0.5, threshold=threshold) == pytest.approx([0.0])


def test_a_candidate_at_rest_at_the_mean_over_time_errs_by_one_spread():
    """Whatever the samples: a simulator's crowd where a neuron spikes."""
    time = np.concatenate([np.linspace(0, 1, 400), np.linspace(1.2, 10, 8)])
    values = np.where(time < 1, 5.0 + time, 0.1 * time)
    mean = np.trapezoid(values, time) / 10
    found = waveform_error(time, values, [0, 10], [mean, mean])
    assert found.normalised == pytest.approx([1.0], rel=1e-9)
    assert found.spread == pytest.approx(found.rms, rel=1e-9)


@pytest.mark.parametrize("step", [0.1, 0.25])
def test_a_ladder_counts_by_the_step_that_it_is_given(step):
    """Every rung's communication, and the step that is kept beside it."""
    time = np.linspace(0.5, 10.5, 2001)
    rungs = [
        Rung(name=name, meaning=name, time=time, voltage=spiking(time)[:, None], neurons=("one",))
        for name in ("discrete", "behavioural")
    ]
    found = compare(rungs, window=0.5, step=step)
    assert found.step_tau_m == step
    assert [rung.communication for rung in found.rungs] == pytest.approx([step, step], rel=1e-6)
