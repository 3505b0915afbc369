"""The study of DQIF as a circuit: it resumes, and its clock is read off its numbers."""

import pytest

from studies.dqif_circuit import STUDY
from studies.dqif_circuit.page import needed
from studies.dqif_circuit.run import BUDGETS, StudyResult


def test_the_clock_that_is_needed_is_interpolated():
    """Errors that fall by a factor ten for each time constant cross 1e-3 where the logarithm says."""
    budget = BUDGETS["smoke"]
    random = {("dqif", 3.0): {"worst": 1e-2}, ("dqif", 12.0): {"worst": 1e-11}}
    found = needed(StudyResult(budget=budget, random=random, digits={}), "dqif")
    assert found == pytest.approx(4.0)


@pytest.mark.slow
@pytest.mark.simulator
def test_the_study_runs_and_resumes(tmp_path):
    """The smoke budget ends with a page that names its verdicts; a second run reads what is there."""
    budget = BUDGETS["smoke"]
    found = STUDY.run(budget, tmp_path / "run")
    stamps = {path: path.stat().st_mtime_ns for path in (tmp_path / "run").glob("*.json")}
    again = STUDY.run(budget, tmp_path / "run")
    assert stamps == {path: path.stat().st_mtime_ns for path in (tmp_path / "run").glob("*.json")}
    assert again == found
    for result in found.digits.values():
        assert result["worst"] < 1e-3
        assert result["same_class"] == 1
    text = STUDY.write(found, tmp_path / "docs").read_text()
    assert "DQIF as a clocked circuit" in text
    assert "**holds**" in text
    assert (tmp_path / "docs/dqif-circuit.png").stat().st_size > 10_000
