"""The ladder's noise line: what the circuit's noise does to the trained model's error."""

import pytest
import torch
from report_examples import DT, TASK, network_of, rungs_of

from circuits.data.scaling import Scaling
from circuits.noise import noisy_network
from circuits.technologies import technology
from excitable.ladder.lines.noise import REALISATIONS, noise_line
from excitable.ladder.series import ladder
from excitable.report.verdict import verdict
from netlists.comparison import NoiseLine

GENERIC = technology("generic_180nm")


@pytest.fixture(scope="module")
def split():
    return TASK.generate(0).held_out


def line_of(split, capacitance):
    """Of the small network, its neurons that size."""
    scaling = Scaling(voltage_unit=GENERIC.amplifier.voltage_unit, capacitance=capacitance)
    return noise_line(network_of("mtc"), split, TASK, technology=GENERIC, scaling=scaling)


def test_a_smaller_capacitor_makes_more_noise(split):
    """A hundredth of the capacitance scatters the error farther; the silent error is the same."""
    large, small = line_of(split, 1e-12), line_of(split, 1e-14)
    assert small.power == pytest.approx(100 * large.power)
    assert small.silent == large.silent
    assert small.realisations == REALISATIONS
    assert small.lower < small.mean < small.upper <= small.largest + (small.upper - small.lower)
    spread = [line.upper - line.lower for line in (large, small)]
    assert spread[1] > 1.3 * spread[0]


def test_the_line_is_the_mean_of_single_runs(split):
    """One batch of realisations: their mean is within the interval of other realisations'."""
    line, noisy = line_of(split, 1e-13), noisy_network(
        network_of("mtc"), GENERIC,
        scaling=Scaling(voltage_unit=GENERIC.amplifier.voltage_unit, capacitance=1e-13),
    )  # fmt: skip
    with torch.no_grad():
        errors = [TASK.error(noisy(split.inputs, seed=100 + seed)[0], split) for seed in range(6)]
    width = line.upper - line.lower
    assert sum(errors) / 6 == pytest.approx(line.mean, abs=2 * width)


def test_neurons_without_amplifiers_have_no_line(split):
    """A neuron that resets is not built of transistors."""
    assert noise_line(network_of("lif"), split, TASK, technology=GENERIC, scaling=Scaling()) is None


def test_the_verdict_tells_of_noise(split):
    """A sentence of the report, from the line alone."""
    network, data = network_of("mtc"), TASK.generate(0)
    found = ladder(network, rungs_of(network, data), split, TASK, dt=DT)
    assert found.noise is None and not any("white noise" in sentence for sentence in verdict(found))
    line = NoiseLine(power=2e-6, realisations=16, silent=0.2, mean=0.25, lower=0.24, upper=0.26, largest=0.3)
    told = " ".join(verdict(found.model_copy(update={"noise": line})))
    assert "drawn 16 times" in told and "against the 0.200 without noise" in told


def test_the_interval_is_students_of_sixteen_errors(split):
    """Errors 1 to 16: the mean 8.5, and t(97.5 %, 15) = 2.1314 times their deviation over 4 on both sides."""

    class Counted:
        def __init__(self):
            self.calls = 0

        def error(self, _prediction, _split):
            self.calls += 1
            return float(self.calls)

    scaling = Scaling(voltage_unit=GENERIC.amplifier.voltage_unit)
    line = noise_line(network_of("mtc"), split, Counted(), technology=GENERIC, scaling=scaling)
    half = 2.131450 * (17 * 16 / 12) ** 0.5 / 4
    assert (line.mean, line.largest) == (8.5, 16.0)
    assert (line.lower, line.upper) == pytest.approx((8.5 - half, 8.5 + half), rel=1e-6)
