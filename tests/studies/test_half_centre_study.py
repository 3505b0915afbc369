"""The half-centre study: its rhythm is read rightly, its page follows its numbers, the file and Python agree."""

from dataclasses import replace

import numpy as np
import pytest

from conductance.storage import load_network
from excitable.config import shipped_text
from excitable.config.overrides import with_values
from excitable.ladder.rungs import discrete_rung
from excitable.runs.series import SeriesRun, train_run
from studies.half_centre.page import page, rhythm, study_figure
from studies.half_centre.run import BUDGETS, DT, Found, by_hand, phases_of

SMOKE = BUDGETS["smoke"]


def bursting(first: float, period: float) -> np.ndarray:
    """Three spikes in every period."""
    return np.concatenate([first + period * k + np.array([0.0, 40.0, 85.0]) for k in range(6)])


def found(scipy, others, phases) -> Found:
    spikes = {"continuous": scipy, "discrete": scipy, "behavioural": others}
    rungs = {
        "spikes": {name: [one.tolist() for one in times] for name, times in spikes.items()},
        "python": 0.0, "trace": {name: [[0.0] * 900, [0.0] * 900] for name in ("discrete", "behavioural")},
    }  # fmt: skip
    result = {"period": 330.0, "burst": 3.0, "phases": phases}
    budget = replace(SMOKE, phases=(0.0, 0.4, 0.52))
    return Found(budget=budget, rungs=rungs, phases={0.1: result})


def test_a_rhythm_is_its_bursts_period_and_phase():
    """A second neuron that begins 99 tau_m after the first, of a period of 330, has the phase 0.3."""
    period, phase, scatter = rhythm([bursting(5.0, 330.0), bursting(104.0, 330.0)])
    assert (period, phase, scatter) == pytest.approx((330.0, 0.3, 0.0))
    assert phases_of(np.array([0.0, 10.0, 30.0]), np.array([-1.0, 2.5, 20.0, 31.0])).tolist() == [0.25, 0.5]


def test_the_page_says_what_the_numbers_say():
    """Equal spikes hold and one that is missing fails; a distance that is halved is told as one half of it."""
    pair = [bursting(5.0, 330.0), bursting(170.0, 330.0)]
    halved = [[0.0, 0.0], [0.4, 0.45, 0.475, 0.49], [0.52, 0.51, 0.505]]
    good = page(found(pair, pair, halved))
    assert "have the same spikes **holds**" in good and "0.50 of it | 2 of 2" in good
    assert "have the same spikes **fails**" in page(found(pair, [pair[0][:-1], pair[1]], halved))
    assert study_figure(found(pair, pair, halved)).axes


def test_the_configuration_and_python_make_the_same_pair(tmp_path):
    """The shipped file's network and the one made by hand have the same membranes, bit by bit; nothing is trained."""
    sizes = [f"{key}=500" for key in ("task.held_out_samples", "simulation.samples")]
    text = with_values(shipped_text("half-centre"), sizes, source="half-centre")
    with SeriesRun.begun(tmp_path / "run", text, source="half-centre") as run:
        trained = train_run(run)
    assert trained.result.step == 0
    inputs = np.zeros((500, 1))
    theirs = discrete_rung(load_network(run.path), inputs, dt=DT)
    assert np.array_equal(discrete_rung(by_hand(), inputs, dt=DT).membrane, theirs.membrane)
    assert theirs.membrane[0] == pytest.approx([-1.9, -1.0])
