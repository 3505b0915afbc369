"""QIF and LIF on Fashion-MNIST: a training of a few images, and a page whose verdicts follow the numbers."""

import struct

import numpy as np
import pytest

from conductance.errors import ExcitableError
from studies import fashion
from studies.fashion_events import trainings
from studies.fashion_events.forms import FORMS, SILENT
from studies.fashion_events.page import page, silence_verdict, verdicts
from studies.fashion_events.run import StudyResult, compared_trials, searched
from studies.fashion_events.trainings import BUDGETS, DEEP, Trial, run_trial


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Files of the data set's names and format with a few images of 3 x 4 pixels."""
    random = np.random.default_rng(0)
    for part, size in (("train", 40), ("t10k", 12)):
        images = random.integers(0, 256, (size, 3, 4)).astype(np.uint8)
        labels = random.integers(0, 10, size).astype(np.uint8)
        for name, array in ((f"{part}-images-idx3-ubyte", images), (f"{part}-labels-idx1-ubyte", labels)):
            head = struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
            (tmp_path / name).write_bytes(head + array.tobytes())
    monkeypatch.setattr(fashion, "FOLDER", tmp_path)
    monkeypatch.setattr(trainings, "VALIDATION", 10)
    return tmp_path


@pytest.mark.parametrize("form", ["qif", "lif", "oscillating", "published"])
def test_a_small_training_runs_and_leaves_no_checkpoint(form, folder, tmp_path):
    """All forms read the files, train, and are measured; a finished training needs its checkpoint no more."""
    trial = Trial(
        stage="silent" if form in SILENT else "comparison", form=form, hidden=(4, 4), learning_rate=0.01, drive=1.0,
        images=30, epochs=2, seed=1, budget=BUDGETS["smoke"],
    )  # fmt: skip
    found = run_trial(trial, checkpoints=tmp_path / "checkpoints")
    assert 0 <= found["accuracy"] <= 1 and found["hidden"] == [4, 4]
    assert list((tmp_path / "checkpoints").iterdir()) == []
    if form == "published":
        assert found["silent_before"] > 0.5


def test_files_that_are_not_there_are_named(monkeypatch, tmp_path):
    """With what installs them."""
    monkeypatch.setattr(fashion, "FOLDER", tmp_path)
    with pytest.raises(
        ExcitableError, match=r"train-images-idx3-ubyte\.gz is missing.*dataset-fashion-mnist"
    ):
        fashion.fashion_folder()


def row(trial: Trial, accuracy: float, silent: float = 0.0) -> dict:
    """A result as a training gives it."""
    return {
        "stage": trial.stage, "form": trial.form, "hidden": list(trial.hidden), "learning_rate": trial.learning_rate,
        "drive": trial.drive, "seed": trial.seed, "accuracy": accuracy, "validation": accuracy, "decided": 1.0,
        "silent_before": 1.0, "silent": silent, "spikes": {"hidden_1": 0.5, "hidden_2": 0.6, "output": 0.1},
        "skipped": 0, "gradient_norm": [0.2, 0.1], "gradient_variance": [0.1, 0.1], "curve": [0.5, accuracy],
        "silence": [0.5, silent], "seconds": 10.0, "stopped": "",
    }  # fmt: skip


def example(qif: float, lif: float, silent: float) -> StudyResult:
    """Results as the study would have them, with chosen numbers."""
    budget = BUDGETS["reduced"]
    search = [row(searched(form, 0.01, 0.5, budget), 0.8) for form in FORMS]
    chosen = {found["form"]: found for found in search}
    comparison = [
        row(trial, (lif if trial.form == "lif" else qif) + 0.001 * trial.seed)
        for trial in compared_trials(chosen, budget)
    ]
    silent_rows = [row(searched(form, 0.004, 1.0, budget), 0.5, silent) for form in SILENT]
    return StudyResult(
        budget=budget, search=tuple(search), comparison=tuple(comparison), silent=tuple(silent_rows)
    )


def test_the_verdicts_follow_the_numbers():
    """Above and below what was asked, and silent neurons that wake or do not."""
    good, bad = example(0.88, 0.7, 0.0), example(0.8, 0.85, 0.9)
    assert "**reaches** 0.87" in verdicts(good)[0] and "**misses** 0.87" in verdicts(bad)[0]
    assert "**confirmed**" in silence_verdict(good) and "**not confirmed**" in silence_verdict(bad)
    text = page(good)
    assert "nan" not in text and "784-100-100-10" in text
    for form in BUDGETS["reduced"].forms:
        assert FORMS[form].words in text
    assert len(good.compared("qif", DEEP)) == BUDGETS["reduced"].seeds
