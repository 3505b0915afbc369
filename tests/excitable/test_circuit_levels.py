"""A run at several levels of its circuit: the rungs, what is kept, calibration, and retraining from the circuit."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from conductance.networks import Spread
from conductance.storage import StorageError, load_network
from conductance.tasks import Split, nrmse
from excitable.config import configuration_text, parse_configuration
from excitable.config.own import Code
from excitable.config.series import SeriesConfiguration
from excitable.ladder.calibration import read_fits
from excitable.ladder.rungs import load_waveforms
from excitable.report import ReportError, write_report
from excitable.runs.folder import RunError
from excitable.runs.in_the_loop import (
    LoopOptions,
    Measured,
    learn,
    measure,
    through_circuit,
    train_in_the_loop,
)
from excitable.runs.origin import read_origin, read_updates
from excitable.runs.retrain import RetrainOptions, _configuration, begun_retraining, retrain_run
from excitable.runs.series import SeriesRun, train_run
from excitable.runs.stages.series import circuit_options, compare_run, export_run, simulate_run

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
hidden = 3
method = "heun"
[training]
steps = 2
batch = 2
evaluate_every = 2
[circuit]
level = ["behavioural", "mixed", "transistor"]
mixed.hidden_1 = "transistor"
[simulation]
samples = 60
"""


@pytest.mark.parametrize(("asked", "steps"), [(None, 14), (3, 3)])
def test_retraining_takes_twice_the_steps_of_training_where_none_are_asked_for(asked, steps):
    """With the circuit's level among those that are compared, and all else as it was."""
    parent = parse_configuration('name = "first"\n[training]\nsteps = 7\n')
    made = _configuration(parent, "second", RetrainOptions(level="transistor", steps=asked), Code())
    assert (made.name, made.training.steps) == ("second", steps)
    assert made.training.learning_rate == parent.training.learning_rate
    assert made.circuit.level == [*parent.circuit.level, "transistor"]
    assert (made.task, made.network, made.seed) == (parent.task, parent.network, parent.seed)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of three neurons."""
    path = tmp_path_factory.mktemp("levels") / "tiny"
    with SeriesRun.begun(path, CONFIGURATION, source="tiny.toml") as run:
        train_run(run)
    return SeriesRun(path)


@pytest.fixture(scope="module")
def climbed(trained):
    """The same at three levels, exported, simulated and compared."""
    export_run(trained)
    rungs = load_waveforms(simulate_run(trained).path)
    return trained, {rung.rung: rung for rung in rungs}, compare_run(trained)


@pytest.mark.simulator
def test_a_mixed_circuit_has_each_neuron_at_its_level(climbed):
    """The neuron in transistors does what it does among transistors, its neighbours what they do among sources."""
    _, rungs, ladder = climbed
    assert [rung.name for rung in ladder.rungs] == [
        "discrete", "continuous", "behavioural", "mixed", "transistor",
    ]  # fmt: skip
    mixed, ideal, built = (rungs[name].membrane for name in ("mixed", "behavioural", "transistor"))
    assert mixed[:, 1] == pytest.approx(built[:, 1], abs=1e-3)
    assert mixed[:, [0, 2]] == pytest.approx(ideal[:, [0, 2]], abs=2e-2)
    assert np.abs(built - ideal).max() > 0.05


@pytest.mark.simulator
def test_calibration_and_bias_tables_are_kept(climbed):
    """Every amplifier has its fit at several biases, and the tables have every transistor's width."""
    run, _, _ = climbed
    (fit,) = read_fits(run.path / "calibration.json")
    assert fit.level == "transistor" and {found.cell for found in fit.amplifiers} == {"ota5", "ota10"}
    assert fit.residual < 0.02 and fit.output is not None and len({f.bias for f in fit.amplifiers}) == 3
    options = circuit_options(run, "transistor")
    assert options.scaling.voltage_unit == fit.voltage_unit and options.trims["ota10"].gain != 1
    table = (run.path / "netlists" / "network_transistor_bias.csv").read_text().splitlines()
    assert "width_m" in table[0] and sum("Mosfet" in line for line in table) > 3 * 50
    assert not list((run.path / "netlists").rglob("*.raw"))


@pytest.mark.simulator
def test_rungs_stay_until_the_network_changes(climbed, tmp_path):
    """Another level is added to those that are there; with other weights only what is simulated anew is left."""
    source, rungs, _ = climbed
    run = SeriesRun(shutil.copytree(source.path, tmp_path / "tiny"))
    simulate_run(run, ("macromodel",))
    found = {rung.rung: rung for rung in load_waveforms(run.path / "waveforms.nc")}
    assert list(found) == ["discrete", "continuous", "behavioural", "mixed", "macromodel", "transistor"]
    assert found["transistor"].membrane == pytest.approx(rungs["transistor"].membrane, abs=1e-5)
    assert [rung.name for rung in compare_run(run, ("macromodel",)).rungs][2:] == ["macromodel"]
    with pytest.raises(ReportError, match="level nothing is not simulated; it has behavioural"):
        write_report(run.path, ("nothing",))
    network = run.network()
    with torch.no_grad():
        network.chain["readout"].weight.mul_(1.1)
    run.save_network(network)
    simulate_run(run, ("behavioural",))
    left = [rung.rung for rung in load_waveforms(run.path / "waveforms.nc")]
    assert left == ["discrete", "continuous", "behavioural"]
    with pytest.raises(RunError, match=r"transistor is not simulated yet; .* --level transistor"):
        compare_run(run, ("transistor",))


@pytest.mark.simulator
@pytest.mark.slow
def test_retraining_makes_a_run_that_says_where_it_comes_from(climbed, tmp_path):
    """The new run has the circuit's laws, its updates go on where they were, and its report has before and after."""
    parent, _, before = climbed
    options, loop = RetrainOptions(level="transistor", steps=2), LoopOptions(updates=1, samples=40, steps=3)
    path = tmp_path / "again"
    with begun_retraining(parent, path, options) as run:
        retrain_run(run)
        laws = load_network(path).chain["hidden"].values()
        train_in_the_loop(run, "transistor", loop)
    origin = read_origin(path)
    assert (origin.parent, origin.level, origin.technology) == ("tiny", "transistor", "generic_180nm")
    assert (float(laws["filter_limit"][0]), float(laws["leak_limit"][0])) == pytest.approx((1.0, 5.0))
    kept = load_network(path).state_dict()
    with begun_retraining(parent, path, options) as run:
        retrain_run(run)
        assert [u.update for u in train_in_the_loop(run, "transistor", replace(loop, updates=2))] == [1, 2]
        simulate_run(run, ("transistor",))
        compare_run(run)
    assert len(read_updates(path)) == 2
    assert any((kept[name] != value).any() for name, value in load_network(path).state_dict().items())
    page = write_report(path).read_text()
    assert "Before and after retraining" in page
    assert repr(next(rung.task_error for rung in before.rungs if rung.name == "transistor")) in page


@pytest.mark.simulator
def test_retraining_is_refused_where_it_would_mislead(trained, tmp_path):
    """Into its own folder, into a trained run, and from a level whose laws the model has already."""
    options = RetrainOptions(level="transistor", steps=2)
    with (
        pytest.raises(RunError, match="a folder of its own"),
        begun_retraining(trained, trained.path, options),
    ):
        pass
    other = shutil.copytree(trained.path, tmp_path / "other")
    with (
        pytest.raises(RunError, match="was trained, not retrained"),
        begun_retraining(trained, other, options),
    ):
        pass
    ideal = replace(options, level="behavioural")
    with (
        pytest.raises(ValueError, match="level behavioural has no amplifiers"),
        begun_retraining(trained, tmp_path / "ideal", ideal),
    ):
        pass


def series(network, samples=50):
    """An input, a target, and a circuit whose neurons give 0.9 of the model's output and are a step late."""
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(samples, 2, 1, generator=generator)
    split = Split(inputs=inputs, targets=inputs.clone(), mask=torch.ones(samples, 2, dtype=torch.bool))
    record = {}
    with torch.no_grad():
        network(inputs, record=record)
        hidden = 0.9 * record["hidden"].roll(1, 0) + 0.05
        output, _ = network.chain["filter"](network.chain["readout"](hidden)[0])
    return split, Measured(layers={"hidden": hidden}, output=output + 0.01, seconds=0.0)


def test_the_circuit_is_the_forward_pass_and_stays_so_to_first_order(trained):
    """At the weights of the simulation the output is the circuit's; a changed readout reads the circuit's neurons."""
    network = trained.network()
    split, measured = series(network)
    output, reference = through_circuit(network, split.inputs, measured)
    assert torch.allclose(output, measured.output, atol=1e-6)
    output.square().mean().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in network.parameters())
    change = torch.tensor([[0.5, -0.2, 0.1]])
    with torch.no_grad():
        network.chain["readout"].weight.add_(change)
        after, _ = through_circuit(network, split.inputs, measured, reference)
        added, _ = network.chain["filter"]((measured.layers["hidden"] * change).sum(2, keepdim=True))
    assert torch.allclose(after, measured.output + added, atol=1e-5)


def test_learning_lowers_the_circuits_error(trained):
    """Updates on one simulation bring the expected error of the circuit down."""
    network = trained.network()
    split, measured = series(network)
    options = LoopOptions(updates=1, steps=20, learning_rate=0.01)
    update = learn(network, trained.task, split, measured, options)
    assert update.circuit_error == pytest.approx(nrmse(measured.output, split.targets, split.mask), rel=1e-5)
    assert update.expected_error < update.circuit_error


def test_companions_hold_a_single_series_back(trained):
    """Updates that see other series besides leave the model's error on them lower than those that do not."""
    errors = []
    for companions in (None, lambda _: trained.data.train):
        network = trained.network()
        split, measured = series(network)
        learn(
            network,
            trained.task,
            split,
            measured,
            LoopOptions(updates=1, steps=20, learning_rate=0.02),
            companions,
        )
        with torch.no_grad():
            prediction, _ = network(trained.data.train.inputs)
        errors.append(trained.task.error(prediction, trained.data.train))
    assert errors[1] < errors[0]


@pytest.mark.simulator
def test_measured_outputs_are_those_of_the_waveforms(climbed):
    """Neurons and network, read at the ends of the steps, are what the same circuit gave in the ladder."""
    run, rungs, _ = climbed
    held_out = run.data.held_out
    found = measure(run.network(), held_out, dt=0.2, options=circuit_options(run, "behavioural"))
    rung = rungs["behavioural"]
    assert found.output[:, 0].numpy() == pytest.approx(rung.prediction(0.2, 60), abs=1e-4)
    ends = 0.2 * np.arange(1, 61)
    membrane = np.stack([np.interp(ends, rung.time, column) for column in rung.membrane.T], axis=1)
    assert found.layers["hidden"][:, 0].numpy() == pytest.approx(np.clip(membrane, 0, 1), abs=1e-3)


def test_a_damaged_calibration_is_named(tmp_path):
    """The error has the file and the way out."""
    path = tmp_path / "calibration.json"
    path.write_text('[{"level": "layout"}]')
    with pytest.raises(StorageError, match=r"calibration.json.*delete the file"):
        read_fits(path)
    assert read_fits(tmp_path / "none.json") == ()


def test_a_configuration_is_written_as_it_was_read():
    """Spreads, lists, tables and empty values come back the same."""
    found = parse_configuration(CONFIGURATION)
    assert parse_configuration(configuration_text(found)) == found
    spread = SeriesConfiguration(name="a", network={"values": {"tau_s": Spread(lower=10.0, upper=40.0)}})
    assert parse_configuration(configuration_text(spread)) == spread
