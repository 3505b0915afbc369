"""The kernel benchmark measures what it says, on a shape small enough to run here."""

import pytest

from benchmarks.forms import FROZEN, candidates
from benchmarks.gpu import compared, paragraph
from benchmarks.growth import peak_memory
from benchmarks.kernels import GOALS, first_calls, measure_in_turns, page, ratios
from benchmarks.measurement import Candidate, Measurement, Shape, as_row

SMALL = Shape(steps=5, batch=8, width=16)


def row(name: str, neuron: str, training: float | None) -> Measurement:
    return Measurement(name=name, neuron=neuron, forward=1.0, training=training, compiling=0.0, repeats=1)


@pytest.mark.slow
def test_every_form_runs():
    """Kernel, loop by hand and eager step, of every neuron; none fails."""
    found = measure_in_turns(candidates(slow=False), SMALL, 1)
    assert {r.neuron for r in found} >= {"MTC", "LIF", "QIF"}
    assert [r.problem for r in found] == [""] * len(found)
    assert all(r.training > 0 for r in found)


def test_a_form_that_fails_is_a_row_with_its_reason():
    """The others are still measured."""

    def broken(_):
        raise RuntimeError("no such thing")

    good = candidates(slow=False)[0]
    found = measure_in_turns([Candidate(name="broken", neuron="MTC", build=broken), good], SMALL, 1)
    assert {r.name: r.problem for r in found} == {"broken": "RuntimeError: no such thing", good.name: ""}


def test_ratios_compare_training_with_the_fastest_peer():
    """By hand: MTC 2 over the faster LIF of 5 and 4; LIF counts as the peers have it, with frozen parameters; what was
    not measured has no ratio.
    """
    rows = [
        row("generated C", "MTC", 2.0), row("generated C", "LIF", 1.5), row(FROZEN, "LIF", 1.0),
        row("C by hand, the limit", "MTC", 1.6),
        row("eager torch", "MTC", 50.0), row("eager torch", "LIF", 0.5),
        row("peer 1.0, compiled", "LIF", 4.0), row("peer 2.0, eager", "LIF", 5.0), row("norse", "LIF", None),
    ]  # fmt: skip
    found = ratios(rows)
    assert found == pytest.approx({
        "MTC over the fastest peer's LIF": 0.5, "LIF over the fastest peer's, parameters frozen in both": 0.25,
        "MTC over eager": 0.04,
        "MTC over the loop by hand": 1.25,
    })  # fmt: skip
    assert set(found) <= set(GOALS)


def test_the_page_names_machine_and_shape():
    """Rows, ratios with their goals, and what they were measured on."""
    rows = [row("generated C", "MTC", 2.0)]
    result = {
        "shape": {"steps": 5, "batch": 8, "width": 16}, "threads": 2, "repeats": 3, "load": [0.1, 0.2],
        "environment": {"machine": {"processor": "a|b", "cores": 2}, "packages": {"torch": "2"}},
        "rows": [as_row(r) for r in rows], "ratios": {"MTC over eager": 0.04}, "second_thread": 1.9,
        "first_calls": {"compiled": 0.5, "from the cache": 0.01}, "memory": {"ratio": 1.01},
        "gpu": None, "growth": {"steps": [{"value": 10, "training": 2.0}]},
    }  # fmt: skip
    text = page(result, rows)
    for part in (
        "T = 5, batch 8, 16 neurons",
        "2 cores",
        "| MTC over eager | 0.04 | 0.05 |",
        "10 ms from the cache",
        "GPU: none at hand",
    ):
        assert part in text


@pytest.mark.slow
def test_peak_memory_is_that_of_the_training_alone():
    """More than the four large tensors, and not the size of the libraries."""
    found = peak_memory(Shape(steps=100, batch=64, width=256))
    assert 0.5 < found["ratio"] < 3


def test_first_calls_leave_the_users_cache_alone(tmp_path, monkeypatch):
    """They are measured in an empty folder of their own."""
    monkeypatch.setenv("EXCITABLE_CACHE", str(tmp_path))
    found = first_calls()
    assert found["compiled"] > found["from the cache"] > 0
    assert not list(tmp_path.iterdir())


def test_the_comparison_for_gpus_measures_any_device():
    """Here on the CPU: every back end and the copy have a rate, and the share follows from both."""
    found = compared("cpu", ("c", "eager"), SMALL, 1)
    assert found["eager"] > 0
    assert found["share_of_copy_rate"] == pytest.approx(20 / found["c"] / found["copy_rate"])
    assert "times faster than eager" in paragraph(found | {"triton": found["c"]})
