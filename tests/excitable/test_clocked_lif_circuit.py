"""LIF neurons of a time grid as clocked circuits: a spike lasts one step, whatever the library's conventions."""

import numpy as np
import pytest
import torch

from conductance.layers import NeuronLayer, Projection
from conductance.networks import Network
from conductance.neurons import clocked_lif
from excitable.ladder.maps import compare_sampled, model_steps, simulate_sampled

CONVENTIONS = {
    "snntorch Leaky": dict(beta=0.8),
    "spikingjelly LIFNode": dict(
        beta=0.75, gain=0.25, theta=0.2, reset="value", when="at_once", inclusive=True
    ),
    "snntorch Synaptic": dict(beta=0.7, alpha=0.6, current="new"),
    "refractory": dict(beta=0.9, theta=0.7, reset="value", when="at_once", refractory=2),
    "Norse LIFCell": dict(
        beta=0.8, gain=0.2, alpha=0.6, current="new", theta=0.3, reset="value", when="at_once"
    ),
}


@pytest.mark.simulator
@pytest.mark.parametrize("name", CONVENTIONS)
def test_at_least_99_percent_of_the_spikes_are_in_the_same_step(name):
    """Two layers in depth, forty steps of random input: spikes of the netlist against the model in double precision."""
    generator = torch.Generator().manual_seed(2)
    neuron = clocked_lif(**CONVENTIONS[name])
    network = Network({
        "in": Projection(2, 6, generator=generator), "first": NeuronLayer(neuron, 6, dt=1.0),
        "between": Projection(6, 3, generator=generator), "second": NeuronLayer(neuron, 3, dt=1.0),
    })  # fmt: skip
    with torch.no_grad():
        for projection in ("in", "between"):
            network.chain[projection].weight.mul_(2.0)
            network.chain[projection].bias.fill_(0.15)
    inputs = np.random.default_rng(0).uniform(0, 1, size=(40, 1, 2))
    found = compare_sampled(network, model_steps(network, inputs), simulate_sampled(network, inputs))
    assert found.spikes >= 30
    assert found.differing <= 0.01 * found.spikes
    assert found.median < 1e-2
