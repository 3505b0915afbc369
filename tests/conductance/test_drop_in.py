"""QIF and LIF layers stand in for each other, and mix in one network, on a time grid as by events."""

import itertools

import pytest
import torch

from conductance.events import EventLayer, EventNetwork, Spikes, synaptic_lif
from conductance.layers import NeuronLayer, Projection
from conductance.layers.base import ShapeError
from conductance.networks import Network
from conductance.neurons import lif, mtc, qif

NEURONS = {neuron.name: neuron for neuron in (qif(), lif(), synaptic_lif(), mtc())}


@pytest.mark.parametrize(("below", "above"), list(itertools.product(NEURONS, repeat=2)))
def test_layers_on_a_time_grid_mix(below, above):
    """Any neuron's output drives any other through a projection, and the first weights get a gradient."""
    random = torch.Generator().manual_seed(0)
    network = Network(
        {
            "in": Projection(2, 4, generator=random), "below": NeuronLayer(NEURONS[below], 4, dt=0.1),
            "between": Projection(4, 3, generator=random), "above": NeuronLayer(NEURONS[above], 3, dt=0.1),
        }
    )  # fmt: skip
    record = {}
    outputs, _ = network(4 * torch.rand(60, 2, 2, generator=random), record=record)
    assert outputs.shape == (60, 2, 3)
    outputs.sum().backward()
    assert bool(network.layers["in"].weight.grad.isfinite().all())


@pytest.mark.parametrize(("first", "second"), [(qif(), synaptic_lif()), (synaptic_lif(), qif())])
def test_one_neuron_replaces_another_in_one_word(first, second):
    """The same weights, shapes and calls serve both neurons; only the spikes differ."""
    weight = torch.tensor([[6.0, 1.0], [0.5, 9.0]])
    spikes = Spikes.of_latencies(torch.tensor([[0.3, 0.8], [1.2, 0.1]]), end=4.0)
    one, other = (
        EventNetwork({"only": EventLayer(neuron, 2, 2, weight=weight)})(spikes) for neuron in (first, second)
    )
    assert one.size == other.size == 2 and one.end == other.end
    assert not torch.equal(one.nth(0), other.nth(0))


def test_an_event_layer_in_a_network_on_a_time_grid_is_refused_by_name():
    """Spike times are no values per step: the error names the layer and the bridge."""
    with pytest.raises(ShapeError, match=r"layer hidden is a EventLayer.*Spikes\.binned"):
        Network({"in": Projection(2, 3), "hidden": EventLayer(qif(), 3, 3)})
