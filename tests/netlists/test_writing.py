"""The written netlist: what a designer finds in it, what it refuses, and that user text cannot act in it."""

import os
import pty
import re
import select
import subprocess
import time
from dataclasses import replace

import numpy as np
import pytest
import sympy
from netlist_examples import SCALED, TAU, V0, held, mtc_circuit, mtc_subcircuit, rc_circuit

from circuits.calibration.transistors import Device, chain_bench
from circuits.data.circuit import (
    BehaviouralCurrent,
    Capacitor,
    Circuit,
    CurrentSource,
    Instance,
    Param,
    Pin,
    Resistor,
    Subcircuit,
    Transconductance,
    VoltageSource,
    voltage,
)
from circuits.technologies import technology
from netlists.analyses import DCSweep, OperatingPoint, SpikeTime, Tolerances, Transient
from netlists.errors import NetlistError
from netlists.simulation import simulate
from netlists.writing import write_netlist
from netlists.writing.initial import initial_voltages

pytestmark = pytest.mark.simulator
SHORT = Transient(stop=10 * TAU, max_step=TAU)


def divider(**changes):
    """Two resistors between a source and ground."""
    values = {
        "name": "divider",
        "devices": (
            VoltageSource(name="vin", positive="in", negative="0", waveform=3.0),
            Resistor(name="r1", positive="in", negative="out", resistance=1e3),
            Resistor(name="r2", positive="out", negative="0", resistance=2e3),
        ),
        "probes": ("out",),
    }
    return Circuit(**(values | changes))


def op(circuit):
    """Operating point as a mapping from node to voltage (V)."""
    waveforms = simulate(write_netlist(circuit, OperatingPoint(), SCALED)).require()
    return dict(zip(waveforms["node"].values.tolist(), waveforms["voltage"].values.tolist(), strict=True))


def cards(text):
    """Lines without comments and trailing comments."""
    lines = [line.split(" ; ")[0] for line in text.splitlines()]
    return [line for line in lines if line and not line.startswith("*")]


def test_the_cards_are_lower_case_with_plain_numbers():
    """Library, circuit and bench hold lower-case cards whose numbers carry no unit letters."""
    netlist = write_netlist(mtc_circuit(held([0, TAU], [0, 1e-9], TAU / 10)), SHORT, SCALED)
    assert set(netlist.files) == {"slow_bursting.lib", "slow_bursting.cir", "slow_bursting_bench.cir"}
    for text in netlist.files.values():
        assert text.isascii()
        for line in cards(text):
            assert line == line.lower()
            assert not re.search(r"[ =(]-?\d+(\.\d+)?(e[+-]?\d+)?[a-df-z]", line), line


def test_a_subcircuit_lists_its_pins_and_parameters():
    """A definition has a pin list with meanings, `params:`, and engineering units in comments."""
    library = write_netlist(mtc_circuit(), SHORT, SCALED).files["slow_bursting.lib"]
    assert ".lib tt" in library
    assert ".subckt mtc um params:" in library
    assert "*   um membrane and input current" in library
    assert "*   c0 = 1 pF membrane capacitance" in library
    assert "+ v0=0.072" in library


def test_the_library_serves_another_bench(tmp_path):
    """A bench written by hand reaches the neuron by `.lib` alone."""
    write_netlist(mtc_circuit(), SHORT, SCALED).write(tmp_path)
    bench = f"""* by hand
.lib "slow_bursting.lib" tt
xa a mtc
ia 0 a 1e-9
.ic v(a)=0 v(xa.us)=0 v(xa.uus)=0
.tran {TAU} {10 * TAU}
.print tran v(a)
.end
"""
    (tmp_path / "hand.cir").write_text(bench)
    subprocess.run(["ngspice", "-b", "hand.cir"], cwd=tmp_path, check=True, capture_output=True, timeout=60)


def test_the_bench_runs_at_the_prompt(tmp_path):
    """`ngspice bench.cir` at a terminal simulates once, writes the waveforms, and stays at its prompt."""
    bench = write_netlist(mtc_circuit(), SHORT, SCALED).write(tmp_path)
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(tmp_path)
        os.execvp("ngspice", ["ngspice", bench.name])
    words, deadline, asked = b"", time.monotonic() + 30, False
    while time.monotonic() < deadline:
        ready, _, _ = select.select([terminal], [], [], 0.2)
        try:
            words += os.read(terminal, 65536) if ready else b""
        except OSError:
            break
        if b"ngspice 1 ->" in words and not asked:
            os.write(terminal, b"quit\n")
            asked = True
    os.waitpid(child, 0)
    os.close(terminal)
    assert asked
    assert words.count(b"No. of Data Rows") == 1
    assert (tmp_path / "slow_bursting.raw").exists()


HOSTILE = [
    "a\n.control\nshell touch owned\n.endc",
    "a\r\n.include /etc/passwd",
    "a\u2028.end\u2028b\x85.end",
    "`touch owned`",
    "$(touch owned) ${HOME} $var",
    "; .end \\",
    "+ .end \\\\",
    "unbalanced ' \" { ( [",
    "{1/0} *ng_script error fatal",
    "\x00\x1b[2J\x07",
    "Ω µ τ 神経",
    "x" * 5000,
    "",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_user_text_cannot_act(text, tmp_path, monkeypatch):
    """Titles, meanings, notes and provenance of any content leave the cards and the answer unchanged."""
    monkeypatch.chdir(tmp_path)

    def build(words):
        inner = Subcircuit(
            name="load",
            title=words,
            pins=(Pin(name="a", meaning=words),),
            parameters=(Param(name="r", value=2e3, unit=words or "Ohm", meaning=words),),
            devices=(
                Resistor(name="r1", positive="a", negative="0", resistance=sympy.Symbol("r"), note=words),
            ),
        )
        source, upper, _ = divider().devices
        return divider(
            title=words,
            parameters=(Param(name="q", value=1.0, unit="V", meaning=words),),
            subcircuits=(inner,),
            devices=(
                source,
                upper,
                Instance(name="x1", subcircuit="load", connections={"a": "out"}, note=words),
            ),
            provenance={words or "k": words},
        )

    hostile = write_netlist(build(text), OperatingPoint(), SCALED)
    harmless = write_netlist(build("words"), OperatingPoint(), SCALED)
    for name, content in hostile.files.items():
        assert cards(content) == cards(harmless.files[name])
        assert all(32 <= ord(character) < 127 or character == "\n" for character in content)
        assert max(len(line) for line in content.splitlines()) < 1000
    assert op(build(text)) == pytest.approx({"out": 2.0})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["time", "e", "pi", "exp", "max", "gnd", "temper", "u", "limit"])
def test_names_that_ngspice_keeps_are_refused(name):
    """A parameter, node or subcircuit that ngspice would take for its own is named in one error."""
    with pytest.raises(NetlistError, match=f"parameter {name} has a name that ngspice keeps"):
        write_netlist(divider(parameters=(Param(name=name, value=1.0),)), OperatingPoint(), SCALED)
    with pytest.raises(NetlistError, match=f"node {name} has a name that ngspice keeps"):
        extra = Resistor(name="r3", positive=name, negative="0", resistance=1.0)
        write_netlist(divider(devices=(*divider().devices, extra)), OperatingPoint(), SCALED)


@pytest.mark.parametrize(
    "name", ["c", "i", "v", "k", "r", "m", "f", "meg", "temp", "vec", "tc1", "in", "if", "to", "e1"]
)
def test_short_and_odd_names_keep_their_values(name):
    """Names that look like units, words of SPICE or of Python are only names, for nodes and parameters."""
    load = Subcircuit(
        name="load",
        pins=(Pin(name=name),),
        parameters=(Param(name=name, value=1e3),),
        devices=(
            BehaviouralCurrent(
                name="b1", source=name, sink="0", current=voltage(name) / (2 * sympy.Symbol(name))
            ),
        ),
    )
    source, upper, _ = divider().devices
    connected = Instance(name="x1", subcircuit="load", connections={name: "out"})
    assert op(divider(subcircuits=(load,), devices=(source, upper, connected))) == pytest.approx({"out": 2.0})


def test_a_device_may_have_the_name_of_its_kind():
    """A source called `v` and a resistor called `r` are cards `vv` and `rr`, not cards without a name."""
    devices = (
        VoltageSource(name="v", positive="out", negative="0", waveform=2.0),
        Resistor(name="r", positive="out", negative="0", resistance=1e3),
    )
    assert op(divider(devices=devices)) == pytest.approx({"out": 2.0})


def test_card_names_that_would_collide_are_refused():
    """`r1` and `1`-like names cannot meet under one card: capacitors `m` and `cm` both would be `cm`."""
    pair = (
        Capacitor(name="m", positive="out", negative="0", capacitance=1e-12),
        Capacitor(name="cm", positive="out", negative="0", capacitance=1e-12),
    )
    with pytest.raises(NetlistError, match="devices m and cm would share the card cm"):
        write_netlist(divider(devices=(*divider().devices, *pair)), OperatingPoint(), SCALED)


def test_all_faults_come_at_once():
    """No probes, a measurement of nothing and a bad name are one error."""
    with pytest.raises(NetlistError) as caught:
        write_netlist(
            divider(probes=(), parameters=(Param(name="pi", value=1.0),)),
            OperatingPoint(),
            SCALED,
            [SpikeTime(name="t1", node="out", threshold=0.0)],
        )
    for part in (
        "circuit divider",
        "no probes",
        "transient analysis only",
        "parameter pi",
        "add it to the probes",
    ):
        assert part in str(caught.value)


def test_a_state_node_without_initial_voltage_is_refused():
    """An oscillator would start on its unstable equilibrium; so each state node must say where it starts."""
    bare = mtc_subcircuit()
    naked = Subcircuit(name="mtc", pins=bare.pins, parameters=bare.parameters, devices=bare.devices)
    whole = mtc_circuit()
    circuit = Circuit(name="bare", subcircuits=(naked,), devices=whole.devices, probes=("um",))
    with pytest.raises(NetlistError, match=r"state nodes without initial voltage: um, xn\.us, xn\.uus"):
        write_netlist(circuit, SHORT, SCALED)
    write_netlist(circuit, OperatingPoint(), SCALED)


def test_initial_voltages_follow_parameters_through_nested_instances():
    """Start values are computed from each instance's own parameters, at any depth, under ngspice's names."""
    v = sympy.Symbol("v")
    cell = Subcircuit(
        name="cell",
        pins=(Pin(name="a"),),
        parameters=(Param(name="v", value=1.0, unit="V"),),
        devices=(
            Capacitor(name="c1", positive="n", negative="0", capacitance=1e-12),
            Resistor(name="r1", positive="a", negative="n", resistance=1e9),
        ),
        initial={"n": v / 2},
    )
    pair = Subcircuit(
        name="pair",
        pins=(Pin(name="a"),),
        parameters=(Param(name="v", value=4.0, unit="V"),),
        devices=(
            Instance(name="left", subcircuit="cell", connections={"a": "a"}, parameters={"v": 3 * v}),
            Instance(name="xright", subcircuit="cell", connections={"a": "a"}),
        ),
    )
    circuit = Circuit(
        name="nested",
        subcircuits=(cell, pair),
        devices=(
            Instance(name="p", subcircuit="pair", connections={"a": "in"}, parameters={"v": 10.0}),
            Instance(name="q", subcircuit="pair", connections={"a": "in"}),
            VoltageSource(name="vin", positive="in", negative="0", waveform=0.0),
        ),
        initial={"q.left.n": 0.25},
        probes=("p.left.n", "p.xright.n", "q.left.n", "q.xright.n", "q.xright.a"),
    )
    expected = {"xp.xleft.n": 15.0, "xp.xright.n": 0.5, "xq.xleft.n": 0.25, "xq.xright.n": 0.5}
    assert initial_voltages(circuit) == expected
    waveforms = simulate(write_netlist(circuit, Transient(stop=1e-6, max_step=1e-7), SCALED)).require()
    first = waveforms["voltage"].isel(time=0)
    np.testing.assert_allclose(first.values, [15.0, 0.5, 0.25, 0.5, 0.0], atol=1e-6)
    assert first["node"].values.tolist() == list(circuit.probes)


def test_instances_that_dispute_a_node_are_refused():
    """Two instances on one node with different start values need a ruling by the circuit."""
    neuron = mtc_subcircuit()
    other = Subcircuit(
        name="other",
        pins=neuron.pins,
        parameters=neuron.parameters,
        devices=neuron.devices,
        initial={"um": 0.5, "us": 0.0, "uus": 0.0},
    )
    devices = (
        Instance(name="a", subcircuit="mtc", connections={"um": "m"}),
        Instance(name="b", subcircuit="other", connections={"um": "m"}),
    )
    circuit = Circuit(name="two", subcircuits=(neuron, other), devices=devices, probes=("m",))
    with pytest.raises(NetlistError, match="disagree on the initial voltage of m"):
        write_netlist(circuit, SHORT, SCALED)
    ruled = Circuit(
        name="two", subcircuits=(neuron, other), devices=devices, probes=("m",), initial={"m": -V0}
    )
    assert initial_voltages(ruled)["m"] == -V0


def test_signs_of_sources_and_transconductances():
    """A positive current is drawn from the first node and injected into the second, for all three kinds.

    1 mA into 1 kOhm gives +1 V at the sink; a transconductance of 1 mS sensing +3 V gives +3 V.
    """
    loads = [Resistor(name=f"r{k}", positive=f"n{k}", negative="0", resistance=1e3) for k in range(3)]
    circuit = Circuit(
        name="signs",
        devices=(
            VoltageSource(name="vin", positive="in", negative="0", waveform=3.0),
            *loads,
            CurrentSource(name="i0", source="0", sink="n0", waveform=1e-3),
            BehaviouralCurrent(
                name="b1", source="0", sink="n1", current=voltage("in") * sympy.Rational(2, 3000)
            ),
            Transconductance(
                name="g2", out_from="0", out_to="n2", sense_positive="in", sense_negative="0", gain=1e-3
            ),
        ),
        probes=("n0", "n1", "n2"),
    )
    assert op(circuit) == pytest.approx({"n0": 1.0, "n1": 2.0, "n2": 3.0})


def test_a_dc_sweep_follows_the_source():
    """The divider gives two thirds of every swept voltage, downwards too, and a capacitor needs no start."""
    sweep = DCSweep(source="vin", start=1.0, stop=-1.0, step=-0.25)
    loaded = Capacitor(name="c1", positive="out", negative="0", capacitance=1e-12)
    netlist = write_netlist(divider(devices=(*divider().devices, loaded)), sweep, SCALED)
    waveforms = simulate(netlist).require()
    np.testing.assert_allclose(waveforms["sweep"].values, np.linspace(1, -1, 9), atol=1e-12)
    np.testing.assert_allclose(
        waveforms["voltage"].values[:, 0], waveforms["sweep"].values * 2 / 3, atol=1e-9
    )
    assert waveforms["sweep"].attrs["units"] == "V"
    with pytest.raises(NetlistError, match="source vout; known are vin"):
        write_netlist(divider(), DCSweep(source="vout", start=0, stop=1, step=0.1), SCALED)


@pytest.mark.parametrize(
    "build",
    [
        lambda: Transient(stop=0.0, max_step=1.0),
        lambda: Transient(stop=1.0, max_step=float("nan")),
        lambda: Transient(stop=1.0, max_step=0.1, start_save=1.0),
        lambda: Transient(stop="1m", max_step=0.1),
        lambda: DCSweep(source="vin", start=0.0, stop=1.0, step=-0.1),
        lambda: DCSweep(source="vin", start=0.0, stop=0.0, step=0.1),
        lambda: SpikeTime(name="t1", node="a", threshold=0.0, spike=0),
        lambda: SpikeTime(name="t1", node="a", threshold=float("inf")),
        lambda: Tolerances(current=-1.0, voltage=1.0, charge=1.0),
        lambda: Tolerances.scaled(voltage_unit=0.0, current_unit=1e-9, capacitance=1e-12),
    ],
)
def test_an_impossible_analysis_is_refused(build):
    """Times, steps and tolerances are positive, finite numbers."""
    with pytest.raises(NetlistError):
        build()


def test_a_long_held_waveform_keeps_every_corner():
    """300 holds, wrapped over many lines, arrive at the source's node unchanged."""
    starts = 1e-3 * np.arange(300)
    values = np.random.default_rng(3).standard_normal(300)
    circuit = rc_circuit(held(starts, values, 1e-6))
    waveforms = simulate(write_netlist(circuit, Transient(stop=0.3, max_step=1e-3), SCALED)).require()
    found = np.interp(starts + 5e-4, waveforms["time"].values, waveforms["voltage"].sel(node="in").values)
    np.testing.assert_allclose(found, values, rtol=1e-12)


def test_the_library_is_named_after_its_corner():
    """A circuit at the slow corner says so in the section, in the line that uses it, and never says `tt`."""
    files = write_netlist(divider(corner="ss"), OperatingPoint(), SCALED).files
    library, body = files["divider.lib"], files["divider.cir"]
    assert ".lib ss" in library and ".endl ss" in library and " tt" not in library
    assert '.lib "divider.lib" ss' in body


def test_a_waveform_whose_last_point_begins_a_line_keeps_it():
    """Held values have two corners a hold; with four points a line, each count of holds ends at another place."""
    for holds in (1, 2, 3, 4, 5):
        waveform = held(1e-3 * np.arange(holds), np.arange(holds) + 1.0, 1e-6)
        times, values = waveform.corners()
        body = write_netlist(rc_circuit(waveform), Transient(stop=6e-3, max_step=1e-3), SCALED).files
        text = "".join(body.values())
        numbers = re.search(r"pwl\(([^)]*)\)", text).group(1).replace("+", " ").split()
        assert [float(word) for word in numbers[0::2]] == times.tolist()
        assert [float(word) for word in numbers[1::2]] == values.tolist()


def test_an_instance_is_wired_by_name_in_whatever_order_it_was_given():
    """Three resistors to three pins: each node sees its own, whether the connections are listed forwards or not."""
    star = Subcircuit(
        name="star", pins=tuple(Pin(name=name) for name in "abc"),
        devices=tuple(
            Resistor(name=f"r{name}", positive=name, negative="0", resistance=value)
            for name, value in zip("abc", (1e3, 2e3, 5e3), strict=True)
        ),
    )  # fmt: skip
    for order in ("abc", "cba", "bac"):
        circuit = Circuit(
            name="wired", subcircuits=(star,), probes=tuple("abc"),
            devices=(
                *(CurrentSource(name=f"i{node}", source="0", sink=node, waveform=1e-3) for node in "abc"),
                Instance(name="x1", subcircuit="star", connections={name: name for name in order}),
            ),
        )  # fmt: skip
        assert op(circuit) == pytest.approx({"a": 1.0, "b": 2.0, "c": 5.0}, rel=1e-6)


def test_the_circuit_is_simulated_at_its_temperature():
    """The bench states it, in degrees Celsius."""
    files = write_netlist(divider(temperature=85.0), OperatingPoint(), SCALED).files
    assert ".temp 85" in "".join(files.values())


def test_a_models_source_is_told_whole():
    """However long it is: over as many comment lines as it needs, in every dialect that has the transistor."""
    generic = technology("generic_180nm")
    source = "; ".join(f"measured on wafer {k}" for k in range(40))
    cards = tuple(replace(card, source=source) for card in generic.model_cards())
    unit = Device(card=cards[1], width=0.63e-6, length=generic.pmos.length, technology=generic)
    circuit = chain_bench(unit, 1e-9, 5)
    for dialect in ("ngspice", "vacask", "xyce", "ltspice"):
        text = "\n".join(write_netlist(circuit, OperatingPoint(), SCALED, dialect=dialect).files.values())
        said = " ".join(line.lstrip("*/ ") for line in text.splitlines() if line[:1] in "*/")
        assert source.replace(";", ",") in said
