"""Known neurons as circuits: sources agree with the equation, perfect amplifiers with sources, transistors nearly."""

from dataclasses import replace

import numpy as np
import pytest

from circuits.data.amplifier import AmplifierModel
from circuits.realisations import Trim
from circuits.technologies import technology
from conductance.neurons.presets import PRESETS
from excitable.checks.levels import by_circuit, by_equation, with_limits
from excitable.ladder.calibration import fit_level, swept_biases

pytestmark = pytest.mark.simulator

IDEAL, GENERIC = technology("ideal"), technology("generic_180nm")
BIASES = (0.5e-9, 1e-9, 1.5e-9, 2e-9)


def preset(name, filter_limit=1.0, stop=None):
    found = with_limits(PRESETS[name], filter_limit=filter_limit)
    return found if stop is None else replace(found, stop=stop)


def test_followers_of_sources_are_the_model_with_filter_limit():
    """bursting with filter_limit = 1: the behavioural circuit has the equation's spikes, each within 0.1 tau_m."""
    bursting = preset("bursting", stop=800.0)
    equation, circuit = by_equation(bursting), by_circuit(bursting, "behavioural", IDEAL)
    assert len(equation.spikes) > 5
    assert circuit.spikes == pytest.approx(equation.spikes, abs=0.1)


def test_perfect_amplifiers_are_sources():
    """Without limits, the macromodel and the sources differ by the staggered leak alone."""
    tonic = preset("tonic", stop=300.0)
    sources, amplifiers = (by_circuit(tonic, level, IDEAL) for level in ("behavioural", "macromodel"))
    assert len(sources.spikes) == len(amplifiers.spikes)
    assert amplifiers.quantities["interval"] == pytest.approx(sources.quantities["interval"], rel=0.01)


def test_trims_undo_gain_and_offset():
    """Amplifiers of gain 1.1 and 5 mV offset, trimmed by just that, make the neuron of perfect amplifiers: every sign
    of a trim is right, the follower's lag among them. Untrimmed, they do not. Only the wait for the first burst
    differs, since the filters start 5 mV off.
    """
    bursting = preset("bursting", stop=600.0)
    faulty = IDEAL.model_copy(update={"amplifier": AmplifierModel(gain=1.1, offset=5e-3)})
    perfect = by_circuit(bursting, "macromodel", IDEAL)
    trimmed = by_circuit(bursting, "macromodel", faulty, trims={"amplifier": Trim(gain=1.1, offset=5e-3)})
    untrimmed = by_circuit(bursting, "macromodel", faulty)
    intervals = [np.diff(found.spikes[1:]) for found in (perfect, trimmed, untrimmed)]
    assert intervals[1] == pytest.approx(intervals[0], abs=0.1)
    assert len(untrimmed.spikes) != len(perfect.spikes) or intervals[2] != pytest.approx(
        intervals[0], abs=1.0
    )


def test_transistors_fire_like_the_equation_after_trimming():
    """tonic, 100 transistors: the interval is the equation's within 2 % after trimming, its load as well."""
    tonic = preset("tonic", stop=300.0)
    fit = fit_level("transistor", GENERIC, np.array([1e-9, 2e-9]), tonic.neuron, GENERIC.scaling())
    found = by_circuit(tonic, "transistor", GENERIC, trims=fit.trims)
    assert found.quantities["interval"] == pytest.approx(by_equation(tonic).quantities["interval"], rel=0.02)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "filter_limit"),
    [
        (name, limit)
        for name in ("excitable", "rest-spike bistable", "bursting", "slow bursting", "phasic spike")
        for limit in (None, 1.0)
    ],
)
def test_known_sets_at_every_level(name, filter_limit):
    """Sources: spike counts exact and times within 0.5 % of the equation. Trimmed transistors: spikes within one, or a
    tenth, of the equation's; the regime never changes.
    """
    known = preset(name, filter_limit, stop=8000.0 if name == "slow bursting" and filter_limit else None)
    equation = by_equation(known)
    sources = by_circuit(known, "behavioural", GENERIC)
    assert len(sources.spikes) == len(equation.spikes)
    assert sources.spikes == pytest.approx(equation.spikes, rel=0.005, abs=0.1)
    fits = fit_level("transistor", GENERIC, np.array(BIASES), known.neuron, GENERIC.scaling()).trims
    transistors = by_circuit(known, "transistor", GENERIC, trims=fits)
    for quantity in ("spikes", "burst_size"):
        if quantity in known.known:
            expected = equation.quantities[quantity]
            assert abs(transistors.quantities[quantity] - expected) <= max(1, 0.1 * expected)


def test_the_smallest_the_median_and_the_largest_bias_are_swept():
    """Each once, and always a current that the network has."""
    assert swept_biases(np.array([1e-9, 2e-9, 3e-9, 7e-9, 9e-9])) == [1e-9, 3e-9, 9e-9]
    assert swept_biases(np.array([1e-9, 4e-9])) == [1e-9, 4e-9]
    assert swept_biases(np.array([2e-9])) == [2e-9]
