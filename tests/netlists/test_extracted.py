"""What a layout tool extracted is read as data, placed where the drawn circuit stood, and behaves as its devices do."""

from dataclasses import replace

import numpy as np
import pytest

from circuits.data.circuit import Capacitor, CircuitError, Instance, Mosfet, Resistor
from circuits.measures.area import area_of
from circuits.mismatch.circuit import sized_devices
from circuits.mismatch.deviations import transistor_circuit
from circuits.networks.single import neuron_circuit
from circuits.realisations import realise
from circuits.realisations.extracted import with_extracted
from circuits.realisations.wires import with_wires
from circuits.technologies import technology
from conductance import Network, NeuronLayer, mtc
from netlists import OperatingPoint, SmallSignal, Tolerances, write_netlist
from netlists.errors import NetlistError
from netlists.reading import read_extracted
from netlists.reading.lines import Line, number
from netlists.simulation import solve

GENERIC = technology("generic_180nm")
TOLERANCES = Tolerances(current=1e-16, voltage=1e-9, charge=1e-19)
WIRE = 50e-15
"""Of the output's wire in the layout, in F."""


def as_extracted(subcircuit, wires=(), extra_pins=()) -> str:
    """What Magic would write of a drawn cell: transistors with areas in units of the scale, wires, names of its own."""
    pins = " ".join(f"{name}".upper() for name in [*(pin.name for pin in subcircuit.pins), *extra_pins])
    rows = ["* NGSPICE file created from cell.ext", ".option scale=1u", f".subckt {subcircuit.name} {pins}"]
    transistors = [device for device in subcircuit.devices if isinstance(device, Mosfet)]
    for count, each in enumerate(transistors):
        sizes = {"w": 1e6 * each.width, "l": 1e6 * each.length}
        areas = {
            key: float(value) * (1e6 if key[0] == "p" else 1e12) for key, value in each.junction_sizes.items()
        }
        nodes = f"{each.drain} {each.gate} {each.source} {each.bulk}".upper()
        given = " ".join(f"{key}={value:.9g}" for key, value in (areas | sizes).items())
        rows += [f"X{count} {nodes} {each.model}", f"+ {given}"]
    rows += [
        f"C{count} {net.upper()} VSS {1e15 * value:g}f $ **FLOATING"
        for count, (net, value) in enumerate(wires)
    ]
    return "\n".join([*rows, ".ends", ""])


@pytest.fixture
def drawn():
    """The MTC neuron of transistors."""
    return realise(mtc(), "transistor", technology=GENERIC)


def cell(realisation, name):
    """One of its cells."""
    return next(each for each in realisation.cells if each.name == name)


def written(tmp_path, text):
    """The text as a file."""
    path = tmp_path / "cell.spice"
    path.write_text(text)
    return path


def test_the_devices_are_those_of_the_file(tmp_path, drawn):
    """Sizes, junctions, nodes and models come back to rounding, through the file's scale and capital letters."""
    own = cell(drawn, "ota10")
    (found,) = read_extracted(written(tmp_path, as_extracted(own, extra_pins=["bias"])), GENERIC)
    wanted = [device for device in own.devices if isinstance(device, Mosfet)]
    assert len(found.devices) == len(wanted)
    for mine, theirs in zip(wanted, found.devices, strict=True):
        assert theirs.terminals == mine.terminals
        assert theirs.model == mine.model
        assert (theirs.width, theirs.length) == pytest.approx((mine.width, mine.length), rel=1e-8)
        sizes = [1e6 * float(value) for value in mine.junction_sizes.values()]
        assert [1e6 * float(value) for value in theirs.junction_sizes.values()] == pytest.approx(
            sizes, rel=1e-8
        )


def admittance(realisation, frequencies):
    """(frequency,), small-signal admittance of the membrane in S."""
    units = GENERIC.scaling()
    circuit = neuron_circuit(mtc(), 0.0, scaling=units, realisation=realisation, small_signal=1.0)
    tolerances = Tolerances.scaled(
        voltage_unit=units.voltage_unit, current_unit=units.current_unit, capacitance=units.capacitance
    )
    start, stop = frequencies
    found = solve(circuit, SmallSignal(start=start, stop=stop, points=2), tolerances).require()
    return found["frequency"].to_numpy(), units.current_unit / found["voltage"].sel(node="um").to_numpy()


@pytest.mark.simulator
def test_a_wire_of_the_layout_loads_the_membrane(tmp_path, drawn):
    """An amplifier's output wire is a capacitor from the membrane to a rail: the admittance grows by j w times all."""
    own = cell(drawn, "ota10")
    bare, loaded = (
        with_extracted(drawn, read_extracted(written(tmp_path, as_extracted(own, wires, ["bias"])), GENERIC))
        for wires in ((), [("out", WIRE)])
    )
    outputs = [
        device for device in drawn.subcircuit.devices
        if isinstance(device, Instance) and device.subcircuit == "ota10" and device.connections["out"] == "um"
    ]  # fmt: skip
    frequency, before = admittance(bare, (10.0, 1e4))
    _, after = admittance(loaded, (10.0, 1e4))
    wanted = 2j * np.pi * frequency * len(outputs) * WIRE
    assert outputs
    assert np.abs(after - before - wanted).max() < 1e-3 * np.abs(wanted).max()
    assert np.abs(admittance(drawn, (10.0, 1e4))[1] / before - 1).max() < 1e-5


def test_wires_lie_at_every_net_but_the_supplies(drawn):
    """One number of the technology: each cell's inner nets, and all nets of the neuron."""
    layout = GENERIC.layout.model_copy(update={"wire_capacitance": WIRE})
    wired = realise(mtc(), "transistor", technology=GENERIC.model_copy(update={"layout": layout}))
    inner = cell(drawn, "ota10").nodes - {"0"} - {pin.name for pin in cell(drawn, "ota10").pins}
    added = [each for each in cell(wired, "ota10").devices if isinstance(each, Capacitor)]
    assert {each.positive for each in added} == inner
    assert {each.capacitance for each in added} == {WIRE}
    own = {each.positive for each in wired.subcircuit.devices if each.name.startswith("c_wire_")}
    assert own == drawn.subcircuit.nodes - {"0", "vdd", "vss"}
    assert with_wires(drawn.subcircuit, 0.0) is drawn.subcircuit


def test_wires_are_no_drawn_devices():
    """Nobody draws them: area, mismatch and the netlist of a layout have none of them."""
    units, network = GENERIC.scaling(), Network({"hidden": NeuronLayer(mtc(), 1, dt=0.2)})
    layout = GENERIC.layout.model_copy(update={"wire_capacitance": WIRE})
    found = []
    for made_of in (GENERIC, GENERIC.model_copy(update={"layout": layout})):
        circuit = transistor_circuit(network, made_of, units)
        written = write_netlist(circuit, OperatingPoint(), TOLERANCES, dialect="lvs")
        (text,) = written.files.values()
        cards = [line for line in text.splitlines() if line.startswith("c")]
        found.append(
            (area_of(circuit, made_of).capacitor_count, len(sized_devices(circuit, made_of)), len(cards))
        )
        assert ";" not in text
    assert found[0] == found[1]
    assert min(found[0]) > 0


def test_hierarchy_parameters_and_drawn_capacitors(tmp_path):
    """Instances, parameters by name, resistors, numbers with units, and a capacitor by its area."""
    text = """
.subckt inner a b params: r=2k
R1 a b {r}
.ends
.subckt outer in/1 out#2
Xinner in/1 out#2 inner r=3.5k
C1 in/1 0 1.5fF ; a comment
X2 out#2 0 mim w=10u l=5u
.ends
"""
    inner, outer = read_extracted(written(tmp_path, text), GENERIC, capacitors={"mim": 2e-3})
    assert float(inner.parameters[0].value) == 2000.0
    assert isinstance(inner.devices[0], Resistor)
    assert [pin.name for pin in outer.pins] == ["in_1", "out_2"]
    placed, wire, drawn = outer.devices
    assert (placed.subcircuit, placed.connections, placed.parameters) == (
        "inner", {"a": "in_1", "b": "out_2"}, {"r": 3500.0},
    )  # fmt: skip
    assert wire.capacitance == pytest.approx(1.5e-15)
    assert drawn.capacitance == pytest.approx(2e-3 * 50e-12)


POWERS = {
    "": 1.0, "t": 1e12, "g": 1e9, "meg": 1e6, "k": 1e3, "m": 1e-3, "mil": 25.4e-6, "u": 1e-6, "n": 1e-9, "p": 1e-12,
    "f": 1e-15, "a": 1e-18,
}  # fmt: skip
"""SPICE's letters behind a number: m is a thousandth, a million is meg, and a mil is that of an inch."""


@pytest.mark.parametrize("power", POWERS)
def test_a_number_has_spices_power_of_ten(tmp_path, power):
    """In small letters or large ones, with a unit behind it or none."""
    texts = [f"{value}{power}{unit}" for value in ("2.5", "-.5e1") for unit in ("", "ohm" if power else "v")]
    line = Line(file=tmp_path, row=1, words=())
    wanted = [2.5 * POWERS[power]] * 2 + [-5.0 * POWERS[power]] * 2
    for letters in (str.lower, str.upper):
        assert [number(letters(text), line) for text in texts] == pytest.approx(wanted, rel=1e-12, abs=0)


REFUSED = {
    "another device": ("Q1 a b c bjt", "a device Q1"),
    "an unknown transistor": ("X1 a b c d pfet w=1u l=1u", "pfet"),
    "a transistor without its length": ("M1 a b c d n180 w=1u", "w and l"),
    "stress": ("M1 a b c d n180 w=1u l=1u sa=1u", "sa"),
    "an unknown parameter": ("M1 a b c d n180 w=1u l=1u delvto=0.1", "delvto"),
    "half of the junctions": ("M1 a b c d n180 w=1u l=1u ad=1p", "all or none"),
    "a value that is none": ("C1 a b lots", "lots"),
    "a control card": (".control", ".control"),
    "an option": (".option reltol=1", "scale"),
    "two names alike": ("R1 n#1 n/1 1k", "n_1"),
    "a key twice": ("M1 a b c d n180 w=1u w=2u l=1u", "twice"),
    "a fraction of a transistor": ("M1 a b c d n180 w=1u l=1u m=1.5", "whole"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_read_is_refused_by_its_line(tmp_path, name):
    """Nothing is dropped: the error says file, line and what."""
    line, word = REFUSED[name]
    text = f"* a cell\n.subckt one a b c d\n{line.replace('n180', GENERIC.nmos.model)}\n.ends\n"
    with pytest.raises(NetlistError, match=r"cell\.spice.*line 3") as error:
        read_extracted(written(tmp_path, text), GENERIC)
    assert word in str(error.value)


@pytest.mark.parametrize("text", ["", ".subckt one a\nR1 a 0 1k\n", "R1 a 0 1k\n", ".ends\n"])
def test_a_file_that_is_no_subcircuit_is_refused(tmp_path, text):
    """Empty, without its end, without its beginning."""
    with pytest.raises(NetlistError, match=r"cell\.spice"):
        read_extracted(written(tmp_path, text), GENERIC)


def test_another_circuit_is_not_placed(tmp_path, drawn):
    """A wrong name, a missing pin, a pin besides, a bias without its net: each by name."""
    own = cell(drawn, "ota10")
    (good,) = read_extracted(written(tmp_path, as_extracted(own, extra_pins=["bias"])), GENERIC)
    with pytest.raises(CircuitError, match="ota5, ota10, mtc"):
        with_extracted(drawn, [replace(good, name="ota11")])
    with pytest.raises(CircuitError, match="lacks minus"):
        with_extracted(drawn, [replace(good, pins=[pin for pin in good.pins if pin.name != "minus"])])
    with pytest.raises(CircuitError, match="has other besides"):
        (other,) = read_extracted(written(tmp_path, as_extracted(own, extra_pins=["bias", "other"])), GENERIC)
        with_extracted(drawn, [other])
    text = as_extracted(own).replace("BIAS", "N5")
    with pytest.raises(CircuitError, match="lacks bias"):
        with_extracted(drawn, read_extracted(written(tmp_path, text), GENERIC))
