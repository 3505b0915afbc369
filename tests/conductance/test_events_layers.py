"""Event-based layers in networks: exact gradients through many spikes, continuity, and what they refuse."""

import math
from itertools import pairwise

import pytest
import torch
from event_examples import DTYPE, gradient_error

from conductance.errors import ExcitableError
from conductance.events import (
    EventError,
    EventLayer,
    EventNetwork,
    Spikes,
    first_spike_loss,
    predicted_class,
    silent_share,
    spike_time_loss,
    synaptic_lif,
    theta,
)
from conductance.events.exact import oracle
from conductance.layers import NeuronLayer, Projection
from conductance.neurons import lif, qif

NEURONS = [qif(), theta(), synaptic_lif(), synaptic_lif(U_reset=-0.4)]
END = 3.0


@pytest.fixture(autouse=True)
def double_precision():
    torch.set_default_dtype(DTYPE)
    yield
    torch.set_default_dtype(torch.float32)


def one_input(times, *, end=END, size=1):
    return Spikes.of_trains([[(time, 0) for time in times]], size=size, end=end)


def inputs(*, batch=6, size=5, end=END, seed=0):
    random = torch.Generator().manual_seed(seed)
    return Spikes.of_latencies(torch.rand(batch, size, generator=random) * 2, end=end)


def weights(rows, columns, *, scale=4.0, seed=1):
    return torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed)) * scale


def with_parameters(layer, **values):
    return lambda spikes: torch.func.functional_call(layer, values, (spikes,))


def outputs_of(spikes):
    """Everything that carries a gradient, weighted so that the order of neurons matters but no order of events."""
    factors = torch.cos(1.0 + spikes.neurons) * spikes.mask
    later = [] if spikes.later is None else [(spikes.later - spikes.end).clamp(max=20).flatten()]
    return torch.cat([(spikes.times * factors).sum(0), spikes.counts().double().flatten() * 0, *later])


def scale_of(neuron):
    return 0.7 if neuron.name == "theta" else 4.0


@pytest.mark.parametrize("neuron", NEURONS, ids=lambda neuron: neuron.name)
@pytest.mark.parametrize("per", ["input", "synapse"])
def test_gradients_of_a_layer_with_delays_and_initial_states(neuron, per):
    """Weights, delays, initial states and input times have the gradients of finite differences, to 1e-6."""
    scale = scale_of(neuron)
    spikes = inputs(batch=4)
    layer = EventLayer(
        neuron, 5, 3, weight=weights(3, 5, scale=scale), delay=0.3, sharpness=1.0,
        trainable=("weight", "initial_voltage", "initial_current", "delay"),
    )  # fmt: skip
    shape = (5,) if per == "input" else (3, 5)

    def run(weight, voltage, current, raw_delay, times):
        moved = Spikes(times=times, neurons=spikes.neurons, mask=spikes.mask, size=5, end=END)
        values = {
            "weight": weight,
            "initial_voltage": voltage,
            "initial_current": current,
            "raw_delay": raw_delay,
        }
        return outputs_of(with_parameters(layer, **values)(moved))

    start = (weights(3, 1, scale=0.2, seed=2)[:, 0], weights(3, 1, scale=0.5, seed=3)[:, 0])
    raw_delay = (torch.rand(shape, generator=torch.Generator().manual_seed(4)) * 0.5 + 0.1).log()
    layer.raw_delay = torch.nn.Parameter(raw_delay)
    assert gradient_error(run, (layer.weight, *start, raw_delay, spikes.times)) < 1e-6


@pytest.mark.parametrize("below", NEURONS, ids=lambda neuron: f"{neuron.name} below")
@pytest.mark.parametrize("above", NEURONS, ids=lambda neuron: f"{neuron.name} above")
def test_layers_of_different_neurons_mix_and_gradients_pass_through_all(below, above):
    """In any pair of neurons the first layer's weights have the gradient of finite differences, to 1e-6."""
    spikes = inputs(batch=4)
    first = EventLayer(below, 5, 6, weight=weights(6, 5, scale=1.5 * scale_of(below)), sharpness=1.0)
    second = EventLayer(above, 6, 3, weight=weights(3, 6, scale=scale_of(above)), sharpness=1.0)
    EventNetwork({"first": first, "second": second})

    def run(low, high):
        hidden = with_parameters(first, weight=low)(spikes)
        return outputs_of(with_parameters(second, weight=high)(hidden))

    assert int(first(spikes).mask.sum()) > 4
    assert gradient_error(run, (first.weight, second.weight)) < 1e-6


@pytest.mark.parametrize("neuron", NEURONS, ids=lambda neuron: neuron.name)
def test_a_recurrent_layer_without_recurrent_weights_is_the_scan(neuron):
    """The event loop and the scan give the same spikes in the same order, and the same state at the end."""
    spikes = inputs(batch=7)
    weight = weights(4, 5, scale=1.5 * scale_of(neuron))
    scan = EventLayer(neuron, 5, 4, weight=weight)(spikes)
    loop = EventLayer(neuron, 5, 4, weight=weight, recurrent_weight=torch.zeros(4, 4))(spikes)
    assert torch.equal(scan.mask, loop.mask) and torch.equal(scan.neurons, loop.neurons)
    assert torch.allclose(scan.times, loop.times, rtol=0, atol=1e-10)
    if scan.rates is not None:
        assert torch.allclose(scan.rates, loop.rates, atol=1e-8)


@pytest.mark.parametrize("neuron", NEURONS, ids=lambda neuron: neuron.name)
@pytest.mark.parametrize("delay", [0.0, 0.2])
def test_recurrent_gradients(neuron, delay):
    """Recurrent weights, initial voltages and feed-forward weights: finite differences, to 1e-6."""
    spikes = inputs(batch=3, end=2.5)
    layer = EventLayer(
        neuron, 5, 3, weight=weights(3, 5, scale=2 * scale_of(neuron)).abs(), recurrent_weight=torch.zeros(3, 3),
        recurrent_delay=delay, sharpness=1.0,
    )  # fmt: skip

    def run(weight, back, voltage):
        return outputs_of(
            with_parameters(layer, weight=weight, recurrent_weight=back, initial_voltage=voltage)(spikes)
        )

    back = weights(3, 3, scale=0.25 * scale_of(neuron), seed=6)
    start = torch.tensor([0.1, -0.2, 0.3])
    assert int(layer(spikes).mask.sum()) > 3
    assert gradient_error(run, (layer.weight, back, start)) < 1e-6


def test_a_recurrent_layer_is_a_feed_forward_chain_where_neurons_only_drive_the_next():
    """Neuron 0 drives neuron 1 by 12 after 0.3: its first spike is that of a neuron alone under the same input."""
    back = torch.tensor([[0.0, 0.0], [12.0, 0.0]])
    layer = EventLayer(
        qif(), 1, 2, weight=torch.tensor([[8.0], [0.0]]), recurrent_weight=back, recurrent_delay=0.3
    )
    spikes = layer(one_input([0.2]))
    alone = oracle.qif_train([0.2], [8.0], end=END).spikes
    driven = oracle.qif_train([time + 0.3 for time in alone], [12.0] * len(alone), end=END).spikes
    times, mask = spikes.by_neuron()
    assert times[:, 0, 0][mask[:, 0, 0]].tolist() == pytest.approx(alone, abs=1e-10)
    assert times[:, 0, 1][mask[:, 0, 1]].tolist() == pytest.approx(driven, abs=1e-10)
    assert len(driven) >= 1


def test_spikes_of_qif_appear_and_vanish_only_at_the_end_of_the_trial():
    """Along a weight the number of spikes changes only where a spike stands at the end; times have no other jump."""
    grid = torch.linspace(-2.0, 40.0, 4001)
    spikes = Spikes.of_latencies(torch.tensor([[0.3, 0.8]]).expand(len(grid), 2), end=END)
    start = EventLayer(qif(), 2, 1, weight=torch.tensor([[1.0, 2.0]]))
    times, charges, _ = start._arrivals(spikes)
    charges = charges.clone()
    charges[0, :, 0] = grid
    found, places, _ = start.engine.respond(
        times, charges, start.engine.start(*[torch.zeros(len(grid), 1)] * 2), END
    )
    trains = [[] for _ in grid]
    for time, place in sorted(zip(found.tolist(), places.tolist(), strict=True)):
        trains[place % len(grid)].append(time)
    step = float(grid[1] - grid[0])
    changes = 0
    for before, after in pairwise(trains):
        common = min(len(before), len(after))
        # the slope of a spike at time t is at most e^t per unit of weight
        assert all(abs(a - b) < step * math.exp(END) for a, b in zip(before, after, strict=False))
        for extra in before[common:] + after[common:]:
            assert END - extra < step * math.exp(END)
            changes += 1
    assert changes >= 2


def test_spikes_of_lif_vanish_in_the_middle_of_the_trial():
    """The documented failure: from rest the last spike is at tau ln 2 at weight 4, with a gradient without bound."""
    for tau in (1.0, 1.7):
        slopes = []
        for excess in (1e-2, 1e-4, 1e-6, 1e-8):
            layer = EventLayer(synaptic_lif(tau_m=tau), 1, 1, weight=torch.tensor([[4.0 + excess]]))
            spikes = layer(one_input([0.0], end=10.0))
            spikes.times[0].sum().backward()
            slopes.append(-float(layer.weight.grad))
            assert int(spikes.mask.sum()) == 1
            assert float(spikes.times.detach()[0]) == pytest.approx(
                tau * math.log(2), abs=tau * math.sqrt(excess)
            )
        # the slope grows like excess^(-1/2)
        assert slopes[3] / slopes[2] == pytest.approx(10, rel=1e-2)
        silent = EventLayer(synaptic_lif(tau_m=tau), 1, 1, weight=torch.tensor([[4.0 - 1e-9]]))
        assert int(silent(one_input([0.0], end=10.0)).mask.sum()) == 0


def test_a_reset_far_below_zero_lets_each_neuron_spike_once():
    """Its one spike is the first of the neuron that returns to 0, at the same time, and both spike often otherwise."""
    weight = torch.full((1, 1), 30.0)
    often, once = (
        EventLayer(synaptic_lif(U_reset=reset), 1, 1, weight=weight)(one_input([0.1]))
        for reset in (0.0, -1e3)
    )
    assert int(often.mask.sum()) > 3
    assert int(once.mask.sum()) == 1
    assert torch.equal(often.times[0], once.times[0])


@pytest.mark.parametrize("values", [{"U_reset": 1.0}, {"U_reset": 2.0}, {"theta": -1.0}])
def test_a_reset_above_the_threshold_is_named(values):
    """Such a neuron would spike without end; the error says which relation of its parameters is broken."""
    with pytest.raises(ExcitableError, match=r"synaptic_lif.*the reset lies below the threshold"):
        synaptic_lif(**values)


def test_the_nth_spike_enters_from_its_pseudospike_with_matching_time_and_slope():
    """Through the trial's end, spike 0 and spike 1 are continuous in the weight, with one gradient from both sides."""
    for neuron, low, high in ((qif(), 1.0, 60.0), (theta(), -6.0, 6.0)):
        layer = EventLayer(neuron, 1, 1, weight=torch.tensor([[1.0]]), pseudospikes=2)
        for number in (0, 1):

            def nth(weight, layer=layer, number=number):
                return with_parameters(layer, weight=weight.view(1, 1))(one_input([0.4])).nth(number)[0, 0]

            below, above = low, high
            if not (nth(torch.tensor(low)) > END > nth(torch.tensor(high))):
                continue
            for _ in range(60):
                middle = (below + above) / 2
                below, above = (middle, above) if nth(torch.tensor(middle)) > END else (below, middle)
            slopes = []
            for side in (below - 1e-7, above + 1e-7):
                weight = torch.tensor(side, requires_grad=True)
                time = nth(weight)
                time.backward()
                slopes.append(float(weight.grad))
                assert float(time.detach()) == pytest.approx(END, abs=1e-4)
                assert gradient_error(lambda w: nth(w)[None], (torch.tensor(side),), step=1e-8) < 1e-5
            assert slopes[0] == pytest.approx(slopes[1], rel=1e-3)


def test_the_loss_is_continuous_where_a_hidden_spike_leaves_the_trial():
    """With pseudo-rates the last layer's times do not jump where a spike of the layer below crosses the end."""
    spikes = inputs(batch=1, size=3)
    first = EventLayer(qif(), 3, 2, weight=weights(2, 3, scale=5.0, seed=8), sharpness=1.0)
    second = EventLayer(qif(), 2, 2, weight=weights(2, 2, scale=5.0, seed=9), sharpness=1.0)

    def times(shift):
        low = first.weight + shift * torch.ones_like(first.weight)
        hidden = with_parameters(first, weight=low)(spikes)
        return second(hidden).first(), int(hidden.mask.sum())

    grid = torch.linspace(-4, 8, 60).tolist()
    changes = 0
    for left, right in pairwise(grid):
        (_, few), (_, many) = times(left), times(right)
        if few == many:
            continue
        changes += 1
        for _ in range(45):
            middle = (left + right) / 2
            left, right = (middle, right) if times(middle)[1] == few else (left, middle)
        assert torch.allclose(times(left)[0], times(right)[0], rtol=1e-6, atol=1e-6)
    assert changes >= 2


def test_silent_neurons_receive_a_gradient_and_learn_to_spike():
    """From weights at which no neuron spikes in any trial, a few steps on first spike times make all spike."""
    spikes = inputs(batch=8, size=4)
    layer = EventLayer(qif(), 4, 3, weight=torch.full((3, 4), 0.1), sharpness=1.0)
    assert float(silent_share(layer(spikes))) == 1.0
    optimiser = torch.optim.Adam(layer.parameters(), lr=0.3)
    for _ in range(40):
        optimiser.zero_grad()
        layer(spikes).first().mean().backward()
        optimiser.step()
    assert float(silent_share(layer(spikes))) == 0.0


def test_a_neuron_learns_two_spike_times():
    """The single-neuron timing task: the distance to two target times falls below 1e-3."""
    random = torch.Generator().manual_seed(3)
    train = sorted((float(torch.rand(1, generator=random)) * 4, k % 12) for k in range(36))
    spikes = Spikes.of_trains([train], size=12, end=4.0)
    layer = EventLayer(qif(), 12, 1, weight=torch.full((1, 12), 1.0), pseudospikes=2, sharpness=1.0)
    targets = torch.tensor([1.5, 3.0]).view(2, 1, 1)
    optimiser = torch.optim.Adam(layer.parameters(), lr=0.05)
    for _ in range(250):
        optimiser.zero_grad()
        loss = spike_time_loss(layer(spikes), targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(layer.parameters(), 1.0)
        optimiser.step()
    assert float(loss.detach()) < 1e-6


def test_the_first_spike_loss_is_the_published_formula():
    """-log softmax(-t/tau) of the label plus 1e-2 (exp(t/T) - 1), and the earliest neuron is the answer."""
    first = torch.tensor([[1.0, 2.0, 4.0], [3.0, 0.5, 5.0]])
    labels = torch.tensor([1, 1])
    received = first_spike_loss(first, labels, end=4.0, tau=0.5)
    expected = 0.0
    for row, label in zip(first.tolist(), labels.tolist(), strict=True):
        total = sum(math.exp(-time / 0.5) for time in row)
        expected += -math.log(math.exp(-row[label] / 0.5) / total) + 1e-2 * (math.exp(row[label] / 4.0) - 1)
    assert float(received) == pytest.approx(expected / 2, rel=1e-12)
    assert predicted_class(first).tolist() == [0, 1]


def test_layers_on_a_time_grid_join_by_binned_spikes():
    """Exact spikes feed a surrogate layer and its spikes feed an exact layer; no spike is lost on the way."""
    spikes = EventLayer(qif(), 5, 4, weight=weights(4, 5, scale=8.0))(inputs())
    counts = spikes.binned(0.01)
    assert torch.equal(counts.sum(0).long(), spikes.counts())
    drive, _ = Projection(4, 3)(counts)
    on_grid, _ = NeuronLayer(lif(), 3, dt=0.01)(drive * 1e4)
    back = Spikes.of_binned(on_grid, step=0.01)
    back.check()
    assert torch.equal(back.counts(), on_grid.sum(0).long())
    assert back.end == pytest.approx(END)
    first = int(on_grid[:, 0].sum(1).nonzero()[0])
    assert float(back.times[0, 0]) == pytest.approx((first + 0.5) * 0.01)
    with pytest.raises(EventError, match=r"give Spikes \(Spikes\.of_binned makes them\)"):
        EventLayer(qif(), 3, 2)(on_grid)
    with pytest.raises(EventError, match="a layer on a time grid joins by"):
        EventNetwork({"grid": Projection(3, 2)})
    with pytest.raises(EventError, match="whole numbers of spikes"):
        Spikes.of_binned(on_grid + 0.5, step=0.01)


def test_a_mini_batch_and_single_precision_give_the_same_spikes():
    """Trials do not see each other, and float32 agrees to its own precision."""
    spikes = inputs(batch=9)
    layer = EventLayer(qif(), 5, 4, weight=weights(4, 5, scale=6.0))
    together, alone = layer(spikes), layer(spikes.select([4]))
    count = int(together.mask[:, 4].sum())
    assert torch.allclose(together.times[:count, 4], alone.times[:, 0], atol=1e-12)
    single = Spikes(
        times=spikes.times.float(), neurons=spikes.neurons, mask=spikes.mask, size=5, end=spikes.end
    )
    low = layer.float()(single)
    assert torch.equal(low.mask, together.mask)
    assert torch.allclose(low.times.double(), together.times, atol=1e-3)


@pytest.mark.parametrize(
    ("train", "message"),
    [
        ([(0.5, 0), (0.2, 0)], "event 1 at 0.2 follows one at 0.5; sort the events"),
        ([(-0.1, 0)], r"time -0\.1; allowed are times from 0 to before the trial's end, 3"),
        ([(3.0, 0)], "time 3; allowed"),
        ([(math.nan, 0)], "time nan"),
        ([(0.1, 2)], "is of neuron 2; there are neurons 0 to 0"),
    ],
)
def test_impossible_spike_times_are_refused(train, message):
    """Unsorted, negative, late and NaN times, and neurons that do not exist."""
    with pytest.raises(EventError, match=message):
        Spikes.of_trains([[(0.1, 0)], train], size=1, end=END)


def test_impossible_latencies_are_refused_and_infinite_ones_are_silent():
    """NaN and negative latencies are errors; inf is a silent neuron; a trial needs a positive duration."""
    with pytest.raises(EventError, match="time nan"):
        Spikes.of_latencies(torch.tensor([[math.nan]]), end=1.0)
    with pytest.raises(EventError, match="time -1"):
        Spikes.of_latencies(torch.tensor([[-1.0]]), end=1.0)
    with pytest.raises(EventError, match="must be positive and finite"):
        Spikes.of_latencies(torch.tensor([[0.1]]), end=0.0)
    silent = Spikes.of_latencies(torch.full((2, 3), math.inf), end=1.0)
    assert silent.times.shape == (0, 2)
    for neuron in NEURONS:
        assert EventLayer(neuron, 3, 2)(silent).size == 2


def test_impossible_layers_are_refused():
    """Shapes, names, delays, neurons without exact form, and a current that never lets a neuron spike."""
    with pytest.raises(EventError, match="must be above 1/4, or it never spikes by itself; raise I_0"):
        EventLayer(theta(I_0=0.2), 3, 2)
    with pytest.raises(EventError, match="neuron lif: no exact event-based form is known"):
        EventLayer(lif(), 3, 2)
    with pytest.raises(EventError, match=r"weight has shape \(3, 2\); give \(2, 3\)"):
        EventLayer(qif(), 3, 2, weight=torch.ones(3, 2))
    with pytest.raises(EventError, match="cannot train gain"):
        EventLayer(qif(), 3, 2, trainable=("gain",))
    with pytest.raises(EventError, match="delay -1 is not allowed; a delay must be at least 0"):
        EventLayer(qif(), 3, 2, delay=-1.0)
    with pytest.raises(EventError, match="trained by its logarithm"):
        EventLayer(qif(), 3, 2, trainable=("delay",))
    with pytest.raises(EventError, match=r"delay has shape \(2,\)"):
        EventLayer(qif(), 3, 2, delay=torch.ones(2))
    with pytest.raises(EventError, match="layer second takes 3 inputs and gets 2"):
        EventNetwork({"first": EventLayer(qif(), 3, 2), "second": EventLayer(qif(), 3, 2)})
    with pytest.raises(EventError, match="1 is not below the threshold 1"):
        EventLayer(synaptic_lif(), 1, 1, initial_voltage=1.0)(one_input([0.1]))


def test_a_layer_refuses_what_it_cannot_use():
    """NaN weights, spikes of another number of neurons or dtype, and more spikes than its capacity."""
    layer = EventLayer(qif(), 5, 4, weight=weights(4, 5, scale=20.0))
    with pytest.raises(EventError, match="the spikes are of 1 neurons, 5 are needed"):
        layer(one_input([0.1]))
    with pytest.raises(EventError, match="convert one"):
        layer.float()(inputs())
    layer.double()
    with torch.no_grad():
        layer.weight[1, 2] = math.nan
    with pytest.raises(EventError, match=r"weight\[1, 2\] = nan is not finite; lower the learning rate"):
        layer(inputs())
    strong = weights(4, 5, scale=200.0)
    total = int(EventLayer(qif(), 5, 4, weight=strong)(inputs()).mask.sum(0).max())
    assert int(EventLayer(qif(), 5, 4, weight=strong, capacity=total)(inputs()).mask.sum(0).max()) == total
    with pytest.raises(EventError, match=f"has {total} spikes and capacity is {total - 1}; raise capacity"):
        EventLayer(qif(), 5, 4, weight=strong, capacity=total - 1)(inputs())
    runaway = EventLayer(
        qif(),
        5,
        4,
        weight=strong.abs(),
        recurrent_weight=torch.full((4, 4), 50.0),
        recurrent_delay=1e-3,
        capacity=99,
    )
    with pytest.raises(EventError, match="capacity"):
        runaway(inputs())
    with pytest.raises(EventError, match=r"spike 3 of every neuron needs .* pseudospikes"):
        EventLayer(qif(), 5, 4, weight=torch.zeros(4, 5))(inputs()).nth(3)
