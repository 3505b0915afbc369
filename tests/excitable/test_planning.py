"""What a choice of the filters' bias current costs and brings, on a run."""

import math

import pytest
from report_examples import trained_run
from scipy.linalg import solve_continuous_lyapunov

from circuits.noise.law import circuit_noise
from circuits.technologies import technology
from circuits.technologies.base import TechnologyError
from conductance.errors import ExcitableError
from conductance.neurons import mtc
from excitable.ladder.options import CircuitOptions
from excitable.runs.folder import RunError
from excitable.runs.planning import _deviations, plans
from excitable.runs.series import SeriesRun


@pytest.fixture
def trained(tmp_path):
    """A run of a few MTC neurons."""
    trained_run(tmp_path / "run")
    return SeriesRun(tmp_path / "run")


def test_area_falls_with_the_current_and_leakage_grows(trained):
    """Capacitors are proportional to it but for the membranes'; a share of leakage is leakage over current."""
    small, large = plans(trained, (27.0, 85.0), (5e-11, 1e-9))
    assert (small.current, large.current) == (5e-11, 1e-9)
    membranes = (20 * small.capacitance - large.capacitance) / 19
    assert 0 < membranes < small.capacitance
    assert small.area < large.area
    assert small.leakages[27.0] == pytest.approx(20 * large.leakages[27.0])
    assert (small.allowed(27.0), small.allowed(85.0), large.allowed(85.0)) == (True, False, True)


def test_a_filter_has_the_noise_of_its_own_stationary_state():
    """Of a linear process 2 a P + D^2 = 0: the variance P by Lyapunov's equation, for each filter alone at rest."""
    made_of = technology("generic_180nm")
    scaling = made_of.scaling()
    neuron = mtc(filter_limit=1.0)
    found = _deviations(neuron, CircuitOptions(scaling=scaling, levels="transistor", technology=made_of))
    noisy = circuit_noise(neuron, made_of, scaling=scaling)
    values = noisy.substitutions()
    wanted = []
    for state in noisy.states:
        if state.name in ("us", "uus"):
            slope, strength = (
                float(each.xreplace(values).subs({one.symbol: 0 for one in noisy.states}))
                for each in (state.derivative.diff(state.symbol), state.diffusion)
            )
            wanted.append(solve_continuous_lyapunov([[slope]], [[-(strength**2)]])[0, 0] ** 0.5)
    assert len(wanted) == 2 and min(wanted) > 0
    assert found == pytest.approx(wanted, rel=1e-9)


def test_the_least_of_each_temperature_is_among_the_choices(trained):
    """Without currents of one's own."""
    found = plans(trained, (27.0, 85.0))
    assert [each.current for each in found] == sorted(each.current for each in found)
    for temperature in (27.0, 85.0):
        least = next(each for each in found if each.allowed(temperature))
        assert least.leakages[temperature] <= 1 / 20 + 1e-9
    assert any(math.isclose(each.leakages[85.0], 1 / 20, rel_tol=1e-6) for each in found)


def test_what_is_no_choice_is_refused(trained):
    """A level without amplifiers, a negative current, a temperature below zero kelvin."""
    with pytest.raises(RunError, match=r"behavioural.*macromodel or transistor"):
        plans(trained, (27.0,), level="behavioural")
    with pytest.raises(RunError, match=r"samples = 90: nothing is simulated without a level"):
        plans(trained, (27.0,), samples=90)
    with pytest.raises(ExcitableError, match=r"10 samples are asked for, and errors count behind a warm-up"):
        plans(trained, (27.0,), level="macromodel", samples=10)
    with pytest.raises(RunError, match="filter current -1e-09"):
        plans(trained, (27.0,), (-1e-9,))
    with pytest.raises(TechnologyError, match="-300"):
        plans(trained, (-300.0,))
