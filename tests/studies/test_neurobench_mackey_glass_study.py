"""NeuroBench's Mackey-Glass task: its series, its protocol, and a verdict that follows the numbers."""

import numpy as np
import pytest
import torch

from conductance.tasks.metrics import smape
from conductance.tasks.options import TaskError
from studies.neurobench_mackey_glass.models import ESN, MIDDLE, MTC, WIDTH, forecast
from studies.neurobench_mackey_glass.page import page, verdict
from studies.neurobench_mackey_glass.run import BUDGETS, FINAL, SEARCH, Found, Trial, drawn, means, run_trial
from studies.neurobench_mackey_glass.series import POINTS, TEST, TRAIN, series

SETTINGS = {
    ESN: {"spectral radius": 0.9, "input gain": 0.5, "leak": 0.7, "ridge": 1e-12},
    MTC: {"spectral radius": 0.3, "input gain": 1.0, "slow gain": 3.0, "steps": 2.0, "ridge": 1e-12},
}


def test_starts_lie_half_a_lyapunov_time_apart_on_one_trajectory():
    """The series of the third start is that of the first, one Lyapunov time later."""
    values = series(3)
    assert values.shape == (TRAIN + TEST + 1, 3)
    assert float(values[0, 0]) == pytest.approx(0.7206597)
    torch.testing.assert_close(values[:-POINTS, 2], values[POINTS:, 0], rtol=0, atol=1e-6)
    assert float(values[400:].min()) > 0.2 and float(values[400:].max()) < 1.5


@pytest.mark.parametrize("kind", [ESN, MTC])
def test_a_linear_series_is_continued_exactly(kind):
    """x' = -0.9999 x + 0.01 sits in the input and the constant, so a reservoir goes on with it."""
    values = torch.empty(TRAIN + TEST + 1, 2, dtype=torch.float64)
    values[0] = torch.tensor([1.0, -0.5])
    for step in range(TRAIN + TEST):
        values[step + 1] = -0.9999 * values[step] + 0.01
    series_values = values * WIDTH + MIDDLE
    found = forecast(kind, SETTINGS[kind], series_values, units=5, seed=0, points=20)
    torch.testing.assert_close(found.alone, series_values[TRAIN + 1 : TRAIN + 21], rtol=1e-3, atol=1e-3)
    assert found.fitted < 1e-6


def test_smape_has_neurobench_s_formula():
    """0 for the target, 200 for its negative and for what is no number; shapes must agree."""
    target = torch.tensor([0.5, 1.5])
    assert smape(target, target) == 0.0
    assert smape(-target, target) == 200.0
    assert smape(torch.tensor([1.0, torch.nan]), target) == 200.0
    assert smape(torch.tensor([1.5, 1.5]), target) == pytest.approx(200 * 0.5 / 2)
    with pytest.raises(TaskError, match=r"shape \(1,\), the target \(2,\)"):
        smape(torch.ones(1), target)


def example(mine: float, others: float) -> Found:
    """Results as the study would have them, with chosen errors."""
    budget = BUDGETS["reduced"]

    def row(kind, part, setting, seed, error):
        return {
            "kind": kind, "part": part, "setting": list(setting), "seed": seed, "errors": [error - 1, error + 1],
            "error": error, "fitted": 1e-5, "seconds": 3.0,
        }  # fmt: skip

    search = [row(kind, SEARCH, setting, 0, 20.0) for kind in (MTC, ESN) for setting in drawn(kind, 3)]
    final = [
        row(kind, FINAL, drawn(kind, 1)[0], seed, error + 0.1 * seed)
        for kind, error in ((MTC, mine), (ESN, others))
        for seed in range(3)
    ]
    return Found(budget=budget, search=tuple(search), final=tuple(final))


def test_the_verdict_follows_the_numbers():
    """Below and above what is published, and against the echo state network beside it."""
    assert "below the published LSTM (13.37)" in verdict(example(8.0, 10.0))
    assert "lower than that of this" in verdict(example(8.0, 10.0))
    assert "above the published echo state network (14.79)" in verdict(example(20.0, 10.0))
    text = page(example(8.0, 10.0))
    assert "| LSTM, published | 13.37 |" in text and "nan" not in text


def test_settings_with_more_seeds_come_first():
    """A lucky setting of one seed does not win against those that were tried again."""
    rows = [{"kind": MTC, "setting": [1.0], "error": 5.0}] + [
        {"kind": MTC, "setting": [2.0], "error": error} for error in (6.0, 8.0)
    ]
    assert list(means(rows, MTC).items()) == [((2.0,), 7.0), ((1.0,), 5.0)]
    assert len(set(drawn(ESN, 20))) == 20


@pytest.mark.parametrize("kind", [ESN, MTC])
def test_a_small_trial_runs(kind):
    """One reservoir on two starts, in the search and where it counts."""
    trial = Trial(
        kind=kind, part=FINAL, setting=tuple(SETTINGS[kind].values()), seed=100, budget=BUDGETS["smoke"]
    )
    found = run_trial(trial)
    assert len(found["errors"]) == 2 and np.isfinite(found["errors"]).all()
    assert 0 <= found["error"] <= 200
