"""A layer under held inputs against the single-neuron integrator and closed forms."""

import math
from dataclasses import replace

import numpy as np
import pytest

from conductance.neurons import adlif, lif, low_pass, mtc, qif
from conductance.shaping.flow import FlowError
from conductance.shaping.held import integrate_held
from conductance.shaping.integrate import integrate
from conductance.stimulus import Arrivals, Stimulus

DT = 0.2


def drawn(time: int, size: int, mean: float, spread: float) -> np.ndarray:
    return np.random.default_rng(3).normal(mean, spread, (time, size)).round(3)


@pytest.mark.parametrize(
    "neuron",
    [mtc(), mtc(tau_f=0.5, filter_limit=1.0, leak_limit=5.0), lif(), adlif(b=0.0), low_pass()],
    ids=lambda neuron: neuron.name,
)
def test_every_neuron_of_a_layer_is_the_single_neuron(neuron):
    """States to 1e-7 and events to 1e-7 tau_m over 150 held values, for each neuron on its own."""
    inputs = drawn(150, 4, *((-1.0, 0.7) if neuron.event is None else (1.5, 0.8)))
    layer = integrate_held(neuron, inputs, dt=DT)
    assert layer.states.shape == (150, 4, len(neuron.states))
    for column in range(4):
        times = tuple(DT * index for index in range(150))
        single = integrate(neuron, Stimulus(times, tuple(inputs[:, column])), 150 * DT, rtol=1e-11)
        wanted = single.at(np.minimum(layer.time, single.time[-1]))
        assert layer.states[:, column] == pytest.approx(wanted, abs=1e-7)
        assert layer.spike_times[column] == pytest.approx(single.spikes, abs=1e-7)
        assert layer.spikes[:, column].sum() == single.spikes.size


def test_charges_arrive_at_the_beginning_of_an_interval():
    """QIF: inputs are weights, as in its layer."""
    weights = np.zeros((20, 2))
    weights[3], weights[11] = (3.0, 1.0), (0.5, 2.9)
    layer = integrate_held(qif(V_peak=20.0), weights, dt=0.25)
    for column in range(2):
        places = np.flatnonzero(weights[:, column])
        arrivals = Arrivals(tuple(0.25 * places), tuple(weights[places, column]))
        single = integrate(qif(V_peak=20.0), Stimulus.constant(0.0), 5.0, arrivals=arrivals)
        assert layer.spike_times[column] == pytest.approx(single.spikes, abs=1e-6)
        assert layer.states[-1, column] == pytest.approx(single.states[-1], rel=1e-5)
    assert layer.spikes.sum() == sum(times.size for times in layer.spike_times) >= 1


def test_samples_divide_an_interval():
    """Four samples per interval are the solution at quarters of it."""
    inputs = drawn(12, 3, -1.0, 1.0)
    fine, coarse = integrate_held(mtc(), inputs, dt=1.0, samples=4), integrate_held(mtc(), inputs, dt=1.0)
    assert fine.time == pytest.approx(0.25 * np.arange(1, 49))
    assert fine.states[3::4] == pytest.approx(coarse.states, abs=1e-7)


def test_each_neuron_has_its_own_parameters_and_start():
    """Membranes with different time constants relax from different starts, each along its exponential."""
    taus, starts = np.array([0.5, 1.0, 4.0]), np.array([[1.0], [2.0], [-1.0]])
    layer = integrate_held(mtc(()), np.zeros((5, 3)), dt=0.5, values={"tau_m": taus}, start=starts)
    wanted = starts[:, 0] * np.exp(-layer.time[:, None] / taus)
    assert layer.states[:, :, 0] == pytest.approx(wanted, abs=1e-8)
    rests = integrate_held(mtc(()), np.zeros((2, 2)), dt=0.1, values={"U_rest": [-1.0, 0.5]})
    assert rests.states[-1, :, 0] == pytest.approx([-1.0, 0.5])


def test_many_spikes_inside_one_interval_are_all_found():
    """LIF at I = 11: a spike every ln(1.1), forty in one held value."""
    layer = integrate_held(lif(), np.array([[11.0, 0.5]]), dt=4.0)
    period = math.log(1.1)
    assert layer.spikes[0].tolist() == [math.floor(4.0 / period), 0]
    assert np.diff(layer.spike_times[0]) == pytest.approx(period, rel=1e-9)


@pytest.mark.parametrize(
    ("inputs", "arguments", "says"),
    [
        (np.zeros(3), {}, "time, neuron"),
        (np.zeros((0, 2)), {}, "not empty"),
        (np.full((2, 2), np.nan), {}, "finite"),
        (np.zeros((2, 2)), {"dt": 0.0}, "dt"),
        (np.zeros((2, 2)), {"samples": 0}, "samples"),
        (np.zeros((2, 2)), {"values": {"tau_m": [1.0, 2.0, 3.0]}}, "tau_m has shape"),
        (np.zeros((2, 2)), {"start": np.zeros((2, 2))}, "start of shape"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(inputs, arguments, says):
    """Each error names the neuron and the shape."""
    with pytest.raises(FlowError, match=says):
        integrate_held(mtc(), inputs, **{"dt": 0.2, **arguments})


def test_faults_of_one_neuron_are_told_with_its_place():
    """A value outside its bounds, an equation without continuous form, a reset above threshold."""
    with pytest.raises(ValueError, match="1 of the layer"):
        integrate_held(mtc(), np.zeros((2, 2)), dt=0.2, values={"tau_s": [20.0, -1.0]})
    with pytest.raises(FlowError, match="no continuous form"):
        integrate_held(adlif(), np.zeros((2, 2)), dt=0.2, values={"b": [0.0, 1.0]})
    # the declaration of lif refuses such values itself
    endless = replace(lif(), constraints=())
    with pytest.raises(FlowError, match="spike for ever"):
        integrate_held(endless, np.full((2, 2), 3.0), dt=0.2, values={"U_rest": [0.0, 1.2]})
