"""The tight integrator against closed forms: relaxation, spikes with resets, arrivals, crossings."""

import math
from dataclasses import replace

import numpy as np
import pytest

from conductance.elements import tanh
from conductance.neurons import adlif, lif, low_pass, mtc, qif
from conductance.neurons.presets import BURSTING, SLOW_BURSTING
from conductance.shaping.flow import FlowError
from conductance.shaping.integrate import SOLVERS, integrate
from conductance.stimulus import Arrivals, Stimulus


def test_a_low_pass_chain_follows_its_closed_form():
    """Step response of n equal sections: 1 - exp(-x) sum x^k/k!, x = t/tau, k < n."""
    trace = integrate(low_pass(order=4, tau=5.0), Stimulus.constant(1.0), 60.0)
    times = np.linspace(0, 60, 101)
    x = times / 5.0
    wanted = 1 - np.exp(-x) * (1 + x + x**2 / 2 + x**3 / 6)
    assert trace.at(times)[:, 3] == pytest.approx(wanted, abs=1e-8)


def test_a_held_input_is_never_interpolated():
    """A membrane relaxes exactly towards each held value; between 0 and 1 after a step there is no ramp."""
    trace = integrate(mtc(()), Stimulus((0.0, 1.0, 1.5), (0.0, 2.0, -1.0)), 3.0)
    after_first = 2.0 * (1 - math.exp(-0.5))
    after_second = -1.0 + (after_first + 1.0) * math.exp(-1.5)
    assert trace.at([1.0, 1.5, 3.0])[:, 0] == pytest.approx([0.0, after_first, after_second], abs=1e-9)


def test_lif_spikes_at_the_closed_form():
    """T = tau ln(I/(I - theta)), again and again; below rheobase never."""
    for current in (1.05, 1.5, 4.0):
        trace = integrate(lif(tau_m=2.0), Stimulus.constant(current), 30.0)
        period = 2.0 * math.log(current / (current - 1))
        assert trace.spikes == pytest.approx(period * np.arange(1, trace.spikes.size + 1), rel=1e-8)
        assert trace.spikes.size == math.floor(30.0 / period)
    assert not integrate(lif(), Stimulus.constant(0.99), 50.0).spikes.size


def test_qif_spikes_at_the_closed_form_up_to_its_peak():
    """Under a held current g above 1/4 the period is pi/sqrt(g - 1/4), less ln((V_p + 1)/(V_p - 1)) roughly."""
    for peak in (50.0, 200.0):
        trace = integrate(qif(V_peak=peak), Stimulus.constant(1.25), 30.0)
        # from -V_p to V_p of dV/((V - 1/2)^2 + 1)
        period = math.atan(peak - 0.5) + math.atan(peak + 0.5)
        assert np.diff(trace.spikes) == pytest.approx(period, rel=1e-7)


def test_an_arriving_charge_moves_the_synaptic_current():
    """I jumps by w and decays with tau/2; from rest a spike needs w > pi^2/4 and comes at -ln(1 - s*)."""
    silent = integrate(qif(), Stimulus.constant(0.0), 10.0, arrivals=Arrivals((1.0,), (2.4,)))
    assert not silent.spikes.size
    assert silent.at([1.0, 1.5])[:, 1] == pytest.approx([2.4, 2.4 * math.exp(-1.0)], rel=1e-8)
    spiking = integrate(qif(V_peak=1e5), Stimulus.constant(0.0), 10.0, arrivals=Arrivals((1.0,), (4.0,)))
    wanted = 1.0 - math.log(1 - math.pi / 2 / 2.0)
    # the finite peak is reached 1/V_p earlier
    assert spiking.spikes == pytest.approx([wanted], abs=3e-5)


def test_arrivals_add_up():
    """Two charges at two times act as the sum of what is left of each."""
    trace = integrate(qif(), Stimulus.constant(0.0), 3.0, arrivals=Arrivals((0.0, 1.0), (0.5, 0.3)))
    assert trace.at([2.0])[0, 1] == pytest.approx(0.5 * math.exp(-4.0) + 0.3 * math.exp(-2.0), rel=1e-7)


@pytest.mark.parametrize("solver", SOLVERS)
def test_solvers_agree(solver):
    """The first burst of the bursting set, by three methods of different families, to 1e-4 tau_m."""
    reference = integrate(BURSTING.neuron, BURSTING.stimulus, 200.0, start=BURSTING.start, rtol=1e-11)
    other = integrate(BURSTING.neuron, BURSTING.stimulus, 200.0, start=BURSTING.start, method=solver)
    assert other.crossings() == pytest.approx(reference.crossings(), abs=1e-4)


def test_crossings_are_roots():
    """At each crossing the membrane is at the level to 1e-10, rising or falling as asked."""
    trace = integrate(BURSTING.neuron, BURSTING.stimulus, 600.0, start=BURSTING.start)
    for level in (-1.0, 0.0, 1.3):
        for rising in (True, False):
            times = trace.crossings(level, rising=rising)
            assert times.size
            assert trace.at(times)[:, 0] == pytest.approx(level, abs=1e-10)
            assert (np.sign(trace.at(times + 1e-3)[:, 0] - level) == (1 if rising else -1)).all()


def test_grazing_is_no_crossing_with_a_hysteresis():
    """A small ripple about the level counts without hysteresis and not with one; a big swing always does."""
    ripple = Stimulus(tuple(float(k) for k in range(40)), tuple(0.03 * (-1.0) ** k for k in range(40)))
    swing = Stimulus(tuple(5.0 * k for k in range(8)), tuple(1.0 * (-1.0) ** k for k in range(8)))
    grazing, swinging = (integrate(mtc(()), each, 40.0, start=(-0.5,)) for each in (ripple, swing))
    assert grazing.crossings().size > 5
    assert grazing.crossings(hysteresis=0.1).size == 0
    assert swinging.crossings().size == swinging.crossings(hysteresis=0.1).size == 4


def test_extremes_are_those_of_the_dense_output():
    """U = I + (U0 - I) e^-t between two held values has its maximum at the change."""
    trace = integrate(mtc(()), Stimulus((0.0, 2.0), (1.0, -1.0)), 9.0)
    assert trace.extremes() == pytest.approx(
        (-1.0 + (2 - math.exp(-2.0)) * math.exp(-7.0), 1 - math.exp(-2.0))
    )
    assert trace.extremes(since=5.0)[1] < 0


def test_slow_bursting_is_fast_enough_to_play_with():
    """10 000 tau_m take at most 200 000 evaluations of the solver: seconds, not minutes."""
    trace = integrate(SLOW_BURSTING.neuron, SLOW_BURSTING.stimulus, 10000.0, start=SLOW_BURSTING.start)
    assert trace.time.size < 200_000 / 15


def test_a_current_during_the_step_of_a_spike_has_no_continuous_form():
    """AdLIF's b acts for one step: it is refused with the way out, and b = 0 integrates."""
    with pytest.raises(FlowError, match="b = 0"):
        integrate(adlif(), Stimulus.constant(2.0), 5.0)
    assert integrate(adlif(b=0.0), Stimulus.constant(3.0), 5.0).spikes.size


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"stop": 0.0}, "stop"),
        ({"stop": math.nan}, "stop"),
        ({"start": (0.0,)}, "3 finite numbers"),
        ({"start": (0.0, math.nan, 0.0)}, "finite"),
        ({"method": "RK23"}, "DOP853"),
        ({"arrivals": Arrivals((0.0,), (1.0,))}, "no arrivals"),
    ],
)
def test_what_cannot_be_integrated_is_refused_in_words(arguments, says):
    """Times, states, solvers and arrivals that do not fit the neuron."""
    with pytest.raises(FlowError, match=says):
        integrate(mtc(), Stimulus.constant(0.0), **{"stop": 1.0, **arguments})


def test_an_endless_spike_is_refused():
    """A reset above threshold would spike for ever."""
    with pytest.raises(FlowError, match="spike for ever"):
        # the declaration of lif refuses such values itself
        endless = replace(lif(), constraints=())
        integrate(endless, Stimulus.constant(2.0), 5.0, values={"U_rest": 1.5})


def test_a_membrane_that_runs_away_says_so():
    """A negative conductance larger than the leak has no bound: after 800 tau_m no float holds it."""
    from conductance.elements import linear

    with pytest.raises(FlowError, match="run away"), np.errstate(all="ignore"):
        integrate(mtc((linear("fast", -3.0),)), Stimulus.constant(1.0), 800.0)


def test_a_trace_ends_where_it_ends():
    """Asking beyond it is an error, not an extrapolation."""
    trace = integrate(mtc((tanh("fast", -2.0),)), Stimulus.constant(0.1), 5.0)
    with pytest.raises(FlowError, match="outside"):
        trace.at(5.1)
