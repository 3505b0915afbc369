"""The compiled event loop: the literal loop's spikes, torch's gradients, any number of spikes, and what it refuses."""

import math
import warnings

import pytest
import torch
from event_examples import DTYPE

from conductance.derivation.leaky import leaky_flow
from conductance.derivation.projective import quadratic_flow
from conductance.events import (
    EventError,
    EventLayer,
    EventNetwork,
    Spikes,
    backend,
    compiled,
    spike_time_loss,
    theta,
)
from conductance.events import synaptic_lif as lif
from conductance.events.exact import oracle
from conductance.kernels.library import KernelWarning
from conductance.neurons import qif
from conductance.tasks import SpikeTiming

END = 5.0
NEURONS = [
    qif(tau=1.3),
    theta(tau=1.3, I_0=1.7),
    lif(tau_m=1.3),
    lif(tau_m=1.3, U_reset=-0.4, name="synaptic_lif_below"),
]


@pytest.fixture(autouse=True)
def double_precision():
    torch.set_default_dtype(DTYPE)
    yield
    torch.set_default_dtype(torch.float32)


def flow_of(neuron):
    return quadratic_flow(neuron) or leaky_flow(neuron)


def is_leaky(neuron):
    return leaky_flow(neuron) is not None


def literal(neuron, times, weights, voltage, current):
    train = {"qif": oracle.qif_train, "theta": oracle.theta_train}.get(neuron.name, oracle.lif_train)
    more = {"drive": 1.7} if neuron.name == "theta" else {"current": current}
    if is_leaky(neuron):
        more["reset"] = neuron.defaults["U_reset"]
    return train(times, weights, end=END, tau=1.3, voltage=voltage, **more)


def spikes(*, events, batch=6, size=5, end=END, seed=0):
    """Trials of unlike length: their padding is no input."""
    random = torch.Generator().manual_seed(seed)
    times = (torch.rand(events, batch, generator=random) * end).sort(0).values
    neurons = torch.randint(size, (events, batch), generator=random)
    counts = torch.randint(events // 2, events + 1, (batch,), generator=random)
    mask = torch.arange(events)[:, None] < counts
    return Spikes(
        times=times.masked_fill(~mask, end),
        neurons=neurons.masked_fill(~mask, 0),
        mask=mask,
        size=size,
        end=end,
    )


@pytest.mark.parametrize("neuron", NEURONS, ids=lambda neuron: neuron.name)
@pytest.mark.parametrize(("events", "strength"), [(0, 1.0), (1, 30.0), (30, 4.0), (300, 2.0), (40, 100.0)])
def test_the_compiled_loop_is_the_literal_one(neuron, events, strength):
    """Any number of spikes, layers narrower and wider than a vector: every spike of the literal loop, to 1e-9 tau."""
    random = torch.Generator().manual_seed(events)
    for size in (3, 19):
        given = spikes(events=events, batch=3)
        weight = torch.randn(size, 5, generator=random) * strength
        voltage = (torch.randn(3, size, generator=random) * 0.5).clamp(max=0.9)
        current = torch.randn(3, size, generator=random)
        state = (voltage if is_leaky(neuron) else torch.atan(voltage), current)
        found = compiled.respond(
            flow_of(neuron), given.times, given.neurons, given.mask, weight, state, END, room=4
        )
        times, mask = Spikes(
            times=found.times, neurons=found.neurons, mask=found.mask, size=size, end=END
        ).by_neuron()
        for trial in range(3):
            count = int(given.mask[:, trial].sum())
            arrivals, senders = given.times[:count, trial].tolist(), given.neurons[:count, trial].tolist()
            for index in range(size):
                weights = [float(weight[index, sender]) for sender in senders]
                trace = literal(
                    neuron, arrivals, weights, float(voltage[trial, index]), float(current[trial, index])
                )
                assert times[:, trial, index][mask[:, trial, index]].tolist() == pytest.approx(
                    trace.spikes, abs=1e-9
                )
                last = float(found.state[0][trial, index])
                last = math.atan(last) if is_leaky(neuron) else last
                assert last == pytest.approx(math.atan(trace.voltage), abs=1e-7)


@pytest.mark.parametrize("neuron", NEURONS, ids=lambda neuron: neuron.name)
@pytest.mark.parametrize("threads", [1, 2])
def test_gradients_are_those_of_torch(neuron, threads, monkeypatch):
    """Through two layers, delays and padding, gradients to all parameters agree with torch's to rounding."""
    monkeypatch.setattr("conductance.events.compiled.operator.SMALL", 0)
    kept = torch.get_num_threads()
    torch.set_num_threads(threads)
    scale = 0.7 if neuron.name == "theta" else 4.0
    results = []
    for back_end in ("torch", "c"):
        random = torch.Generator().manual_seed(4)
        shared = {
            "generator": random, "backend": back_end, "sharpness": 1.0, "mean": scale, "spread": 3 * scale,
            "delay": 0.2, "trainable": ("weight", "initial_voltage", "initial_current", "delay"),
        }  # fmt: skip
        network = EventNetwork(
            {"first": EventLayer(neuron, 5, 20, **shared), "second": EventLayer(neuron, 20, 11, **shared)}
        )
        answer = network(spikes(events=20, batch=7))
        loss = (answer.times * torch.cos(answer.neurons + 1.0) * answer.mask).sum()
        if answer.later is not None:
            loss = loss + torch.sin(answer.later).sum()
        loss.backward()
        results.append((answer, [parameter.grad for parameter in network.parameters()]))
    torch.set_num_threads(kept)
    (plain, expected), (fast, received) = results
    assert torch.equal(plain.mask, fast.mask) and torch.equal(plain.neurons, fast.neurons)
    assert int(fast.mask.sum()) > 50
    assert torch.allclose(plain.times, fast.times, rtol=0, atol=1e-11)
    for one, other in zip(expected, received, strict=True):
        assert torch.allclose(one, other, rtol=1e-8, atol=1e-8 * float(one.abs().max()))


@pytest.mark.parametrize("neuron", NEURONS, ids=lambda neuron: neuron.name)
def test_single_precision_finds_the_same_spikes(neuron):
    """float32 gives the spikes of float64 to its own precision, in number and order."""
    given = spikes(events=25)
    layer = EventLayer(
        neuron, 5, 9, mean=2.0, spread=6.0, generator=torch.Generator().manual_seed(0), backend="c"
    )
    double = layer(given)
    single = Spikes(
        times=given.times.float(), neurons=given.neurons, mask=given.mask, size=given.size, end=given.end
    )
    low = layer.float()(single)
    assert torch.equal(low.mask, double.mask) and torch.equal(low.neurons, double.neurons)
    assert torch.allclose(low.times.double(), double.times, atol=1e-3)


def test_more_spikes_than_the_buffer_make_it_grow():
    """A layer of thousands of spikes per trial, begun with room for a few, drops none of them."""
    given = Spikes.of_trains([[(0.01 * step, 0) for step in range(400)]], size=1, end=END)
    layer = EventLayer(qif(), 1, 1, weight=torch.tensor([[900.0]]), backend="c")
    expected = oracle.qif_train([0.01 * step for step in range(400)], [900.0] * 400, end=END).spikes
    assert len(expected) > 50 * layer.room
    for _ in range(2):
        found = layer(given)
        assert found.times[:, 0].tolist() == pytest.approx(expected, abs=1e-9)


def test_order_within_a_trial_is_that_of_time():
    """Thousands of neurons that spike in one interval come out sorted, ties in the order of neurons."""
    size = 3000
    weight = torch.linspace(40.0, 400.0, size)[
        torch.randperm(size, generator=torch.Generator().manual_seed(0))
    ]
    weight[1::2] = weight[::2]
    layer = EventLayer(qif(), 1, size, weight=weight[:, None], backend="c")
    found = layer(Spikes.of_trains([[(0.1, 0)]], size=1, end=END))
    steps = torch.diff(found.times[:, 0])
    assert int(found.mask.sum()) > 4 * size
    assert bool((steps >= 0).all()) and bool((steps == 0).any())
    assert bool((torch.diff(found.neurons[:, 0])[steps == 0] == 1).all())


def test_a_layer_says_why_it_cannot_run_compiled(monkeypatch):
    """Unknown names, layers that the loop does not know and a missing compiler are errors; "auto" warns once."""
    with pytest.raises(EventError, match="backend 'jax' is unknown; allowed are auto, torch, c"):
        EventLayer(qif(), 2, 3, backend="jax")
    given = spikes(events=3, size=2)
    with pytest.raises(EventError, match="one delay per synapse; give one per input; or use 'auto'"):
        EventLayer(qif(), 2, 3, delay=torch.ones(3, 2), backend="c")(given)
    with pytest.raises(EventError, match=r"the layer is torch.float16; allowed are"):
        backend.is_compiled("c", flow_of(qif()), torch.zeros(1, dtype=torch.float16), "", "layer")
    layer = EventLayer(qif(), 2, 3)
    expected = layer(given)
    monkeypatch.setattr(compiled, "problem", lambda flow, dtype: "no C compiler is installed")
    backend._warn_once.cache_clear()
    with pytest.warns(KernelWarning, match="several times slower: no C compiler"):
        received = layer(given)
    assert torch.allclose(received.times, expected.times)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        layer(given)
    backend._warn_once.cache_clear()


@pytest.mark.parametrize("neuron", NEURONS, ids=lambda neuron: neuron.name)
@pytest.mark.parametrize("delay", [0.0, 0.2])
def test_a_recurrent_layer_is_the_loop_in_torch(neuron, delay):
    """Spikes that come back, at once or later, give torch's spikes, order and gradients to rounding."""
    scale = 0.7 if neuron.name == "theta" else 4.0
    results = []
    for back_end in ("torch", "c"):
        random = torch.Generator().manual_seed(1)
        given = Spikes.of_latencies(torch.rand(3, 5, generator=random) * 2, end=2.0)
        times = given.times.clone().requires_grad_()
        given = Spikes(times=times, neurons=given.neurons, mask=given.mask, size=5, end=given.end)
        layer = EventLayer(
            neuron, 5, 9, weight=torch.rand(9, 5, generator=random) * 1.5 * scale,
            recurrent_weight=torch.randn(9, 9, generator=random) * 0.2 * scale, recurrent_delay=delay, sharpness=1.0,
            trainable=("weight", "recurrent_weight", "initial_voltage"), backend=back_end,
        )  # fmt: skip
        answer = layer(given)
        loss = (answer.times * torch.cos(answer.neurons + 1.0) * answer.mask).sum()
        if answer.later is not None:
            loss = loss + torch.sin(answer.later).sum()
        loss.backward()
        results.append((answer, [times.grad, *(parameter.grad for parameter in layer.parameters())]))
    (plain, expected), (fast, received) = results
    assert int(fast.mask.sum()) > 20
    assert torch.equal(plain.mask, fast.mask) and torch.equal(plain.neurons, fast.neurons)
    assert torch.allclose(plain.times, fast.times, rtol=0, atol=1e-11)
    for one, other in zip(expected, received, strict=True):
        assert torch.allclose(one, other, rtol=1e-8, atol=1e-8 * float(one.abs().max()))


def test_a_recurrent_layer_learns_target_times_through_its_own_spikes():
    """Only recurrent weights are trained, so that every gradient passes through recurrence: two thirds of the squared
    distance of two target times per neuron go.
    """
    task = SpikeTiming(inputs=10, neurons=5, targets=2, end=4.0)
    data = task.generate(seed=0)
    layer = EventLayer(
        qif(), 10, 5, mean=2.0, spread=3.0, recurrent=True, recurrent_delay=0.1, pseudospikes=2, sharpness=1.0,
        generator=torch.Generator().manual_seed(0), trainable=("recurrent_weight",), backend="c",
    )  # fmt: skip
    optimiser = torch.optim.Adam(layer.parameters(), lr=0.1)
    losses = []
    for _ in range(150):
        optimiser.zero_grad()
        loss = spike_time_loss(layer(data.spikes), data.targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(layer.parameters(), 1.0)
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0] / 3
