"""The benchmark of the measured law counts what it says it counts."""

import math

import numpy as np

from benchmarks.measured import GOAL, RUNS, cases, compared, page

TIGHT, AGAIN = np.array([10.0, 50.0, 90.0]), [10.01, 50.01, 90.5]


def result(law):
    """One case: the third spike is in doubt, since the tight runs differ by half a tau_m there."""
    spikes = {"tight": TIGHT.tolist(), "tight again": AGAIN, "declared": [30.0]}
    spikes |= {name: (TIGHT + 0.1).tolist() for name in ("default", "loose")}
    name = "generic_180nm / ideal / tonic / +0"
    circuit = {"spikes": spikes, "seconds": dict.fromkeys(RUNS, 1.0)}
    return {"ngspice": "0", "circuits": {name: circuit}, "laws": {name: {"spikes": law, "sweeps": 1.0}}}


def test_only_stable_spikes_are_compared():
    """A late spike that is in doubt counts for nothing; of the others median and worst are told."""
    text = page(result([10.02, 50.08, 95.0]))
    assert "| tonic | ideal | +0 | 3 | 2 | 2; 0.050 / 0.08 | 2; 0.100 / 0.10 |" in text
    assert "has every one and none besides in 1" in text
    assert f"below {GOAL:g} tau_m in 1" in text


def test_missing_and_extra_spikes_are_told():
    """A train without the second spike and with one of its own has neither all nor none besides."""
    kept = np.array([True, True, False])
    assert compared(TIGHT, kept, np.array([10.0, 70.0])) == {
        "matched": 1, "extra": 1, "median": 0.0, "worst": 0.0
    }  # fmt: skip
    assert "none besides in 0" in page(result([10.0, 70.0]))
    assert math.isnan(compared(TIGHT, kept, np.array([]))["median"])


def test_cases_that_the_simulator_gave_up_are_named():
    """They are not in the table, and not counted as matched."""
    found = result([10.0, 50.0, 90.0]) | {
        "failed": {"generic_180nm / ideal / bursting / +0": "no convergence"}
    }
    text = page(found)
    assert (
        "gave up, at one of these tolerances, in generic_180nm / ideal / bursting / +0: not compared" in text
    )
    assert "In 1 cases" in text


def test_presets_that_slew_have_no_ideal_filters():
    """Each preset has both kinds of filters and two inputs, but for those that saturate already."""
    names = [
        case.name for case in cases(["generic_180nm"], ["tonic", "slow bursting, filters saturate at 1"])
    ]
    assert len(names) == 4 + 2
    assert not any("ideal" in name and "saturate" in name for name in names)
