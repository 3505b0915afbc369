"""A run that is retrained on the measured law of its circuit, and the rung of that law."""

import numpy as np
import pytest

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
    """Its numbers are those of a declared network, trained; going on with another law is refused."""
    options = RetrainOptions(level="macromodel", steps=2, on=MEASURED)
    path = tmp_path / "tiny-measured"
    with begun_retraining(trained, path, options) as run:
        retrain_run(run)
    assert read_origin(path).on == MEASURED
    network, start = load_network(path), load_network(path / START)
    layer = network.chain["hidden"]
    assert layer.law is layer.neuron
    moved = layer.values()["alpha_f_minus"] - start.chain["hidden"].values()["alpha_f_minus"]
    assert float(moved.detach().abs().min()) > 0
    other = RetrainOptions(level="macromodel", steps=2)
    with (
        pytest.raises(RunError, match="at level macromodel on measured"),
        begun_retraining(trained, path, other),
    ):
        pass


def test_only_two_laws_are_trained_on():
    """Another word is refused with the two that there are."""
    with pytest.raises(RunError, match="on model or measured"):
        RetrainOptions(level="transistor", on="circuit")
