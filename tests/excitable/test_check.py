"""A neuron's circuit in ngspice is its equation, for every published parameter set."""

import numpy as np
import pytest

from circuits.data.circuit import CircuitError
from circuits.noise import circuit_noise
from circuits.technologies import TechnologyError
from conductance.elements import linear, tanh
from conductance.neurons import dqif, lif, low_pass, mtc, qif
from conductance.shaping.flow import FlowError
from conductance.stimulus import Stimulus
from excitable.checks import neuron as neuron_check
from excitable.checks.neuron import check_circuit

pytestmark = pytest.mark.simulator
BURSTING = (tanh("fast", -2.0), tanh("slow", 2.0), tanh("slow", -1.5, -0.9), tanh("ultraslow", 1.5, -0.9))


def test_bursting_neuron_keeps_its_spikes_in_the_circuit():
    """1500 tau_m of bursts: no spike missing or extra, each within 0.02 tau_m, voltages within 0.01 V0 rms."""
    check = check_circuit(mtc(BURSTING), Stimulus.constant(-1.0), 1500, start=(-1.9, -1.8, -1.8))
    (neuron,) = check.comparison.neurons
    assert neuron.matched > 10 and neuron.missing == neuron.extra == 0
    assert neuron.max_time_error_tau_m < 0.02 and neuron.rms_v0 < 0.01
    assert "0 spikes" not in str(check)


def test_leak_alone_is_the_closed_form():
    """Without elements the circuit is an RC: U = I (1 - exp(-t)), within 1e-4 of it."""
    check = check_circuit(mtc(()), Stimulus.constant(0.7), 8.0)
    assert np.abs(check.circuit - 0.7 * (1 - np.exp(-check.time))).max() < 1e-4


def test_pulse_moves_the_circuit_when_it_comes():
    """A pulse of 0.5 from 2 to 3 tau_m, seen through a leak with an extra conductance: the closed form holds."""
    neuron = mtc((linear("fast", 1.0),))
    check = check_circuit(neuron, Stimulus.pulse(0.5, start=2.0, duration=1.0), 6.0)
    rise = np.clip(check.time - 2, 0, 1)
    expected = 0.25 * (1 - np.exp(-2 * rise)) * np.exp(-2 * np.clip(check.time - 3, 0, None))
    assert np.abs(check.circuit - expected).max() < 5e-4


def test_neuron_with_events_is_refused():
    """The error says which neuron and what to do."""
    with pytest.raises(ValueError, match="neuron lif"):
        check_circuit(lif(), Stimulus.constant(2.0), 5.0)


@pytest.mark.parametrize(
    ("neuron", "words"),
    [(lif(), "resets in a jump"), (qif(), "excitable.ladder.events"), (dqif(), "excitable.ladder.maps")],
)
def test_a_neuron_without_comparison_is_told_where_its_circuit_is(neuron, words):
    """Neurons that reset and neurons on a clock are refused for different reasons."""
    with pytest.raises(CircuitError, match=f"neuron {neuron.name}.*{words}"):
        check_circuit(neuron, 1.0, 5.0)


def test_an_end_before_the_start_is_refused_in_tau_m():
    """The user's own number comes back in the user's own unit."""
    with pytest.raises(CircuitError, match=r"stop = -3\.0 tau_m"):
        check_circuit(mtc(), -1.0, -3.0)


def test_a_stimulus_that_starts_late_is_checked_from_its_start():
    """Equation, layer and circuit are those of the same stimulus at zero, on a clock that begins where it does."""
    early = check_circuit(low_pass(tau=2.0), Stimulus((0.0, 4.0), (1.0, 0.0)), 10.0, dt=0.5)
    late = check_circuit(low_pass(tau=2.0), Stimulus((5.0, 9.0), (1.0, 0.0)), 15.0, dt=0.5)
    assert late.time[0] == 5.0 and late.time[-1] == pytest.approx(15.0)
    np.testing.assert_allclose(late.time - 5.0, early.time, atol=1e-12)
    np.testing.assert_allclose(late.model, early.model, atol=1e-12)
    np.testing.assert_allclose(late.circuit, early.circuit, atol=1e-9)
    np.testing.assert_allclose(late.steps[0] - 5.0, early.steps[0], atol=1e-12)
    closed = 1 - np.exp(-(late.time[late.time < 9] - 5) / 2.0)
    np.testing.assert_allclose(late.model[late.time < 9], closed, atol=1e-8)


def test_a_stiff_equation_is_given_up_before_the_simulator_is_asked(monkeypatch):
    """What needs more evaluations than are allowed ends in one sentence, and no netlist is simulated."""
    monkeypatch.setattr(neuron_check, "EVALUATIONS", 500)
    monkeypatch.setattr(neuron_check, "simulate", lambda *_, **__: pytest.fail("a simulator was asked"))
    with pytest.raises(FlowError, match=r"given up at t = .* needs too many steps"):
        check_circuit(low_pass(tau=1e-3), Stimulus((0.0, 1.0), (1.0, 0.0)), 10.0)


def test_a_name_is_no_technology_and_a_text_no_end():
    """Each is answered with what to give, by the check as by the noise of the circuit."""
    with pytest.raises(TechnologyError, match="technology is 'generic_180nm', a str; give a Technology"):
        check_circuit(low_pass(), 1.0, 5.0, technology="generic_180nm")
    with pytest.raises(TechnologyError, match="a str; give a Technology"):
        circuit_noise(mtc(), "sky130")
    with pytest.raises(CircuitError, match="stop = '1 ms'; give a number, in tau_m"):
        check_circuit(low_pass(), 1.0, "1 ms")
