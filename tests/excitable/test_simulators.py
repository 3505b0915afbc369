"""Simulators as a choice: both tell the same of every preset and event neuron at every level; `auto` is recorded."""

import json
from dataclasses import replace

import numpy as np
import pytest
from test_circuit_levels import CONFIGURATION
from test_sampled_runs import MAPS
from test_studio_server import question

from benchmarks.witnesses import EVENT_NEURONS, compared, rows, trace
from benchmarks.witnesses import MAPS as SAMPLED
from conductance.neurons.presets import PRESETS
from excitable.checks.neuron import check_circuit
from excitable.ladder import accuracy as module
from excitable.ladder.accuracy import AUTO, DEFAULT, TIGHT, accuracy, chosen_simulator
from excitable.ladder.rungs import load_waveforms
from excitable.report import write_report
from excitable.runs.folder import RunError
from excitable.runs.series import SeriesRun, train_run
from excitable.runs.stages.series import (
    DRAWN_DIALECTS,
    circuit_options,
    compare_run,
    export_run,
    simulate_run,
)
from excitable.runs.stages.series import SIMULATORS as RECORD
from excitable.runs.stages.witness import WITNESS
from excitable.studio.answers import overlay
from excitable.studio.catalogue import catalogue
from excitable.studio.questions import read_question
from netlists.errors import NetlistError, SimulatorMissing
from netlists.simulation import SIMULATORS, known_simulator
from netlists.writing import DIALECTS

REFUSED = {
    *(
        (name, level)
        for name in PRESETS
        if name.endswith(("at 2", "at 4"))
        for level in ("macromodel", "transistor")
    ),
    *((name, "transistor") for name in EVENT_NEURONS),
}
"""Circuits that nobody can build: wide filters between two states, and events of transistors."""
BRIEF = 250.0
"""Longest run of a short test in tau_m."""


def in_time(name: str, level: str) -> tuple[str, ...]:
    """Marks of a row: amplifiers and transistors of presets are slow, and compared for a while among the fast tests."""
    slow = level in ("macromodel", "transistor") and name not in EVENT_NEURONS
    return (pytest.mark.slow,) if slow else ()


@pytest.mark.simulator
@pytest.mark.vacask
@pytest.mark.parametrize(
    ("name", "level"), [pytest.param(*row, marks=in_time(*row)) for row in rows()], ids=map(", ".join, rows())
)
def test_two_simulators_tell_the_same(name, level):
    """Where the circuit is an equation, within 4e-3 V0 rms, one step tighter 1e-3; else then within their own error."""
    found = compared(name, level)
    if found.refusal:
        assert (name, level) in REFUSED
        assert name.split(",")[0] in ("slow bursting", found.refusal.split()[1].rstrip(":"))
        return
    assert found.spikes[0] == found.spikes[1]
    if level in ("behavioural", "clocked"):
        assert found.rms < 4e-3
        assert found.tight_rms < 1e-3
        assert found.tight_spike < 2e-3
    else:
        # over up to 5000 tau_m and 24 spikes, whose errors add up
        assert found.rms < min(0.02, 1.1 * sum(found.own) + 1e-5)
        assert found.tight_rms < min(5e-3, sum(found.own) + 1e-5)
        assert found.tight_spike < 0.05


@pytest.mark.simulator
@pytest.mark.vacask
@pytest.mark.parametrize("level", ["macromodel", "transistor"])
@pytest.mark.parametrize("name", [name for name in PRESETS if (name, "transistor") not in REFUSED])
def test_two_simulators_tell_the_same_for_a_while(name, level):
    """Amplifiers and transistors at the default settings, for as long as a short test may run."""
    a, b = (trace(name, level, simulator, tight=False, longest=BRIEF) for simulator in SIMULATORS)
    assert a.spikes.size == b.spikes.size
    np.testing.assert_allclose(a.spikes, b.spikes, rtol=0, atol=0.06)
    assert a.rms(b) < 0.01


def test_the_clocked_maps_are_all_there():
    """Every sampled map of the tests has a row, and each neuron and level its own."""
    assert {neuron.name for neuron in MAPS.values()} == {neuron.name for neuron in SAMPLED.values()}
    assert len(set(rows())) == len(list(rows()))


@pytest.mark.vacask
def test_a_neuron_is_checked_in_vacask_without_ngspice(monkeypatch):
    """`check_circuit(…, simulator="vacask")` needs no ngspice, says who simulated, and comes within 0.02 tau_m."""
    monkeypatch.setenv("PATH", "")
    preset = PRESETS["bursting"]
    check = check_circuit(preset.neuron, preset.stimulus, 300.0, start=preset.start, simulator="vacask")
    (found,) = check.comparison.neurons
    assert (found.missing, found.extra, check.simulator, check.netlist.dialect) == (0, 0, "vacask", "vacask")
    assert found.max_time_error_tau_m < 0.02


# The table and `auto`


def test_the_table_is_complete_and_tight_is_tighter():
    """Every simulator has every level, and what compares with an equation is held at least as tightly."""
    levels = ("behavioural", "macromodel", "transistor")
    assert set(DEFAULT) == set(TIGHT) == {(name, level) for name in SIMULATORS for level in levels}
    for key, exact in DEFAULT.items():
        assert TIGHT[key].relative < exact.relative
        assert TIGHT[key].max_step <= exact.max_step
    assert accuracy("ngspice", "mixed") == accuracy("ngspice", "transistor")


@pytest.mark.parametrize(
    ("words", "found"), [("ngspice-46", "ngspice 46 is here"), ("", "no ngspice is here")]
)
def test_ngspice_with_compiled_modules_is_refused_with_its_version(tmp_path, monkeypatch, words, found):
    """No code writes netlists for it: what there is instead, and which ngspice is here, also one that has OSDI."""
    if words:
        program = tmp_path / "ngspice"
        program.write_text(f"#!/bin/sh\necho '** {words} : Circuit level simulation program'\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    for call in (
        lambda: chosen_simulator("ngspice-osdi", "behavioural"),
        lambda: known_simulator("ngspice-osdi"),
    ):
        with pytest.raises(
            NetlistError,
            match=rf"no simulator 'ngspice-osdi'; known are ngspice, .*since version 43, and {found}.*vacask",
        ):
            call()


def without(monkeypatch, *missing):
    """A machine on which these simulators are missing, and all others there."""

    def find(name):
        if name in missing:
            raise SimulatorMissing(f"no {name} here; install it")

    monkeypatch.setattr(module, "find_simulator", find)


def test_auto_takes_the_fastest_that_is_there_and_proven(monkeypatch):
    """VACASK up to macromodels and ngspice with transistors; one that is missing leaves the other."""
    without(monkeypatch)
    assert [chosen_simulator(AUTO, level) for level in ("behavioural", "macromodel", "transistor")] == [
        "vacask", "vacask", "ngspice",
    ]  # fmt: skip
    without(monkeypatch, "vacask")
    assert chosen_simulator(AUTO, "behavioural") == "ngspice"
    without(monkeypatch, "ngspice")
    assert chosen_simulator(AUTO, "transistor") == "vacask"
    without(monkeypatch, "ngspice", "vacask")
    with pytest.raises(SimulatorMissing, match=r"no vacask here; install it; no ngspice here; install it"):
        chosen_simulator(AUTO, "behavioural")
    with pytest.raises(NetlistError, match=r"no simulator 'spectre'; known are ngspice, vacask, auto"):
        chosen_simulator("spectre", "behavioural")


@pytest.mark.simulator
@pytest.mark.vacask
def test_the_overlay_says_who_made_it():
    """The studio's overlay names its simulator, and both count the same crossings."""
    asked = read_question(question(), catalogue())
    words = [overlay(asked, simulator)["words"] for simulator in SIMULATORS]
    assert [line.split(":")[0] for line in words] == list(SIMULATORS)
    counts = [line.split(":")[1].split(" in ")[0] for line in words]
    assert counts[0] == counts[1]


@pytest.mark.simulator
@pytest.mark.vacask
@pytest.mark.parametrize("simulator", SIMULATORS)
def test_the_overlay_of_dragged_values_is_that_of_their_own_circuit(simulator):
    """A circuit derived from the declaration's values, with others given to its instance, has the same waveform."""
    asked = read_question(question(), catalogue())
    values = {name: 1.01 * value for name, value in asked.neuron.defaults.items() if name.startswith("alpha")}
    dragged = replace(asked, neuron=asked.declared.with_values(**values))
    found, own = (overlay(each, simulator) for each in (dragged, replace(dragged, declared=dragged.neuron)))
    assert values
    assert found["voltage"] == own["voltage"]
    assert found["time"] == own["time"]
    assert found["voltage"] != overlay(asked, simulator)["voltage"]


# Runs


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A trained run of three neurons whose simulator is `auto`."""
    text = CONFIGURATION.replace('level = ["behavioural", "mixed", "transistor"]', 'level = ["behavioural"]')
    text = text.replace("[simulation]", '[simulation]\nsimulator = "auto"')
    path = tmp_path_factory.mktemp("runs") / "tiny"
    with SeriesRun.begun(path, text, source="tiny.toml") as begun:
        train_run(begun)
    return SeriesRun(path)


@pytest.mark.vacask
def test_a_run_records_what_auto_chose_and_keeps_it(run, monkeypatch):
    """What `auto` took stands in the run folder; where it is missing later, that is said and no other is taken."""
    rungs = load_waveforms(simulate_run(run).path)
    assert [rung.rung for rung in rungs] == ["discrete", "continuous", "behavioural"]
    assert json.loads((run.path / RECORD).read_text()) == {"behavioural": "vacask"}
    difference = np.abs(
        rungs[2].output - np.interp(rungs[2].time, rungs[1].time, rungs[1].output[:, 0])[:, None]
    )
    assert difference.max() < 1e-3
    without(monkeypatch, "vacask")
    assert circuit_options(run, "behavioural").simulator == "vacask"
    assert circuit_options(run, "behavioural").accuracy == DEFAULT["vacask", "behavioural"]


def level_of(dialect):
    """The level that a dialect can write: those of what a layout has know transistors alone."""
    return "transistor" if dialect in DRAWN_DIALECTS else "behavioural"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_run_is_exported_in_every_dialect(run, dialect):
    """`excitable export RUN --dialect NAME` writes each; Verilog-A has a module of the neuron."""
    (bench,) = export_run(run, [level_of(dialect)], dialect)
    assert bench.is_file()
    if dialect == "verilog-a":
        assert "module mtc(" in bench.read_text()


@pytest.mark.parametrize("dialect", [name for name in DIALECTS if name != "ngspice"])
def test_another_dialect_leaves_the_netlist_for_ngspice(run, dialect):
    """Both have a `network.cir`: the bench for ngspice must not come to include the other's."""
    (bench,) = export_run(run, [level_of(dialect)])
    before = {path: path.read_bytes() for path in bench.parent.glob("network*") if path.suffix != ".svg"}
    (other,) = export_run(run, [level_of(dialect)], dialect)
    place = bench.parent / dialect
    assert other.parent == (place / "transistor" if dialect == "xschem" else place)
    assert before == {path: path.read_bytes() for path in before}


@pytest.mark.parametrize("dialect", DRAWN_DIALECTS)
def test_a_level_without_transistors_is_not_drawn(run, dialect):
    """A layout has no behavioural sources: the level is named, and the one that goes."""
    with pytest.raises(
        RunError, match=f"dialect {dialect} .* level behavioural has no transistors; give --level"
    ):
        export_run(run, ["behavioural"], dialect)


def test_an_unknown_dialect_is_refused(run):
    """The name and the known ones."""
    with pytest.raises(NetlistError, match=r"no dialect 'spectre'; known are ngspice"):
        export_run(run, ["behavioural"], "spectre")


@pytest.mark.slow
@pytest.mark.simulator
@pytest.mark.vacask
def test_a_witness_is_a_rung_of_its_own(run):
    """`compare --witness ngspice` runs the same circuit there: a rung after its circuit, alike within 1e-3 V0, kept."""
    simulate_run(run)
    ladder = compare_run(run, witness="ngspice")
    assert [rung.name for rung in ladder.rungs] == [
        "discrete",
        "continuous",
        "behavioural",
        "behavioural_by_ngspice",
    ]
    assert ladder.between("behavioural", "behavioural_by_ngspice").worst_rms_v0 < 1e-3
    written = (run.path / WITNESS).stat().st_mtime_ns
    again = compare_run(run, witness="ngspice").between("behavioural", "behavioural_by_ngspice")
    assert again.worst_rms_v0 == pytest.approx(
        ladder.between("behavioural", "behavioural_by_ngspice").worst_rms_v0, abs=1e-6
    )
    assert (run.path / WITNESS).stat().st_mtime_ns == written
    assert "another simulator" in write_report(run.path).read_text()


@pytest.mark.vacask
def test_a_witness_must_be_another_simulator(run):
    """The simulator of the run itself, and a name that none has, are refused in words."""
    simulate_run(run)
    with pytest.raises(
        RunError, match=r"itself simulated in vacask; a witness is another simulator: ngspice"
    ):
        compare_run(run, witness="vacask")
    with pytest.raises(RunError, match=r"witness 'hspice' is unknown; allowed are ngspice, vacask"):
        compare_run(run, witness="hspice")
