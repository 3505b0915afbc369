"""A command that is stopped ends what it started and leaves nothing; one that is killed leaves it to the next."""

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from report_examples import trained_run
from test_config import SMALL

from conductance.system.scratch import PREFIX, scratch_folder, sweep

PATIENCE = 120.0
"""Seconds within which something must have happened; a loaded machine is no failure."""


@pytest.fixture
def slow(tmp_path, monkeypatch):
    """A simulator that never ends and starts another program; the file in which it writes both numbers."""
    program, started = tmp_path / "bin" / "ngspice", tmp_path / "started"
    program.parent.mkdir()
    program.write_text(
        '#!/bin/sh\nif [ "$1" = --version ]; then echo "** ngspice-39 :"; exit 0; fi\n'
        f"sleep 1000 &\necho $$ $! >> {started}.part\nmv {started}.part {started}\nwait\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    return started


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A trained run."""
    folder = tmp_path_factory.mktemp("stopping") / "small"
    trained_run(folder)
    return folder


def lives(number: int) -> bool:
    """Whether a process does anything any more."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def wait_until(condition, seconds: float = PATIENCE) -> bool:
    """Wait for a condition; whether it came true."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


def heed_signals() -> None:
    """A test run in the background, or under nohup, hands on that these signals are ignored."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def started(command: list[str], mark: Path) -> tuple[subprocess.Popen, list[int]]:
    """The command line at the moment when its simulator runs, and the simulator's processes."""
    process = subprocess.Popen(
        [sys.executable, "-m", "excitable", *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
        preexec_fn=heed_signals,
    )  # fmt: skip
    assert wait_until(mark.exists), process.communicate()[0]
    return process, [int(word) for word in mark.read_text().split()]


@pytest.mark.simulator
@pytest.mark.parametrize(
    ("command", "number"),
    [
        ("simulate", signal.SIGTERM),
        pytest.param("simulate", signal.SIGINT, marks=pytest.mark.slow),
        pytest.param("sweep", signal.SIGTERM, marks=pytest.mark.slow),
        pytest.param("sweep", signal.SIGHUP, marks=pytest.mark.slow),
    ],
)
def test_a_stopped_command_ends_its_simulator_and_says_so(run, slow, tmp_path, command, number):
    """One sentence, the shell's status of the signal, no simulator and no folder left."""
    process, simulators = started([command, str(run)], slow)
    assert all(map(lives, simulators))
    process.send_signal(number)
    said, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 128 + number
    assert "stopped; the same command goes on from there" in said
    assert "Traceback" not in said
    assert wait_until(lambda: not any(map(lives, simulators)))
    assert list((tmp_path / "temporary").glob(f"{PREFIX}*")) == []
    assert [path for path in run.rglob("*") if ".part" in path.name or path.name.startswith(PREFIX)] == []


@pytest.mark.slow
@pytest.mark.simulator
def test_a_killed_command_takes_its_simulator_with_it(run, slow, tmp_path):
    """After kill -9 the simulator and what it started end by themselves; the next command removes the folder."""
    process, simulators = started(["simulate", str(run)], slow)
    process.kill()
    process.communicate()
    assert wait_until(lambda: not any(map(lives, simulators)))
    folders = tmp_path / "temporary"
    assert list(folders.glob(f"{PREFIX}*"))
    time.sleep(1.1)  # a younger folder may be one that is just being made
    done = subprocess.run(
        [sys.executable, "-m", "excitable", "export", str(run)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert list(folders.glob(f"{PREFIX}*")) == []


def test_training_takes_sigterm_as_an_interrupt(tmp_path):
    """Lightning's own handler does not hide the signal: the command ends with one sentence and goes on later."""
    configuration = tmp_path / "small.toml"
    configuration.write_text(
        SMALL.replace("steps = 2", "steps = 100000").replace("evaluate_every = 1", "evaluate_every = 2")
    )
    command = [sys.executable, "-m", "excitable", "train", str(configuration), "--run", str(tmp_path / "run")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert wait_until((tmp_path / "run" / "checkpoints").exists)
    process.terminate()
    said, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 128 + signal.SIGTERM
    assert said.rstrip().endswith("stopped; the same command goes on from there")
    assert "Traceback" not in said
    assert [path.name for path in (tmp_path / "run").rglob("*") if ".part" in path.name] == []


def test_only_folders_of_the_dead_are_swept(tmp_path):
    """A folder in use, another program's, a link and a young one stay; one whose process is gone goes."""
    dead, link, other = tmp_path / f"{PREFIX}dead", tmp_path / f"{PREFIX}link", tmp_path / "excitablex"
    for folder in (dead, other):
        folder.mkdir()
    (dead / "file").write_text("")
    link.symlink_to(other, target_is_directory=True)
    with scratch_folder(inside=tmp_path) as living:
        (living / "file").write_text("")
        sweep(tmp_path)
        assert dead.exists()  # it may be one that its process has not locked yet
        for folder in (dead, living, other):
            os.utime(folder, (1.0, 1.0))
        sweep(tmp_path)
        assert not dead.exists()
        assert living.exists() and link.exists() and other.exists()
    assert not living.exists()
