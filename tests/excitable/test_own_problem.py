"""A problem of one's own from a file to a circuit: tables, layers, seconds, neurons and tasks of one's own files."""

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from circuits.data.scaling import Scaling
from conductance.errors import ExcitableError
from conductance.layers import NeuronLayer, Projection
from conductance.networks import Network
from conductance.networks.firing import FiringError, firing, let_fire, silence_text
from conductance.neurons import lif, low_pass, mtc
from conductance.neurons.spiking import is_spiking
from conductance.tasks import MackeyGlass
from excitable.cli import app
from excitable.cli.console import fail
from excitable.config import ConfigurationError, configuration_text, parse_configuration
from excitable.ladder.options import CircuitOptions
from excitable.ladder.series import export
from excitable.runs.folder import RunError
from excitable.runs.real_time import in_real_time, time_remarks
from excitable.runs.series import SeriesRun, started, train_run, untrained_network

SENSOR = """name = "sensor"
[task]
name = "table"
path = "{path}"
time = "t"
inputs = ["x", "y"]
targets = ["y"]
horizon = 0.02
window = 100
warm_up = 20
[network]
hidden = 4
dt = 0.5
[training]
steps = 2
batch = 4
evaluate_every = 2
[simulation]
samples = 40
"""
LAYERS = """name = "deep"
[network]
dt = 0.5
rates = [0.001, 0.2]
[[network.layers]]
neuron = "mtc"
size = 6
recurrent = {source = "us", spectral_radius = 0.5, density = 0.8, tau = 5.0}
[[network.layers]]
name = "second"
neuron = "lif"
size = 5
values = {tau_m = [2, 8]}
"""


class Named:
    """What `untrained_network` asks of data."""

    input_names, target_names = ("x",), ("y",)


@pytest.fixture
def sensor(tmp_path):
    path = tmp_path / "sensor.csv"
    rows = [
        f"{k * 2e-3:.3f},{math.sin(0.05 * k) + 0.3 * math.sin(0.21 * k):.5f},{math.cos(0.05 * k):.5f}"
        for k in range(1500)
    ]
    path.write_text("t,x,y\n" + "\n".join(rows) + "\n")
    return path


def test_a_csv_becomes_a_run_a_circuit_and_a_comparison(tmp_path, sensor, monkeypatch):
    """Two columns in, one out: train, export, simulate, compare and report; the circuit has the data's time."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.toml").write_text(SENSOR.format(path=sensor))
    runner = CliRunner()
    for words in (
        ["train", "own.toml"],
        ["export", "sensor"],
        ["simulate", "sensor"],
        ["compare", "sensor"],
        ["report", "sensor"],
    ):
        result = runner.invoke(app, words)
        assert result.exit_code == 0, result.output
    run = SeriesRun.find("sensor")
    units = run.built.circuit.scaling()
    assert units.time_unit == pytest.approx(2e-3 / 0.5)
    assert json.loads((run.path / "comparison.json").read_text())
    assert "none: the target is not among the inputs" in (run.path / "report.html").read_text()
    written = re.search(r"c0=(\S+)", (run.path / "netlists" / "network.lib").read_text())
    assert written and float(written.group(1).rstrip("}")) == pytest.approx(units.capacitance)


def test_files_that_change_after_training_are_noticed(tmp_path, sensor, monkeypatch):
    """A run is not compared on other data than it was trained on without a word."""
    monkeypatch.chdir(tmp_path)
    with SeriesRun.begun(tmp_path / "run", SENSOR.format(path=sensor), source="x") as run:
        train_run(run)
    assert SeriesRun(tmp_path / "run").data.digest
    sensor.write_text(sensor.read_text().replace("0.002,", "0.0020,", 1))
    with pytest.raises(RunError, match="files of task table have changed"):
        _ = SeriesRun(tmp_path / "run").data


def test_layers_in_depth_with_a_loop_are_built_scaled_and_written_back():
    """The list of layers becomes a chain; weights are scaled until every layer fires; the text is its own inverse."""
    configuration = parse_configuration(LAYERS)
    assert parse_configuration(configuration_text(configuration)) == configuration
    task = MackeyGlass(
        series_samples=300,
        warm_up=50,
        train_series=16,
        validation_series=2,
        test_series=2,
        held_out_samples=300,
    )
    data = task.generate(0)
    network = untrained_network(configuration, data)
    assert list(network.chain) == ["encoder", "layer1", "to_second", "second", "readout", "filter"]
    loop = network.chain["layer1"].recurrent
    assert (loop.source, loop.tau, loop.trainable) == ("us", 5.0, False)
    fired = started(network, configuration, data)
    assert [one.layer for one in fired] == ["layer1", "second"]
    assert all(0.001 <= one.rate <= 0.2 for one in fired)
    record: dict = {}
    network(data.train.inputs, record=record)
    assert is_spiking(network.chain["second"].neuron)
    assert float((record["second"] > 0).double().mean()) == pytest.approx(fired[1].rate)


def test_neurons_that_block_when_driven_hard_get_the_nearest_weights_that_fire():
    """The rate of MTC neurons falls again under large weights: the factor is the nearest to 1, not the largest."""
    inputs = torch.sin(torch.arange(400.0) / 6)[:, None, None].expand(-1, 4, 1)

    def drawn():
        return untrained_network(
            parse_configuration('name = "one"\n[network]\nhidden = 16\ndt = 0.4\n'), Named()
        )

    def rate(factor):
        network = drawn()
        with torch.no_grad():
            network.chain["encoder"].weight.mul_(factor)
        return firing(network, inputs)[0].rate

    nearest = next(k for k in range(21) if rate(2 ** (k / 2)) >= 0.02)
    (found,) = let_fire(network := drawn(), inputs, lowest=0.02, highest=0.2)
    assert 0.02 <= found.rate <= 0.2 and found.rate == firing(network, inputs)[0].rate
    assert found.factor <= 2 ** (nearest / 2)
    assert rate(2**10) < 2 * rate(2 ** (nearest / 2))


def test_filters_before_neurons_count_and_a_failure_leaves_every_weight():
    """A low-pass between weights and neurons filters their drive, also behind another layer; all or nothing."""

    def chain(theta=1.0):
        draws = torch.Generator().manual_seed(2)
        return Network(
            {
                "in": Projection(2, 4, generator=draws), "smooth": NeuronLayer(low_pass(), 4, dt=0.1),
                "first": NeuronLayer(lif(), 4, dt=0.1), "on": Projection(4, 3, generator=draws),
                "again": NeuronLayer(low_pass(), 3, dt=0.1),
                "second": NeuronLayer(lif().with_values(theta=theta), 3, dt=0.1),
            }
        )  # fmt: skip

    inputs = torch.randn(200, 3, 2, generator=torch.Generator().manual_seed(1))
    network = chain()
    found = let_fire(network, inputs, lowest=0.01, highest=0.1)
    assert [one.layer for one in found] == ["first", "second"]
    assert [one.rate for one in found] == [one.rate for one in firing(network, inputs)]
    hopeless = chain(theta=1e9)
    before = {name: value.clone() for name, value in hopeless.state_dict().items() if "weight" in name}
    with pytest.raises(FiringError, match="layer second"):
        let_fire(hopeless, inputs, lowest=0.01, highest=0.1)
    assert all(torch.equal(hopeless.state_dict()[name], value) for name, value in before.items())
    with pytest.raises(FiringError, match="empty or not finite"):
        let_fire(chain(), inputs * math.nan, lowest=0.01, highest=0.1)


def test_silent_layers_are_said_with_the_key_that_wakes_them():
    """Most neurons silent: one sentence; few: none."""
    network = untrained_network(
        parse_configuration('name = "one"\n[network]\nhidden = 8\ndt = 0.4\n'), Named()
    )
    with torch.no_grad():
        network.chain["encoder"].bias.fill_(-50.0)
    assert "8 of 8 neurons of layer hidden are silent" in silence_text(firing(network, torch.zeros(50, 2, 1)))
    assert silence_text(()) == ""


def test_a_layer_that_cannot_fire_is_named():
    """Without any drive no factor of the weights helps, and the weights stay as they were."""
    configuration = parse_configuration(LAYERS)
    network = untrained_network(configuration, Named())
    with torch.no_grad():
        network.chain["encoder"].bias.fill_(-50.0)
    before = network.chain["encoder"].weight.clone()
    with pytest.raises(FiringError, match="layer layer1: its neurons fire 0 times per step"):
        let_fire(network, torch.zeros(50, 2, 1), lowest=0.01, highest=0.1)
    assert torch.equal(network.chain["encoder"].weight, before)


class _named:
    """What `untrained_network` asks of data."""

    def __init__(self, _):
        self.input_names, self.target_names = ("x",), ("y",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[network]\nhidden = 3\n[[network.layers]]\nsize = 4\n', "is of the short form"),
        ('[[network.layers]]\nneuron = "mtc"\n', r"network.layers.0.size.*missing"),
        ('[[network.layers]]\nsize = 4\nname = "readout"\n', "the name readout is taken"),
        ('[[network.layers]]\nsize = 4\nname = "a"\n[[network.layers]]\nsize = 4\nname = "a"\n', "two are named a"),
        ('[network]\nrecurrent = {source = "slow"}\n', "recurrent.source = 'slow' is unknown"),
        ('[network]\nrates = [0.5, 0.1]\n', "two ordered numbers"),
        ('[network]\nhidden = 3\nrecurrent = {weights = [[0, 1], [1, 0]]}\n', "are for 2 neurons, and .* has 3"),
        ('[network]\nhidden = 2\nrecurrent = {weights = [[0, 1], [1]]}\n', "row 2 has 1 numbers and there are 2 rows"),
        ('[network]\nrecurrent = {weights = [[0]], density = 0.5}\n', "density is of random weights"),
        ('[network]\nhidden = 2\ninitial = {um = [1, 2, 3]}\n', "initial.um has 3 numbers, and layer hidden 2"),
        ('[network]\ninitial = {u = 1}\n', "initial.u is no state; allowed are um, us, uus"),
        ('[network]\ninitial = {um = "a"}\n', "must be a number, or a list with one per neuron"),
        ('[task]\nname = "free_run"\n', "has nothing to learn; set training.trained = 'none'"),
        ('[training]\ntrained = "none"\nreadout = "both"\n', "readout = 'both' solves the readout"),
        ('[network]\nneuron = "nothing.py:x"\n', "must be FILE.py:NAME.*there is no file nothing.py"),
        ('[task]\nname = "nothing.py:Task"\n', "must be FILE.py:NAME"),
        ('[task]\nname = "table"\n', "path is missing"),
        ('[circuit]\ntau_m = 1e-3\ncapacitance = 1e-12\ncurrent_unit = 1e-9\n', "give two of tau_m"),
        ('[circuit.mixed]\nlayer9 = "transistor"\n', "there is no such layer or neuron"),
    ],
)  # fmt: skip
def test_faults_of_layers_tasks_and_times_are_named(text, message):
    with pytest.raises(ConfigurationError, match=message):
        parse_configuration('name = "a"\n' + text)


def test_layers_that_differ_are_told_key_by_key():
    """Not as objects of Python: the key that differs in the layer that has it."""

    def read(text):
        return parse_configuration('name = "a"\n[[network.layers]]\nsize = 4\n' + text)

    before = read('recurrent = {source = "us"}\n[[network.layers]]\nsize = 3\n')
    after = read('recurrent = {source = "um"}\n[[network.layers]]\nneuron = "lif"\nsize = 3\n')
    assert before.training_differences(after) == [
        "network.layers.0.recurrent.source: us -> um",
        "network.layers.1.neuron: mtc -> lif",
    ]
    assert read("").training_differences(before)[0] == "network.layers: 1 -> 2 of them"


def test_a_chain_of_torch_is_told_how_it_becomes_a_network():
    with pytest.raises(ExcitableError, match=r"made of a Network, and this is a Sequential.*'first': layer"):
        export(torch.nn.Sequential(), np.zeros((3, 1)), dt=0.5, options=CircuitOptions(scaling=Scaling()))


def test_the_name_of_a_file_and_an_object_is_no_picture(capsys):
    """`mine.py:two: ...` has the form of an emoji of rich between its colons."""
    fail("mine.py:two: it must be a loss")
    assert "mine.py:two: it must" in capsys.readouterr().err


@pytest.mark.slow
def test_a_network_that_is_not_trained_is_a_run_like_others(tmp_path, monkeypatch):
    """Given weights and starts, no training: simulated, compared and reported in words of a run without an aim."""
    monkeypatch.chdir(tmp_path)
    runner = CliRunner()
    keys = ["task.held_out_samples=300", "simulation.samples=300", "network.dt=0.25"]
    for words in (
        ["train", "half-centre", *(word for key in keys for word in ("--set", key))],
        ["simulate", "half-centre"],
        ["compare", "half-centre"],
        ["report", "half-centre"],
    ):
        result = runner.invoke(app, words)
        assert result.exit_code == 0, result.output
    found = json.loads(Path("runs/half-centre/comparison.json").read_text())
    spikes = {rung["name"]: rung["spikes"] for rung in found["rungs"]}
    assert spikes["discrete"] == spikes["continuous"] == spikes["behavioural"] > 0
    page = Path("runs/half-centre/report.html").read_text()
    assert "none of whose numbers is trained" in page and "Prediction against truth" not in page
    shown = page.partition('id="settings"')[0]  # whose table has what each key means, for every network
    assert not re.search("trained network|was trained|trained neuron|whole held-out", shown)
    assert "The network runs by itself" in page and "predicts the mean: 1" not in page


@pytest.mark.parametrize("dt", [0.5, 1.0])
def test_a_map_of_ones_own_has_the_step_one(tmp_path, dt):
    """A clocked neuron takes one step per sample: another network.dt would be ignored, so it is refused."""
    file = tmp_path / "mine.py"
    file.write_text("from conductance.neurons import clocked_lif\ndef neuron():\n    return clocked_lif()\n")
    text = f'name = "own"\n[network]\nneuron = "{file}:neuron"\nhidden = 3\ndt = {dt}\n'
    if dt == 1:
        assert parse_configuration(text).network.plans()
        return
    with pytest.raises(
        ConfigurationError, match=r"dt = 0\.5, .* is a map \(clocked\), whose own step is 1; set"
    ):
        parse_configuration(text)


def test_a_file_of_ones_own_gives_neuron_and_task(tmp_path):
    """FILE.py:NAME for both: the declared time constant and the drawn data are those of the file."""
    file = tmp_path / "mine.py"
    file.write_text(
        "from conductance.neurons import mtc\nfrom conductance.tasks import MackeyGlass\n"
        "neuron = mtc(tau_s=33.0)\n"
        "def task():\n    return MackeyGlass(series_samples=100, warm_up=10, train_series=16, held_out_samples=100)\n"
    )
    text = f'name = "own"\n[task]\nname = "{file}:task"\n[network]\nneuron = "{file}:neuron"\nhidden = 3\n'
    configuration = parse_configuration(text)
    data = configuration.task.build().generate(0)
    assert data.train.samples == 100
    network = untrained_network(configuration, data)
    assert network.chain["hidden"].neuron.defaults["tau_s"] == 33.0
    file.write_text("neuron = 3\n1 / 0\n")
    with pytest.raises(ConfigurationError, match="ZeroDivisionError"):
        parse_configuration(text)


def test_seconds_fix_the_capacitor_or_the_current(sensor):
    """tau_m = C V0/I0 is the data's step over dt, whichever of C and I0 is given; absurd capacitors are said."""
    configuration = parse_configuration(SENSOR.format(path=sensor))
    data = configuration.task.build().generate(0)
    made = in_real_time(configuration.circuit, data, 0.5).scaling()
    assert made.time_unit == pytest.approx(4e-3) and made.current_unit == 1e-9
    given = parse_configuration(SENSOR.format(path=sensor) + "[circuit]\ncapacitance = 1e-12\n").circuit
    other = in_real_time(given, data, 0.5).scaling()
    assert other.time_unit == pytest.approx(4e-3) and other.capacitance == 1e-12
    for rung in ("macromodel", "transistor"):
        assert in_real_time(configuration.circuit, data, 0.5).scaling(rung).time_unit == pytest.approx(4e-3)
    network = untrained_network(configuration, data)
    said = " ".join(time_remarks(network, in_real_time(configuration.circuit, data, 0.5), data, 0.5))
    assert "tau_m = 0.004 s" in said and "too large for a chip" in said and "uus" in said
    assert "lower circuit.current_unit by" in said
    said = " ".join(time_remarks(network, in_real_time(given, data, 0.5), data, 0.5))
    assert "lower circuit.capacitance by" in said
    fast = " ".join(time_remarks(network, configuration.circuit, data, 0.5))
    times = float(re.search(r"is (\S+) times as fast as the data", fast)[1])
    # a tau_m of C V0/I0 where the data ask for 4 ms
    assert times == pytest.approx(4e-3 / configuration.circuit.scaling().time_unit, rel=1e-3) and times > 1


def test_real_time_outlives_calibration():
    """Amplifiers have a unit of voltage of their own: the capacitor follows, and tau_m stays."""
    text = 'name = "a"\n[circuit]\ntau_m = "20 ms"\ncurrent_unit = "20 pA"\n'
    options = CircuitOptions.configured(parse_configuration(text), "transistor").with_voltage_unit(0.068)
    assert options.scaling.time_unit == pytest.approx(20e-3) and options.scaling.current_unit == 20e-12
    plain = CircuitOptions.configured(parse_configuration('name = "a"\n'), "transistor").with_voltage_unit(
        0.068
    )
    assert plain.scaling.capacitance == 1e-12


@pytest.mark.parametrize(("tau", "unit"), [('"72 us"', 72e-6), ('"1 ns"', 1e-9), ("3.0", 3.0)])
def test_a_time_constant_may_be_any_that_a_membrane_has(tau, unit):
    """From a nanosecond to seconds, in the configuration; both times are shown, and capacitors of no chip are said."""
    configuration = parse_configuration(f'name = "a"\n[network]\ndt = 0.5\n[circuit]\ntau_m = {tau}\n')
    assert configuration.circuit.scaling().time_unit == pytest.approx(unit)
    task = MackeyGlass(series_samples=60, warm_up=10, train_series=2, held_out_samples=60)
    data = task.generate(0)
    network = untrained_network(configuration, data)
    said = time_remarks(network, configuration.circuit, data, 0.5)
    assert f"tau_m = {unit:.4g} s, one step of 0.5 tau_m {unit / 2:.4g} s" in said[0]
    assert ("too large for a chip" in " ".join(said)) == (unit > 1e-6)


def test_classes_of_a_table_are_scored_by_the_command(tmp_path, monkeypatch):
    """A folder of sequences in two classes: accuracy, F1 and confusion are shown."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    for kind, rate in (("calm", 0.1), ("wild", 0.6)):
        (tmp_path / "set" / kind).mkdir(parents=True)
        for k in range(10):
            wave = np.sin(rate * np.arange(40 + k) + random.uniform(0, 6))
            np.save(tmp_path / "set" / kind / f"{k}.npy", wave[:, None])
    (tmp_path / "classes.toml").write_text(
        'name = "classes"\n[task]\nname = "table"\npath = "set"\nlabel = "@folder"\n[network]\nhidden = 6\ndt = 0.5\n'
        "[training]\nsteps = 3\nbatch = 4\nevaluate_every = 3\n"
    )
    result = CliRunner().invoke(app, ["train", "classes.toml"])
    assert result.exit_code == 0, result.output
    assert "test accuracy" in result.output and "F1 calm" in result.output


def test_a_layer_is_scaled_to_the_middle_of_the_rates_by_whole_spikes():
    """The geometric mean of both ends is aimed at, and a membrane that stays up has spiked once."""
    network = Network(
        {
            "in": Projection(2, 40, generator=torch.Generator().manual_seed(2)),
            "first": NeuronLayer(lif(), 40, dt=0.1),
        }
    )
    inputs = torch.randn(400, 6, 2, generator=torch.Generator().manual_seed(1))
    (found,) = let_fire(network, inputs, lowest=0.01, highest=0.09)
    assert found.rate == pytest.approx(0.03, rel=0.1) and found.factor != 1
    (seen,) = firing(Network({"up": NeuronLayer(mtc(()), 1, dt=0.1)}), torch.full((300, 1, 1), 3.0))
    assert seen.rate == pytest.approx(1 / 300)
