"""The study of QIF and LIF: equal conditions, resumable, and a page whose words follow its numbers."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import torch

from conductance.training.events import score
from studies.qif_lif import STUDY
from studies.qif_lif.page import page
from studies.qif_lif.run import best_of, search_trials
from studies.qif_lif.trainings import (
    BUDGETS,
    LEAST_WEIGHT,
    MODELS,
    SILENT_SHARE,
    Trial,
    network_of,
    run_trial,
    task_of,
)

SMOKE = replace(BUDGETS["smoke"], epochs=1)


def trial(model, start="active", **changes):
    """One training of the smallest budget."""
    return Trial(
        task="yin_yang", model=model, start=start, learning_rate=0.01, drive=1.4, seed=1, budget=SMOKE, **changes
    )  # fmt: skip


def test_both_neurons_start_alike():
    """The same random numbers make both networks' weights, in units of the weight that makes each neuron spike."""
    qif, lif = (network_of(trial(model)) for model in MODELS)
    for name in ("hidden", "output"):
        ours = qif.layers[name].weight / LEAST_WEIGHT["qif"]
        theirs = lif.layers[name].weight / LEAST_WEIGHT["lif"]
        # the weights were drawn in single precision
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)


def test_a_silent_start_silences_nine_tenths():
    """The hidden weights are scaled to the edge of the wanted share, by one factor."""
    for model in MODELS:
        active, silent = network_of(trial(model)), network_of(trial(model, "silent"))
        data = task_of(trial(model)).generate()
        share = score(silent, data.validation).silent["hidden"]
        assert SILENT_SHARE <= share < SILENT_SHARE + 0.11
        ratio = silent.layers["hidden"].weight / active.layers["hidden"].weight
        assert float((ratio.max() - ratio.min()).detach()) < 1e-12
        assert silent.layers["output"].weight.equal(active.layers["output"].weight)


def test_the_search_is_equal_and_picks_the_best_on_validation():
    """Both neurons get the same settings; test accuracy plays no part."""
    trials = search_trials(BUDGETS["reduced"])
    settings = {model: [(t.learning_rate, t.drive) for t in trials if t.model == model] for model in MODELS}
    assert settings["qif"] == settings["lif"] and len(settings["qif"]) == 20
    rows = [
        {"task": "yin_yang", "model": "qif", "start": "active", "validation": v, "accuracy": a}
        for v, a in ((0.5, 0.9), (0.7, 0.1))
    ]
    assert best_of(rows)["yin_yang", "qif", "active"]["accuracy"] == 0.1


def test_a_training_that_changes_nothing_is_a_result(monkeypatch):
    """LIF neurons that are all silent stop with the reason, and are scored as they are."""
    monkeypatch.setattr("studies.qif_lif.trainings.SILENT_SHARE", 1.0)
    result = run_trial(trial("lif", "silent"))
    assert "no spike of epoch 0 has a gradient" in result["stopped"]
    assert result["silent_before"] == result["silent"] == 1.0
    assert result["epochs_to_target"] is None


@pytest.mark.slow
def test_the_study_runs_once_and_writes_its_page(tmp_path, monkeypatch):
    """A second call runs nothing again; the page has a row for each neuron and start, and both pictures."""
    monkeypatch.setattr("studies.qif_lif.landscape.LANDSCAPE_POINTS", 3)
    budget = replace(SMOKE, landscapes=1)
    with ThreadPoolExecutor(1) as executor:
        study = STUDY.run(budget, tmp_path / "results", executor=executor)
        times = {path: path.stat().st_mtime_ns for path in (tmp_path / "results").iterdir()}
        again = STUDY.run(budget, tmp_path / "results", executor=executor)
    assert page(study) == page(again)
    assert times == {path: path.stat().st_mtime_ns for path in (tmp_path / "results").iterdir()}
    text = STUDY.write(study, tmp_path / "docs").read_text()
    landscapes = [
        line for line in text.splitlines() if "random |" in line or "against the gradient |" in line
    ]
    # two states, one sample and a batch, two kinds of direction; a LIF network may have no gradient to go against
    assert sum("| QIF |" in line for line in landscapes) == 8
    assert 4 <= sum("| LIF |" in line for line in landscapes) <= 8
    assert {path.name for path in (tmp_path / "docs").iterdir()} == {
        "qif-lif.md", "qif-lif.png", "qif-lif.svg", "qif-lif-landscape.png", "qif-lif-landscape.svg",
    }  # fmt: skip
