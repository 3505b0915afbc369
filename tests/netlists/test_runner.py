"""Runs of ngspice: a whole answer, or a failed run with a reason and ngspice's words; never half a one."""

import errno
import multiprocessing
import os
import shutil
import stat
import tempfile
import time
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import sympy
from netlist_examples import SCALED, TAU, mtc_circuit, rc_circuit

from circuits.data.circuit import BehaviouralVoltage, Circuit, VoltageSource, voltage
from netlists.analyses import OperatingPoint, Transient
from netlists.errors import NetlistError, SimulationFailed, SimulatorMissing
from netlists.netlist import Netlist
from netlists.simulation import find_simulator, simulate, simulate_all
from netlists.waveforms import join
from netlists.writing import write_netlist

pytestmark = pytest.mark.simulator


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """A private place for temporary files, which must be empty after the test."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert not list(folder.iterdir())


def rc(name="rc", stop=1e-3) -> Netlist:
    """A small netlist that simulates in milliseconds."""
    return write_netlist(rc_circuit(0.0, start=0.1, name=name), Transient(stop=stop, max_step=1e-5), SCALED)


def changed(old: str, new: str) -> Netlist:
    """The small netlist with a text replaced, as a user could have edited it."""
    whole = rc()
    files = {name: text.replace(old, new) for name, text in whole.files.items()}
    assert files != whole.files
    return replace(whole, files=files)


def fake_ngspice(folder: Path, monkeypatch, script: str) -> None:
    """Put a program called ngspice in front of the search path; `$real` is the true one."""
    real = shutil.which("ngspice")
    program = folder / "bin" / "ngspice"
    program.parent.mkdir()
    program.write_text(
        f"#!/bin/sh\nreal={real}\n"
        f'if [ "$1" = "--version" ]; then echo "** ngspice-39 :"; exit 0; fi\n{script}\n'
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")


def test_a_good_run_is_whole_and_leaves_nothing_behind(workplace):
    """Waveforms have the probed nodes, time from 0 to the end, units, and the simulator's version."""
    run = simulate(rc())
    assert run.ok
    assert run.reason == ""
    assert run.seconds > 0
    waveforms = run.require()
    assert waveforms["node"].values.tolist() == ["in", "out"]
    assert waveforms["time"].values[[0, -1]].tolist() == [0.0, 1e-3]
    assert waveforms["voltage"].attrs["units"] == "V"
    assert waveforms["time"].attrs["units"] == "s"
    assert waveforms.attrs["simulator"].startswith("ngspice ")


def test_a_good_run_is_kept_on_request(workplace, tmp_path):
    """The folder receives netlist, raw file and log, and nothing half-written beside them."""
    run = simulate(rc(), keep=tmp_path / "kept" / "rc")
    assert run.ok
    names = {path.name for path in (tmp_path / "kept" / "rc").iterdir()}
    assert names == {"rc.lib", "rc.cir", "rc_bench.cir", "output.raw", "ngspice.log"}
    assert simulate(rc(), keep=tmp_path / "kept" / "rc").ok


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ('.include "rc.cir"', '.include "elsewhere.cir"', "elsewhere.cir"),
        ('.lib "rc.lib" tt', '.lib "elsewhere.lib" tt', "elsewhere.lib"),
        ('.lib "rc.lib" tt', '.lib "rc.lib" ff', "ff"),
        ("c1 out 0 ", "xc out 0 nothing\nc1 out 0 ", "nothing"),
        ("r1 in out 1000000000.0", "r1 in out {undefined_thing}", "undefined_thing"),
        ("c1 out 0 1e-12", "c1 out 0 1e-12\nbbad bad 0 v=sqrt(", "ngspice"),
    ],
)
def test_a_netlist_that_does_not_load_fails_with_the_words_of_ngspice(workplace, old, new, word):
    """Missing files and sections, unknown subcircuits and parameters, and syntax errors are failed runs."""
    run = simulate(changed(old, new))
    assert not run.ok
    assert run.waveforms is None
    assert word in run.reason
    with pytest.raises(SimulationFailed, match="simulation rc: "):
        run.require()


def test_a_node_that_does_not_exist_is_named(workplace):
    """A probe that the simulator does not know fails, although ngspice itself ends well."""
    run = simulate(replace(changed(".save v(out)", ".save v(out) v(nowhere)"), probes={"gone": "nowhere"}))
    assert not run.ok
    assert "did not keep node gone" in run.reason


def test_no_convergence_is_a_failed_run(workplace):
    """A source that contradicts itself has no operating point; the reason carries ngspice's complaint."""
    devices = (
        VoltageSource(name="vin", positive="in", negative="0", waveform=1.0),
        BehaviouralVoltage(
            name="bx",
            positive="x",
            negative="0",
            voltage=sympy.Piecewise((1, voltage("x") < voltage("in") / 2), (-1, True)),
        ),
    )
    circuit = Circuit(name="paradox", devices=devices, probes=("x",))
    run = simulate(write_netlist(circuit, OperatingPoint(), SCALED))
    assert not run.ok
    assert "ngspice says" in run.reason
    assert "timestep too small" in run.reason.lower() or "singular" in run.reason.lower()


def test_two_sources_that_fight_are_a_failed_run(workplace):
    """A loop of voltage sources is singular, and ngspice says so."""
    devices = (
        VoltageSource(name="v1", positive="a", negative="0", waveform=1.0),
        VoltageSource(name="v2", positive="a", negative="0", waveform=2.0),
    )
    run = simulate(
        write_netlist(Circuit(name="fight", devices=devices, probes=("a",)), OperatingPoint(), SCALED)
    )
    assert not run.ok
    assert "singular" in run.reason


def test_no_ngspice_is_one_error_that_says_how_to_get_it(workplace, monkeypatch, tmp_path):
    """With nothing on the search path the error names the package for apt, dnf, brew and conda."""
    monkeypatch.setenv("PATH", str(tmp_path))
    for call in (lambda: find_simulator("ngspice"), lambda: simulate(rc()), lambda: simulate_all([rc()])):
        with pytest.raises(SimulatorMissing) as caught:
            call()
        for word in ("apt install ngspice", "dnf install", "brew install", "conda install"):
            assert word in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "word"),
    [("** ngspice-20 :", "ngspice 20"), ("something else", "does not say that it is ngspice")],
)
def test_an_old_or_false_ngspice_is_refused(tmp_path, monkeypatch, answer, word):
    """The version is asked before anything is simulated."""
    program = tmp_path / "ngspice"
    program.write_text(f'#!/bin/sh\necho "{answer}"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(SimulatorMissing, match=word):
        find_simulator("ngspice")


def test_a_killed_ngspice_is_a_failed_run_that_names_the_signal(workplace, tmp_path, monkeypatch):
    """Killed half-way with a raw file begun: no waveforms, and the signal's name."""
    fake_ngspice(tmp_path, monkeypatch, 'echo "Title: half" > output.raw; echo "Doing analysis"; kill -9 $$')
    run = simulate(rc())
    assert not run.ok
    assert "SIGKILL" in run.reason
    assert "Doing analysis" in run.log
    assert run.waveforms is None


def test_an_ngspice_that_never_ends_is_stopped_with_its_children(workplace, tmp_path, monkeypatch):
    """The time limit ends the whole process group, and the reason names the limit."""
    mark = tmp_path / "pid"
    fake_ngspice(tmp_path, monkeypatch, f"sleep 60 & echo $! > {mark}; wait")
    run = simulate(rc(), time_limit=0.5)
    assert not run.ok
    assert "time limit of 0.5 s" in run.reason
    child = Path(f"/proc/{int(mark.read_text())}/stat")
    until = time.monotonic() + 30  # a process that is killed ends when it gets a core
    while _lives(child) and time.monotonic() < until:
        time.sleep(0.01)
    assert not _lives(child)


def _lives(stat: Path) -> bool:
    try:
        return stat.read_text().split()[2] not in "ZX"
    except OSError:
        return False


def test_a_long_simulation_meets_the_time_limit(workplace):
    """The true ngspice is stopped as well."""
    endless = write_netlist(mtc_circuit(), Transient(stop=1e6 * TAU, max_step=1e-3 * TAU), SCALED)
    run = simulate(endless, time_limit=0.3)
    assert not run.ok
    assert "time limit" in run.reason


@pytest.mark.parametrize(
    ("script", "word"),
    [
        ('"$real" "$@"; head -c 700 output.raw > cut; mv cut output.raw', "truncated"),
        ('"$real" "$@"; head -c 100 output.raw > cut; mv cut output.raw', "header"),
        ('"$real" "$@"; : > output.raw', "empty"),
        ('"$real" "$@"; rm output.raw', "wrote no waveforms"),
        ('"$real" "$@"; exit 3', "code 3"),
        ("exit 0", "wrote no waveforms"),
    ],
)
def test_half_an_answer_is_no_answer(workplace, tmp_path, monkeypatch, script, word):
    """A raw file that is cut, empty or gone, and a bad return code, are failed runs though ngspice ended."""
    fake_ngspice(tmp_path, monkeypatch, script)
    run = simulate(rc())
    assert not run.ok
    assert run.waveforms is None
    assert word in run.reason


def test_waveforms_that_end_early_are_refused(workplace):
    """A bench edited to stop half-way does not give what was asked for."""
    run = simulate(replace(rc(stop=1e-3), analysis=Transient(stop=2e-3, max_step=1e-5)))
    assert not run.ok
    assert "end at 0.001 s, 0.002 s were asked for" in run.reason


def test_a_full_disk_is_a_failed_run(workplace, monkeypatch):
    """No room for the netlist: one reason that says so, nothing half-written."""

    def full(*_args, **_named):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_text", full)
    run = simulate(rc())
    assert not run.ok
    assert "the disk is full" in run.reason


def test_ngspice_on_a_full_disk_is_a_failed_run(workplace, tmp_path, monkeypatch):
    """A raw file that may grow to 4 kB only: ngspice is stopped by the system or its file is truncated."""
    fake_ngspice(tmp_path, monkeypatch, 'ulimit -f 8; exec "$real" "$@"')
    run = simulate(rc(stop=0.1))
    assert not run.ok
    assert run.waveforms is None


def test_a_folder_that_cannot_be_written_is_one_clear_error(tmp_path, monkeypatch):
    """For the netlist an error, for the private or kept folder a failed run, each with the folder's name."""
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.raises(NetlistError, match="rc cannot be written to"):
        rc().write(blocked / "inside")
    run = simulate(rc(), keep=blocked / "inside")
    assert not run.ok
    assert "cannot be written" in run.reason
    monkeypatch.setattr(tempfile, "tempdir", str(blocked))
    run = simulate(rc())
    assert not run.ok
    assert "cannot be written" in run.reason
    assert blocked.read_text() == "not a folder"


def test_many_runs_come_back_in_order_with_failures_among_them(workplace):
    """Five netlists, one of them broken, through threads: order, failure and progress are right."""
    broken = changed('.include "rc.cir"', '.include "elsewhere.cir"')
    netlists = [rc("a", 1e-3), rc("b", 2e-3), broken, rc("c", 3e-3), rc("d", 4e-3)]
    seen = []
    with ThreadPoolExecutor(2) as pool:
        runs = simulate_all(
            netlists, executor=pool, progress=lambda done, total, run: seen.append((done, total))
        )
    assert [run.name for run in runs] == ["a", "b", "rc", "c", "d"]
    assert [run.ok for run in runs] == [True, True, False, True, True]
    ends = [float(run.require()["time"].values[-1]) for run in runs if run.ok]
    assert ends == [1e-3, 2e-3, 3e-3, 4e-3]
    assert seen == [(k, 5) for k in range(1, 6)]


def test_runs_cross_process_borders():
    """A pool of fresh processes gives what this process gives."""
    here = simulate_all([rc("a"), rc("b", 2e-3)])
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        there = simulate_all([rc("a"), rc("b", 2e-3)], executor=pool)
    for one, other in zip(here, there, strict=True):
        assert one.require().equals(other.require())


def _die(*_args, **_named):
    os._exit(1)


def test_a_lost_worker_is_a_failed_run():
    """A worker process that dies takes no other result with it as an exception."""

    class Deadly(ProcessPoolExecutor):
        def submit(self, _function, /, *args, **named) -> Future:
            return super().submit(_die, *args, **named)

    with Deadly(1) as pool:
        runs = simulate_all([rc("a"), rc("b")], executor=pool)
    assert [run.ok for run in runs] == [False, False]
    assert "worker was lost" in runs[0].reason


def test_parts_join_to_the_whole(workplace):
    """Two circuits simulated apart have, on common times, the nodes side by side."""
    first = simulate(rc("a")).require().assign_coords(node=["a_in", "a_out"])
    second = simulate(rc("b")).require().assign_coords(node=["b_in", "b_out"])
    times = np.linspace(0, 1e-3, 11)
    joined = join([first, second], times)
    assert joined["node"].values.tolist() == ["a_in", "a_out", "b_in", "b_out"]
    for node in ("a_out", "b_out"):
        np.testing.assert_allclose(joined["voltage"].sel(node=node), 0.1 * np.exp(-times / 1e-3), atol=2e-6)


def test_a_home_is_not_needed(monkeypatch):
    """Where HOME is not set, as in a bare container, ngspice alone would die; the package's run does not."""
    monkeypatch.delenv("HOME")
    run = simulate(rc())
    assert run.ok, run.reason
