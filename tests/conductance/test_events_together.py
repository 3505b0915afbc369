"""Input spikes of one time arrive as one: nothing changes but the number of arrivals."""

from dataclasses import replace

import pytest
import torch

from conductance.events import EventLayer, Spikes, synaptic_lif, theta
from conductance.events.network import EventNetwork
from conductance.events.together import together
from conductance.neurons import qif
from conductance.training.events.loss import classifier_loss

END, INPUTS = 4.0, 12


@pytest.fixture(autouse=True)
def double_precision():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def images(levels=3, batch=5):
    """Trials of few spike times, of which the last has no spike at all."""
    random = torch.Generator().manual_seed(0)
    times = torch.randint(levels, (batch, INPUTS), generator=random).double() * 0.7 + 0.1
    times[torch.rand(times.shape, generator=random) < 0.2] = torch.inf
    times[-1] = torch.inf
    return Spikes.of_latencies(times, end=END)


def test_charges_of_one_time_are_added():
    """Weight columns of spikes at one time are summed in order of time, and padding comes behind."""
    spikes = Spikes.of_latencies(
        torch.tensor([[1.0, 2.0, 1.0, 1.0], [torch.inf, 3.0, torch.inf, 3.0]]), end=END
    )
    weight = torch.tensor([[1.0, 10.0, 100.0, 1000.0], [2.0, 3.0, 5.0, 7.0]])
    times, neurons, mask, charges = together(spikes.times, spikes.neurons, spikes.mask, weight)
    assert times.tolist() == [[1.0, 3.0], [2.0, END]]
    assert mask.tolist() == [[True, True], [True, False]]
    assert charges[:, neurons[mask]].T.tolist() == [[1101.0, 14.0], [1010.0, 10.0], [10.0, 3.0]]


def test_times_that_differ_and_times_with_gradients_stay():
    """Where nothing is saved, or a time's gradient would be lost, what was given comes back."""
    apart = Spikes.of_latencies(torch.tensor([[0.1, 0.2, 0.3]]), end=END)
    given = (apart.times, apart.neurons, apart.mask, torch.ones(1, 3))
    assert together(*given) is given or together(*given)[0] is apart.times
    alike = Spikes.of_latencies(torch.full((1, 3), 0.1), end=END)
    times = alike.times.clone().requires_grad_()
    assert together(times, alike.neurons, alike.mask, torch.ones(1, 3))[0] is times


@pytest.mark.parametrize("neuron", [qif(), theta(I_0=1.25), synaptic_lif()], ids=lambda neuron: neuron.name)
def test_a_layer_hears_the_same(neuron, monkeypatch):
    """Spikes, loss and gradients of a classifier agree with those of single arrivals, and with torch's oracle."""
    spikes, labels = images(), torch.tensor([0, 1, 2, 1, 0])
    random = torch.Generator().manual_seed(3)
    shared = {"generator": random, "trainable": ("weight", "initial_voltage"), "mean": 4.0, "spread": 6.0}
    network = EventNetwork(
        {"hidden": EventLayer(neuron, INPUTS, 9, **shared), "output": EventLayer(neuron, 9, 3, **shared)}
    )

    def measured():
        loss = classifier_loss(network, spikes, labels)
        return [network(spikes).first(), loss, *torch.autograd.grad(loss, list(network.parameters()))]

    assert (
        together(spikes.times, spikes.neurons, spikes.mask, network.layers["hidden"].weight)[0].shape[0] == 3
    )
    found = measured()
    for layer in network.layers.values():
        layer.backend = "torch"
    oracle = measured()
    for layer in network.layers.values():
        layer.backend = "auto"
    monkeypatch.setattr("conductance.events.layer.together", lambda *given: given)
    monkeypatch.setattr("conductance.training.events.loss.together", lambda *given: given)
    for mine, single, slow in zip(found, measured(), oracle, strict=True):
        torch.testing.assert_close(mine, single, rtol=1e-9, atol=1e-12)
        torch.testing.assert_close(mine, slow, rtol=1e-6, atol=1e-9)


def test_a_batch_without_spikes_is_heard():
    """No arrival at all, in any trial."""
    silent = images().select([4])
    layer = EventLayer(qif(), INPUTS, 2, weight=torch.zeros(2, INPUTS))
    assert layer(silent).mask.shape[0] == 0
    assert layer(replace(images(), mask=torch.zeros_like(images().mask))).mask.shape[0] == 0
