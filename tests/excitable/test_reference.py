"""The reference says how well it knows each spike, and a comparison counts differences beyond that only."""

from dataclasses import replace

import numpy as np
import pytest
from report_examples import DT, TASK, network_of

from conductance import integrate, mtc, tanh
from conductance.neurons.presets import PRESETS
from excitable import check_circuit
from excitable.checks.regression import CircuitDiffers, assert_circuit_matches
from excitable.ladder.rungs import Waveforms, continuous_rung
from netlists.comparison import Rung, compare, spike_doubt, upward_crossings

SENSITIVE = mtc(
    [
        tanh("fast", -1.740299, -0.185728), tanh("slow", 2.459576, 0.020157), tanh("slow", -1.802897, -0.601753),
        tanh("ultraslow", 1.533944, -0.970683),
    ],
    tau_s=38.113371, tau_us=840.944805,
)  # fmt: skip
"""A bursting neuron whose second spike hangs on a threshold: an error of 1e-9 moves it by 0.14 tau_m."""
CURRENT, START = -0.566089, (-1.9, -1.8, -1.8)


def crossings(rtol: float, method: str = "DOP853") -> np.ndarray:
    """Spikes of the sensitive neuron over 600 tau_m."""
    trace = integrate(SENSITIVE, CURRENT, 600.0, start=START, rtol=rtol, method=method)
    time = np.linspace(0, 600, 12001)
    return upward_crossings(time, trace.at(time)[:, 0])[0]


def test_the_doubt_of_a_spike_holds_other_solvers():
    """Two tolerances of one method tell how far an independent method (Radau, implicit) lies off; no method is right
    to a fixed number.
    """
    tight, loose, radau = crossings(1e-12), crossings(1e-9), crossings(1e-9, "Radau")
    doubt = spike_doubt(tight, loose, window=20.0)
    assert tight[1] == pytest.approx(529.770, abs=1e-3)
    assert doubt.sizes[0] < 1e-6
    assert 0.1 < doubt.sizes[1] < 0.2
    assert (np.abs(radau[: len(tight)] - tight) <= doubt.sizes + 1e-6).all()


@pytest.mark.simulator
def test_a_check_says_first_what_has_no_partner():
    """ngspice misses the second spike by far: the sentence begins with it, and tells what the equation itself knows."""
    check = check_circuit(SENSITIVE, CURRENT, 600.0, start=START)
    (found,) = check.comparison.neurons
    assert found.missing > 0
    assert str(check).startswith(f"{found.missing} missing, {found.extra} extra")
    assert "known to 0.1" in str(check)
    assert check.spikes[1] == pytest.approx(529.770, abs=1e-3)
    assert 0.1 < check.doubts[1] < 0.2
    with pytest.raises(CircuitDiffers, match=r"spikes of the model are missing"):
        assert_circuit_matches(SENSITIVE, CURRENT, stop=600.0, start=START)


@pytest.mark.simulator
def test_a_robust_neuron_is_compared_as_before():
    """The bursting preset's spikes are known to 1e-4 tau_m, which the sentence does not mention."""
    preset = PRESETS["bursting"]
    check = check_circuit(preset.neuron, preset.stimulus, 600.0, start=preset.start)
    assert check.doubts.max() < 1e-4
    assert str(check).startswith("equation ")
    assert "known to" not in str(check)


TIME = np.linspace(0.0, 100.0, 4001)


def voltage(*spikes: float) -> np.ndarray:
    """A membrane with a spike at each time."""
    return (-1.0 + sum(2.5 * np.exp(-(((TIME - time) / 0.6) ** 2)) for time in spikes))[:, None]


def rung(name: str, *spikes: float, again: tuple[float, ...] | None = None) -> Rung:
    """One neuron that spikes at these times, and at others when it is computed again."""
    other = None if again is None else voltage(*again)
    return Rung(name=name, time=TIME, voltage=voltage(*spikes), neurons=("n",), again=other)


@pytest.mark.parametrize(
    ("again", "candidate", "counts", "largest"),
    [
        # known exactly: 3 tau_m late is a missing and an extra spike
        ((20.0, 50.0), (20.0, 53.0), (1, 1, 1, 0), 0.0),
        # known to 2 tau_m: the same spike, 1 tau_m later than could be
        ((20.0, 52.0), (20.0, 53.0), (2, 0, 0, 0), 1.0),
        # inside the doubt there is no difference
        ((20.0, 52.0), (20.0, 51.5), (2, 0, 0, 0), 0.0),
        # beyond window and doubt it is another spike
        ((20.0, 52.0), (20.0, 56.0), (1, 1, 1, 0), 0.0),
        # a spike that only one tolerance has is neither missing nor extra
        ((20.0,), (20.0,), (1, 0, 0, 1), 0.0),
        ((20.0, 50.0, 80.0), (20.0, 50.0, 80.5), (2, 0, 0, 1), 0.0),
    ],
)
def test_differences_count_beyond_the_doubt(again, candidate, counts, largest):
    """Matched, missing, extra, undecided and the largest time error, with a window of 2 tau_m."""
    (step,) = compare(
        [rung("equation", 20.0, 50.0, again=again), rung("circuit", *candidate)], window=2.0, step=1.0
    ).comparisons
    (found,) = step.neurons
    assert (found.matched, found.missing, found.extra, found.undecided) == counts
    assert found.max_time_error_tau_m == pytest.approx(largest, abs=0.01)


def test_a_network_s_equation_is_solved_twice_and_keeps_both(tmp_path):
    """The second solution goes through the file, and differs from the first by what the tolerances leave."""
    network, inputs = network_of("mtc"), TASK.generate(0).held_out.inputs[:50, 0].numpy()
    found = continuous_rung(network, inputs, dt=DT)
    assert 0 < np.abs(found.again - found.membrane).max() < 1e-4
    stored = Waveforms.from_dataset(found.dataset())
    np.testing.assert_allclose(stored.again, found.again, atol=1e-6)
    assert Waveforms.from_dataset(replace(found, again=None).dataset()).again is None
