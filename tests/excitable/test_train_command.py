"""The command line: `excitable train` and `excitable config`."""

import importlib
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from rich.console import Console
from test_config import SMALL

from conductance.errors import ExcitableError
from conductance.training import read_metrics
from excitable import __version__, cli
from excitable.cli.progress import TrainingProgress
from excitable.runs.series import SeriesRun, train_run

LONG = SMALL.replace("steps = 2", "steps = 60").replace("evaluate_every = 1", "evaluate_every = 4")


@dataclass(frozen=True)
class Done:
    """What a command wrote, and its status."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def excitable(tmp_path, monkeypatch, capsys):
    """Run the command line in an empty folder, in this process."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["excitable", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return Done(int(ended.value.code or 0), *capsys.readouterr())

    return run


def test_train_makes_a_run_folder(tmp_path, excitable):
    """One command trains and leaves configuration, environment, model, metrics and a checkpoint."""
    (tmp_path / "small.toml").write_text(SMALL)
    done = excitable("train", "small.toml")
    assert done.returncode == 0, done.stderr
    assert re.search(r"test nrmse \d\.\d+ \(mean 1\.\d+, persistence", done.stdout)
    assert "runs/small/model.safetensors" in done.stdout
    assert len(re.findall(r"^step [012]/2  validation error", done.stderr, re.MULTILINE)) == 3
    names = {str(path.relative_to(tmp_path / "runs" / "small")) for path in (tmp_path / "runs").rglob("*")}
    expected = {"config.toml", "environment.json", "model.json", "model.safetensors", "metrics.jsonl"}
    assert expected | {"checkpoints/last.safetensors"} <= names
    run = SeriesRun(tmp_path / "runs" / "small")
    assert run.task.error(run.network()(run.data.test.inputs)[0], run.data.test) > 0
    assert json.loads((run.path / "environment.json").read_text())["seed"] == 3
    again = excitable("train", "small.toml")
    assert again.returncode == 0
    assert "trained to its end before" in again.stderr
    assert again.stdout == done.stdout


@pytest.mark.slow
def test_kill_dash_nine_and_the_same_command(tmp_path, excitable):
    """SIGKILL during training, then the same command: weights and records are those of an unbroken run."""
    (tmp_path / "small.toml").write_text(LONG)
    command = [sys.executable, "-m", "excitable", "train", "small.toml"]
    process = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    broken = tmp_path / "runs" / "small"
    deadline = time.monotonic() + 120
    while len(read_metrics(broken / "metrics.jsonl")) < 10:
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not (broken / "model.json").exists()
    resumed = excitable("train", "small.toml")
    assert resumed.returncode == 0, resumed.stderr
    assert "going on from the checkpoint of step" in resumed.stderr
    with SeriesRun.begun(tmp_path / "unbroken", LONG, source="small.toml") as run:
        train_run(run)
    for name in ("model.safetensors", "model.json"):
        assert (broken / name).read_bytes() == (run.path / name).read_bytes()
    rows = [read_metrics(path / "metrics.jsonl") for path in (broken, run.path)]
    for row in (*rows[0], *rows[1]):
        row.pop("seconds")
    assert rows[0] == rows[1]


def test_a_users_error_is_one_message_and_status_2(tmp_path, excitable):
    """A faulty file is answered without a traceback, and nothing is made."""
    (tmp_path / "bad.toml").write_text(SMALL + "frames = 3\n[netwrk]\n")
    done = excitable("train", "bad.toml")
    assert done.returncode == 2
    assert "bad.toml: 2 faults" in done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["bad.toml"]


def test_an_error_of_the_program_keeps_its_trace(excitable, monkeypatch):
    """What is no user's error is not swallowed."""

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("excitable.config.read_configuration", broken)
    with pytest.raises(ZeroDivisionError):
        excitable("config", "demo")


def test_brackets_in_messages_are_no_markup(excitable, monkeypatch):
    """A message is shown as it is, whatever a user's file holds."""

    def refused(*_: object, **__: object) -> None:
        raise ExcitableError("layer hidden: [red]too large[/red]")

    monkeypatch.setattr("excitable.config.read_configuration", refused)
    done = excitable("config", "demo")
    assert done.returncode == 2
    assert "layer hidden: [red]too large[/red]" in done.stderr


def test_config_prints_example_and_schema(tmp_path, excitable):
    """The printed example is accepted by the command itself, and the schema is JSON."""
    shown = excitable("config", "--example")
    (tmp_path / "example.toml").write_text(shown.stdout)
    checked = excitable("config", "example.toml", "--schema")
    assert checked.returncode == 0, checked.stderr
    schema = json.loads(checked.stdout.rsplit("example.toml: no faults", 1)[0])
    assert all(
        "network" in schema["$defs"][f"{kind}Configuration"]["properties"] for kind in ("Series", "Image")
    )


def test_help_and_version_come_at_once(excitable):
    """Neither torch nor Lightning, sympy nor pydantic is imported for them."""
    program = (
        "import sys; from excitable import cli; "
        "print([name for name in ('torch', 'lightning', 'sympy', 'scipy', 'pydantic') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert excitable("--version").stdout.strip() == __version__
    assert "train" in excitable("--help").stdout


def test_progress_is_lines_without_a_terminal(tmp_path):
    """Without a terminal a training is one line per evaluation, plain text."""
    out = io.StringIO()
    with SeriesRun.begun(tmp_path / "small", SMALL, source="small.toml") as run:
        progress = TrainingProgress(Console(file=out), steps=2, neurons=5)
        with progress:
            train_run(run, report=progress.report)
    lines = out.getvalue().splitlines()
    assert [line.split()[:2] for line in lines] == [["step", "0/2"], ["step", "1/2"], ["step", "2/2"]]
    assert all("spikes per neuron and step" in line and "\x1b" not in line for line in lines)


def test_every_command_file_is_in_the_list():
    """A command is one file and one line: every file of commands is listed, and every command has its help."""
    folder = Path(cli.__file__).parent
    parts = {"__init__", "console", "interrupt", "progress"}
    files = {path.stem for path in folder.glob("*.py")} - parts
    # `import` is a keyword of Python
    assert {command.__name__ for command in cli.COMMANDS} | {"import_"} == files
    for name in files:
        assert getattr(importlib.import_module(f"excitable.cli.{name}"), name).__doc__


def test_a_finished_run_goes_on_with_more_steps(tmp_path, excitable):
    """`--set training.steps=4` after two: it says where it goes on, and the run then belongs to four."""
    (tmp_path / "small.toml").write_text(SMALL)
    assert excitable("train", "small.toml").returncode == 0
    done = excitable("train", "small.toml", "--set", "training.steps=4")
    assert done.returncode == 0 and "went on from step 2" in done.stderr, done.stderr
    assert "steps = 4" in (tmp_path / "runs" / "small" / "trained.toml").read_text()
    refused = excitable("train", "small.toml")
    assert refused.returncode != 0 and "training.steps: 4 -> 2" in refused.stderr
    refused = excitable("train", "small.toml", "--set", "training.steps=9", "--set", "training.batch=1")
    assert refused.returncode != 0 and "training.batch" in refused.stderr


def test_a_run_begins_with_the_weights_of_another(tmp_path, excitable):
    """The first record is the other network's; other layers, another start and images are refused in words."""
    (tmp_path / "small.toml").write_text(SMALL)
    assert excitable("train", "small.toml").returncode == 0
    words = ("train", "small.toml", "--run", "runs/second", "--from", "small")
    done = excitable(*words)
    assert done.returncode == 0 and "began with the weights of runs/small" in done.stderr, done.stderr
    first, second = (read_metrics(tmp_path / "runs" / name / "metrics.jsonl") for name in ("small", "second"))
    kept = [row for row in first if row["split"] == "validation"]
    assert second[0]["error"] == pytest.approx(min(row["error"] for row in kept))
    assert excitable(*words).returncode == 0  # again: trained to its end
    for more, message in (
        (("train", "small.toml", "--from", "runs/second"), "it has begun with other weights"),
        (("train", "small.toml", "--run", "runs/third", "--set", "network.hidden=9", "--from", "small"),
         "has other layers than the configuration: layers.encoder.weight"),
        (("train", "digits-dense", "--from", "small"), "only networks for series"),
    ):  # fmt: skip
        refused = excitable(*more)
        assert refused.returncode != 0 and message in " ".join(refused.stderr.split()), refused.stderr
