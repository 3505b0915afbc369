"""What the benchmarks report: a cost for every form, or the reason why there is none."""

from pathlib import Path

import pytest

from benchmarks.measurement import Candidate, Measurement, Shape, measure, table
from benchmarks.peers import ADAPTERS, PYTHON, measure_peers

SMALL = Shape(steps=2, batch=3, width=5)


class Clock:
    """Seconds that pass only while a form runs: its first call takes 9, its second 2, all later ones 1."""

    def __init__(self):
        self.now = 0.0

    def perf_counter(self):
        return self.now

    def form(self):
        """A run without arguments."""
        called = 0

        def run():
            nonlocal called
            called += 1
            self.now += 9.0 if called == 1 else 2.0 if called == 2 else 1.0

        return run


def test_the_first_calls_are_not_in_the_medians(monkeypatch):
    """One call each for compiling, a warm-up, then as many as the median is of."""
    clock = Clock()
    monkeypatch.setattr("benchmarks.measurement.time", clock)
    timed = Candidate(name="timed", neuron="LIF", build=lambda _: (clock.form(), clock.form()))
    found = measure(timed, SMALL, repeats=3)
    assert found.problem == "" and found.repeats == 3
    assert found.forward == found.training == pytest.approx(1e9 / SMALL.neuron_steps)
    assert found.compiling == pytest.approx(2 * 9.0 - 2 * 1.0)


def test_a_form_that_fails_is_reported_with_its_reason():
    """In its own words, in the table, after those that ran."""

    def broken(_):
        raise RuntimeError("no compiler\nat line 3")

    found = measure(Candidate(name="broken", neuron="LIF", build=broken), SMALL)
    assert found.problem == "RuntimeError: no compiler" and found.training is None
    ran = Measurement(name="ran", neuron="LIF", forward=1.0, training=2.0, compiling=0.0, repeats=1)
    lines = table([found, ran]).splitlines()
    assert "| ran | 1.00 | 2.00 |" in lines[2] and "not measured: RuntimeError: no compiler" in lines[3]


def test_without_an_environment_every_peer_says_how_to_make_it(tmp_path):
    """None is left out."""
    found = measure_peers(SMALL, python=tmp_path / "python")
    assert [row.name for row in found] == list(ADAPTERS)
    assert all("make bench-peers-environment" in row.problem for row in found)


@pytest.mark.parametrize("peer", ADAPTERS)
def test_a_peer_that_cannot_be_imported_is_reported(peer):
    """As it is here: no peer is installed where the tests run."""
    from benchmarks.peers.adapter import measured

    (row,) = measured(peer, SMALL, 1)
    assert row.name == peer and "Error" in row.problem


def test_the_peers_have_an_environment_of_their_own():
    """Its torch is held at ours, and no other of its packages reaches ours."""
    assert ".venv" not in PYTHON.parts
    assert all(
        (Path(__file__).parents[2] / f"benchmarks/peers/{name}_adapter.py").exists() for name in ADAPTERS
    )
