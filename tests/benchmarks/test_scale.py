"""Parts of a layer do what the whole netlist does."""

import pytest

from benchmarks.scale import agreement, run

pytestmark = [pytest.mark.simulator, pytest.mark.slow]


def test_parts_have_the_spikes_of_one_netlist():
    """36 bursting neurons over 1000 tau_m: no spike is missing or extra, each within 0.1 tau_m, for less work."""
    whole, reference = run("ngspice, its default now", 36, monolithic=True, workers=1)
    parts, candidate = run("ngspice, its default now", 36, monolithic=False, workers=2)
    assert (whole.netlists, parts.netlists) == (1, 2)
    found = agreement(reference, candidate)
    assert found.matched == whole.spikes > 200
    assert found.missing == found.extra == 0
    assert found.worst < 0.1
    assert parts.core_seconds < whole.core_seconds
