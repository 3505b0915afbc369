"""A run that is retrained on the measured law of its circuit, and the rung of that law."""

from shutil import copytree

import numpy as np
import pytest
import torch

from circuits.measured import MeasureError
from conductance.layers import Projection
from conductance.storage import load_network
from excitable.ladder.rungs import MEASURED, load_waveforms
from excitable.runs.folder import RunError
from excitable.runs.origin import read_origin
from excitable.runs.retrain import START, RetrainOptions, begun_retraining, retrain_run
from excitable.runs.series import SeriesRun, train_run
from excitable.runs.stages.series import compare_run, simulate_run

CONFIGURATION = """
name = "tiny"
[task]
sample_step = 1.0
horizon = 20.0
series_samples = 60
warm_up = 20
train_series = 4
validation_series = 2
test_series = 2
held_out_samples = 60
transient = 200.0
[network]
hidden = 2
method = "heun"
[training]
steps = 2
batch = 2
evaluate_every = 2
[circuit]
level = ["transistor"]
[simulation]
samples = 60
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of two neurons."""
    path = tmp_path_factory.mktemp("measured") / "tiny"
    with SeriesRun.begun(path, CONFIGURATION, source="tiny.toml") as run:
        train_run(run)
    return SeriesRun(path)


@pytest.mark.simulator
@pytest.mark.slow
def test_the_measured_rung_stands_before_the_transistors_and_follows_them(trained):
    """Swept once, it is nearer to them than the equation is by a factor of five, wherever that is off."""
    simulate_run(trained, (MEASURED,))
    assert (trained.path / "sweeps" / "hidden.npz").is_file()
    simulate_run(trained, ("transistor",))
    rungs = {rung.rung: rung for rung in load_waveforms(trained.path / "waveforms.nc")}
    assert list(rungs) == ["discrete", "continuous", MEASURED, "transistor"]
    real = rungs["transistor"].membrane
    law, equation = (
        np.sqrt(np.mean((rungs[name].membrane - real) ** 2, axis=0)) for name in (MEASURED, "continuous")
    )
    assert (law < 0.05).all()
    off = equation > 0.1
    assert off.any() and (law < 0.2 * equation)[off].all()
    steps = [(step.reference, step.candidate) for step in compare_run(trained).adjacent]
    assert steps[-1] == (MEASURED, "transistor")


@pytest.mark.simulator
@pytest.mark.slow
def test_a_run_is_retrained_on_the_measured_law(trained, tmp_path):
    """Its numbers are those of a declared network, trained; going on with another law is refused.

    One neuron is driven into its clamp, at 8 V0, and the run is one that `simulate` and `compare` take; what the
    records say of spikes is what the membranes did.
    """
    folder = tmp_path / "tiny"
    copytree(trained.path, folder)
    parent = SeriesRun(folder)
    driven = parent.network()
    encoder = next(layer for layer in driven.chain.values() if isinstance(layer, Projection))
    with torch.no_grad():
        encoder.bias[0] = -8.0
    parent.save_network(driven)
    options = RetrainOptions(level="macromodel", steps=2, on=MEASURED)
    path = tmp_path / "tiny-measured"
    with begun_retraining(parent, path, options) as run:
        result = retrain_run(run)
    assert read_origin(path).on == MEASURED
    network, start = load_network(path), load_network(path / START)
    layer = network.chain["hidden"]
    assert layer.law is layer.neuron
    moved = layer.values()["alpha_f_minus"] - start.chain["hidden"].values()["alpha_f_minus"]
    assert float(moved.detach().abs().max()) > 0
    assert result.test.silent_neurons >= 1
    assert result.test.duty_cycle < 0.5
    assert 0 <= result.test.outside < 0.01
    simulate_run(SeriesRun(path), (MEASURED,))
    (law,) = (rung for rung in load_waveforms(path / "waveforms.nc") if rung.rung == MEASURED)
    assert law.membrane[-1, 0] < -6
    assert compare_run(SeriesRun(path), (MEASURED,)).adjacent
    other = RetrainOptions(level="macromodel", steps=2)
    with (
        pytest.raises(RunError, match="at level macromodel on measured"),
        begun_retraining(parent, path, other),
    ):
        pass


def test_only_two_laws_are_trained_on():
    """Another word is refused with the two that there are."""
    with pytest.raises(RunError, match="on model or measured"):
        RetrainOptions(level="transistor", on="circuit")


@pytest.mark.simulator
@pytest.mark.slow
def test_a_run_is_trained_on_the_measured_law_from_the_start(tmp_path):
    """`[training] on = "measured"` moves the declared numbers by another way than the equation's, and says so."""
    networks = []
    for on in ("model", "measured"):
        text = CONFIGURATION.replace("steps = 2", f'steps = 2\non = "{on}"').replace(
            "transistor", "macromodel"
        )
        with SeriesRun.begun(tmp_path / on, text, source="tiny.toml") as run:
            trained = train_run(run)
        networks.append(SeriesRun(tmp_path / on).network().state_dict())
    assert any("trained on the measured law" in remark for remark in trained.remarks)
    model, measured = networks
    assert model.keys() == measured.keys()
    assert any((model[name] != measured[name]).any() for name in model)
    with SeriesRun.begun(tmp_path / "measured", text, source="tiny.toml") as run:
        assert train_run(run).result.resumed_at == 2


def test_neurons_without_a_measured_law_are_refused(tmp_path):
    """One with events is named, before anything is swept."""
    text = CONFIGURATION.replace("steps = 2", 'steps = 2\non = "measured"')
    text = text.replace('method = "heun"', 'neuron = "lif"')
    with (
        SeriesRun.begun(tmp_path / "lif", text, source="tiny.toml") as run,
        pytest.raises(MeasureError, match=r"neuron lif.*events"),
    ):
        train_run(run)
