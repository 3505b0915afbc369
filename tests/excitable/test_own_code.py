"""A run that came from elsewhere is data: code that its configuration names runs only in training, or by --trust."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from conductance.errors import ExcitableError
from conductance.files import StorageError
from excitable.cli import app
from excitable.config import parse_configuration
from excitable.config.own import NotTrusted
from excitable.runs.folder import CodeWarning, RunError, RunFolder
from excitable.runs.kinds import on_series
from excitable.runs.series import SeriesRun, train_run
from excitable.studio.catalogue import catalogue
from excitable.studio.run_view import network_view

MINE = """from pathlib import Path
from conductance.neurons import mtc
from conductance.tasks import MackeyGlass
with open({marker!r}, "a") as file:
    file.write("run\\n")
neuron = mtc(tau_s=33.0)
class Task(MackeyGlass):
    pass
def task():
    return MackeyGlass(
        series_samples=60, warm_up=10, train_series=4, validation_series=2, test_series=2, held_out_samples=60,
        transient=20.0,
    )
"""
TEXT = """name = "own"
[task]
name = "{task}"
[network]
neuron = "{neuron}"
hidden = 3
dt = 1.0
[training]
steps = 1
batch = 2
evaluate_every = 1
[simulation]
samples = 30
workers = 1
"""
OWN_TASK, OWN_NEURON = ("mine.py:task", "mtc"), ("mackey_glass", "mine.py:neuron")
NEEDS_DATA = {
    "export": ["export", "own"],
    "export to nir": ["export", "own", "--to", "nir"],
    "simulate": ["simulate", "own"],
    "retrain": ["retrain", "own"],
    "sweep": ["sweep", "own", "--chips", "1", "--level", "behavioural"],
    "energy": ["energy", "own", "--level", "macromodel"],
    "decide": ["decide", "own"],
    "landscape": ["landscape", "own", "--plane", "0"],
}
"""Commands that need the data, which a task of one's own draws."""


@pytest.fixture
def marker(tmp_path, monkeypatch):
    """A file that tells how often the code has run; the current folder is where the code lies."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(MINE.format(marker=str(tmp_path / "marker")))
    return tmp_path / "marker"


def trained(names, series=""):
    """A run trained with the task and the neuron of these names."""
    text = TEXT.format(task=names[0], neuron=names[1])
    if names[0] == "mackey_glass":
        text = text.replace(
            "[network]",
            "series_samples = 60\nwarm_up = 10\ntrain_series = 4\nvalidation_series = 2\ntest_series = 2\n"
            "held_out_samples = 60\ntransient = 20.0\n[network]",
        )
    Path("own.toml").write_text(text)
    with SeriesRun.begun(Path("runs/own"), text, source="own.toml") as run:
        train_run(run)
    return Path("runs/own")


def invoke(*words):
    return CliRunner().invoke(app, words)


def test_every_command_refuses_a_task_of_its_own_by_one_error(marker):
    """The error names the code and where its copy is, and what runs it; nothing of the code is run."""
    trained(OWN_TASK)
    marker.unlink()
    for name, words in NEEDS_DATA.items():
        result = invoke(*words)
        assert isinstance(result.exception, NotTrusted), (name, result.output, result.exception)
        said = str(result.exception)
        assert "mine.py:task" in said and "read runs/own/code/mine.py" in said and "--trust" in said, name
    assert not marker.exists()


def test_a_report_needs_no_code(marker):
    """It shows what the folder holds."""
    run = trained(OWN_TASK)
    marker.unlink()
    result = invoke("report", "own")
    assert result.exit_code == 0, (result.output, result.exception)
    assert (run / "report.html").is_file() and not marker.exists()


def test_a_network_of_a_neuron_of_ones_own_needs_no_code(marker):
    """The network's file has all that the neuron is: its netlist is written without the code, with its value."""
    run = trained(OWN_NEURON)
    marker.unlink()
    result = invoke("export", "own")
    assert result.exit_code == 0, (result.output, result.exception)
    assert not marker.exists()
    assert SeriesRun.find("own").network().chain["hidden"].neuron.defaults["tau_s"] == 33.0
    with pytest.raises(NotTrusted, match=r"mine\.py:neuron"):
        SeriesRun.find("own").configuration.network.plans()
    assert RunFolder.find("own", trust=True).configuration.network.recipe.neuron.defaults["tau_s"] == 33.0
    assert (run / "code" / "mine.py").is_file()


def test_the_studio_shows_a_network_without_its_code(marker):
    """What `excitable shape --run` shows is in the folder; the error of perturbed weights needs the data."""
    trained(OWN_TASK)
    marker.unlink()
    run = on_series("shape", "own")
    view = network_view(run, catalogue())
    assert [layer["name"] for layer in view["layers"]] == ["hidden"]
    with pytest.raises(NotTrusted):
        run.data  # noqa: B018
    assert not marker.exists()


LOSSES = """import torch
from pathlib import Path
with open({marker!r}, "a") as file:
    file.write("run\\n")
def absolute(prediction, split):
    return (prediction - split.targets)[split.mask].abs().mean()
class Largest:
    def __call__(self, prediction, split):
        return (prediction - split.targets)[split.mask].abs().amax()
def wrong(prediction):
    return 0.0
def number(prediction, split):
    return 3.0
def broken(prediction, split):
    return prediction @ split
def detached(prediction, split):
    return prediction.detach().mean()
value = 3
"""


def with_loss(tmp_path, marker, name):
    """The text of a run with a loss of one's own."""
    (tmp_path / "loss.py").write_text(LOSSES.format(marker=str(marker)))
    series = "series_samples = 60\nwarm_up = 10\ntrain_series = 4\nvalidation_series = 2\ntest_series = 2\n"
    series += "held_out_samples = 60\ntransient = 20.0\n[network]"
    text = TEXT.format(task="mackey_glass", neuron="mtc").replace("[network]", series)
    return text.replace("[training]", f'[training]\nloss = "loss.py:{name}"')


def test_a_loss_of_ones_own_trains_and_is_trusted_like_other_code(marker, tmp_path):
    """The batch's loss is that of the file, a class is made first; a run keeps the copy and runs it if trusted."""
    losses = {}
    for name in ("absolute", "Largest"):
        text = with_loss(tmp_path, marker, name)
        records = []
        with SeriesRun.begun(Path(f"runs/{name}"), text, source="own.toml") as run:
            train_run(run, report=records.append)
        losses[name] = next(record.loss for record in records if record.split == "train")
    assert 0 < losses["absolute"] < losses["Largest"]
    assert (Path("runs/absolute/code/loss.py")).is_file()
    marker.unlink()
    found = SeriesRun.find("absolute")
    assert invoke("export", "absolute").exit_code == 0 and not marker.exists()
    with pytest.raises(NotTrusted, match=r"loss\.py:absolute.*--trust"):
        found.configuration.training.own_loss()
    assert callable(SeriesRun.find("absolute", trust=True).configuration.training.own_loss())


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("wrong", r"loss.py:wrong: a loss is called with \(prediction, split\)"),
        ("value", "value is a int; it must be a loss, a function of"),
        ("nothing", "nothing is nothing; it must be a loss"),
        ("number", "the loss gave a float; it must give one number as a tensor"),
        ("broken", r"loss.py:broken\(prediction, split\) failed: TypeError"),
        ("detached", "the loss does not depend on the prediction"),
    ],
)
def test_a_loss_that_is_none_is_refused_in_words(marker, tmp_path, name, words):
    """At once where it can be seen, else in the first step; never a traceback of the loop."""
    text = with_loss(tmp_path, marker, name)
    with pytest.raises(ExcitableError, match=words), SeriesRun.begun(Path("runs/x"), text, source="x") as run:
        train_run(run)


def test_classes_are_weighed_by_a_loss_of_ones_own_itself(marker, tmp_path):
    text = with_loss(tmp_path, marker, "absolute").replace(
        "[training]", '[training]\nclass_weights = "balanced"'
    )
    with pytest.raises(ExcitableError, match="a loss of one's own weighs its classes itself"):
        parse_configuration(text)


@pytest.mark.simulator
def test_a_trusted_run_goes_on_from_its_copy(marker):
    """With --trust the copy is run, also where the file beside is gone; so is a retrained run's own copy."""
    run = trained(OWN_TASK)
    Path("mine.py").unlink()
    marker.unlink()
    for words in (["export", "own"], ["simulate", "own"]):
        result = invoke(*words, "--trust")
        assert result.exit_code == 0, (words, result.output, result.exception)
    assert marker.exists()
    assert isinstance(invoke("compare", "own").exception, NotTrusted)
    assert invoke("compare", "own", "--trust").exit_code == 0
    assert json.loads((run / "comparison.json").read_text())
    assert SeriesRun.find("own", trust=True).data.train.samples == 60


@pytest.mark.slow
@pytest.mark.simulator
def test_a_demo_runs_what_it_trained_with(marker):
    """From its own configuration on, no --trust is asked for."""
    trained(OWN_TASK)
    shutil.rmtree("runs")
    result = invoke("demo", "own.toml")
    assert result.exit_code == 0, (result.output, result.exception)


def test_the_copy_is_the_file_with_its_digest(marker):
    """Byte for byte; two files of one name have two copies; a copy that was changed is refused."""
    Path("other").mkdir()
    shutil.copy("mine.py", "other/mine.py")
    run = trained(("mine.py:task", "other/mine.py:neuron"))
    kept = json.loads((run / "code.json").read_text())
    assert {named: entry["copy"] for named, entry in kept.items()} == {
        "mine.py": "mine.py",
        "other/mine.py": "mine-2.py",
    }
    assert (run / "code" / "mine.py").read_bytes() == Path("mine.py").read_bytes()
    (run / "code" / "mine.py").write_text("raise SystemExit\n")
    with pytest.raises(ExcitableError, match=r"mine\.py: this is not the code that the run was trained with"):
        SeriesRun.find("own", trust=True).task  # noqa: B018


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"mine.py": 3}', '{"mine.py": {"copy": "../mine.py", "sha256": ""}}', "[1]"]
)
def test_a_damaged_list_of_copies_is_one_error(marker, text):
    """Also one that would lead out of the run."""
    run = trained(OWN_TASK)
    (run / "code.json").write_text(text)
    with pytest.raises(StorageError, match=r"code\.json.*take it from a copy"):
        SeriesRun.find("own")


def test_a_file_that_changed_since_training_is_said(marker):
    """By every command, which goes by the copy; and training on with it is refused like another configuration."""
    run = trained(OWN_TASK)
    with open("mine.py", "a") as file:
        file.write("# another remark\n")
    with pytest.warns(CodeWarning, match=r"mine\.py has changed since runs/own was trained"):
        found = SeriesRun.find("own", trust=True)
    assert found.data.train.samples == 60
    again = SeriesRun.begun(run, Path("own.toml").read_text(), source="own.toml")
    with pytest.raises(RunError, match=r"mine\.py was changed"), again:
        pass


def test_a_run_made_elsewhere_is_opened_and_not_run(marker, tmp_path):
    """A configuration put into a folder by hand, with or without a list of copies, runs nothing when it is opened."""
    folder = tmp_path / "runs" / "gift"
    folder.mkdir(parents=True)
    text = TEXT.format(task="mine.py:task", neuron="mine.py:neuron")
    (folder / "config.toml").write_text(text)
    for words in (["simulate", "gift"], ["compare", "gift"], ["report", "gift"], ["decide", "gift"]):
        assert isinstance(invoke(*words).exception, ExcitableError), words
    assert not marker.exists()
    parse_configuration(text)  # what a user's own program reads is the user's
    assert marker.exists()


def test_config_checks_all_but_the_code(marker):
    """`excitable config FILE` says what it left out; with --trust it finds the fault in it."""
    Path("own.toml").write_text(TEXT.format(task="mine.py:task", neuron="mine.py:nothing"))
    result = invoke("config", "own.toml")
    assert result.exit_code == 0 and "not run, so not checked: mine.py; --trust runs it" in result.output
    assert not marker.exists()
    assert "nothing is nothing" in str(invoke("config", "own.toml", "--trust").exception)
    Path("own.toml").write_text(TEXT.format(task="mine.py:task", neuron="mine.py:nothing") + "x = 3\n")
    assert "simulation.x" in str(invoke("config", "own.toml").exception)
