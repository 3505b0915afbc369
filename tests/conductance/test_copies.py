"""Declarations and layers are copied and pickled whole: for averaged models, worker processes and torch.save."""

import copy
import io
import pickle

import pytest
import torch
from declared import NEURONS, dt_of, methods_of

from conductance.deep.networks import digits_network
from conductance.deep.neurons import NeuronOptions
from conductance.events import EventLayer, EventNetwork, synaptic_lif
from conductance.frozen import FrozenMapping
from conductance.layers import NeuronLayer
from conductance.networks import RECIPES, series_network
from conductance.neurons import dlif, qif
from conductance.neurons.presets import PRESETS
from conductance.shaping.rules import RULES


def _pickled(value):
    return pickle.loads(pickle.dumps(value))


@pytest.mark.parametrize("name", NEURONS)
def test_a_copied_layer_steps_alike(name):
    """A deep copy and an unpickled layer give the outputs of the first, bit for bit, and own their numbers."""
    method = methods_of(NEURONS[name])[0]
    layer = NeuronLayer(
        NEURONS[name],
        3,
        dt=dt_of(NEURONS[name], method, 0.05),
        method=method,
        trainable=[NEURONS[name].parameters[0].name],
        backend="eager",
    )
    inputs = torch.randn(20, 2, 3, generator=torch.Generator().manual_seed(0))
    given = layer(inputs)[0]
    for made in (copy.deepcopy(layer), _pickled(layer)):
        assert torch.equal(made(inputs)[0], given)
        with torch.no_grad():
            next(made.parameters()).add_(1.0)
        assert not torch.equal(next(made.parameters()), next(layer.parameters()))


@pytest.mark.parametrize(
    "value",
    [*NEURONS.values(), *PRESETS.values(), *RECIPES.values(), *RULES],
    ids=lambda value: repr(value)[:40],
)
def test_a_pickled_declaration_is_equal(value):
    """What a worker process receives is the declaration that was sent."""
    assert _pickled(value) == value
    assert copy.deepcopy(value) == value


def test_an_averaged_model_follows_the_mean_of_the_weights():
    """torch's AveragedModel, which copies deeply, averages a network of conductance neurons."""
    network = series_network(RECIPES["mtc"], inputs=1, hidden=3, outputs=1, dt=0.2, low_pass_tau=2.0)
    averaged = torch.optim.swa_utils.AveragedModel(network)
    averaged.update_parameters(network)
    first = {name: value.detach().clone() for name, value in network.named_parameters()}
    with torch.no_grad():
        for value in network.parameters():
            value.add_(1.0)
    averaged.update_parameters(network)
    for name, value in averaged.module.named_parameters():
        assert torch.allclose(value, first[name] + 0.5)


def test_whole_networks_of_spikes_are_saved_by_torch():
    """torch.save and torch.load give networks of events and of images back with the same answers."""
    images = digits_network(NeuronOptions(neuron=dlif(), window="fixed")).eval()
    events = EventNetwork(
        {
            "hidden": EventLayer(qif(), inputs=2, size=3),
            "output": EventLayer(synaptic_lif(), inputs=3, size=2),
        }
    )
    for network in (images, events):
        file = io.BytesIO()
        torch.save(network, file)
        file.seek(0)
        loaded = torch.load(file, weights_only=False)
        for name, value in network.state_dict().items():
            assert torch.equal(loaded.state_dict()[name], value)
        assert str(loaded) == str(network)


def test_a_frozen_mapping_is_its_entries_and_does_not_change():
    """It is equal to the dictionary of its entries, keeps their order, and follows no later change of it."""
    entries = {"b": 1, "a": 2}
    frozen = FrozenMapping(entries)
    entries["c"] = 3
    assert frozen == {"b": 1, "a": 2}
    assert list(frozen) == ["b", "a"]
    with pytest.raises(TypeError):
        frozen["b"] = 5
