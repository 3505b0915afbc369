"""The Mackey-Glass series: the delay integrator, the equation, its chaos, and the data cut from it."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from conductance.errors import ExcitableError
from conductance.tasks import READINGS, SPLITS, MackeyGlass, TaskError
from conductance.tasks.baselines import autoregression
from conductance.tasks.delay import integrate_delay
from conductance.tasks.mackey_glass import random_history

SMALL = MackeyGlass(
    sample_step=0.5, horizon=50.0, series_samples=400, warm_up=100, train_series=24, validation_series=3,
    test_series=8, held_out_samples=600,
)  # fmt: skip


@pytest.fixture(scope="module")
def data():
    return SMALL.generate(seed=3)


def ones(t):
    """The constant history 1 of one series."""
    return np.ones((t.size, 1))


def method_of_steps(task, history, until):
    """An independent solution: one scipy interval per delay, each reading the dense output of the last."""
    pieces = []
    past = lambda t: history(np.atleast_1d(t))[0]  # noqa: E731
    start, x = 0.0, history(np.zeros(1))[0]
    while start < until:
        delayed = past
        solution = solve_ivp(
            lambda t, x, delayed=delayed: task.right_hand_side(x, delayed(t - task.tau)),
            (start, start + task.tau), x, method="DOP853", rtol=1e-12, atol=1e-13, dense_output=True,
        )  # fmt: skip
        pieces.append(solution.sol)
        past, start, x = solution.sol, start + task.tau, solution.y[:, -1]
    return lambda t: np.stack([pieces[min(int(s // task.tau), len(pieces) - 1)](s) for s in t])


def test_a_pure_decay_has_its_closed_form_and_order_four():
    """With no delayed term dx/dt = -g x decays as exp(-g t), and halving the step divides the error by 16."""
    times = np.linspace(0, 10, 333)
    errors = []
    for step in (0.5, 0.25, 0.125):
        x = integrate_delay(lambda x, _: -0.4 * x, delay=2.0, history=ones, times=times, max_step=step)
        errors.append(np.abs(x[:, 0] - np.exp(-0.4 * times)).max())
    ratios = np.array(errors[:-1]) / errors[1:]
    assert np.all((ratios > 14) & (ratios < 18)), ratios


def test_a_linear_delay_equation_has_its_polynomial_by_the_method_of_steps():
    """dx/dt = -x(t - 1), x = 1 before 0: 1 - t on [0, 1] and 1 - t + (t-1)^2/2 on [1, 2], to rounding."""
    times = np.linspace(0, 2, 33)
    x = integrate_delay(lambda x, past: -past, delay=1.0, history=ones, times=times, max_step=0.3)
    expected = 1 - times + 0.5 * np.clip(times - 1, 0, None) ** 2
    np.testing.assert_allclose(x[:, 0], expected, atol=1e-13)


def test_two_delays_are_not_confused():
    """The delayed value belongs to t - delay: a ramp as history shifts the solution by the delay."""
    times = np.array([1.0, 2.5])
    x = integrate_delay(
        lambda x, past: past, delay=3.0, history=lambda t: t[:, None], times=times, max_step=0.7
    )
    np.testing.assert_allclose(x[:, 0], [0.5 - 3.0, 2.5**2 / 2 - 7.5], atol=1e-13)


def test_the_series_agrees_with_scipy_and_converges_at_order_four():
    """Up to one Lyapunov time it agrees with an independent solver, with an error that falls as step^4."""
    task = MackeyGlass()
    history = random_history(np.random.default_rng(5), series=16, delay=task.tau)
    times = np.linspace(0, 195, 400)
    reference = method_of_steps(task, history, times[-1])(times)
    errors = {}
    for step in (0.5, 0.25, 0.125):
        x = integrate_delay(task.right_hand_side, delay=task.tau, history=history, times=times, max_step=step)
        errors[step] = np.sqrt(np.mean((x - reference) ** 2))
    assert errors[task.max_step] < 1e-6
    orders = np.log2([errors[0.5] / errors[0.25], errors[0.25] / errors[0.125]])
    assert np.all((orders > 3.7) & (orders < 4.4)), errors


def test_at_the_equilibrium_nothing_moves():
    """The value (beta/gamma - 1)^(1/n) = 1 is an equilibrium of the published parameters."""
    task = MackeyGlass()
    times = np.linspace(0, 100, 11)
    x = integrate_delay(task.right_hand_side, delay=17.0, history=ones, times=times, max_step=0.25)
    np.testing.assert_allclose(x, 1.0, atol=1e-12)


@settings(max_examples=10, deadline=None)
@given(
    beta=st.floats(0.05, 0.5), gamma=st.floats(0.05, 0.3), tau=st.floats(1.0, 30.0), n=st.floats(2.0, 12.0),
    seed=st.integers(0, 99),
)  # fmt: skip
def test_a_positive_history_stays_positive_and_bounded(beta, gamma, tau, n, seed):
    """Production is positive and bounded, so x stays in (0, max(history, largest production / gamma)]."""
    task = MackeyGlass(beta=beta, gamma=gamma, tau=tau, n=n, transient=0.0, sample_step=0.5)
    x = task.trajectories(np.random.default_rng(seed), series=4, samples=200)
    p = np.linspace(0, 5, 5001)
    bound = max(1.7, beta / gamma * np.max(p / (1 + p**n)) * (1 + 1e-6))
    assert np.all(x > 0)
    assert np.all(x <= bound)


def test_the_largest_lyapunov_exponent_is_one_in_two_hundred():
    """The tangent equation grows at 0.0050 per time unit on the attractor: e-fold in about 200 units."""
    task = MackeyGlass()

    def with_tangent(state, delayed):
        x, past = state[:, 0], delayed[:, 0]
        power = past**task.n
        slope = task.beta * (1 + (1 - task.n) * power) / (1 + power) ** 2
        return np.stack(
            [task.right_hand_side(x, past), slope * delayed[:, 1] - task.gamma * state[:, 1]], axis=1
        )

    histories = random_history(np.random.default_rng(0), series=48, delay=task.tau)

    def history(t):
        x = histories(t).reshape(t.size, 24, 2).swapaxes(1, 2)
        return np.concatenate([x[:, :1], x[:, 1:] - 0.9], axis=1).swapaxes(1, 2)

    # The norm of the tangent over one cycle at both ends, so that its zero crossings do not matter.
    cycle, duration = np.arange(0, 51.0), 8000.0
    times = np.concatenate([1000 + cycle, 1000 + duration + cycle])
    state = integrate_delay(with_tangent, delay=task.tau, history=history, times=times, max_step=0.5)
    begin, end = np.split(np.sqrt(np.add.reduceat(state[:, :, 1] ** 2, [0, cycle.size], axis=0)), 2)
    exponents = np.log(end / begin)[0] / duration
    # 24 series leave a standard error of 0.00008; 96 series of 30 000 time units gave 0.00512 +- 0.00003.
    assert exponents.mean() == pytest.approx(0.0050, abs=0.0004)


def test_the_readings_of_the_horizon_are_named_data():
    """At dt = 0.1 675 steps are 67.5 time units; at dt = 0.29 one Lyapunov time, 197 .. 200 within 1 %."""
    paper = MackeyGlass(**READINGS["paper_steps"].options)
    lyapunov = MackeyGlass(**READINGS["lyapunov"].options)
    assert (paper.lead, lyapunov.lead) == (675, 675)
    assert paper.horizon_time == pytest.approx(67.5)
    assert lyapunov.horizon_time == pytest.approx(198, rel=0.015)
    assert all("open" in reading.meaning for reading in READINGS.values())


def test_horizon_in_time_units_and_in_steps_agree(data):
    """50 time units at half a unit per sample are 100 samples, and both options give the same data."""
    again = dataclasses.replace(SMALL, horizon=None, horizon_steps=100).generate(seed=3)
    assert SMALL.lead == 100
    assert torch.equal(again.train.targets, data.train.targets)


def test_the_target_is_the_input_one_horizon_later(data):
    """targets[t] = inputs[t + lead] in every split and series."""
    for split in data.splits.values():
        assert torch.equal(split.targets[: -SMALL.lead], split.inputs[SMALL.lead :])


def test_no_error_counts_the_warm_up(data):
    """The mask is false for exactly the first `warm_up` samples of every series."""
    for split in data.splits.values():
        counted = split.mask.long()
        assert not counted[: SMALL.warm_up].any() and counted[SMALL.warm_up :].all()
        assert counted.sum(0).unique().tolist() == [split.inputs.shape[0] - SMALL.warm_up]


def test_standardisation_is_that_of_the_train_inputs_and_undoes(data):
    """Train inputs have mean 0 and deviation 1, the others nearly so; inverting gives x in its range."""
    assert float(data.train.inputs.mean()) == pytest.approx(0, abs=1e-5)
    assert float(data.train.inputs.std(correction=0)) == pytest.approx(1, abs=1e-5)
    assert float(data.test.inputs.mean()) != pytest.approx(0, abs=1e-5)
    x = data.scale.invert(data.test.inputs)
    assert 0.2 < float(x.min()) < 0.6 < 1.2 < float(x.max()) < 1.45
    torch.testing.assert_close(data.scale.apply(x), data.test.inputs)


def test_splits_share_no_trajectory():
    """Over 1000 time units no series is a copy or near copy of another, within or between splits."""
    task = MackeyGlass(sample_step=1.0, series_samples=1000, held_out_samples=1000, train_series=32,
                       validation_series=8, test_series=8)  # fmt: skip
    splits = task.generate(seed=1).splits
    series = np.concatenate([splits[name].inputs[:, :, 0].numpy() for name in SPLITS], axis=1)
    correlation = np.corrcoef(series.T) - np.eye(series.shape[1])
    assert correlation.shape == (49, 49)
    assert correlation.max() < 0.98


def test_baselines_order_as_they_must(data):
    """The mean has nrmse 1, persistence at one cycle less, and a linear autoregression less still."""
    errors = SMALL.baselines(data, data.test)
    assert errors["mean"] == pytest.approx(1, abs=0.05)
    assert errors["persistence"] == pytest.approx(0.78, abs=0.1)
    assert 0 < errors["autoregression"] < errors["persistence"]


def test_autoregression_finds_a_linear_law_exactly(data):
    """A target that is a linear function of two delays and a constant is predicted to rounding."""
    law = []
    for split in (data.train, data.test):
        delayed = torch.zeros_like(split.inputs)
        delayed[4:] = split.inputs[:-4]
        law.append(dataclasses.replace(split, targets=0.5 * split.inputs - 2 * delayed + 3))
    prediction = autoregression(*law, lags=[0, 4], ridge=0.0)
    torch.testing.assert_close(prediction, law[1].targets, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"tau": -17.0, "beta": float("nan"), "train_series": 0}, ("tau", "beta", "train_series")),
        ({"train_series": 2.5}, ("train_series", "whole number")),
        ({"horizon": 50.0, "horizon_steps": 3}, ("horizon", "keep one")),
        ({"horizon": 50.03, "sample_step": 0.1}, ("50.03", "nearest", "50")),
        ({"warm_up": 1999}, ("warm_up", "2000")),
        ({"sample_step": True}, ("sample_step",)),
    ],
)
def test_bad_options_are_named_all_at_once(options, words):
    """An error names each faulty option and what is allowed."""
    with pytest.raises(TaskError) as caught:
        MackeyGlass(**options)
    for word in words:
        assert word in str(caught.value)


def test_a_series_that_does_not_vary_is_refused():
    """A short delay ends in the equilibrium; such a series has no scale, and the error says so."""
    task = MackeyGlass(tau=0.5, transient=1000.0, series_samples=20, warm_up=0, held_out_samples=20,
                       horizon_steps=2, sample_step=0.01, n=2.0)  # fmt: skip
    with pytest.raises(TaskError, match="vary"):
        task.generate()


@pytest.mark.parametrize("times", [[], [1.0, 0.5], [-1.0], [np.nan]])
def test_the_integrator_refuses_bad_times(times):
    """Times must be finite, not negative and in order."""
    with pytest.raises(ExcitableError, match="times"):
        integrate_delay(lambda x, p: x, delay=1.0, history=lambda t: t, times=np.array(times), max_step=0.1)
