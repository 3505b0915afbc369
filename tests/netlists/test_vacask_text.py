"""What a netlist for VACASK says, without the simulator: junctions, multiplicity, temperature, sweeps, switches."""

import re

import pytest

from circuits.data.circuit import (
    Circuit,
    Instance,
    Mosfet,
    Pin,
    Resistor,
    Subcircuit,
    Switch,
    VoltageSource,
)
from circuits.technologies import technology
from netlists.analyses import DCSweep, OperatingPoint, Tolerances, Transient
from netlists.writing import write_netlist

GENERIC = technology("generic_180nm")
LOOSE = Tolerances(relative=1e-6, current=1e-15, voltage=1e-9, charge=1e-18)


def text_of(circuit: Circuit, analysis) -> str:
    written = write_netlist(circuit, analysis, LOOSE, dialect="vacask")
    return written.files[written.bench]


def transistor(polarity: str, multiplicity: int = 1) -> Circuit:
    """One transistor between two sources."""
    card = next(model for model in GENERIC.model_cards() if model.polarity == polarity)
    return Circuit(
        name="one", models=(card,), probes=("g",), temperature=85.0,
        devices=(
            VoltageSource(name="v_gate", positive="g", negative="0", waveform=0.5),
            VoltageSource(name="v_drain", positive="d", negative="0", waveform=1.0),
            Mosfet(
                name="m", drain="d", gate="g", source="0", bulk="0", model=card.name, width=2e-6, length=1e-6,
                diffusion=0.5e-6, multiplicity=multiplicity,
            ),
        ),
    )  # fmt: skip


@pytest.mark.parametrize(("polarity", "sign"), [("nmos", "1"), ("pmos", "-1")])
def test_a_transistors_card_has_its_type_and_its_junctions(polarity, sign):
    """Area W d, perimeter 2 (W + d), of source and drain; the type is the card's."""
    text = text_of(transistor(polarity), OperatingPoint())
    numbers = {name: float(value) for name, value in re.findall(r"\b(ad|as|pd|ps)=(\S+)", text)}
    assert numbers == pytest.approx({"ad": 1e-12, "as": 1e-12, "pd": 5e-6, "ps": 5e-6}, rel=1e-9, abs=0)
    assert re.search(rf"type={sign}\b", text)


@pytest.mark.parametrize("multiplicity", [1, 2, 5])
def test_transistors_in_parallel_are_counted(multiplicity):
    """A multiplicity of one is the simulator's own."""
    found = re.findall(r"\$mfactor=(\d+)", text_of(transistor("nmos", multiplicity), OperatingPoint()))
    assert found == ([] if multiplicity == 1 else [str(multiplicity)])


def test_the_circuits_temperature_is_the_simulators():
    """85 degrees, as the circuit says."""
    assert re.search(r"\btemp=85(\.0)?\b", text_of(transistor("nmos"), OperatingPoint()))


def test_a_sweep_counts_its_steps():
    """Nine values are eight steps."""
    sweep = DCSweep(source="v_gate", start=-1.0, stop=1.0, step=0.25)
    assert sweep.points == 9 and 'mode="lin" points=8' in text_of(transistor("nmos"), sweep)


@pytest.mark.parametrize("start", [0.0, -0.7])
@pytest.mark.parametrize("step", [0.1, -0.1, 0.05, 0.025])
def test_a_sweep_has_its_last_value_whatever_rounding_says(start, step):
    """From a start to k steps further there are k + 1 values; half a step more adds none, 1/100 less takes one."""
    for k in range(1, 30):
        stops = [round(start + (k + over) * step, 12) for over in (-0.01, 0, 0.5)]
        assert [DCSweep(source="v", start=start, stop=stop, step=step).points for stop in stops] == [
            k,
            k + 1,
            k + 1,
        ]


def switching() -> Circuit:
    """A source, a resistor and an instance with a switch between them."""
    part = Subcircuit(
        name="gate",
        pins=(Pin(name="a"), Pin(name="b")),
        devices=(
            Switch(
                name="s", positive="a", negative="b", sense_positive="a", sense_negative="0", on_above=0.6,
                off_below=0.2, on_resistance=1.0, off_resistance=1e9,
            ),
        ),
    )  # fmt: skip
    return Circuit(
        name="top",
        subcircuits=(part,),
        probes=("a",),
        devices=(
            VoltageSource(name="v", positive="a", negative="0", waveform=1.0),
            Resistor(name="r", positive="b", negative="0", resistance=1e3),
            Instance(name="x1", subcircuit="gate", connections={"a": "a", "b": "b"}),
        ),
    )


def test_switches_begin_open():
    """The latch of every instance's switch is at -1 at the start."""
    text = text_of(switching(), Transient(stop=1e-3, max_step=1e-5))
    assert re.findall(r'"(\S+_latch)", (-?[\d.e+-]+)', text) == [("x1:s_latch", "-1.0")]


@pytest.mark.parametrize("max_step", [1e-3, 1e-5, 1e-9])
def test_switches_are_done_within_a_step(max_step):
    """A latch has the time constant of 1/10000 of the largest step, whatever that is."""
    text = text_of(switching(), Transient(stop=100 * max_step, max_step=max_step))
    assert [float(found) for found in re.findall(r"\bt_switch=(\S+)", text)] == pytest.approx(
        [1e-4 * max_step]
    )
