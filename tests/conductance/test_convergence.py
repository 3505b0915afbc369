"""Every rule approaches the continuous equation at the order it claims."""

import math

import declared
import numpy as np
import pytest

from conductance.derivation.rules import derive, methods_of
from conductance.neurons import adlif, lif, low_pass, qif
from conductance.shaping.convergence import TRIALS, convergence, stepped, trial_of
from conductance.shaping.flow import FlowError
from conductance.shaping.integrate import integrate
from conductance.stimulus import Stimulus

ALL = (*TRIALS, trial_of(declared.NEURONS[declared.FRESH]))
CASES = [(trial.title, method) for trial in ALL for method in trial.methods]


@pytest.mark.parametrize(("title", "method"), CASES)
def test_the_error_falls_at_the_rules_order(title, method):
    """Errors over steps halved six times lie on a line whose slope is the order to within 0.05."""
    trial = next(each for each in ALL if each.title == title)
    found = convergence(trial.neuron, method, inputs=trial.inputs, hold=trial.hold, start=trial.start)
    if method in trial.exact:
        assert found.exact
        assert math.isinf(found.slope)
    else:
        assert found.slope == pytest.approx(found.order, abs=0.05)
        assert found.errors[-1] < found.errors[0] / 50


def test_every_neuron_is_tried_with_every_rule_that_it_has():
    """The list covers every function that makes a neuron with a time step, and every method."""
    assert {t.neuron.meaning for t in ALL} == {n.meaning for n in declared.FLOWS.values()}
    for trial in ALL:
        assert set(trial.methods) == set(methods_of(trial.neuron))


@pytest.mark.parametrize("neuron", [lif(), qif(), adlif(b=0.0), low_pass()], ids=lambda neuron: neuron.name)
def test_which_rules_are_exact_follows_from_the_declaration(neuron):
    """The derived trial claims the same exact rules as the one that was written for the neuron."""
    (chosen,) = [trial for trial in TRIALS if trial.neuron.name == neuron.name]
    assert set(trial_of(neuron).exact) == set(chosen.exact)


@pytest.mark.parametrize("dt", [0.1, 0.02, 0.004])
def test_across_resets_even_an_exact_rule_is_of_order_one(dt):
    """A spike is set to the end of a step, so each interval of LIF is longer than the truth by up to one step."""
    truth = np.diff(integrate(lif(), Stimulus.constant(1.7), 10.0).spikes)
    _, outputs = stepped(derive(lif(), "exponential_euler"), [1.7] * round(10 / dt), dt)
    longer = np.diff(np.flatnonzero(outputs)) * dt - truth[0]
    assert np.ptp(truth) < 1e-9
    assert longer.min() > 0
    assert longer.max() <= dt * (1 + 1e-9)


def test_convergence_across_a_spike_is_refused():
    """The error names the time of the spike."""
    with pytest.raises(FlowError, match="spikes at t = 0"):
        convergence(lif(), "heun", inputs=[2.0] * 4, hold=0.5)
