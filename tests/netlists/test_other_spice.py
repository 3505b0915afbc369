"""Xyce's and LTspice's netlists: read back by a parser, held to golden files; they are not simulated here."""

import re
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import sympy
from netlist_examples import SCALED, held, mtc_circuit

from circuits.data.circuit import (
    BehaviouralVoltage,
    Circuit,
    Instance,
    Mosfet,
    Param,
    Resistor,
    Switch,
    VoltageSource,
    voltage,
)
from circuits.data.models import ModelCard
from netlists.analyses import DCSweep, OperatingPoint, Transient
from netlists.errors import NetlistError
from netlists.netlist import Netlist
from netlists.simulation import simulate
from netlists.writing import write_netlist
from netlists.writing.names import card_name

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from PySpice.Spice.Parser import SpiceParser

DIALECTS = ("xyce", "ltspice")
GOLDEN = Path(__file__).parent / "golden"
ANALYSIS = Transient(stop=1e-2, max_step=1e-5)


def circuit() -> Circuit:
    """A neuron under a held current with a condition and a transistor beside it: every kind of card but a switch."""
    base = mtc_circuit(waveform=held([0.0, 1e-3, 2e-3], [-2e-9, -1e-9, -2e-9], 1e-6))
    law = sympy.Piecewise((sympy.Symbol("gain") * voltage("um") ** 2, voltage("um") > 0), (0, True))
    return Circuit(
        name="page", title="golden page", subcircuits=base.subcircuits, probes=(*base.probes, "rectified"),
        parameters=(Param(name="gain", value=2.0, meaning="of the rectifier"),),
        models=(ModelCard(name="nch", polarity="nmos", level=8, version="3.3.0", parameters={"tox": 4e-9}),),
        devices=(
            *base.devices,
            BehaviouralVoltage(name="brect", positive="rectified", negative="0", voltage=law),
            VoltageSource(name="vdd", positive="vdd", negative="0", waveform=1.8),
            Resistor(name="rload", positive="vdd", negative="d", resistance=1e6),
            Mosfet(name="m1", drain="d", gate="um", source="0", bulk="0", model="nch", width=2e-6, length=1e-6),
        ),
        metered=("vdd",),
    )  # fmt: skip


def written(dialect: str, **changes) -> Netlist:
    return write_netlist(circuit(), ANALYSIS, SCALED, dialect=dialect)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_page_is_the_golden_one(dialect, request):
    """Letter for letter but for versions; `pytest --update-golden` writes it anew: look at it, then commit."""
    netlist = written(dialect)
    text = re.sub(r"^\* written by: .*\n", "", netlist.files[netlist.bench], flags=re.MULTILINE)
    path = GOLDEN / f"{dialect}.cir"
    if request.config.getoption("--update-golden"):
        path.write_text(text)
    assert text == path.read_text()


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_parser_reads_the_circuit_back(dialect):
    """PySpice's parser finds every card of the subcircuit with its letter, name and nodes, in order."""
    netlist = written(dialect)
    (read,) = SpiceParser(source=netlist.files[netlist.bench]).subcircuits
    definition = circuit().subcircuits[0]
    found = [re.match(r"Element (\w) (\S+) \[(.*?)\]", str(element)).groups() for element in read]
    expected = [
        (card_name(device)[0], card_name(device)[1:], ", ".join(repr(node) for node in device.terminals[:2]))
        for device in definition.devices
    ]
    assert found == expected


def test_conditions_are_said_in_the_tools_own_words():
    """Xyce takes `?:`, LTspice `if(…)`; parameters stand bare in Xyce's braces and in braces in LTspice's laws."""
    xyce, ltspice = (written(dialect).files["page.cir"] for dialect in DIALECTS)
    assert "v={(v(um) > 0) ? (gain*v(um)*v(um)) : (0)}" in xyce
    assert "v=if(v(um) > 0, {gain}*v(um)*v(um), 0)" in ltspice
    assert ".model nch nmos level=9 version=3.3.0" in xyce
    assert ".model nch nmos level=8 version=3.3.0" in ltspice


def test_what_a_tool_cannot_say_is_refused():
    """A switch that remembers is not Xyce's; a model that a tool lacks and a name that it keeps are named."""
    switch = Switch(
        name="s", positive="a", negative="0", sense_positive="a", sense_negative="0", on_above=0.5, off_below=0.1,
        on_resistance=1.0, off_resistance=1e9,
    )  # fmt: skip
    source = VoltageSource(name="v", positive="a", negative="0", waveform=1.0)
    plain = Circuit(name="plain", devices=(source, switch), probes=("a",))
    with pytest.raises(NetlistError, match=r"circuit plain: Switch s remembers, and the switch of Xyce"):
        write_netlist(plain, OperatingPoint(), SCALED, dialect="xyce")
    text = write_netlist(plain, OperatingPoint(), SCALED, dialect="ltspice").files["plain.cir"]
    assert ".model s_model sw(vt=0.3 vh=0.2 ron=1.0 roff=1000000000.0)" in text.replace("ss_model", "s_model")
    strange = Circuit(
        name="strange", models=(ModelCard(name="x", polarity="nmos", level=44, parameters={}),), probes=("a",),
        devices=(
            source,
            Mosfet(name="m", drain="a", gate="a", source="0", bulk="0", model="x", width=1e-6, length=1e-6),
        ),
    )  # fmt: skip
    kept = Circuit(name="kept", devices=(source,), parameters=(Param(name="time", value=1.0),), probes=("a",))
    for dialect in DIALECTS:
        with pytest.raises(NetlistError, match=r"model x has level 44"):
            write_netlist(strange, OperatingPoint(), SCALED, dialect=dialect)
        with pytest.raises(NetlistError, match=r"parameter time has a name that"):
            write_netlist(kept, OperatingPoint(), SCALED, dialect=dialect)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_nothing_here_simulates_it_and_that_is_said(dialect):
    """Asked to simulate such a netlist, the package says which dialects its simulators read."""
    with pytest.raises(
        NetlistError, match=rf"dialect {dialect}, which no simulator here reads; write it in one of ngspice"
    ):
        simulate(written(dialect))


@pytest.mark.parametrize("dialect", DIALECTS)
def test_other_analyses_have_their_lines(dialect):
    """A DC sweep and an operating point."""
    base = circuit()
    swept = write_netlist(base, DCSweep(source="vdd", start=0.0, stop=1.8, step=0.1), SCALED, dialect=dialect)
    assert re.search(r"^\.dc vdd 0\.0 1\.8 0\.1$", swept.files["page.cir"], re.MULTILINE)
    assert "\n.op\n" in write_netlist(base, OperatingPoint(), SCALED, dialect=dialect).files["page.cir"]
    assert not np.any([line.startswith(".ic") for line in swept.files["page.cir"].splitlines()])


def test_nested_subcircuits_are_written_before_their_users():
    """The order of the circuit is kept, and an instance hands its parameters on."""
    (definition,) = mtc_circuit().subcircuits
    neuron = Instance(name="xn", subcircuit="mtc", connections={"um": "um"}, parameters={"v0": 0.07})
    top = Circuit(
        name="top", subcircuits=(definition,), probes=("um",),
        devices=(neuron, Resistor(name="r", positive="um", negative="0", resistance=1e9)),
    )  # fmt: skip
    for dialect in DIALECTS:
        lines = write_netlist(top, ANALYSIS, SCALED, dialect=dialect).files["top.cir"].splitlines()
        assert "xn um mtc params: v0=0.07" in lines


def test_how_far_truncation_may_go_is_written_or_refused():
    """A thousand times the tolerances: `trtol`, VACASK's own ratio times that, and words where a dialect has none."""
    loose = replace(SCALED, truncation=1e3)
    for dialect, words in (
        ("ngspice", "trtol=1000"), ("ltspice", "trtol=1000"), ("vacask", "tran_lteratio=3500.0"),
    ):  # fmt: skip
        netlist = write_netlist(mtc_circuit(), ANALYSIS, loose, dialect=dialect)
        assert any(words in text for text in netlist.files.values()), dialect
    with pytest.raises(NetlistError, match=r"Xyce: truncation = 1000 .*; leave it at 1"):
        write_netlist(mtc_circuit(), ANALYSIS, loose, dialect="xyce")
    with pytest.raises(NetlistError, match="truncation"):
        replace(SCALED, truncation=0.0)
