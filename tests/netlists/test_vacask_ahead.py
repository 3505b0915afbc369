"""VACASK started ahead of its question: the same answers bit by bit, and whatever can happen while it waits."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from netlist_examples import I0, TAU, mtc_circuit, rc_circuit
from test_vacask import LOOSE, fake, rc, written

from conductance.system.scratch import PREFIX
from netlists.analyses import OperatingPoint, Transient
from netlists.errors import NetlistError
from netlists.simulation import simulate
from netlists.vacask import ahead as module
from netlists.vacask.ahead import Ahead
from netlists.writing import write_netlist

pytestmark = pytest.mark.vacask


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Where simulations have their folders: empty when all has ended."""
    place = tmp_path / "scratch"
    place.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(place))
    return place


def lives(group: int) -> bool:
    """Whether a process group has a process."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def ends(group: int) -> bool:
    """Whether a process group ends within ten seconds."""
    for _ in range(1000):
        if not lives(group):
            return True
        time.sleep(0.01)
    return False


def no_cold_way(*_: object, **__: object) -> None:
    raise AssertionError("simulated in a process of its own")


@pytest.fixture
def ahead(folders):
    """One that waits for `rc`, and leaves nothing behind."""
    with Ahead() as made:
        assert made.simulate(rc()).ok
        made.start()
        yield made
    assert made.guard is None
    assert not list(folders.glob(f"{PREFIX}*"))


def test_the_waiting_process_answers_as_one_of_its_own(folders, monkeypatch):
    """Waveforms, names and attributes are equal, bit by bit: a neuron whose module is compiled, at other inputs."""
    netlists = [
        written(mtc_circuit((0.01 * k - 2.0) * I0), Transient(stop=50 * TAU, max_step=TAU)) for k in range(3)
    ]
    own = [simulate(netlist).require() for netlist in netlists]
    with Ahead() as ahead:
        assert ahead.simulate(netlists[0]).require().identical(own[0])
        monkeypatch.setattr(module, "simulate", no_cold_way)
        for netlist, expected in zip(netlists, own, strict=True):
            ahead.start()
            group = ahead.guard
            assert lives(group)
            found = ahead.simulate(netlist)
            assert found.require().identical(expected)
            assert found.seconds > 0
            assert ends(group)
    assert not list(folders.glob(f"{PREFIX}*"))
    assert not np.array_equal(own[0]["voltage"], own[1]["voltage"])


def test_nothing_waits_before_the_first_question(ahead):
    """A process is started for a question like the last one, once, and used up by one question."""
    with Ahead() as other:
        other.start()
        assert other.guard is None
    group = ahead.guard
    ahead.start()
    assert ahead.guard == group
    assert ahead.simulate(rc()).ok
    assert ahead.guard is None
    assert ends(group)


def test_a_process_that_was_killed_while_it_waited_is_replaced(ahead):
    """The question is answered in a process of its own, and the next one can wait again."""
    os.killpg(ahead.guard, signal.SIGKILL)
    expected = simulate(rc()).require()
    assert ahead.simulate(rc()).require().identical(expected)
    ahead.start()
    assert lives(ahead.guard)


@pytest.mark.parametrize("dying", ["exit 1", "exit 0", "kill -9 $$"])
def test_a_process_that_does_not_wait_is_replaced(folders, tmp_path, monkeypatch, dying):
    """Whether it ends badly or well before there is a question: the answer is that of a process of its own."""
    fake(tmp_path, monkeypatch, f'[ -p vacask.toml ] && {dying}\nexec "$real" "$@"')
    with Ahead() as ahead:
        expected = ahead.simulate(rc()).require()
        ahead.start()
        assert ahead.simulate(rc()).require().identical(expected)


def test_a_folder_that_was_removed_is_replaced(ahead, folders):
    """As by a program that tidies temporary folders."""
    (place,) = folders.glob(f"{PREFIX}*")
    place.rename(folders / "elsewhere")
    assert ahead.simulate(rc()).ok


@pytest.mark.parametrize("script", ["sleep 60", "cat vacask.toml; sleep 60"])
def test_an_answer_after_the_time_limit_is_given_up(folders, tmp_path, monkeypatch, script):
    """From the question on, also where the process never comes to wait; what it started ends with it."""
    fake(tmp_path, monkeypatch, f'[ -p vacask.toml ] || exec "$real" "$@"\n{script}')
    with Ahead() as ahead:
        assert ahead.simulate(rc()).ok
        ahead.start()
        group = ahead.guard
        run = ahead.simulate(rc(), time_limit=0.3)
        assert run.reason == "vacask did not end within the time limit of 0.3 s"
        assert run.waveforms is None
        assert ends(group)
    assert not list(folders.glob(f"{PREFIX}*"))


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("kill -9 $$", "vacask was killed by SIGKILL (signal 9)"),
        ("exit 3", "vacask ended with code 3"),
        ("exit 0", "vacask wrote no waveforms"),
    ],
)
def test_a_process_that_fails_at_its_question_is_a_failed_run(folders, tmp_path, monkeypatch, script, reason):
    """As in a process of its own: it is not asked again."""
    fake(tmp_path, monkeypatch, f'[ -p vacask.toml ] || exec "$real" "$@"\ncat vacask.toml; {script}')
    with Ahead() as ahead:
        assert ahead.simulate(rc()).ok
        ahead.start()
        assert ahead.simulate(rc()).reason == reason


def test_a_question_that_has_no_answer_is_a_failed_run(ahead):
    """With VACASK's words; the next question is answered."""
    whole = rc()
    files = {name: text.replace("save v('out')", "save v('nowhere')") for name, text in whole.files.items()}
    bad = replace(whole, files=files)
    assert ahead.simulate(bad).reason == simulate(bad).reason
    ahead.start()
    assert ahead.simulate(whole).ok


def test_a_netlist_of_another_name_has_a_process_of_its_own(ahead):
    """What waits is ended, for it looks for another file."""
    group = ahead.guard
    other = written(rc_circuit(0.0, start=0.2, name="other"), Transient(stop=1e-3, max_step=1e-5))
    assert float(ahead.simulate(other).require()["voltage"].sel(node="out")[0]) == pytest.approx(0.2)
    assert ends(group)


def test_a_netlist_of_another_dialect_is_refused(ahead):
    """As `simulate` does; what waits goes on waiting."""
    with pytest.raises(NetlistError, match=r"dialect ngspice; vacask reads vacask"):
        ahead.simulate(write_netlist(rc_circuit(0.0), OperatingPoint(), LOOSE, dialect="ngspice"))
    assert lives(ahead.guard)


def test_nothing_is_started_after_the_end(ahead, folders):
    """What waits ends with its folder, and a late question leaves nothing."""
    group = ahead.guard
    ahead.close()
    assert ends(group)
    assert ahead.simulate(rc()).ok
    ahead.start()
    assert ahead.guard is None
    assert not list(folders.glob(f"{PREFIX}*"))


def test_what_waits_ends_with_a_process_that_is_killed():
    """By kill -9, which runs no code of ours."""
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from test_vacask import rc\nfrom netlists.vacask.ahead import Ahead\n"
        "ahead = Ahead(); ahead.simulate(rc()); ahead.start(); print(ahead.guard, flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(Path(__file__).parent)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:  # fmt: skip
        group = int(process.stdout.readline())
        assert lives(group)
        process.kill()
        process.wait()
        assert ends(group)
