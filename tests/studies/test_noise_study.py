"""The study of noise runs, goes on, and writes its page from what it found."""

import numpy as np
import pytest
from scipy.linalg import solve_continuous_lyapunov

from conductance import mtc
from conductance.shaping.noise import stationary_covariance
from studies.noise import STUDY
from studies.noise.bench import Bench, conductances, damping, integrated
from studies.noise.budget import BUDGETS
from studies.noise.costs import by_synapses
from studies.noise.design import UNIT, allowed_power, error_at, sized
from studies.noise.firing import rate, scatter
from studies.noise.leaky import BINS, measured, pooled
from studies.noise.lines import left_by_lines, shape_of_lines
from studies.noise.page import decided, leaky_row
from studies.noise.records import record_law


def test_the_damping_of_a_resonance_is_read_off_its_spectrum():
    """The real part of the pole of a damped oscillator, from its density alone."""
    w, own, width = np.geomspace(0.1, 0.5, 400), 0.22, 0.012
    density = 3e-5 * (w**2 + 0.05**2) / ((own**2 - w**2) ** 2 + (2 * width * w) ** 2)
    assert damping(w, density) == pytest.approx(width, rel=1e-3)


def test_a_density_is_integrated_to_its_variance():
    """4 s/(1 + w^2) over w/(2 pi) is s."""
    w = np.geomspace(1e-4, 1e4, 400)
    assert integrated(w, 4 * 0.3 / (1 + w**2)) == pytest.approx(0.3, rel=1e-3)


def test_conductances_go_from_the_fast_curve_to_the_steady_one():
    """A filter of conductance 2 behind a fast one of 0.5: 0.5 at first, 2.5 in the end."""
    assert conductances(np.array([[-0.5, -2.0], [0.05, -0.05]])) == pytest.approx([0.5, 2.5])


@pytest.mark.parametrize("step", [0.02, 0.5, 2.0])
def test_lines_leave_of_a_variance_what_their_spectrum_says(step):
    """The closed form, the integral of sinc^4 over a leaky membrane's density, and the recursion of the lines."""
    h = step
    closed = 4 / (3 * h) - 4 / h**3 + (6 - 8 * np.exp(-h) + 2 * np.exp(-2 * h)) / h**4
    assert left_by_lines(step) == pytest.approx(closed, rel=1e-6)
    w = np.linspace(0, 4000, 200_001)
    assert 2 / np.pi * np.trapezoid(shape_of_lines(w, step) / (1 + w**2), w) == pytest.approx(
        left_by_lines(step), rel=1e-4
    )
    assert left_by_lines(1e-3) == pytest.approx(1 - 7e-3 / 15, abs=1e-6)


def test_a_record_has_the_variance_that_linear_theory_expects():
    """Two states far from settled: mean and scatter of 4000 simulated records, and the long one's stationary law."""
    jacobian, spread = np.array([[-1.0, -0.8], [0.02, -0.02]]), np.array([0.3, 0.02])
    expected, deviation = record_law(jacobian, spread, settle=5.0, stop=40.0)
    rng, dt = np.random.default_rng(1), 0.05
    state, kept = np.zeros((4000, 2)), []
    for step in range(800):
        state = state + dt * state @ jacobian.T + np.sqrt(dt) * spread * rng.normal(size=state.shape)
        if step >= 100 and step % 10 == 0:
            kept.append(state[:, 0].copy())
    found = np.array(kept).var(0)
    assert found.mean() == pytest.approx(expected, rel=0.04)  # Euler's own variance is 2.5 % too large
    assert found.std() == pytest.approx(deviation, rel=0.08)
    stationary = solve_continuous_lyapunov(jacobian, -np.diag(spread**2))[0, 0]
    long, _ = record_law(jacobian, spread, settle=500.0, stop=1500.0)
    assert long == pytest.approx(stationary, rel=0.02)
    assert expected < 0.97 * stationary


def test_pieces_of_a_known_process_give_its_variance_and_spectrum():
    """Exact steps of a leaky membrane, in pieces with their means: one within 4 deviations, flat bins."""
    own = Bench(mtc((), leak_limit=1.0), calibrated=False)
    dt, rng = 0.05, np.random.default_rng(4)
    expected = float(stationary_covariance(own.noisy, own.rest(0.0), 0.0)[0, 0])
    pieces = []
    for _ in range(3):
        values = np.zeros((16000, 8))
        for step in range(1, len(values)):
            fresh = rng.normal(0, np.sqrt(expected * (1 - np.exp(-2 * dt))), 8)
            values[step] = values[step - 1] * np.exp(-dt) + fresh
        pieces.append(measured(own, values[200:], dt, lines=None))
    found = pooled(pieces, expected)
    assert found["ratio"] == pytest.approx(1, abs=4 * found["error"])
    assert found["pieces"] == 3 and found["failed"] == 0
    assert len(found["bins"]) == len(BINS) - 1
    halves = 4 / np.sqrt(found["counts"])
    assert (np.abs(np.array(found["bins"]) - 1) < halves + 0.02).all()


def test_rates_and_scatters_have_their_intervals():
    """3 records of 1000 tau_m; the deviation of 1, 2, 3 over their mean; a verdict needs its whole interval."""
    assert rate([4, 5, 6], 1000.0, 3.0) == pytest.approx((5.0, 1.96 * 3 / np.sqrt(3)))
    assert scatter([1.0, 2.0, 3.0])[0] == pytest.approx(0.5)
    assert decided(1.02, 0.02, 0.03) == "open"
    assert decided(1.0, 0.02, 0.03) == "**holds**"
    assert decided(1.2, 0.02, 0.03) == "**fails**"


def test_what_synapses_add_is_the_largest_change_of_an_error():
    """Of two trainings the one that changes more, at the least and at the largest power of noise."""
    tests = {"plain": {"0": [1.0], "1": [1.0], "64": [1.1]}, "noisy": {"0": [1.0], "1": [2.0], "64": [1.0]}}
    alone = {"plain": {"0": [1.0], "1": [1.0], "64": [1.0]}, "noisy": {"0": [1.0], "1": [1.9], "64": [1.0]}}
    trained = {f"network-{kind}-0": {"test": tests[kind], "neurons": alone[kind]} for kind in tests}
    assert "more than 5.3% at 1 x and 10.0% at 64 x." in by_synapses(trained)


def test_a_form_is_held_against_its_own_noise_too():
    """A variance 3 % low of a circuit whose `.noise` is 3 % low: 1.000; bins likewise, in half decades."""
    found = {
        "pieces": 2, "length": 2e4, "raw": 0.95, "ratio": 0.97, "error": 0.005, "bins": [0.9] * 8, "counts": [100] * 8,
    }  # fmt: skip
    row = leaky_row("transistors", found, 0.97, [0.9] * 8)
    assert row[3] == "1.000 ± 0.010" and row[5].startswith("1.000")
    assert row[4] == "**holds**" and leaky_row("transistors", found, 1.0, np.ones(8))[6] == "open"


def test_an_error_allows_a_power_and_a_power_a_neuron():
    """Between measured powers along the logarithm; beyond them nothing; a quarter of C is four times the noise."""
    curve = {0.0: 1.0, 1.0: 1.0, 4.0: 1.1, 16.0: 1.3}
    assert allowed_power(curve, 0.05) == pytest.approx(2.0)
    assert allowed_power(curve, 0.2) == pytest.approx(8.0)
    assert allowed_power(curve, 0.5) is None
    assert error_at(curve, 8.0) == pytest.approx(1.2)
    found = {"load": 2e-13, "time": 70e-6, "power": 70e-9, "gates": 2e-9, "capacitors": 4e-7}
    one, quarter = sized(UNIT, found), sized(UNIT / 4, found)
    assert (one.power, quarter.power) == (1.0, 4.0)
    assert one.energy == pytest.approx(4 * quarter.energy) == pytest.approx(4.9e-12)
    assert quarter.drawn == pytest.approx(5e-14)
    assert quarter.area == pytest.approx(2e-9 + 1e-7)


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
