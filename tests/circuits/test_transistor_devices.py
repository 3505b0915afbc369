"""Transistors and model cards as data."""

import pytest

from circuits.circuit import Circuit, CircuitError, ModelCard, Mosfet, VoltageSource

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
