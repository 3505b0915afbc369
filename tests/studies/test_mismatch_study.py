"""The mismatch study: its page follows its numbers, its designs differ by their training alone."""

import json
from types import MappingProxyType

import numpy as np
import pytest

from excitable.chips.yields import Judged, Sweep
from studies.mismatch import STUDY
from studies.mismatch.page import page, study_figure
from studies.mismatch.run import BUDGETS, PLAIN, SPREADS, StudyResult

SMOKE = BUDGETS["smoke"]
AWARE = tuple(f"aware-{name}" for name in ("2-1", "5-2"))


def sweep_of(level, spread, errors, models=None, nominal=0.2):
    def judged(chip, circuit, model):
        return Judged(
            chip=chip, corner="tt", temperature=27.0, supply=1.8, level=level, model_error=model,
            circuit_error=circuit, reason="" if circuit else "failed", seconds=1.0,
        )  # fmt: skip

    pairs = zip(errors, models or [error or 1.0 for error in errors], strict=True)
    return Sweep(
        level=level, mismatch=spread, samples=40, error_name="nrmse", nominal=judged(None, nominal, nominal),
        chips=tuple(judged(k, circuit, model) for k, (circuit, model) in enumerate(pairs, 1)),
    )  # fmt: skip


def study(plain, aware, models=None):
    sweeps = {}
    for spread, name in zip(SPREADS, AWARE, strict=True):
        sweeps[PLAIN, spread, "macromodel"] = sweep_of("macromodel", spread, plain, models)
        sweeps[name, spread, "macromodel"] = sweep_of("macromodel", spread, aware)
    return StudyResult(
        budget=SMOKE, trainings={name: {} for name in (PLAIN, *AWARE)}, sweeps=MappingProxyType(sweeps)
    )


def test_yields_and_pairs_are_counted():
    """Two of four plain chips stay within 0.3, three of four aware ones; three chips err less, one more."""
    text = page(study([0.2, 0.3, 0.4, None], [0.1, 0.2, 0.5, 0.3]))
    assert "| plain | 0.200 | 2 of 4 (50%) |" in text and "| mismatch-aware | 0.200 | 3 of 4 (75%) |" in text
    assert "of 4 chips of macromodels, 3 err less with mismatch-aware training and 1 err more" in text


@pytest.mark.parametrize(
    ("models", "word"), [([0.1, 0.2, 0.3, 0.4], "reached"), ([0.4, 0.1, 0.3, 0.2], "missed")]
)
def test_the_goal_of_agreement_is_judged(models, word):
    """The lowest correlation of all decides whether the goal is reached."""
    errors = [0.1, 0.2, 0.3, 0.4]
    assert f"is **{word}**" in page(study(errors, errors, models))


def test_page_and_figure_are_written(tmp_path):
    """The page, and a figure with the two spreads' curves and the pairs."""
    found = study([0.2, 0.3, 0.4, None], [0.1, 0.2, 0.5, 0.3])
    assert STUDY.write(found, tmp_path).read_text() == STUDY.markdown(found)
    assert {path.name for path in tmp_path.iterdir()} == {"mismatch.md", "mismatch.png", "mismatch.svg"}
    curves = study_figure(found).axes[0].get_lines()
    np.testing.assert_allclose(curves[0].get_ydata()[-1], 75.0)


@pytest.mark.slow
@pytest.mark.simulator
def test_study_from_beginning_to_end(tmp_path):
    """Smoke budget: every sweep of both levels has its chips, and a second call makes nothing."""
    found = STUDY.run(SMOKE, tmp_path)
    chips = {level: len(sweep.chips) for (_, _, level), sweep in found.sweeps.items()}
    assert (
        chips == {"macromodel": SMOKE.chips, "transistor": SMOKE.transistor_chips} and len(found.sweeps) == 8
    )
    stamps = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.json")}
    assert len(stamps) > 20 and all(json.loads(path.read_text()) for path in stamps)
    assert STUDY.run(SMOKE, tmp_path) == found
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.json")} == stamps
