"""The ECG study: peaks are matched and counted rightly, labels are shifted, and its page follows its numbers."""

from dataclasses import asdict, replace

import numpy as np
import pytest

from studies.ecg import STUDY
from studies.ecg.page import page, study_figure
from studies.ecg.peaks import WINDOW, bump_times, by_a_filter, matched
from studies.ecg.run import BUDGETS, DELAY, MARKED, NEURONS, SOURCE, Found, Labels, marked

SMOKE = BUDGETS["smoke"]


def beats(duration: float, step: float = 1e-3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times of artificial beats, the time axis, and bumps of height 1 at them."""
    time = np.arange(0, duration, step)
    peaks = np.arange(0.5, duration - 0.3, 0.8)
    return peaks, time, np.exp(-0.5 * ((time[:, None] - peaks) / 0.02) ** 2).max(1)


def written(folder, duration=40.0):
    """A file as `excitable dataset ecg` writes it, of artificial beats."""
    peaks, time, bump = beats(duration)
    ecg = 0.07 * bump**4 + 0.002 * np.sin(2 * np.pi * 0.3 * time)
    rows = [f"{t:.3f},{v:.5f},{b:.4f}" for t, v, b in zip(time, ecg, bump, strict=True)]
    (folder / SOURCE).write_text("\n".join(["t,ecg,peak", *rows]) + "\n")
    return peaks


def test_each_peak_is_found_once():
    """Of three true peaks one is found 20 ms late, one is missed; a second answer to the same peak is one too many."""
    score = matched(np.array([1.0, 2.0, 3.0]), np.array([1.02, 1.04, 2.0 + 1.5 * WINDOW, 3.0]))
    assert (score.found, score.missed, score.extra) == (2, 1, 2)
    assert score.late == pytest.approx(0.01) and score.f1 == pytest.approx(4 / 7)
    assert matched(np.array([1.0]), np.array([])).late is None


def test_bumps_and_an_independent_way_find_the_beats():
    """Both find every artificial beat, the filter to a sample."""
    peaks, _, bump = beats(20.0)
    np.testing.assert_allclose(bump_times(bump, 1e-3), peaks, atol=1e-3)
    found = matched(peaks, by_a_filter(0.07 * bump**4, 1000.0))
    assert (found.missed, found.extra) == (0, 0) and abs(found.late) < 2e-3


def test_labels_come_late_and_are_compared(tmp_path):
    """The wanted bumps stand `DELAY` after the peaks; the independent way misses none."""
    peaks = written(tmp_path)
    result = marked(Labels(folder=str(tmp_path)))
    assert result["peaks"] == len(peaks) and result["other"]["missed"] == 0
    time, _, wanted = np.loadtxt(tmp_path / MARKED, delimiter=",", skiprows=1).T
    np.testing.assert_allclose(bump_times(wanted, time[1] - time[0]), peaks + DELAY, atol=1.5e-3)


def a_result(neuron: str) -> dict:
    score = asdict(matched(np.array([1.0, 2.0]), np.array([1.01])))
    return {
        "neuron": neuron, "trained": 10, "error": 0.2, "spikes": 0.01, "score": score, "linear": score,
        "baselines": {"linear, 24 samples": 0.5},
    }  # fmt: skip


def test_the_page_says_what_the_numbers_say():
    """Power over the beats' rate is the energy of a beat; peaks are counted over the seeds."""
    perfect = asdict(matched(np.array([1.0]), np.array([1.0])))
    trace = {name: [0.0] * 200 for name in ("ecg", "target", "discrete", "behavioural")}
    energy = {
        "technology": "t",
        "supply": 1.8,
        "neurons": 8,
        "duration": 10.0,
        "power": 2e-9,
        "per_inference": 2e-11,
    }
    found = Found(
        budget=replace(SMOKE, seeds=1),
        labels={"duration": 100.0, "rate": 1000.0, "peaks": 125, "intervals": [0.7, 0.8, 0.9], "other": perfect},
        trained={neuron: a_result(neuron) for neuron in NEURONS},
        circuit={
            "units": {"tau_m": 0.02, "C": 5e-12, "I0": 2e-11}, "remarks": [], "energy": energy, "trace": trace,
            "rungs": {name: {"error": 0.1, "spikes": 3} for name in ("discrete", "behavioural")},
            "scores": dict.fromkeys(("discrete", "behavioural"), perfect),
        },
    )  # fmt: skip
    text = page(found)
    assert "**2 nJ per second**" in text and "**20 pJ per decision**" in text and "1.6 nJ" in text
    assert "| 2 mtc | 10 | 0.200 | 1, 1, 0 | +10.0 ± 0.0 | 1.00 |" in text
    assert study_figure(found).axes


@pytest.mark.slow
@pytest.mark.simulator
def test_a_smoke_run_goes_from_file_to_page(tmp_path):
    """With artificial beats: trained, simulated, and told."""
    written(tmp_path, duration=120.0)
    found = STUDY.run(SMOKE, tmp_path)
    assert set(found.circuit["rungs"]) == {"discrete", "continuous", "behavioural"}
    assert "Not measured with this budget" in STUDY.markdown(found)
