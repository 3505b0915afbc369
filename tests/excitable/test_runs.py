"""Run folders: whole files, one writer, no mixing of runs, no private names."""

import errno
import getpass
import json
import os
import platform
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from test_config import SMALL

from conductance import exchange
from conductance.storage import StorageError
from conductance.storage.checkpoints import CHECKPOINT, write_checkpoint
from excitable.cli import export
from excitable.config import ConfigurationError
from excitable.config.circuit import CircuitSection
from excitable.runs.environment import environment
from excitable.runs.folder import RunError, located, locked
from excitable.runs.inside.links import OutsideError
from excitable.runs.series import SeriesRun, untrained_network


def begin(path: Path, text: str = SMALL) -> SeriesRun:
    with SeriesRun.begun(path, text, source="file.toml") as run:
        return run


def test_a_run_keeps_its_configuration_as_given(tmp_path):
    """`config.toml` is the text itself, comments included, and what is read back is the same configuration."""
    text = "# mine\n" + SMALL
    run = begin(tmp_path / "deep" / "small", text)
    assert (run.path / "config.toml").read_text() == text
    assert SeriesRun(run.path).configuration == run.configuration
    assert run.configuration.name == "small"


def test_data_of_a_run_are_the_same_each_time(tmp_path):
    """Two openings of a run draw the same series."""
    run = begin(tmp_path / "small")
    again = SeriesRun(run.path)
    assert torch.equal(run.data.held_out.inputs, again.data.held_out.inputs)


def test_a_network_goes_through_the_run(tmp_path):
    """Before training there is no network, and the message says how to get one; afterwards it is the same."""
    run = begin(tmp_path / "small")
    with pytest.raises(RunError, match="not trained yet; `excitable train"):
        run.network()
    network = untrained_network(run.configuration, run.data)
    run.save_network(network)
    inputs = run.data.held_out.inputs
    assert torch.equal(run.network()(inputs)[0], network(inputs)[0])


def test_a_faulty_configuration_makes_no_folder(tmp_path):
    """A configuration with faults is refused before anything is written."""
    with pytest.raises(ConfigurationError):
        begin(tmp_path / "small", SMALL + "unknown = 1\n")
    assert list(tmp_path.iterdir()) == []


def test_a_trained_run_takes_no_other_training(tmp_path):
    """Once trained, a folder refuses another training and names the difference, but takes another circuit."""
    run = begin(tmp_path / "small")
    begin(run.path, SMALL.replace("steps = 2", "steps = 5"))
    begin(run.path)
    run.save_network(untrained_network(run.configuration, run.data))
    with pytest.raises(RunError, match=r"training.batch: 2 -> 1.*another name"):
        begin(run.path, SMALL.replace("batch = 2", "batch = 1"))
    with pytest.raises(RunError, match=r"training.steps: 2 -> 1.*another name"):
        begin(run.path, SMALL.replace("steps = 2", "steps = 1"))
    assert SeriesRun(run.path).configuration.training.build().steps == 2
    begin(run.path, SMALL.replace("samples = 50", "samples = 40"))
    assert SeriesRun(run.path).configuration.simulation.samples == 40


def test_a_run_is_found_by_name_or_path(tmp_path, monkeypatch):
    """A bare name is looked for in `runs/`; a missing run is named with the command that makes it."""
    monkeypatch.chdir(tmp_path)
    begin(Path("runs") / "small")
    assert SeriesRun.find("small").path == Path("runs/small")
    assert SeriesRun.find("runs/small").path == Path("runs/small")
    assert located("demo") == Path("runs/demo")
    with pytest.raises(RunError, match=r"runs/other: there is no run here; `excitable train"):
        SeriesRun.find("other")


def test_files_of_a_run_are_whole(tmp_path, monkeypatch):
    """A full disk while a file is written leaves the old file, nothing else, and one clear error."""
    run = begin(tmp_path / "small")
    run.write_json("comparison.json", {"rungs": [1, 2]})
    before = sorted(run.path.rglob("*"))

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    for name in ("comparison.json", "netlists/network.cir"):
        with pytest.raises(StorageError, match=rf"{name}: the disk is full"):
            run.write(name, "new")
    assert json.loads((run.path / "comparison.json").read_text()) == {"rungs": [1, 2]}
    assert [path for path in sorted(run.path.rglob("*")) if path.name != "netlists"] == before


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    """A run below a file is one clear error."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="file/small: the file cannot be written"):
        begin(tmp_path / "file" / "small")


HOLD = """
import sys, time
from pathlib import Path
from excitable.runs.folder import locked
with locked(Path(sys.argv[1])):
    Path(sys.argv[1], ".model.1_0.part.json").write_text("half")
    print("held", flush=True)
    time.sleep(600)
"""


def test_two_processes_do_not_share_a_run_and_a_dead_one_does_not_keep_it(tmp_path):
    """While a process works on a run another is refused with its number; after a SIGKILL the run is free and tidy."""
    run = begin(tmp_path / "small")
    other = subprocess.Popen([sys.executable, "-c", HOLD, str(run.path)], stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(RunError, match=rf"another process .*process {other.pid}\)"):
            begin(run.path)
    finally:
        os.kill(other.pid, signal.SIGKILL)
        other.communicate()
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            begin(run.path)
            break
        except RunError:
            time.sleep(0.05)
    begin(run.path)
    assert not list(run.path.glob(".*.part*"))


def test_one_process_does_not_open_a_run_twice(tmp_path):
    """The lock also holds inside one process, and is free again after an error in the block."""
    with locked(tmp_path), pytest.raises(RunError, match="this process is already"), locked(tmp_path):
        pass
    with pytest.raises(KeyError), locked(tmp_path):
        raise KeyError
    with locked(tmp_path):
        pass


def test_one_process_does_not_open_a_run_by_another_of_its_names(tmp_path, monkeypatch):
    """By a way round, from inside, or relative, it is the same folder."""
    run = tmp_path / "run"
    run.mkdir()
    monkeypatch.chdir(tmp_path)
    for first, second in ((run, run / ".." / "run"), (Path("run"), run), (run, Path("run"))):
        with locked(first), pytest.raises(RunError, match="this process is already"), locked(second):
            pass


def test_a_network_for_other_libraries_has_the_step_of_its_model(tmp_path, monkeypatch):
    """0.2 time constants of the membrane, in seconds of its circuit."""
    path, written = tmp_path / "small", []
    text = SMALL.replace('"mtc"', '"lif"').replace("dt = 1.0", "dt = 0.2")
    with SeriesRun.begun(path, text, source="file.toml") as run:
        run.save_network(untrained_network(run.configuration, run.data))
    monkeypatch.setattr(exchange, "write_nir", lambda network, path, dt: written.append((path.name, dt)))
    export.export(str(path), to="nir")
    unit = CircuitSection().scaling("behavioural").time_unit
    assert written == [("network.nir", pytest.approx(0.2 * unit, rel=1e-12, abs=0))]


def test_the_environment_names_no_person_host_or_folder(tmp_path):
    """Versions, seed and processor are recorded; the user, the host and paths are not."""
    found = environment(seed=7)
    assert found["seed"] == 7
    assert found["packages"]["torch"] == torch.__version__
    assert found["machine"]["architecture"] == platform.machine()
    text = json.dumps(found)
    # a host may be called like a part of another word, so only whole values count
    values = {str(value) for part in (found, found["machine"]) for value in part.values()}
    assert not {platform.node(), getpass.getuser()} & values
    assert str(Path.home()) + os.sep not in text
    assert str(Path(__file__).parent.parent.parent) not in text


@pytest.mark.parametrize(
    "name", [".lock", "config.toml", "metrics.jsonl", "netlists", "checkpoints", "tensorboard"]
)
def test_a_link_that_leads_out_of_a_run_is_refused(tmp_path, name):
    """In the place of a file or a folder, hanging or not: nothing is written or read through it, and it is named."""
    run = begin(tmp_path / "small")
    place, outside = run.path / name, tmp_path / "outside"
    place.unlink(missing_ok=True)
    outside.mkdir()
    (outside / "config.toml").write_text(SMALL)
    goal = outside if name in ("netlists", "checkpoints", "tensorboard") else outside / name
    place.symlink_to(goal)
    before = sorted(path.name for path in outside.iterdir())
    for use in (lambda: begin(run.path), lambda: SeriesRun.find(run.path), run.locked().__enter__):
        with pytest.raises((OutsideError, RunError), match=name if name != "config.toml" else "link|no run"):
            use()
    assert sorted(path.name for path in outside.iterdir()) == before


def test_a_link_deep_inside_is_refused_and_one_that_stays_inside_is_not(tmp_path):
    """A netlist's schematic that is a link to a file elsewhere would be embedded into the report."""
    run = begin(tmp_path / "small")
    secret = tmp_path / "secret.svg"
    secret.write_text("<svg>secret</svg>")
    (run.path / "netlists").mkdir()
    (run.path / "netlists" / "network_hidden.svg").symlink_to(secret)
    with pytest.raises(OutsideError, match=r"network_hidden\.svg is a link that leads out"):
        SeriesRun.find(run.path)
    (run.path / "netlists" / "network_hidden.svg").unlink()
    (run.path / "netlists" / "inside.toml").symlink_to(run.path / "config.toml")
    assert SeriesRun.find(run.path).configuration == run.configuration


def test_the_run_folder_itself_may_be_a_link(tmp_path):
    """Runs are kept on another disk and linked to."""
    run = begin(tmp_path / "disk" / "small")
    link = tmp_path / "small"
    link.symlink_to(run.path, target_is_directory=True)
    begin(link)
    with SeriesRun.find(link).locked():
        assert (run.path / ".lock").exists()


def test_only_our_unfinished_files_are_removed(tmp_path):
    """A download or an editor's file beside ours stays, at any depth; ours of a killed process goes."""
    run = begin(tmp_path / "small")
    deep = run.path / "netlists" / "parts" / "behavioural"
    deep.mkdir(parents=True)
    ours = [run.path / ".model.17_0.part.json", deep / ".output.4_12.part.raw", deep / ".log.4_13.part"]
    others = [
        run.path / ".download.part",
        run.path / ".film.mp4.part",
        deep / "x.1_2.part",
        deep / ".a.part1",
    ]
    for path in (*ours, *others):
        path.write_text("half")
    with run.locked():
        pass
    assert not any(path.exists() for path in ours)
    assert all(path.exists() for path in others)


def test_the_environment_keeps_the_threads_of_the_training(tmp_path):
    """A run opened again with another number of threads goes on with its checkpoint's, and says so in its file."""
    begin(tmp_path / "run")
    mine = json.loads((tmp_path / "run" / "environment.json").read_text())["machine"]["threads"]
    assert mine == torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        write_checkpoint(tmp_path / "run" / CHECKPOINT, "series", {"step": 1})
    finally:
        torch.set_num_threads(mine)
    begin(tmp_path / "run")
    assert json.loads((tmp_path / "run" / "environment.json").read_text())["machine"]["threads"] == 3
