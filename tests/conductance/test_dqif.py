"""DQIF: the published recurrence, its fixed points and bifurcations, its window, and what its declaration refuses."""

import numpy as np
import pytest
import sympy

from conductance import mtc
from conductance.derivation.maps import bifurcations, fixed_points, free_map
from conductance.derivation.rules import RuleError, derive
from conductance.derivation.window import MEAN, VARIANCE, Window, WindowError, next_moments
from conductance.elements import DeclarationError
from conductance.neurons import State, dlif, dqif, lif
from conductance.neurons.dqif import PARABOLA, THRESHOLD, VOLTAGE
from conductance.parameter import ParameterError
from conductance.shaping.convergence import stepped
from conductance.shaping.equilibria import Branch
from conductance.shaping.figures.maps import cobweb_figure, regions_figure
from conductance.shaping.maps import OUTCOMES, outcomes, sampled_moments

MEASURED = {0.25: (0.0152, 0.2529, 0.1762), 0.5: (0.0465, 0.5097, 0.1858), 1.0: (0.155, 1.0496, 0.2065)}
"""Monte Carlo with reset of our notes: V_th = s to mean, spread and rate; 10^6 neurons, step 30, mean to 0.001."""


def recurrence(inputs, function, threshold):
    """The published lines, one after another: the spike of step t gates what step t + 1 keeps."""
    u, spike, voltages, spikes = 0.0, 0.0, [], []
    for current in inputs:
        u = function(u) * (1 - spike) + current
        spike = float(u > threshold)
        voltages.append(u)
        spikes.append(spike)
    return np.array(voltages), np.array(spikes)


@pytest.mark.parametrize(
    ("neuron", "function"),
    [
        (dqif(), lambda u: 0.25 * u * (u - 0.5)),
        (dqif(a=0.4, u1=-0.3, u2=0.8, u_th=0.7), lambda u: 0.4 * (u + 0.3) * (u - 0.8)),
        (dlif(decay=0.7), lambda u: 0.7 * u),
    ],
    ids=["published", "other numbers", "leaky"],
)
def test_the_step_is_the_published_recurrence(neuron, function):
    """u[t+1] = f(u[t])(1 - o[t]) + I[t], o[t+1] = step(u[t+1] - u_th), over 500 noisy steps with many spikes."""
    inputs = np.random.default_rng(4).normal(0, 0.8, 500)
    states, outputs = stepped(derive(neuron), inputs, 1.0)
    voltages, spikes = recurrence(inputs, function, neuron.defaults["u_th"])
    assert states[1:, 0] == pytest.approx(voltages, abs=1e-12)
    assert outputs.tolist() == spikes.tolist()
    assert 50 < spikes.sum() < 250


def test_fixed_points_and_slopes():
    """0 with slope -0.125 and 4.5 with slope 2.125 at the published parameters, without input."""
    low, high = fixed_points(dqif())
    assert (low.voltage, low.slope, low.stable) == (0, -0.125, True)
    assert (high.voltage, high.slope, high.stable) == (4.5, 2.125, False)


def test_bifurcations_over_the_input():
    """Saddle-node at I = 1.2656: no fixed point above it. Flip at -2.734: an unstable lower one below it."""
    flip, node = bifurcations(dqif())
    assert (flip.kind, flip.current) == ("flip", pytest.approx(-2.734, abs=5e-4))
    assert (node.kind, node.current) == ("saddle-node", pytest.approx(1.2656, abs=5e-5))
    assert len(fixed_points(dqif(), node.current - 1e-6)) == 2
    assert fixed_points(dqif(), node.current + 1e-6) == ()
    assert fixed_points(dqif(), flip.current + 1e-6)[0].stable
    assert not fixed_points(dqif(), flip.current - 1e-6)[0].stable
    assert bifurcations(dlif()) == ()


def test_the_basin_of_rest_is_from_minus_4_to_4_5():
    """Free of its threshold the map rests from inside (-4, 4.5) and escapes from outside."""
    found = outcomes(dqif(), np.zeros(1), np.array([-4.01, -3.99, 0, 4.49, 4.51]), spiking=False)[:, 0]
    assert [OUTCOMES[place] for place in found] == ["escape", "rest", "rest", "rest", "escape"]


def test_rest_rebound_oscillation_and_no_escape():
    """Inhibition rebounds, strong input fires for ever, and with resets nothing escapes."""
    starts, currents = np.array([-3.5, 0.0]), np.array([-4.0, 0.0, 0.6])
    names = [[OUTCOMES[place] for place in row] for row in outcomes(dqif(), currents, starts)]
    assert names == [["oscillation", "rebound", "oscillation"], ["oscillation", "rest", "oscillation"]]
    wide = outcomes(dqif(), np.linspace(-6, 6, 25), np.linspace(-50, 50, 25))
    assert not (wide == OUTCOMES.index("escape")).any()


def test_parameters_outside_the_stable_region_are_refused():
    """No fixed point, an unstable one, and a threshold that is reached only by an exploding voltage: three errors."""
    with pytest.raises(DeclarationError, match="no fixed point to rest at"):
        dqif(u1=-4.0, u2=-3.0)
    with pytest.raises(DeclarationError, match="voltage alternates"):
        dqif(a=3.0, u1=1.0, u2=1.0)
    with pytest.raises(DeclarationError, match=r"voltage explosion.*u_th = 4.6"):
        dqif(u_th=4.6)
    assert dqif(u_th=4.4).defaults["u_th"] == 4.4
    with pytest.raises(ParameterError, match="a = -1"):
        dqif(a=-1.0)
    with pytest.raises(ParameterError, match="decay = 1"):
        dlif(decay=1.0)


def test_the_stable_region_is_where_the_slope_at_rest_is_below_one():
    """At random parameters the declaration accepts exactly those that rest stably and with u_th below u*."""
    generator = np.random.default_rng(7)
    accepted = 0
    for _ in range(60):
        a, u1, u2, u_th = generator.uniform((0.05, -3, -3, 0.1), (2, 2, 2, 4)).tolist()
        roots = np.roots([a, -a * (u1 + u2) - 1, a * u1 * u2])
        real = np.isreal(roots).all()
        legal = real and abs(a * (2 * roots.real.min() - u1 - u2)) < 1 and u_th < roots.real.max()
        try:
            dqif(a=a, u1=u1, u2=u2, u_th=u_th)
        except DeclarationError:
            assert not legal
        else:
            assert legal
            accepted += 1
    assert 5 < accepted < 55


def test_moments_of_one_step_are_those_of_a_sample():
    """Mean and variance of f(u) + I for normal u, against 2 million draws at an off-centre point."""
    generator, neuron = np.random.default_rng(1), dqif(a=0.3, u1=-0.2, u2=0.7)
    mu, sigma, s, size = 0.4, 0.8, 0.5, 2_000_000
    u = generator.normal(mu, sigma, size)
    drawn = 0.3 * (u + 0.2) * (u - 0.7) + generator.normal(0, s, size)
    numbers = {**neuron.substitutions(), MEAN: mu, VARIANCE: sigma**2, sympy.Symbol("s", positive=True): s}
    mean, variance = (float(moment.subs(numbers)) for moment in next_moments(neuron))
    assert drawn.mean() == pytest.approx(mean, abs=5 * drawn.std() / size**0.5)
    assert drawn.var() == pytest.approx(variance, rel=5 * 2 / size**0.5)


@pytest.mark.parametrize("threshold", sorted(MEASURED))
def test_the_monte_carlo_table_of_the_notes(threshold):
    """Mean, spread and rate with resets, within four standard errors of both samples and the table's rounding."""
    neurons = 300_000
    found = sampled_moments(dqif(u_th=threshold), threshold, neurons=neurons)
    mean, spread, rate = MEASURED[threshold]
    error = 4 * spread * (1 / neurons + 1e-6) ** 0.5
    assert found.mean == pytest.approx(mean, abs=error + 5e-4)
    assert found.spread == pytest.approx(spread, abs=error + 5e-5)
    assert found.rate == pytest.approx(rate, abs=4 * (rate / neurons) ** 0.5 + 5e-5)


def test_both_closures_against_the_second_step_and_the_free_map():
    """after_reset is exact on the second step; stationary solves its own equations and is near the sampled moments."""
    s = 0.5
    generator = np.random.default_rng(2)
    first = generator.normal(0, s, 2_000_000)
    second = 0.25 * first * (first - 0.5) + generator.normal(0, s, first.size)
    mu, sigma = Window(dqif(), "after_reset")(s)
    assert (second.mean(), second.std()) == pytest.approx((mu, sigma), abs=2e-3)
    mu, sigma = Window(dqif(), "stationary")(s)
    assert mu == pytest.approx(0.25 * (mu**2 + sigma**2 - 0.5 * mu), abs=1e-9)
    assert sigma**2 == pytest.approx(
        s**2 + 0.25**2 * (2 * sigma**4 + (2 * mu - 0.5) ** 2 * sigma**2), abs=1e-9
    )
    assert (mu, sigma) == pytest.approx(MEASURED[s][:2], abs=0.02)


def test_windows_that_cannot_be_had_are_refused_in_words():
    """Inputs too wide for the free map, unknown closures, and neurons that are no map."""
    with pytest.raises(WindowError, match="no stationary distribution"):
        Window(dqif())(4.0)
    with pytest.raises(WindowError, match="closure 'guess' is unknown"):
        Window(dqif(), "guess")
    with pytest.raises(DeclarationError, match="neuron lif"):
        free_map(lif())


def test_a_map_has_no_continuous_equation():
    """Curves, equilibria and continuous methods refuse a map, and the method for maps refuses a flow."""
    with pytest.raises(DeclarationError, match="steps by a map"):
        Branch(dqif())
    with pytest.raises(RuleError, match="only method is 'map'"):
        derive(dqif(), "heun")
    with pytest.raises(RuleError, match="declared in discrete time"):
        derive(mtc(), "map")
    with pytest.raises(DeclarationError, match="either currents"):
        State(name="u", symbol=VOLTAGE, meaning="nothing")


def test_the_unstable_fixed_point_is_derived_from_the_declared_parabola():
    """The bound of the threshold solves parabola(u) = u."""
    bound = dqif().constraints[-1].relation.rhs
    assert dqif().constraints[-1].relation.lhs == THRESHOLD.symbol
    assert sympy.simplify(PARABOLA.subs(VOLTAGE, bound) - bound) == 0


def test_figures_show_what_they_say():
    """The cobweb passes through the fixed points; the regions' panels have the colours of their outcomes."""
    figure = cobweb_figure(dqif(), (0.0,), (0.3,))
    (axes,) = figure.axes
    marks = [line.get_xydata()[0] for line in axes.lines if line.get_marker() == "o"]
    assert np.allclose(marks, [[0, 0], [4.5, 4.5]])
    free, spiking = regions_figure(dqif()).axes[:2]
    assert set(np.unique(free.collections[0].get_array())) == {0, 2, 3}
    assert set(np.unique(spiking.collections[0].get_array())) == {0, 1, 2}
