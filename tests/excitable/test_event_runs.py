"""Event-based classifiers in run folders: trained, gone on with, reported, and looked at from all sides."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from conductance.events import EventLayer
from conductance.landscapes import LandscapeError
from conductance.training.events import score
from excitable import cli
from excitable.config import parse_configuration
from excitable.config.faults import ConfigurationError
from excitable.report import report_run, save_landscape
from excitable.runs.events import EventRun, train_events
from excitable.runs.folder import RunError
from excitable.runs.landscape import LandscapeOptions, landscape_run, surface_of

SMALL = """
name = "small"
seed = 3

[task]
name = "yin_yang"
end = 5.0
train_samples = 60
validation_samples = 20
test_samples = 12

[network]
hidden = [6]

[training]
epochs = 2
batch = 20
"""


def trained(path, text=SMALL, report=None) -> EventRun:
    """A run in a folder, trained or gone on with."""
    with EventRun.begun(path, text, source="small.toml") as run:
        train_events(run, report=report)
    return run


@pytest.fixture(scope="module")
def records():
    """Every epoch's record as it was reported."""
    return []


@pytest.fixture(scope="module")
def run(tmp_path_factory, records):
    """A trained run."""
    return trained(tmp_path_factory.mktemp("runs") / "small", report=records.append)


def test_a_run_is_in_its_folder(run, records):
    """What is loaded has the records of what was trained, and the weights that have the score of the test split."""
    loaded = EventRun(run.path)
    assert loaded.records == tuple(records)
    assert score(loaded.network(), loaded.data.test) == loaded.test
    names = {str(path.relative_to(run.path)) for path in run.path.rglob("*")}
    assert {"config.toml", "environment.json", "metrics.jsonl", "checkpoints/last.safetensors"} <= names


def test_the_same_command_goes_on_and_another_configuration_is_refused(run):
    """A finished run is not trained again; one of other options is refused by name."""
    assert trained(run.path).records == run.records
    with pytest.raises(RunError, match=r"another configuration \(network.hidden: \[6\] -> \[7\]\)"):
        trained(run.path, SMALL.replace("hidden = [6]", "hidden = [7]"))
    assert trained(run.path, SMALL + "# a comment\n").records == run.records


def test_a_broken_off_run_has_no_network_yet(tmp_path):
    """Ctrl-C after the first epoch: the folder says so, and the same call ends like an unbroken one."""

    def stop(record):
        raise KeyboardInterrupt

    folder = tmp_path / "small"
    with pytest.raises(KeyboardInterrupt):
        trained(folder, report=stop)
    with pytest.raises(RunError, match="not trained yet"):
        EventRun(folder).network()
    assert len(trained(folder).records) == 2


@pytest.mark.slow
def test_a_killed_training_ends_with_the_bytes_of_an_unbroken_one(tmp_path, monkeypatch):
    """SIGKILL between two epochs, the same command again: the same weights and records, byte for byte."""
    # long enough to be killed on the way
    text = SMALL.replace("epochs = 2", "epochs = 8").replace("train_samples = 60", "train_samples = 200")
    configuration, killed = tmp_path / "small.toml", tmp_path / "killed"
    configuration.write_text(text)
    command = ["excitable", "train", str(configuration), "--run", str(killed)]
    process = subprocess.Popen(
        [sys.executable, "-m", *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    checkpoint = killed / "checkpoints/last.safetensors"
    while not checkpoint.exists() and process.poll() is None:
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert checkpoint.exists() and not (killed / "model.safetensors").exists()
    unbroken = trained(tmp_path / "unbroken", text).path
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit, match="0"):
        cli.main()
    for name in ("model.safetensors", "metrics.jsonl", "result.json"):
        assert (killed / name).read_bytes() == (unbroken / name).read_bytes(), name


def test_every_fault_of_a_configuration_is_named():
    """Unknown keys, neurons and values out of range, each with its line."""
    text = SMALL.replace("hidden = [6]", 'neuron = "mtc"').replace("batch = 20", "batch = 0")
    with pytest.raises(ConfigurationError, match="2 faults") as caught:
        parse_configuration(text)
    assert "line 13, network.neuron = 'mtc'" in str(caught.value)
    assert "line 17, training.batch = 0: should be greater than or equal to 1" in str(caught.value)
    with pytest.raises(ConfigurationError, match="epochs_"):
        parse_configuration(SMALL + "epochs_ = 2\n")


def test_the_report_has_the_accuracy_and_every_spike(run):
    """The page says the accuracy, needs no other file, and escapes what it names."""
    page = report_run(run).read_text()
    assert f"<td>{run.test.accuracy:.1%}</td>" in page
    assert page.count("<svg") == 2
    assert "http:" not in page.replace("http://www.w3.org", "").replace("http://purl.org", "").replace(
        "http://creativecommons.org", ""
    )


def test_the_landscape_of_a_run_is_kept_with_its_pictures(run):
    """One sample and a batch, each with its measures; the first point is the loss of the trained network."""
    options = LandscapeOptions(directions=2, points=3, plane_points=3, samples=4, length=0.1)
    views = landscape_run(run, options)
    save_landscape(run.path, views)
    kept = json.loads((run.path / "landscape.json").read_text())
    assert [view["name"] for view in kept["views"]] == ["one sample", "batch of 4"]
    surface = surface_of(run, 4)
    assert views[1].random[0].values[0] == surface.read(surface.start()).value
    assert views[1].descent.slopes[0] < 0
    norm = float(surface.start().norm())
    for path in (*views[0].random, views[0].descent, *views[1].random, views[1].descent):
        assert path.places == pytest.approx([0.0, 0.05 * norm, 0.1 * norm])
    assert views[1].plane.values[1, 1] == pytest.approx(views[1].random[0].values[0])
    assert (run.path / "figures" / "landscape.svg").stat().st_size > 1000
    with pytest.raises(LandscapeError, match="13 samples are asked for and the test split has 12"):
        surface_of(run, 13)


def test_train_takes_event_configurations(tmp_path, monkeypatch, capsys):
    """`excitable train` with a task on spikes ends with the test accuracy and a network on disk."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.toml").write_text(SMALL)
    monkeypatch.setattr(sys, "argv", ["excitable", "train", "small.toml"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert not ended.value.code
    assert "test accuracy 0." in capsys.readouterr().out
    (layer, _) = EventRun(tmp_path / "runs" / "small").network().layers.values()
    assert isinstance(layer, EventLayer) and layer.size == 6
