"""Spike times and sparsity of a waveform: threshold crossings with hysteresis, and the duty cycle."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from scipy.interpolate import PchipInterpolator
from scipy.optimize import brentq

from netlists.comparison import (
    ComparisonError,
    communication,
    computation,
    count_upward_crossings,
    upward_crossings,
)


def schmitt_counts(values, threshold, hysteresis):
    """The definition, read sample by sample."""
    counts, times = 0, []
    is_low, rise = values[0] < threshold, None
    for k in range(1, len(values)):
        if values[k - 1] < threshold <= values[k]:
            rise = k
        if values[k] >= threshold and values[k] >= threshold + hysteresis:
            if is_low:
                counts += 1
                times.append(rise)
            is_low = False
        elif values[k] < threshold and values[k] <= threshold - hysteresis:
            is_low = True
    return counts, times


@pytest.fixture(scope="module")
def burster():
    """The published bursting set of an MTC neuron, as a dense scipy solution over six bursts."""

    def slope(_, x):
        u, s, us = x
        current = -2 * np.tanh(u) + 2 * np.tanh(s) - 1.5 * np.tanh(s + 0.9) + 1.5 * np.tanh(us + 0.9)
        return [-u - 1 - current, (u - s) / 20, (u - us) / 400]

    return solve_ivp(
        slope, (0, 2000), [-1.9, -1.8, -1.8], method="DOP853", rtol=1e-11, atol=1e-12, dense_output=True
    ).sol


def test_a_straight_line_crosses_where_it_does():
    """A line through the threshold is crossed at its root, on uneven steps, with any unit of time."""
    time = np.array([0.0, 0.1, 0.5, 0.6, 2.0])
    slopes = np.array([3.0, 0.5])
    values = slopes * (time[:, None] - np.array([0.55, 0.2]))
    first, second = upward_crossings(time, values)
    np.testing.assert_allclose([first[0], second[0]], [0.55, 0.2], rtol=1e-12)
    shifted = upward_crossings(time * 72e-6, values + 0.3, threshold=0.3)
    np.testing.assert_allclose([t[0] for t in shifted], [0.55 * 72e-6, 0.2 * 72e-6], rtol=1e-9)


def test_a_sine_crosses_once_a_period_and_never_downwards():
    """sin(2 pi t) crosses 0 upwards at whole t; a start on the threshold is not a crossing."""
    time = np.linspace(0, 5.25, 1051)
    (times,) = upward_crossings(time, np.sin(2 * np.pi * time))
    np.testing.assert_allclose(times, [1, 2, 3, 4, 5], atol=1e-6)


def test_grazing_is_no_spike_and_a_shallow_dip_is_no_second_one():
    """Only a rise from clearly below to clearly above counts; its time is the last crossing before that."""
    graze = [-1, -0.05, 0.05, -0.05, 0.09, -1, -1]
    dip = [-1, 1, -0.09, 1, -0.05, 2, -1]
    deep = [-1, 1, -0.11, 1, -0.2, 2, -1]
    hesitant = [-1, 0.05, -0.05, 0.05, -0.05, 1, 1]
    trains = upward_crossings(np.arange(7), np.array([graze, dip, deep, hesitant]).T)
    assert [len(t) for t in trains] == [0, 1, 3, 1]
    assert 4 < trains[3][0] < 5


def test_a_crossing_that_the_record_does_not_confirm_is_not_counted():
    """Ending at +0.05 is not yet a spike; starting at -0.05 and rising is one."""
    assert upward_crossings([0, 1, 2], [-1, -0.5, 0.05])[0].size == 0
    assert upward_crossings([0, 1, 2], [-0.05, 1.0, 1.0])[0].size == 1


def test_counts_keep_batch_and_neuron_apart():
    """Counts of (time, batch, neuron) have shape (batch, neuron), on an asymmetric example."""
    spikes = np.array([[0, 1, 2], [3, 4, 5]])
    values = np.full((20, 2, 3), -1.0)
    for batch in range(2):
        for neuron in range(3):
            values[1 : 1 + 2 * spikes[batch, neuron] : 2, batch, neuron] = 1
    assert count_upward_crossings(values).tolist() == spikes.tolist()


@given(
    values=st.lists(st.floats(-0.5, 0.5).map(lambda x: round(x, 2)), min_size=2, max_size=40),
    threshold=st.sampled_from([0.0, 0.1, -0.25]),
    hysteresis=st.sampled_from([0.0, 0.1, 0.3]),
)
def test_the_vectorised_count_is_the_definition(values, threshold, hysteresis):
    """For any waveform, count and interval of each crossing are those of a sample-by-sample Schmitt trigger."""
    values = np.array(values)
    count, rises = schmitt_counts(values, threshold, hysteresis)
    (times,) = upward_crossings(np.arange(len(values)), values, threshold=threshold, hysteresis=hysteresis)
    assert count_upward_crossings(values, threshold=threshold, hysteresis=hysteresis) == count
    assert len(times) == count
    assert np.all((times > np.array(rises) - 1) & (times <= np.array(rises)))


@settings(deadline=None)
@given(seed=st.integers(0, 10_000))
def test_times_are_those_of_scipys_monotone_cubic(seed):
    """On uneven grids each time is the root of scipy's PCHIP interpolant (inside the record)."""
    rng = np.random.default_rng(seed)
    time = np.cumsum(rng.uniform(0.1, 2, 30))
    values = rng.normal(size=30)
    values[[0, 1, -2, -1]] = -2.0  # the ends follow another rule
    interpolant = PchipInterpolator(time, values)
    (times,) = upward_crossings(time, values)
    for t in times:
        k = np.searchsorted(time, t) - 1
        assert t == pytest.approx(brentq(interpolant, time[k], time[k + 1], xtol=1e-14), abs=1e-9)


def test_spike_times_of_a_burster_converge_and_beat_a_straight_line(burster):
    """Sampled every 0.2 tau_m spike times are within 3e-4 tau_m, at the third order or better."""
    fine = np.linspace(0, 2000, 400_001)
    rough = upward_crossings(fine, burster(fine)[0])[0]
    exact = np.array([brentq(lambda t: burster(t)[0], t - 0.01, t + 0.01, xtol=1e-13) for t in rough])
    assert len(exact) >= 15
    errors = {}
    for step in (0.4, 0.2, 0.1):
        time = np.arange(0, 2000, step)
        (times,) = upward_crossings(time, burster(time)[0])
        assert len(times) == len(exact)
        errors[step] = np.abs(times - exact).max()
    assert errors[0.2] < 3e-4
    assert errors[0.4] / errors[0.1] > 4**3


def test_duty_cycle_of_shapes_that_are_known():
    """A triangle is above its middle half of the time, a sine above sin(pi/6) a third, a constant never or always."""
    assert computation([0, 1, 5], [-1, 1, -1]) == pytest.approx(0.5)
    assert computation([0, 1, 5], [-3, 1, -3]) == pytest.approx(0.25)
    time = np.linspace(0, 1, 2001)
    assert computation(time, np.sin(2 * np.pi * time), threshold=0.5) == pytest.approx(1 / 3, abs=1e-5)
    assert computation(np.linspace(0, 6, 121), np.full(121, 0.5)) == 1.0
    constants = computation([0, 1, 2], [[-1, 0, 1]] * 3)
    assert constants.tolist() == [0, 0, 1]


def test_communication_counts_per_model_step_whatever_the_grid():
    """Five spikes in 100 steps of 0.2 are 0.05 per step, on the model's grid and on one ten times finer."""
    for samples in (201, 2001):
        time = np.linspace(0, 20, samples)
        values = -np.cos(2 * np.pi * time / 4)[:, None] * np.array([1.0, 0.05])
        np.testing.assert_allclose(communication(time, values, step=0.2), [0.05, 0.0])


@pytest.mark.parametrize(
    ("time", "values", "words"),
    [
        ([0, 1, 1], [0, 1, 2], "increasing"),
        ([0, 1], [0, 1, 2], r"\(2,\)"),
        ([0, 1], [[0, 1], [2, np.nan]], "neuron 1"),
        ([0], [1], "two samples"),
        ([0, 1], np.zeros((2, 1, 1)), "batch"),
    ],
)
def test_bad_waveforms_are_refused(time, values, words):
    """An error says what is wrong with the waveform."""
    with pytest.raises(ComparisonError, match=words):
        upward_crossings(time, values)


@pytest.mark.parametrize("options", [{"hysteresis": -0.1}, {"threshold": np.nan}, {"hysteresis": np.inf}])
def test_bad_levels_are_refused(options):
    """Threshold and hysteresis must be finite, and the latter not negative."""
    with pytest.raises(ComparisonError, match="hysteresis"):
        upward_crossings([0, 1], [0, 1], **options)


def test_a_step_of_zero_is_refused():
    """Communication needs a step above 0."""
    with pytest.raises(ComparisonError, match="step"):
        communication([0, 1], [0, 1], step=0)


def test_a_neuron_that_is_always_active_has_a_duty_of_one_on_any_grid():
    """Never more, however its steps round: a share above one is refused where it is stored."""
    draw = np.random.default_rng(1)
    for _ in range(200):
        time = np.cumsum(draw.uniform(1e-3, 1.0, 300))
        duty = computation(time, np.ones((300, 3)))
        assert (duty <= 1).all() and duty == pytest.approx(1.0, rel=1e-12)
