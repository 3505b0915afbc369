"""The seams: dialects and simulators are found by name, refused in words, and joined by what they read."""

import re
import subprocess
import sys
from dataclasses import replace

import pytest
from netlist_examples import SCALED, rc_circuit

from circuits.data.circuit import Circuit, Instance, Mosfet, Pin, Subcircuit, VoltageSource
from circuits.data.models import ModelCard
from netlists.analyses import OperatingPoint, Transient
from netlists.errors import NetlistError
from netlists.simulation import SIMULATORS, Simulator, known_simulator, simulate, simulate_all
from netlists.writing import DIALECTS, Dialect, find_dialect, write_netlist

ANALYSIS = Transient(stop=1e-3, max_step=1e-5)


@pytest.mark.parametrize("name", DIALECTS)
def test_every_dialect_writes_whole_files_under_its_name(name):
    """What the table names is a dialect of that name, and its netlist says so and has its bench."""
    dialect = find_dialect(name)
    assert isinstance(dialect, Dialect)
    assert dialect.name == name
    assert dialect.reader
    written = write_netlist(rc_circuit(0.0), ANALYSIS, SCALED, dialect=name)
    assert written.dialect == name
    assert written.bench in written.files
    assert all(text.endswith("\n") and text.isascii() for text in written.files.values())


@pytest.mark.parametrize("name", DIALECTS)
def test_every_dialect_refuses_what_none_can_write(name):
    """A circuit of which nothing is observed is refused with its name, whatever the dialect."""
    with pytest.raises(NetlistError, match=r"circuit rc: .*no probes"):
        write_netlist(replace(rc_circuit(0.0), probes=()), ANALYSIS, SCALED, dialect=name)


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize("number", [1, 2, 5])
def test_every_dialect_counts_transistors_in_parallel(name, number):
    """The card of a transistor that stands for several says how many; one alone is one, said or not."""
    pins = {"d": "d", "g": "g", "s": "0"}
    stage = Subcircuit(
        name="stage", pins=tuple(Pin(name=pin) for pin in pins),
        devices=(
            Mosfet(
                name="m1", drain="d", gate="g", source="s", bulk="s", model="nch", width=2e-6, length=1e-6,
                multiplicity=number,
            ),
        ),
    )  # fmt: skip
    circuit = Circuit(
        name="several", subcircuits=(stage,), probes=("g",),
        models=(ModelCard(name="nch", polarity="nmos", level=8, parameters={}),),
        devices=(
            Instance(name="x", subcircuit="stage", connections=pins),
            *(VoltageSource(name=f"v{node}", positive=node, negative="0", waveform=1.0) for node in "dg"),
        ),
    )  # fmt: skip
    text = "\n".join(write_netlist(circuit, OperatingPoint(), SCALED, dialect=name).files.values())
    cards = re.findall(r".*\bm1\b.*(?:nch|Mosfet).*(?:\n\+.*)*", text)
    assert len(cards) == 1
    said = [float(count) for count in re.findall(r"(?:\bm|\$mfactor)=([\d.]+)", cards[0])]
    assert said == [number] or (number == 1 and not said)


@pytest.mark.parametrize("name", SIMULATORS)
def test_every_simulator_reads_a_dialect_that_exists(name):
    """What the table names is a simulator of that name, and something writes what it reads."""
    simulator = known_simulator(name)
    assert isinstance(simulator, Simulator)
    assert simulator.name == name
    assert simulator.dialect in DIALECTS


def test_unknown_names_are_refused_with_the_known_ones():
    """A misspelt dialect or simulator is one error that lists what there is."""
    with pytest.raises(NetlistError, match=r"no dialect 'ngspise'; known are ngspice"):
        write_netlist(rc_circuit(0.0), OperatingPoint(), SCALED, dialect="ngspise")
    written = write_netlist(rc_circuit(0.0), OperatingPoint(), SCALED)
    for call in (simulate, lambda netlist, simulator: simulate_all([netlist], simulator=simulator)):
        with pytest.raises(NetlistError, match=r"no simulator 'ngspise'; known are ngspice"):
            call(written, simulator="ngspise")


def test_a_netlist_of_another_dialect_is_refused_before_it_runs():
    """A simulator is not given what it cannot read; the message names both and the way out."""
    foreign = replace(write_netlist(rc_circuit(0.0), OperatingPoint(), SCALED), dialect="klingon")
    with pytest.raises(
        NetlistError, match=r'rc is written in the dialect klingon; ngspice reads.*dialect="ngspice"'
    ):
        simulate(foreign, simulator="ngspice")
    with pytest.raises(
        NetlistError, match="klingon, which no simulator here reads; write it in one of ngspice"
    ):
        simulate(foreign)


def test_importing_the_package_loads_neither_torch_nor_pyspice():
    """Netlists are written, run and read without the training libraries, and PySpice waits for ngspice's dialect."""
    assert _loaded("import netlists") == []
    assert _loaded(
        "import pkgutil, importlib, netlists\n"
        "for found in pkgutil.walk_packages(netlists.__path__, 'netlists.'): importlib.import_module(found.name)"
    ) == ["PySpice"]


def _loaded(code: str) -> list[str]:
    """Which of the heavy libraries that code loads in a fresh interpreter."""
    heavy = ("torch", "lightning", "PySpice")
    code += f"\nimport sys; print(*[name for name in {heavy!r} if name in sys.modules])"
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    return answer.stdout.split()
