"""Every rule approaches the continuous equation at the order it claims."""

import math

import declared
import numpy as np
import pytest

from conductance.derivation.rules import derive
from conductance.neurons import adlif, lif, low_pass, mtc, qif
from conductance.neurons.presets import BURSTING, TONIC
from conductance.shaping.convergence import convergence, stepped
from conductance.shaping.flow import FlowError
from conductance.shaping.integrate import integrate
from conductance.stimulus import Stimulus

HELD = [0.5, 0.8, -0.3, 0.9] * 3
RUNS = {
    "tonic": (TONIC.neuron, [-0.7] * 10 + [0.0] * 10, 0.4, (-1.0, -1.0)),
    "bursting": (BURSTING.neuron, [-1.0] * 20, 0.4, BURSTING.start),
    "slewing": (mtc(tau_f=0.5, filter_limit=1.0, leak_limit=5.0), [-1.0] * 20, 0.2, None),
    "lif": (lif(), HELD, 0.5, None),
    "adlif": (adlif(b=0.0), HELD, 0.5, None),
    "low_pass": (low_pass(), [1.0, 0.0, -1.0, 2.0], 0.5, None),
    "qif": (qif(), [0.1, 0.2, 0.05, 0.0, 0.2, 0.1], 0.25, None),
}
"""Runs between spikes: a neuron, inputs, how long each is held, the start."""
CASES = [
    (run, method) for run in RUNS for method in declared.METHOD_NAMES if method != "moebius" or run == "qif"
]
EXACT = {
    *(("lif", method) for method in ("exponential_euler", "symplectic_euler", "alternating_euler")),
    ("qif", "moebius"),
}
"""Linear in its own state with a held input, and the exact form: no error is left."""


@pytest.mark.parametrize(("run", "method"), CASES)
def test_the_error_falls_at_the_rules_order(run, method):
    """Errors over steps halved six times lie on a line whose slope is the order to within 0.05."""
    neuron, inputs, hold, start = RUNS[run]
    found = convergence(neuron, method, inputs=inputs, hold=hold, start=start)
    if (run, method) in EXACT:
        assert found.exact
        assert math.isinf(found.slope)
    else:
        assert found.slope == pytest.approx(found.order, abs=0.05)
        assert found.errors[-1] < found.errors[0] / 50


def test_every_declared_neuron_has_a_run():
    """The list of runs covers every function that makes a neuron."""
    assert {run[0].meaning for run in RUNS.values()} == {n.meaning for n in declared.NEURONS.values()}


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
