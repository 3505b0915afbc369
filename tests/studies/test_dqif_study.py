"""The study of DQIF runs, goes on, and says what its numbers say."""

import re
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from conductance.deep.energy import EnergyCount, LayerCount
from excitable.trials import run_trials
from studies.dqif.gradients import GradientTrial, gradient_mismatch
from studies.dqif.page import WORDS, goal_verdict, page, window_verdict, windows_figure
from studies.dqif.run import BUDGETS, StudyResult, run_trial, trials
from studies.dqif.variants import VARIANTS, WIDTHS

ENERGY = EnergyCount(
    layers=(LayerCount(name="x", products=10**9, activity=0.2, spiking=True),), neurons=1000, degree=2
)


def example(dqif: float, others: float, cosine: float) -> StudyResult:
    """Results as the study would have them, with chosen numbers."""
    rows = [
        {
            "data": trial.data, "variant": trial.variant, "seed": trial.seed, "epochs_to_target": 3,
            "accuracy": (dqif if trial.variant == "dqif" else others) + 0.001 * trial.seed,
        }
        for trial in trials(BUDGETS["reduced"])
    ]  # fmt: skip
    gradients = [
        {
            "variant": name,
            "cosine": cosine if name == "dqif" else 0.8,
            "ratio": 1.0,
            "mismatch": 0.5,
            "noise": 0.1,
        }
        for name in ("dqif", "after_reset", "measured", *(f"fixed_{width:g}" for width in WIDTHS))
    ]
    return StudyResult(budget=BUDGETS["reduced"], trainings=tuple(rows), gradients=tuple(gradients))


def test_the_verdicts_follow_the_numbers():
    """Above and below the goal, better and worse than the twin, nearer to and further from the slope."""
    good, bad = example(0.98, 0.95, 0.9), example(0.96, 0.98, 0.4)
    assert "**reaches**" in goal_verdict(good)
    assert "accuracy is higher" in goal_verdict(good)
    assert "**misses**" in goal_verdict(bad)
    assert "accuracy is lower" in goal_verdict(bad)
    assert "nearer to" in window_verdict(good)
    assert "further from" in window_verdict(bad)


def test_the_page_has_every_variant_and_computes_its_tables(monkeypatch):
    """A row for each training, the Monte Carlo table, the fixed points; no number is left out."""
    monkeypatch.setattr("studies.dqif.page.SAMPLED", 2000)
    monkeypatch.setattr("studies.dqif.page.count_energy", lambda *_: ENERGY)
    text = page(example(0.98, 0.95, 0.9))
    assert set(WORDS) == set(VARIANTS)
    for words in WORDS.values():
        assert f"| {words} |" in text
    assert "0 (slope -0.125) and 4.5 (slope 2.125)" in text
    assert len(re.findall(r"^\| (0\.25|0\.5|1) \|", text, re.M)) == 3
    assert "nan" not in text
    figure = windows_figure(example(0.98, 0.95, 0.9))
    assert len(figure.axes[1].lines) == 3


def test_a_window_at_the_threshold_agrees_with_the_measured_slope():
    """A window of 0.5 around the threshold has a positive cosine; differences and windows see the same directions."""
    first = gradient_mismatch(GradientTrial(variant="fixed_0.5", samples=8000, directions=6))
    again = gradient_mismatch(GradientTrial(variant="fixed_0.5", samples=8000, directions=6))
    assert first == again
    assert first["cosine"] > 0.5
    narrow = gradient_mismatch(GradientTrial(variant="fixed_0.1", samples=8000, directions=6))
    assert narrow["ratio"] < 0.5 * first["ratio"]


@pytest.mark.slow
def test_a_smoke_study_runs_and_repeats_nothing(tmp_path):
    """Twins of the smoke budget, twice: the second time everything is in the folder."""
    chosen = {trial.name: trial for trial in trials(BUDGETS["smoke"])[:4]}
    with ThreadPoolExecutor(1) as pool:
        found = run_trials(chosen, run_trial, folder=tmp_path, executor=pool)
        torch.set_num_threads(1)
        stamps = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
        again = run_trials(chosen, run_trial, folder=tmp_path, executor=pool)
    assert again == found
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == stamps
    assert all(0 <= row["accuracy"] <= 1 and np.isfinite(row["seconds"]) for row in found.values())
