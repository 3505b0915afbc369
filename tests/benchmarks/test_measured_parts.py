"""The benchmarks of the measured law's cost and gradients count what they say they count."""

import pytest

from benchmarks.measured_cost import BATCHES, FORMS, PASSES, page, ratios
from benchmarks.measured_gradients import judged
from benchmarks.measured_gradients import page as gradients_page


def test_the_cost_is_over_both_declared_steps():
    """Two, four and ten nanoseconds are five and two and a half times; the longest row is told in seconds."""
    found = {
        f"{form} / {batch} / {kind}": value
        for batch in BATCHES
        for kind in PASSES
        for form, value in zip(FORMS, (2.0, 4.0, 10.0), strict=True)
    }
    assert ratios(found, 1, "forward") == (5.0, 2.5)
    result = {
        "technology": "x",
        "nanoseconds": found,
        "states": 7,
        "tables": 9,
        "tanh": 0,
        "declared": "3 states",
    }
    assert "| 1 | forward | 2 | 4 | 10 | 5.0 | 2.5 | 0.001 |" in page(result)


def test_only_spikes_whose_differences_agree_are_counted():
    """The second spike differs by 3 % from itself, the third hardly moves: errors there count for nothing."""
    differences = [[-10.0, -103.0, -0.2], [-10.0, -100.0, -0.2]]
    found = judged(differences, [-10.1, -200.0, 5.0])
    assert found["kept"] == 1
    assert found["median"] == pytest.approx(0.01) == found["worst"]
    text = gradients_page(
        {"circuits": {"tonic": {"input": differences}}, "laws": {"tonic": {"input": [-10.1]}}}
    )
    assert "| tonic | input | 3 | 1 | 10 tau_m/I0 | 1.00 % | 1.00 % |" in text
    assert "reached in 1 of 1 rows" in text
