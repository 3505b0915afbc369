"""The study of noise runs, goes on, and writes its page from what it found."""

import numpy as np
import pytest

from studies.noise import STUDY
from studies.noise.bench import conductances, damping, integrated, variance
from studies.noise.page import scatter
from studies.noise.run import BUDGETS


def test_the_damping_of_a_resonance_is_read_off_its_spectrum():
    """The real part of the pole of a damped oscillator, from its density alone."""
    w, own, width = np.geomspace(0.1, 0.5, 400), 0.22, 0.012
    density = 3e-5 * (w**2 + 0.05**2) / ((own**2 - w**2) ** 2 + (2 * width * w) ** 2)
    assert damping(w, density) == pytest.approx(width, rel=1e-3)


def test_a_density_is_integrated_to_its_variance():
    """4 s/(1 + w^2) over w/(2 pi) is s."""
    w = np.geomspace(1e-4, 1e4, 400)
    assert integrated(w, 4 * 0.3 / (1 + w**2)) == pytest.approx(0.3, rel=1e-3)


def test_a_variance_knows_its_error():
    """White numbers: the standard error is sqrt(2/N) of the variance, within its own scatter."""
    found, error = variance(np.random.default_rng(0).normal(0, 2.0, 20_000))
    assert found == pytest.approx(4.0, rel=0.05)
    assert error == pytest.approx(4 * np.sqrt(2 / 20_000), rel=0.6)
    assert scatter([1.0, 2.0, 3.0])[0] == pytest.approx(0.5)


def test_conductances_go_from_the_fast_curve_to_the_steady_one():
    """A filter of conductance 2 behind a fast one of 0.5: 0.5 at first, 2.5 in the end."""
    assert conductances(np.array([[-0.5, -2.0], [0.05, -0.05]])) == pytest.approx([0.5, 2.5])


@pytest.mark.simulator
@pytest.mark.slow
def test_the_study_runs_and_resumes(tmp_path):
    """The smoke budget ends with a page; a second run reads what is there."""
    budget = BUDGETS["smoke"]
    found = STUDY.run(budget, tmp_path / "run")
    stamps = {path: path.stat().st_mtime_ns for path in (tmp_path / "run").rglob("*.json")}
    assert STUDY.run(budget, tmp_path / "run") == found
    assert stamps == {path: path.stat().st_mtime_ns for path in (tmp_path / "run").rglob("*.json")}
    text = STUDY.write(found, tmp_path / "docs").read_text()
    for title in ("A leaky membrane alone", "Every preset at rest", "Spikes by noise", "The smallest neuron"):
        assert title in text
    assert (tmp_path / "docs/noise.png").stat().st_size > 10_000
