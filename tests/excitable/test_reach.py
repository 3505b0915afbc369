"""Membranes beyond the supply are named: which neuron, how far, and what to do."""

from dataclasses import replace

import numpy as np
import pytest

from circuits.technologies import technology
from conductance.layers import NeuronLayer, Projection
from conductance.networks import Network
from conductance.neurons import mtc
from excitable.ladder.options import CircuitOptions
from excitable.ladder.reach import excursions, reach_warning
from excitable.ladder.rungs import Waveforms

GENERIC = technology("generic_180nm")
OPTIONS = CircuitOptions(scaling=GENERIC.scaling(), levels="transistor", technology=GENERIC)
NETWORK = Network(
    {"encoder": Projection(1, 4), "hidden": NeuronLayer(mtc(), 4, dt=0.2), "readout": Projection(4, 1)}
)


def model(*lows: float) -> Waveforms:
    """Four membranes that go down to these voltages and up to 3 V0."""
    membrane = np.array([[0.0] * 4, lows, [3.0] * 4])
    names = tuple(f"hidden_{index}" for index in range(4))
    return Waveforms(
        rung="discrete", time=np.arange(3.0), membrane=membrane, output=np.zeros((3, 1)), neurons=names
    )


def test_membranes_beyond_the_supply_are_named_the_farthest_first():
    """A supply of 1.8 V is 26 V0 wide: what runs to -140 V0 and -40 V0 is beyond it, -12 V0 is not."""
    half = GENERIC.supply / 2 / GENERIC.scaling().voltage_unit
    found = excursions(NETWORK, model(-12, -40.2, -140.9, -2), OPTIONS)
    assert [one.neuron for one in found] == ["hidden_2", "hidden_1"]
    assert found[0].excess == pytest.approx(140.9 - half)
    text = reach_warning(NETWORK, model(-12, -40.2, -140.9, -2), [OPTIONS])
    for part in (
        "2 of 4",
        "-13.0 to 13.0 V0",
        "hidden_2 runs to -140.9 V0, hidden_1 runs to -40.2 V0",
        "retrain",
    ):
        assert part in text


def test_no_warning_where_nothing_leaves_or_nothing_has_a_supply():
    """Silent inside the supply, for circuits of sources, amplifiers without rails, and neurons that are sources."""
    far = model(-12, -40, -140, -2)
    ideal = technology("ideal")
    assert reach_warning(NETWORK, model(-12, -2, -2, -2), [OPTIONS]) == ""
    assert reach_warning(NETWORK, far, [replace(OPTIONS, levels="behavioural")]) == ""
    assert reach_warning(NETWORK, far, [replace(OPTIONS, levels="macromodel", technology=ideal)]) == ""
    mixed = excursions(NETWORK, far, replace(OPTIONS, levels={"hidden_1": "transistor"}))
    assert [one.neuron for one in mixed] == ["hidden_1"]
