"""The event-circuit study: what it computes, keeps and writes."""

import json
import math
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from conductance.events import Spikes
from studies.event_circuit import STUDY
from studies.event_circuit.run import BUDGETS, early_by, shifts


def spikes(*trains):
    return Spikes.of_trains(list(trains), size=2, end=9.0, dtype=torch.float64)


def test_shifts_are_measured_where_both_spike():
    """Neuron 0 is early by 0.1 and 0.3, neuron 1 by 0.2 in one trial; a spike of one form alone has no shift."""
    ideal = {"one": spikes([(1.0, 0), (2.0, 1), (4.0, 0)], [(1.0, 0)])}
    circuit = {"one": spikes([(0.9, 0), (1.8, 1), (3.7, 0)], [(0.9, 0), (3.0, 1)])}
    first, second = shifts(ideal, circuit, 10.0)
    assert (first.number, first.spikes, second.number, second.spikes) == (1, 3, 2, 1)
    assert (first.measured, second.measured) == pytest.approx((0.1, 0.3))
    assert first.predicted == pytest.approx(math.log(10 / 9))
    assert early_by(10.0, 2) - early_by(10.0, 1) == pytest.approx(0.2007, abs=1e-4)


@pytest.mark.slow
@pytest.mark.simulator
def test_the_study_runs_and_is_not_trained_twice(tmp_path):
    """The smoke budget: every trial's netlist is kept, the page names every peak, and the weights are read again."""
    budget = BUDGETS["smoke"]
    with ThreadPoolExecutor(1) as one:
        found = STUDY.run(budget, tmp_path / "run", executor=one)
        stamp = (tmp_path / "run/network.safetensors").stat().st_mtime_ns
        again = STUDY.run(budget, tmp_path / "run", executor=one)
    assert (tmp_path / "run/network.safetensors").stat().st_mtime_ns == stamp
    assert again.peaks[0].declared.errors == pytest.approx(found.peaks[0].declared.errors)
    assert found.peaks[0].declared.matched >= 0.99
    assert found.peaks[0].declared.median_error < 0.01
    kept = json.loads((tmp_path / "run/comparison.json").read_text())
    assert kept["peaks"][0]["declared"]["spikes"] == found.peaks[0].declared.spikes
    assert (tmp_path / "run/peak_10/trial_1/trial_1_bench.cir").exists()
    text = STUDY.write(found, tmp_path / "docs").read_text()
    assert "V_p = 10: the circuit **holds**" in text
    asked = "**holds**" if found.peaks[0].ideal.same_class >= 0.98 else "**fails**"
    assert f"V_p = 10: {found.peaks[0].ideal.same_class:.0%} ({asked})" in text
    assert (tmp_path / "docs/event-circuit.svg").stat().st_size > 1000
