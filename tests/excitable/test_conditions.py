"""A network's circuit under conditions: swept there, resumable, its netlists run by hand, a datasheet with limits."""

import json
import subprocess
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from report_examples import CONFIGURATION, network_of
from typer.testing import CliRunner

from circuits.measures.chips import Conditions
from circuits.technologies import TechnologyError
from conductance.errors import ExcitableError
from conductance.storage import save_network
from excitable.chips.sweep import SweepError, SweepOptions, bench_of
from excitable.cli import app
from excitable.conditions.amplifiers import swept_there
from excitable.conditions.judge import Place, built_there, judge_place, netlists_there
from excitable.conditions.run import (
    CONDITIONS,
    ConditionsError,
    ConditionsOptions,
    conditions_run,
    design_of,
    export_place,
    place_named,
    places_of,
    worst_conditions,
)
from excitable.conditions.table import QUANTITIES, Row, Table, read_table
from excitable.config import parse_configuration
from excitable.config.circuit import Quantity
from excitable.config.faults import ConfigurationError
from excitable.ladder.rungs import circuit_rung
from excitable.ladder.series import prediction_of
from excitable.report.datasheet import write_datasheet
from excitable.runs.series import SeriesRun
from netlists.simulation.answer import answer
from netlists.waveforms.raw import read_raw

SAMPLES = 90
SIMULATED = pytest.mark.simulator


def run_folder(path, more=""):
    """A run of a small, untrained network."""
    path.mkdir(parents=True)
    save_network(network_of("mtc", 2), path)
    (path / "config.toml").write_text(CONFIGURATION.replace("hidden = 5", "hidden = 2") + more)
    return SeriesRun(path)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return run_folder(
        tmp_path_factory.mktemp("conditions") / "small", "\n[datasheet.most]\nerror_ratio = 1e-3\n"
    )


@pytest.fixture(scope="module")
def design(run):
    return design_of(run, ConditionsOptions(samples=SAMPLES))


def row(error=0.5, corner="tt", **changes):
    given = {
        "corner": corner, "temperature": 27.0, "supply": 1.8, "level": "macromodel", "task_error": error, "rms": 0.1,
        "spikes": 3, "gain": 1.0, "offset": 0.0, "voltage_unit": 0.072, "residual": 0.01, "tau_m": 7e-5,
        "margin": 5.0, "reason": "",
        "seconds": 1.0,
    }  # fmt: skip
    return Row(**(given | changes))


def table(*rows):
    return Table(
        technology="generic_180nm", level="macromodel", error_name="nrmse", samples=10, model_error=0.4,
        typical=rows[0], rows=rows,
    )  # fmt: skip


@pytest.mark.slow
@SIMULATED
def test_all_combinations_are_fifteen_for_each_supply(design):
    """Five corners, three temperatures, three supplies, the design's own place among them and once."""
    names = [place.name for place in places_of(design, ConditionsOptions())]
    assert len(names) == len(set(names)) == 5 * 3 * 3
    assert names[0] == "tt-27C-1.8V" and {"ss-85C-1.62V", "ff--20C-1.98V"} <= set(names)
    few = places_of(design, ConditionsOptions(corners=("ss",), temperatures=(85.0,), supplies=(1.62,)))
    assert [place.name for place in few] == ["tt-27C-1.8V", "ss-85C-1.62V"]
    with pytest.raises(TechnologyError, match="no corner 'xx'"):
        places_of(design, ConditionsOptions(corners=("xx",)))
    with pytest.raises(ConditionsError, match=r"level 'behavioural'.*give macromodel or transistor"):
        ConditionsOptions(level="behavioural")


@pytest.mark.slow
@SIMULATED
def test_no_place_is_not_every_place(design):
    """Where all rows failed there is no worst one, and none to repeat in transistors: the design's own stays."""
    failed = [row(error=None, reason="too warm"), row(error=None, corner="ss", reason="too warm")]
    (own,) = places_of(design, ConditionsOptions(places=worst_conditions(failed, 5)))
    assert own.conditions == Conditions()


@pytest.mark.slow
@SIMULATED
def test_places_that_lie_close_are_two(design):
    """Names of places tell microvolts apart: a row is never that of its neighbour."""
    names = [Place(design=design, conditions=Conditions(supply=supply)).name for supply in (1.62, 1.62001)]
    assert len(set(names)) == 2


@pytest.mark.slow
@SIMULATED
def test_macromodels_are_those_of_the_transistors_there(design):
    """V0 is 2 n U_T at 85 degrees as at 27 within 2 %, and differs from what temperature alone makes of it."""
    nominal = design.options.made_of
    warm = nominal.at(corner="ss", temperature=85.0)
    here, there = (swept_there(each, design.biases) for each in (nominal, warm))
    assert there.element.voltage_unit / here.element.voltage_unit == pytest.approx(358.15 / 300.15, rel=0.02)
    assert there.technology.amplifier == there.element != warm.amplifier
    assert here.residual < 0.03


@pytest.mark.slow
@SIMULATED
def test_a_warm_place_has_slower_membranes_and_ptat_biases_keep_their_time(run, design):
    """tau_m = C V0/I0: constant currents let it grow with the absolute temperature, PTAT ones do not."""
    hot = Place(design=design, conditions=Conditions(temperature=85.0))
    cold = Place(design=design, conditions=Conditions())
    constant = built_there(hot)[1]["tau_m"] / built_there(cold)[1]["tau_m"]
    assert constant == pytest.approx(358.15 / 300.15, rel=0.02)
    ptat = replace(design, options=replace(design.options, biases="ptat"))
    moved, numbers = built_there(replace(hot, design=ptat))
    assert numbers["tau_m"] / built_there(cold)[1]["tau_m"] == pytest.approx(1.0, rel=0.02)
    assert moved.scaling.current_unit / design.options.scaling.current_unit == pytest.approx(
        358.15 / 300.15, rel=1e-4
    )
    assert moved.scaling.time_unit == pytest.approx(design.options.scaling.time_unit)


def test_a_sweep_of_chips_does_not_move_ptat_biases_in_silence(tmp_path):
    """It names the key, and the command that does."""
    ptat = run_folder(tmp_path / "ptat", '\n[circuit]\nbiases = "ptat"\n')
    with pytest.raises(SweepError, match=r"the circuit's are ptat; `excitable"):
        bench_of(ptat, SweepOptions(level="behavioural", temperatures=(85.0,), samples=SAMPLES))


@pytest.mark.slow
@SIMULATED
def test_the_netlists_of_a_row_run_by_hand_give_its_numbers(run, design):
    """Exported, simulated by `ngspice -b` alone, read: the task error is the row's in all digits that it has."""
    place = place_named(design, "ss,85,1.62")
    judged = judge_place(place)
    assert judged["reason"] == "" and (judged["corner"], judged["supply"]) == ("ss", 1.62)
    benches = export_place(run, place)
    assert benches and all("ss-85C-1.62V" in str(bench) for bench in benches)
    parts, netlists, options = netlists_there(place)
    waveforms = []
    for bench, netlist in zip(benches, netlists, strict=True):
        subprocess.run(
            ["ngspice", "-b", bench.name], cwd=bench.parent, check=True, capture_output=True, timeout=300
        )
        waveforms.append(answer(read_raw(bench.parent / f"{netlist.name}.raw"), netlist))
    found = circuit_rung(
        design.network.unpacked(), parts, waveforms, dt=design.dt, steps=SAMPLES, scaling=options.scaling,
        rung="macromodel",
    )  # fmt: skip
    error = design.task.error(prediction_of(found, design.split, design.dt), design.split)
    assert error == pytest.approx(judged["task_error"], rel=1e-9)
    assert ".temp 85" in benches[0].read_text()


@pytest.mark.slow
@SIMULATED
def test_a_table_is_resumed_row_by_row(run):
    """What lies in the folder is not made again; the table is the same, and it says which place is worst."""
    chosen = ConditionsOptions(corners=("ff",), temperatures=(27.0,), supplies=(1.8,), samples=SAMPLES)
    first = conditions_run(run, chosen)
    (folder,) = {path.parent for path in (run.path / "conditions").glob("*/*.json")}
    kept = {path: path.stat().st_mtime_ns for path in folder.glob("*.json")}
    assert set(path.stem for path in kept) == {"tt-27C-1.8V", "ff-27C-1.8V"}
    again = conditions_run(run, chosen)
    assert {path: path.stat().st_mtime_ns for path in folder.glob("*.json")} == kept
    assert again == first == read_table((run.path / CONDITIONS.format("macromodel")).read_bytes(), source="x")
    assert first.typical.corner == "tt" and len(first.rows) == 2
    changed = next(iter(kept))
    assert json.loads(changed.read_text())["voltage_unit"] > 0.05
    page = write_datasheet(run, [first], run.configuration.datasheet).read_text()
    assert "error_ratio" in page and ">fail<" in page.replace(" ", "") and "tau_m" in page


@pytest.mark.slow
@SIMULATED
def test_a_circuit_that_cannot_work_is_a_row_with_its_reason(design):
    """At a supply without room for the pairs: no error of the task, and the words."""
    place = Place(design=design, conditions=Conditions(supply=0.75))
    found = judge_place(place)
    assert found["task_error"] is None and "does not work" in found["reason"] and "m_tail" in found["reason"]


def test_the_datasheet_has_extremes_and_limits():
    """Least and largest over all rows, the design's own between; a limit is kept by all rows or not."""
    found = table(row(0.5), row(0.7, "ss", voltage_unit=0.07), row(0.4, "ff"))
    lines = {line.name: line for line in found.datasheet({"voltage_unit": 0.071}, {"error_ratio": 1.5})}
    assert set(lines) == set(QUANTITIES) == set(get_args(Quantity))
    error = lines["task_error"]
    assert (error.least, error.typical, error.most, error.passes) == (0.4, 0.5, 0.7, None)
    assert lines["error_ratio"].most == pytest.approx(1.4) and lines["error_ratio"].passes
    assert lines["voltage_unit"].passes is False
    assert [each.corner for each in found.worst] == ["ss", "tt", "ff"]
    assert worst_conditions(found.rows, 1) == (Conditions(corner="ss", temperature=27.0, supply=1.8),)


def test_a_row_that_failed_fails_every_limit():
    """What was not measured everywhere is not kept everywhere; a failed row is the worst."""
    found = table(row(0.5), row(None, "ss", rms=None, reason="no convergence"))
    (line,) = [line for line in found.datasheet({}, {"rms": 1.0}) if line.name == "rms"]
    assert line.passes is False and found.worst[0].reason == "no convergence"


def test_limits_of_a_configuration_are_checked():
    """A quantity that no datasheet has, and limits in the wrong order, by their keys."""
    text = CONFIGURATION + "\n[datasheet.most]\n"
    assert parse_configuration(text + "tau_m = 1e-4\n").datasheet.most == {"tau_m": 1e-4}
    with pytest.raises(ConfigurationError, match=r"datasheet\.most"):
        parse_configuration(text + "power = 1.0\n")
    with pytest.raises(ConfigurationError, match=r"least\.gain = 2 is above most\.gain = 1"):
        parse_configuration(text + "gain = 1.0\n[datasheet.least]\ngain = 2.0\n")


@pytest.mark.slow
@SIMULATED
def test_a_place_is_spelled_by_corner_degrees_and_volts(design):
    """Anything else is refused with an example."""
    for words in ("ss,85", "ss,hot,1.8", "85,1.62,ss,1"):
        with pytest.raises(ExcitableError, match=r"give corner, degrees Celsius and volts, as ss,85,1.62"):
            place_named(design, words)
    assert np.isclose(place_named(design, "ff,-20,1.98").conditions.temperature, -20)


@pytest.mark.slow
@SIMULATED
def test_the_command_prints_rows_and_datasheet(run):
    """The worst row, the datasheet with its verdict, and the page."""
    words = ["conditions", str(run.path), "--corner", "ff", "--temperature", "27", "--supply", "1.8"]
    result = CliRunner().invoke(app, [*words, "--samples", str(SAMPLES)])
    assert result.exit_code == 0, result.output
    for expected in ("ff, 27 C, 1.8 V", "error_ratio", "fail", "datasheet.html"):
        assert expected in result.output.replace("\n", "")
