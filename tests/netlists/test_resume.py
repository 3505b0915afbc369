"""Simulations that were kept: the same netlist is not simulated again, any other one is."""

from dataclasses import replace
from pathlib import Path

import pytest
from netlist_examples import SCALED, rc_circuit

from netlists.analyses import Transient
from netlists.simulation import kept_run, simulate, simulate_all
from netlists.writing import write_netlist

pytestmark = pytest.mark.simulator

NETLIST = write_netlist(rc_circuit(0.0, start=0.1), Transient(stop=1e-3, max_step=1e-5), SCALED)


def test_a_kept_run_is_read_back_and_not_repeated(tmp_path):
    """The waveforms are the same, and no time is spent on them."""
    first = simulate(NETLIST, keep=tmp_path / NETLIST.name)
    again = kept_run(NETLIST, tmp_path / NETLIST.name)
    assert again.waveforms["voltage"].equals(first.waveforms["voltage"])
    (resumed,) = simulate_all([NETLIST], keep=tmp_path, resume=True)
    assert resumed.seconds == 0 and resumed.waveforms["voltage"].equals(first.waveforms["voltage"])
    (anew,) = simulate_all([NETLIST], keep=tmp_path)
    assert anew.seconds > 0


def test_another_netlist_or_a_damaged_file_is_simulated_again(tmp_path):
    """A changed line, a cut raw file and an empty folder are no kept runs."""
    folder = tmp_path / NETLIST.name
    simulate(NETLIST, keep=folder)
    files = {**NETLIST.files, NETLIST.bench: NETLIST.files[NETLIST.bench] + "* more\n"}
    assert kept_run(replace(NETLIST, files=files), folder) is None
    raw = folder / "output.raw"
    raw.write_bytes(raw.read_bytes()[:-100])
    assert kept_run(NETLIST, folder) is None
    assert kept_run(NETLIST, tmp_path / "nowhere") is None
    (again,) = simulate_all([NETLIST], keep=tmp_path, resume=True)
    assert again.ok and again.seconds > 0


def test_a_kill_while_a_run_is_kept_leaves_no_foreign_waveforms(tmp_path, monkeypatch):
    """Broken off at any of its renames, neither run's waveforms are ever taken for the other's."""
    other = write_netlist(rc_circuit(0.0, start=0.3), Transient(stop=1e-3, max_step=1e-5), SCALED)
    renamed, true = Path.replace, simulate(other).require()
    # its texts, the log and the waveforms
    for allowed in range(len(other.files) + 2):
        folder = tmp_path / str(allowed)
        first = simulate(NETLIST, keep=folder)
        left = iter(range(allowed))

        def replaced(path, target, left=left):
            if next(left, None) is None:
                raise OSError("killed")
            return renamed(path, target)

        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", replaced)
            simulate(other, keep=folder)
        kept = kept_run(NETLIST, folder)
        assert kept is None or kept.waveforms["voltage"].equals(first.waveforms["voltage"])
        foreign = kept_run(other, folder)
        assert foreign is None or foreign.waveforms["voltage"].equals(true["voltage"])
