"""A layout beside the drawn circuit: the same devices behave alike, and what wires add is seen."""

from pathlib import Path

import pytest

from circuits.data.circuit import Mosfet
from circuits.realisations import realise
from circuits.technologies import technology
from conductance import PRESETS
from excitable.checks.extracted import check_extracted

BURSTING = PRESETS["bursting"]


def layout(path: Path, wire: str) -> Path:
    """The ten-transistor amplifier as a layout tool would write it, with this much of wire at its output."""
    built = realise(BURSTING.neuron, "transistor", technology=technology("generic_180nm"))
    cell = next(each for each in built.cells if each.name == "ota10")
    transistors = [each for each in cell.devices if isinstance(each, Mosfet)]
    rows = [
        f"M{count} {each.drain} {each.gate} {each.source} {each.bulk} {each.model} w={each.width!r} l={each.length!r} "
        + " ".join(f"{key}={float(value)!r}" for key, value in each.junction_sizes.items())
        for count, each in enumerate(transistors)
    ]
    path.write_text(
        "\n".join([".subckt ota10 plus minus out vdd vss bias", *rows, f"C0 out vss {wire}", ".ends\n"])
    )
    return path


@pytest.mark.slow
@pytest.mark.simulator
def test_a_layout_of_the_same_devices_is_the_drawn_circuit_and_wires_are_seen(tmp_path):
    """An attofarad changes nothing (1e-3 V0); 200 fF at four outputs are most of the membrane's 1 pF, and delay it."""
    bare, loaded = (
        check_extracted(
            BURSTING.neuron, layout(tmp_path / "ota10.spice", wire), -1.0, 60, start=BURSTING.start
        )
        for wire in ("1a", "200f")
    )
    assert bare.comparison.neurons[0].rms_v0 < 1e-3
    assert loaded.comparison.neurons[0].rms_v0 > 0.1
    assert "drawn" in str(loaded)
    assert "extracted" in str(loaded).splitlines()[0]
