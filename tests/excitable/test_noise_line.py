"""The ladder's noise line: what the circuit's noise does to the trained model's error."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from report_examples import DT, TASK, network_of, rungs_of

from circuits.data.scaling import Scaling
from circuits.noise import noisy_network
from circuits.technologies import technology
from conductance import Network, NeuronLayer, mtc
from excitable.ladder.lines import noise as noise_module
from excitable.ladder.lines.noise import REALISATIONS, noise_line
from excitable.ladder.series import ladder
from excitable.report.figures import noise_figure
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


def test_every_neurons_spikes_are_counted_against_its_own(split):
    """Matched and lost are the silent spikes of all realisations; a hundred times the power makes a worse ratio."""
    large, small = line_of(split, 1e-12), line_of(split, 1e-14)
    assert [each.neuron for each in small.neurons] == [f"hidden_{k}" for k in range(5)]
    firing = [each for each in small.neurons if each.spikes]
    assert firing
    for each in small.neurons:
        assert each.matched + each.lost == each.spikes * REALISATIONS
    for noisy, still in zip(small.neurons, large.neurons, strict=True):
        assert noisy.spikes == still.spikes
        assert noisy.signal_to_noise_db < still.signal_to_noise_db
    ratios = [
        still.signal_to_noise_db - noisy.signal_to_noise_db
        for noisy, still in zip(small.neurons, large.neurons, strict=True)
    ]
    assert max(ratios) == pytest.approx(20, abs=3)  # linear where no spike is near
    jitter = [max(each.jitter_tau_m or 0.0 for each in line.neurons) for line in (large, small)]
    assert 0 < jitter[0] < jitter[1]
    assert small.signal_to_noise_db < large.signal_to_noise_db


def test_the_line_counts_the_noise_of_outputs_and_synapses(split, monkeypatch):
    """Without the noise of the readout's synapses the output is another, and its neurons are the same."""
    whole = line_of(split, 1e-14)
    made = noise_module.noisy_network
    monkeypatch.setattr(
        noise_module, "noisy_network", lambda *given, **asked: Network(dict(made(*given, **asked).chain))
    )
    alone = line_of(split, 1e-14)
    assert alone.neurons == whole.neurons
    assert alone.mean != whole.mean and alone.silent == whole.silent


def test_spikes_that_noise_moves_takes_and_adds_are_told_apart():
    """Ramps that cross at known times: one late by 0.5 of two realisations, one lost, one false."""
    time = 0.1 * np.arange(1, 401)

    def spiking(*times):
        return np.max([2.0 - 4.0 * np.abs(time - 1.0 - at) for at in times] + [np.full(400, -1.0)], axis=0)

    network = Network({"hidden": NeuronLayer(mtc(), 1, dt=0.1)})
    still = {"hidden": torch.tensor(spiking(10.0, 20.0))[:, None, None]}
    moved = {"hidden": torch.tensor(np.stack([spiking(10.5, 20.0), spiking(10.0, 30.0)], axis=1))[:, :, None]}
    (found,) = noise_module._neurons(network, still, moved)
    assert (found.spikes, found.matched, found.lost, found.false) == (2, 3, 1, 1)
    assert found.jitter_tau_m == pytest.approx((0.25 / 3) ** 0.5, rel=0.02)


@pytest.mark.parametrize(("signal", "noise", "found"), [(1.0, 0.1, 20.0), (0.0, 0.1, None), (1.0, 0.0, None)])
def test_a_ratio_in_decibels(signal, noise, found):
    """Variance over mean square: 100 is 20 dB; nothing where one of them is zero."""
    wave = signal * np.array([1.0, -1.0])[:, None, None]
    ratio = noise_module._decibels(wave, wave + noise)
    assert ratio is None if found is None else ratio == pytest.approx(found)


def test_the_figure_shows_every_neuron(split):
    """Three panels; a point for each neuron that fires, and none without the line's neurons."""
    line = line_of(split, 1e-14)
    network, data = network_of("mtc"), TASK.generate(0)
    found = ladder(network, rungs_of(network, data), split, TASK, dt=DT).model_copy(update={"noise": line})
    drawing = noise_figure(SimpleNamespace(ladder=found))
    jitter, spikes, ratio = drawing.figure.axes
    assert len(jitter.lines[0].get_xdata()) == sum(each.jitter_tau_m is not None for each in line.neurons)
    assert len(ratio.lines[0].get_ydata()) == len(line.neurons)
    heights = [bar.get_height() for bar in spikes.patches]
    assert sum(heights[: len(line.neurons)]) * REALISATIONS == pytest.approx(
        sum(n.lost for n in line.neurons)
    )
    assert f"{sum(n.false for n in line.neurons)} false" in drawing.description
    bare = found.model_copy(update={"noise": line.model_copy(update={"neurons": ()})})
    assert noise_figure(SimpleNamespace(ladder=bare)) is None
    assert noise_figure(SimpleNamespace(ladder=None)) is None
