"""Regression tests for users: circuits held to their models, and golden waveforms that report their drift."""

import numpy as np
import pytest
import xarray as xr
from network_examples import INPUTS, two_neurons

from circuits.data.circuit import CircuitError
from circuits.technologies import technology
from conductance.elements import tanh
from conductance.neurons import mtc
from conductance.neurons.presets import PRESETS
from conductance.stimulus import Stimulus
from excitable.checks.regression import CircuitDiffers, assert_circuit_matches
from netlists.errors import NetlistError
from netlists.waveforms.golden import Golden, WaveformsDrifted, drift

pytest_plugins = "pytester"

USER_TEST = """
import numpy as np
import xarray as xr

def waveforms(amplitude):
    time = np.linspace(0, 1e-3, 5000)
    voltage = amplitude * np.sin(2 * np.pi * 2e3 * time)[:, None]
    return xr.Dataset(
        {{"voltage": (("time", "node"), voltage)}}, coords={{"time": time, "node": ["out"]}}
    )

def test_oscillator(golden_waveforms):
    golden_waveforms.check(waveforms({amplitude}), "oscillator")
"""


def _waves(*columns, end=1e-3):
    time = np.linspace(0, end, len(columns[0]))
    nodes = [f"n{k}" for k in range(len(columns))]
    return xr.Dataset(
        {"voltage": (("time", "node"), np.stack(columns, axis=1))}, coords={"time": time, "node": nodes}
    )


@pytest.mark.simulator
def test_a_circuit_matches_its_own_equation():
    """A tonic neuron's behavioural circuit has all spikes of its equation, and differs by less than 2 %."""
    tonic = PRESETS["tonic"]
    check = assert_circuit_matches(tonic.neuron, tonic.stimulus, stop=150, start=tonic.start)
    assert check.comparison.neurons[0].matched >= 4


@pytest.mark.simulator
def test_a_circuit_that_differs_is_reported(tmp_path):
    """A gain of 1.04 and an offset drive a leaky neuron elsewhere: numbers and a picture say how far."""
    neuron = mtc((tanh("fast", 0.5),), leak_limit=5.0, name="leaky")
    target = tmp_path / "leaky.png"
    with pytest.raises(CircuitDiffers, match=r"neuron leaky, macromodel level: .*allowed 0\.001.*leaky\.png"):
        assert_circuit_matches(
            neuron, Stimulus.pulse(0.8, start=2.0, duration=4.0), stop=12, level="macromodel",
            technology=technology("generic_180nm"), tolerance=1e-3, figure=target,
        )  # fmt: skip
    assert target.read_bytes().startswith(b"\x89PNG")


@pytest.mark.simulator
def test_a_network_matches_its_equation():
    """Two neurons and their readout, as a behavioural netlist, follow the equation to 2 % in voltages and output."""
    check = assert_circuit_matches(two_neurons(), 5 * INPUTS, against="equation")
    assert len(check.comparison.neurons) == 2
    assert check.output.rms.shape == (1,) and check.output.spread[0] > 1e-3


@pytest.mark.simulator
def test_a_network_that_differs_is_reported(tmp_path):
    """Amplifiers with gain errors and offsets, put right by no calibration: output, neurons and a picture are named."""
    target = tmp_path / "network.svg"
    with pytest.raises(
        CircuitDiffers, match=r"network, macromodel level: output 0 .*hidden_0: .*network\.svg"
    ):
        assert_circuit_matches(
            two_neurons(), 5 * INPUTS, level="macromodel", technology=technology("generic_180nm"), trims={},
            tolerance=1e-3, figure=target,
        )  # fmt: skip
    assert b"hidden_1" in target.read_bytes()


def test_a_network_takes_no_stimulus():
    """Arguments of a neuron are refused for a network, and those of a network for a neuron."""
    with pytest.raises(CircuitError, match="inputs as an array"):
        assert_circuit_matches(two_neurons(), Stimulus.constant(1.0), stop=5.0)
    with pytest.raises(CircuitError, match="neuron mtc: give a Stimulus"):
        assert_circuit_matches(mtc(()), INPUTS)


@pytest.mark.simulator
def test_transistors_need_no_named_technology():
    """The level alone is enough: transistors come from the generic 180 nm process, which an ideal one has not."""
    neuron = mtc((), leak_limit=4.0)
    check = assert_circuit_matches(
        neuron, Stimulus.constant(0.5), stop=6.0, level="transistor", tolerance=0.2
    )
    assert any("generic 180 nm" in text for text in check.netlist.files.values())


def test_drift_is_the_rms_difference():
    """A sine that grows by a tenth has drifted by a tenth of its standard deviation, and most at its peak."""
    time = np.linspace(0, 1, 4001)
    sine = np.sin(2 * np.pi * time)
    (found,) = drift(_waves(sine), _waves(1.1 * sine))
    assert found.normalised == pytest.approx(0.1, rel=1e-6)
    assert found.rms == pytest.approx(0.1 / np.sqrt(2), rel=1e-5)
    assert found.worst == pytest.approx(0.1, rel=1e-6)
    assert found.worst_time == pytest.approx(0.25e-3, rel=1e-3) or found.worst_time == pytest.approx(
        0.75e-3, rel=1e-3
    )


def test_a_node_at_rest_must_stay_there(tmp_path):
    """A node whose golden waveform is constant has no scale: more than a microvolt is a drift."""
    rest = np.full(100, 0.3)
    golden = Golden(folder=tmp_path, figures=tmp_path, update=True)
    golden.check(_waves(rest))
    Golden(folder=tmp_path, figures=tmp_path).check(_waves(rest + 1e-7))
    with pytest.raises(WaveformsDrifted, match=r"n0: 1e-05 V rms \(it rested\)"):
        Golden(folder=tmp_path, figures=tmp_path).check(_waves(rest + 1e-5))


def test_other_nodes_or_durations_are_named(tmp_path):
    """The message says which nodes are gone and which are new, or which end differs."""
    wave = np.sin(np.linspace(0, 9, 100))
    Golden(folder=tmp_path, figures=tmp_path, update=True).check(_waves(wave))
    with pytest.raises(WaveformsDrifted, match="gone: none; new ones: n1"):
        Golden(folder=tmp_path, figures=tmp_path).check(_waves(wave, wave))
    with pytest.raises(WaveformsDrifted, match=r"it ends at 0\.001 s, the waveforms at 0\.002 s"):
        Golden(folder=tmp_path, figures=tmp_path).check(_waves(wave, end=2e-3))
    with pytest.raises(ValueError, match=r"'\.\./up'"):
        Golden(folder=tmp_path, figures=tmp_path).check(_waves(wave), "../up")


def test_a_name_is_checked_once_in_a_test(tmp_path):
    """Two checks of one name would be held to one file: the second is refused and told to take another name."""
    golden = Golden(folder=tmp_path, figures=tmp_path, update=True)
    golden.check(_waves(np.linspace(0, 1, 100)))
    with pytest.raises(NetlistError, match="give each its own"):
        golden.check(_waves(np.linspace(0, 2, 100)))


def test_the_plugin_writes_compares_and_reports(pytester):
    """Without a golden file the test fails and says how to make one; a drift fails with a figure."""

    def run(amplitude, *options):
        pytester.makepyfile(test_user=USER_TEST.format(amplitude=amplitude))
        return pytester.runpytest_inprocess("-p", "excitable.pytest_plugin", "-p", "no:xdist", *options)

    missing = run(1.0)
    missing.assert_outcomes(failed=1)
    missing.stdout.fnmatch_lines(["*there are no golden waveforms*pytest --update-golden*"])
    run(1.0, "--update-golden").assert_outcomes(passed=1)
    assert (pytester.path / "golden" / "test_user" / "test_oscillator" / "oscillator.nc").is_file()
    run(1.005).assert_outcomes(passed=1)
    drifted = run(1.05)
    drifted.assert_outcomes(failed=1)
    drifted.stdout.fnmatch_lines(
        ["*1 of 1 nodes drifted*", "*out: * V rms (0.05 of its standard deviation)*"]
    )
    (figure,) = [
        line.split("figure: ")[1] for line in drifted.outlines if "figure: " in line and line.startswith("E")
    ]
    with open(figure, "rb") as file:
        assert file.read(4) == b"\x89PNG"
