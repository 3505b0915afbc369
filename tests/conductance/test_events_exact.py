"""The exact response of event-based layers: against closed forms, the literal event loop and scipy."""

import math

import pytest
import sympy
import torch
from event_examples import DTYPE, gradient_error, grouped, integrated_qif
from hypothesis import given, settings
from hypothesis import strategies as st

from conductance.derivation.leaky import leaky_flow
from conductance.derivation.printers.torch import compiled
from conductance.derivation.projective import (
    DURATION,
    CosineLike,
    P,
    Q,
    SineLike,
    SineSlope,
    cosine_like,
    printable,
    quadratic_flow,
    sine_like,
)
from conductance.events import synaptic_lif, theta
from conductance.events.exact import oracle
from conductance.events.exact.leaky import respond_leaky
from conductance.events.exact.response import respond
from conductance.events.exact.scan import directions, linear_recurrence
from conductance.neurons import adlif, lif, mtc, qif

TRAINS = 1000
END = 5.0


def draw(*, events: int, batch: int, size: int, strength: float, end: float = END):
    times = (torch.rand(events, batch, 1, dtype=DTYPE) * end).sort(0).values
    charges = torch.randn(events, batch, size, dtype=DTYPE) * strength
    voltage = torch.randn(batch, size, dtype=DTYPE) * 0.5
    current = torch.randn(batch, size, dtype=DTYPE)
    return times, charges, voltage, current


def test_the_entire_functions_are_each_others_derivatives():
    """c' = -s/2 and s' = (c - s)/(2 z), also across the change from formula to series and to the other sign of z."""
    z = sympy.Symbol("z", real=True)
    with_mpmath = {
        CosineLike: lambda x: sympy.cos(sympy.sqrt(x)),
        SineLike: lambda x: sympy.sin(sympy.sqrt(x)) / sympy.sqrt(x),
        SineSlope: lambda x: sympy.diff(sympy.sin(sympy.sqrt(z)) / sympy.sqrt(z), z).subs(z, x),
    }
    for function, exact in with_mpmath.items():
        for value in (-30.0, -0.5, -1.1e-3, -0.9e-3, 1e-5, 0.9e-3, 1.1e-3, 0.7, 25.0):
            number = sympy.Float(value, 40)
            expected = float(sympy.re(exact(number).evalf(30)))
            assert float(printable(function(z)).subs(z, value)) == pytest.approx(expected, rel=1e-12)
    assert sympy.diff(CosineLike(z), z) == -SineLike(z) / 2
    assert sympy.diff(SineLike(z), z) == SineSlope(z)
    assert cosine_like(sympy.Float(0)) == 1
    assert sine_like(sympy.Float(0)) == 1


@pytest.mark.parametrize("neuron", [qif(tau=1.7), theta(tau=0.6, I_0=1.2)], ids=lambda neuron: neuron.name)
def test_the_matrix_solves_the_declared_equation(neuron):
    """V = p/q of the derived matrix satisfies the declaration's own dV/dt, for either sign of the curvature."""
    flow = quadratic_flow(neuron)
    voltage = neuron.state_symbols[0]
    above, below = flow.end
    solution = printable(above / below)
    slope = printable(sympy.diff(above / below, DURATION))
    declared = neuron.states[0].derivative.subs(neuron.substitutions())
    for drive in (6.0, 0.4, 1e-4, -1e-4, -3.0):
        at = {P: 0.3, Q: 0.8, flow.current: drive, DURATION: 0.37}
        now = {voltage: solution.subs(at), flow.current: flow.current * flow.decay}
        assert float(slope.subs(at)) == pytest.approx(float(declared.subs(now).subs(at)), rel=1e-10)


def test_the_published_closed_forms_come_out():
    """Spike times and gradients of docs/models.md: from rest, dt/dV0 = -e^t/(V0^2 + I0), and w > pi^2/4 spikes."""
    flow = quadratic_flow(qif())
    crossing, slopes = (compiled(getattr(flow, name), name) for name in ("crossing", "crossing_gradient"))
    for voltage, drive in (
        (0.0, 4.0),
        (0.7, 1.0),
        (-2.0, 60.0),
        (3.0, -2.0),
        (5.0, 0.0),
        (2.0, 1e-9),
        (2.0, -1e-9),
    ):
        v, i = torch.tensor(voltage, dtype=DTYPE), torch.tensor(drive, dtype=DTYPE)
        angle = torch.atan(v)
        p, q, none = torch.sin(angle), torch.cos(angle), torch.zeros((), dtype=DTYPE)
        (wait,) = crossing(p, q, i, none)
        assert float(wait) == pytest.approx(oracle.qif_spike(voltage, drive, 1.0), rel=1e-12)
        by_angle, by_current = (float(slope) for slope in slopes(p, q, i, wait))
        late = math.exp(float(wait))
        # d(angle) = dV/(1 + V^2)
        assert by_angle == pytest.approx(-late / (voltage**2 + drive) * (1 + voltage**2), rel=1e-9)
        if abs(drive) > 1e-3:
            place = 1 - 1 / late
            expected = late * (voltage / (2 * drive * (drive + voltage**2)) - place / (2 * drive))
            assert by_current == pytest.approx(expected, rel=1e-9)
    assert oracle.qif_train([0.0], [2.467], end=1e3).spikes == ()
    assert len(oracle.qif_train([0.0], [2.468], end=1e3).spikes) == 1


@pytest.mark.parametrize("neuron", [mtc([]), lif(), adlif()], ids=lambda neuron: neuron.name)
def test_only_neurons_with_that_form_get_it(neuron):
    """A neuron that is neither quadratic nor the leaky control has no exact event-based form."""
    assert quadratic_flow(neuron) is None
    assert leaky_flow(neuron) is None


def test_no_spike_is_missing_or_extra_against_scipy():
    """1000 random QIF trains agree with a tight integration, spike by spike, to 1e-8 tau."""
    batch, size = 50, TRAINS // 50
    worst, spikes = 0.0, 0
    for events in (2, 7):
        times, charges, voltage, current = draw(
            events=events, batch=batch, size=size // 2, strength=6.0, end=3.0
        )
        found, places, *_ = respond(quadratic_flow(qif()), times, charges, torch.atan(voltage), current, 3.0)
        trains = grouped(found, places, batch, size // 2)
        for trial in range(batch):
            for neuron in range(size // 2):
                expected = integrated_qif(
                    times[:, trial, 0].tolist(), charges[:, trial, neuron].tolist(), end=3.0,
                    voltage=float(voltage[trial, neuron]), current=float(current[trial, neuron]),
                )  # fmt: skip
                received = trains.get((trial, neuron), [])
                assert len(received) == len(expected)
                spikes += len(expected)
                worst = max([worst, *(abs(a - b) for a, b in zip(received, expected, strict=True))])
    assert spikes > 300
    assert worst < 1e-8


@pytest.mark.parametrize("kind", ["qif", "theta", "lif"])
@pytest.mark.parametrize(("events", "strength"), [(0, 1.0), (1, 30.0), (30, 4.0), (300, 2.0), (40, 100.0)])
def test_the_layer_is_the_literal_event_loop(kind, events, strength):
    """Any number of spikes per neuron and interval: times and final states of the event loop, to 1e-9 tau."""
    batch, size = 12, 5
    times, charges, voltage, current = draw(events=events, batch=batch, size=size, strength=strength)
    if kind == "lif":
        voltage = voltage.clamp(max=0.9)
        found, places, last, _ = respond_leaky(
            leaky_flow(synaptic_lif(tau_m=1.3)), times, charges, voltage, current, END
        )
        last = torch.atan(last)
    else:
        flow = quadratic_flow(qif(tau=1.3) if kind == "qif" else theta(tau=1.3, I_0=1.7))
        found, places, last, _ = respond(flow, times, charges, torch.atan(voltage), current, END)
    trains = grouped(found, places, batch, size)
    for trial in range(batch):
        for neuron in range(size):
            literal = {"qif": oracle.qif_train, "theta": oracle.theta_train, "lif": oracle.lif_train}[kind]
            more = {"drive": 1.7} if kind == "theta" else {"current": float(current[trial, neuron])}
            trace = literal(
                times[:, trial, 0].tolist(), charges[:, trial, neuron].tolist(), end=END, tau=1.3,
                voltage=float(voltage[trial, neuron]), **more,
            )  # fmt: skip
            assert trains.get((trial, neuron), []) == pytest.approx(trace.spikes, abs=1e-9)
            assert float(last[trial, neuron]) == pytest.approx(math.atan(trace.voltage), abs=1e-7)


@pytest.mark.parametrize(
    "neuron",
    [qif(tau=1.3), theta(tau=0.8, I_0=1.4), synaptic_lif(tau_m=1.3), synaptic_lif(tau_m=1.3, U_reset=-0.4)],
    ids=lambda n: n.name,
)
@pytest.mark.parametrize("own_times", [False, True])
def test_gradients_are_those_of_finite_differences(neuron, own_times):
    """Gradients of spike times and final states over times, weights and initial states, to 1e-6."""
    times, charges, voltage, current = draw(events=6, batch=4, size=3, strength=3.0)
    if own_times:
        times = (torch.rand(6, 4, 3, dtype=DTYPE) * END).sort(0).values
    flow = quadratic_flow(neuron)

    def run(*inputs: torch.Tensor) -> torch.Tensor:
        call = respond_leaky if flow is None else respond
        found, _, *last = call(flow or leaky_flow(neuron), *inputs, END)
        return torch.cat([found, *(value.flatten() for value in last)])

    start = voltage.clamp(max=0.5)
    assert gradient_error(run, (times, charges, start, current)) < 1e-6


def test_gradients_hold_on_both_sides_of_a_change_of_order():
    """Two input spikes that swap places: the response is smooth, so one-sided gradients agree with differences."""
    flow = quadratic_flow(qif())
    weights = torch.tensor([4.0, 2.0, -3.0], dtype=DTYPE)

    def spike(moving: torch.Tensor) -> torch.Tensor:
        times = torch.stack([torch.tensor(0.1, dtype=DTYPE), torch.tensor(0.6, dtype=DTYPE), moving])
        times, order = times.sort()
        start = torch.zeros(1, 1, dtype=DTYPE)
        return respond(flow, times[:, None, None], weights[order][:, None, None], start, start, 8.0)[0]

    for offset in (-1e-3, -1e-8, 1e-8, 1e-3):
        assert len(spike(torch.tensor(0.6 + offset, dtype=DTYPE))) == 1
        assert gradient_error(spike, (torch.tensor([0.6 + offset], dtype=DTYPE).squeeze(),), step=1e-6) < 1e-6


@given(
    length=st.integers(1, 150),
    block=st.sampled_from([1, 7, 64]),
    seed=st.integers(0, 99),
    growth=st.floats(-1, 1),
)
@settings(max_examples=25)
def test_scans_are_the_plain_recurrences(length, block, seed, growth):
    """Blocks of any length give the recurrence itself, whether products grow or shrink."""
    generator = torch.Generator().manual_seed(seed)
    factors = torch.rand(length, 3, 1, generator=generator, dtype=DTYPE) * 10**growth
    terms = torch.randn(length, 3, 2, generator=generator, dtype=DTYPE)
    state = torch.randn(3, 2, generator=generator, dtype=DTYPE)
    matrices = torch.randn(length, 2, 2, 3, 2, generator=generator, dtype=DTYPE)
    direction = torch.nn.functional.normalize(torch.randn(2, 3, 2, generator=generator, dtype=DTYPE), dim=0)
    received = linear_recurrence(factors, terms, state, block)
    turned = directions(matrices, direction, block)
    for k in range(length):
        state = factors[k] * state + terms[k]
        direction = torch.nn.functional.normalize((matrices[k] * direction[None]).sum(1), dim=0)
        assert torch.allclose(received[k], state, rtol=1e-10, atol=1e-300)
        assert torch.allclose(turned[k], direction, atol=1e-6)


def test_long_trials_with_strong_inhibition_stay_finite():
    """A trial of 1000 tau with currents of -1e4 neither overflows nor invents spikes."""
    flow = quadratic_flow(qif())
    times = torch.linspace(0, 999, 300, dtype=DTYPE)[:, None, None]
    charges = torch.full((300, 1, 1), -1e4, dtype=DTYPE)
    charges[::10] = 2e4
    start = torch.zeros(1, 1, dtype=DTYPE)
    found, _, angle, current = respond(flow, times, charges, start, start, 1e3)
    trace = oracle.qif_train(times[:, 0, 0].tolist(), charges[:, 0, 0].tolist(), end=1e3)
    assert len(found) == len(trace.spikes)
    assert found.tolist() == pytest.approx(trace.spikes, abs=1e-6)
    assert bool(torch.isfinite(angle).all()) and bool(torch.isfinite(current).all())
