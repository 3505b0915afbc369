"""Every known answer of the published parameter sets, from the behavioural netlist in ngspice."""

import numpy as np
import pytest

from conductance.neurons.presets import PRESETS, SPIKE_LEVEL, answers
from excitable.checks.neuron import check_circuit
from netlists.comparison import upward_crossings

pytestmark = pytest.mark.simulator


SLEWING = "saturate"
"""Presets whose filters saturate differ in one number; one of them stands for all where time is short."""


@pytest.mark.parametrize(
    "preset",
    [
        pytest.param(
            preset,
            marks=pytest.mark.slow if SLEWING in name and preset.known.keys() == {"burst_size"} else (),
        )
        for name, preset in PRESETS.items()
    ],
    ids=lambda preset: preset.name,
)
def test_netlist_gives_the_known_answers(preset):
    """Counts (1 % of less than a hundred is exact), intervals, latencies and extremes, on ngspice's waveform."""
    check = check_circuit(preset.neuron, preset.stimulus, preset.stop, start=preset.start)
    crossings = upward_crossings(check.time, check.circuit, threshold=SPIKE_LEVEL)[0]
    counted = check.circuit[check.time >= preset.onset]
    found = answers(preset, crossings, counted.min(), counted.max())
    assert set(found) == set(preset.known)
    for quantity, known in preset.known.items():
        expected = np.atleast_1d(known)
        measured = np.atleast_1d(found[quantity])
        assert measured.shape == expected.shape, quantity
        assert measured == pytest.approx(expected, rel=0.01), quantity
