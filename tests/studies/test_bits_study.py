"""The bits study: its page follows its numbers, and both ways have seen the same number of steps."""

import numpy as np

from studies.bits import STUDY
from studies.bits.page import page
from studies.bits.run import (
    BITS,
    BUDGETS,
    PLAIN,
    ROUNDED,
    TRAINED,
    Found,
    Start,
    Trial,
    network_of,
    switched_off,
)

SMOKE = BUDGETS["smoke"]


def found(netlist=1.0, sixth=0.22):
    """Errors of two seeds that fall with the bits, twice as fast with training."""

    def result(way, bits, seed):
        error = 0.2 if way == PLAIN else 0.2 + (1 if way == ROUNDED else 0.5) * 2.0**-bits
        error = sixth if (way, bits) == (TRAINED, 6) else error
        scattered = error * (1 + 1e-3 * seed)
        return {"test": scattered, "model": error, "netlist": netlist * error, "off": 0.25}

    points = [(PLAIN, 0), *((way, bits) for way in (ROUNDED, TRAINED) for bits in BITS)]
    return Found(
        budget=SMOKE,
        results={(way, bits, seed): result(way, bits, seed) for way, bits in points for seed in (0, 1)},
    )


def test_the_page_says_what_the_numbers_say(tmp_path):
    """Errors, shares and verdicts come from the results: 1.1 times holds, 1.3 times fails, netlists 2 % off fail."""
    text = page(found())
    assert (
        "| 2 | 0.450" in text
        and "25%" in text
        and "1.10 times the error without codes (at most 1.2: **holds**)" in text
    )
    assert "within 1% of each other: **holds**, the farthest are 0.00% apart" in text
    assert "1.30 times the error without codes (at most 1.2: **fails**)" in page(found(sixth=0.26))
    assert "within 1% of each other: **fails**, the farthest are 2.00% apart" in page(found(netlist=1.02))
    STUDY.write(found(), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"bits.md", "bits.png", "bits.svg"}


def test_trials_have_names_of_their_own(tmp_path):
    """One for each seed, way and width, so that a study that was broken off repeats none."""
    starts = [Start(seed=seed, budget=SMOKE, folder=tmp_path) for seed in (0, 1)]
    names = {
        Trial(start=s, way=way, bits=bits).name for s in starts for way in (ROUNDED, TRAINED) for bits in BITS
    }
    assert len(names) == 4 * len(BITS)


def test_what_is_off_is_counted():
    """Of two neurons: two input weights and biases, two readout weights and one bias, which begins at zero."""
    network = network_of(SMOKE, 0)
    assert np.isclose(switched_off(network), 1 / 7)
