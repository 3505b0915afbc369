"""Transistors and model cards as data."""

import numpy as np
import pytest

from circuits.data.circuit import Circuit, CircuitError, HeldWaveform, ModelCard, Mosfet, VoltageSource
from circuits.technologies import technology
from netlists.analyses import Tolerances, Transient
from netlists.simulation import simulate
from netlists.writing import write_netlist

CARD = ModelCard(name="nch", polarity="nmos", level=8, version="3.3.0", parameters={"tox": 4e-9})


def transistor(**changes) -> Mosfet:
    values = {
        "drain": "d",
        "gate": "g",
        "source": "0",
        "bulk": "0",
        "model": "nch",
        "width": 1e-6,
        "length": 1e-6,
    }
    return Mosfet(name="m1", **(values | changes))


def circuit(device: Mosfet, models=(CARD,)) -> Circuit:
    return Circuit(
        name="top",
        models=models,
        devices=(device, VoltageSource(name="v", positive="d", negative="0", waveform=1.0)),
    )


def test_a_diode_is_a_transistor_whose_gate_is_its_drain():
    """Drain and gate may share a node; drain and source may not."""
    assert circuit(transistor(gate="d")).nodes == {"d", "0"}
    with pytest.raises(CircuitError, match=r"m1.*begins and ends"):
        transistor(drain="0")


def test_a_transistor_needs_its_card():
    """The error names the device, the card it wants and those that exist."""
    with pytest.raises(CircuitError, match="Mosfet m1: there is no model pch; known are nch"):
        circuit(transistor(model="pch"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"polarity": "cmos"}, "nmos and pmos"),
        ({"level": 0}, "number"),
        ({"version": "3.3\n.end"}, "numbers and points"),
        ({"parameters": {"tox": float("nan")}}, "tox.*finite"),
        ({"parameters": {"tox)\n": 1.0}}, "not allowed"),
        ({"name": "N Channel"}, "not allowed"),
    ],
)
def test_a_card_refuses_what_is_no_card(changes, words):
    """Names and values of a card never reach a netlist unchecked."""
    with pytest.raises(CircuitError, match=words):
        ModelCard(**({"name": "nch", "polarity": "nmos", "level": 8, "parameters": {}} | changes))


@pytest.mark.parametrize("field", ["width", "length"])
def test_a_transistor_has_a_size(field):
    """Width and length are greater than zero."""
    with pytest.raises(CircuitError, match=f"m1, {field}"):
        transistor(**{field: 0.0})


def drain_current(diffusion: float | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Time, voltage and current of the drain of a transistor that is off, ramped from 0 to 1 V within 1 us."""
    card = technology("generic_180nm").model_cards()[0]
    off = transistor(gate="0", model=card.name, width=2e-6, length=2e-6, diffusion=diffusion, bulk="0")
    ramp = HeldWaveform(times=(0.0, 2e-6), values=(0.0, 1.0), edge=1e-6)
    bench = Circuit(
        name="junction", models=(card,), probes=("d",), metered=("v",),
        devices=(off, VoltageSource(name="v", positive="d", negative="0", waveform=ramp)),
    )  # fmt: skip
    tight = Tolerances(relative=1e-6, current=1e-15, voltage=1e-9, charge=1e-20, conductance=1e-18)
    found = simulate(write_netlist(bench, Transient(stop=4e-6, max_step=5e-9), tight)).require()
    time = found["time"].to_numpy()
    return time, found["voltage"].sel(node="d").to_numpy(), -found["current"].sel(source="v").to_numpy()


@pytest.mark.simulator
def test_drains_have_junctions():
    """What the drain's area and perimeter add to the current of a ramp is the junction's capacitance times its rate."""
    numbers = technology("generic_180nm").model_cards()[0].parameters
    time, voltage, with_junction = drain_current(0.5e-6)
    bare_time, _, bare = drain_current(None)
    middle = np.argmin(np.abs(voltage - 0.5))
    rate = np.gradient(voltage, time)[middle]
    added = with_junction[middle] - np.interp(time[middle], bare_time, bare)
    area, perimeter = 2e-6 * 0.5e-6, 2 * (2e-6 + 0.5e-6)
    expected = numbers["cj"] * area * (1 + voltage[middle] / numbers["pb"]) ** -numbers["mj"]
    expected += numbers["cjsw"] * perimeter * (1 + voltage[middle] / numbers["pbsw"]) ** -numbers["mjsw"]
    assert added / rate == pytest.approx(expected, rel=0.03)
