"""A trained network of images as a chain of projections and neurons."""

import pytest
import torch

from conductance.deep.folding import features, folded
from conductance.deep.networks import dense_network, digits_network
from conductance.deep.neurons import DeepError, NeuronOptions
from conductance.neurons import dlif, dqif


@pytest.mark.parametrize("norm", ["tdbn", "none"])
@pytest.mark.parametrize("neuron", [dqif(), dlif()], ids=lambda neuron: neuron.name)
def test_a_folded_network_answers_the_mean_of_the_trained_one(neuron, norm):
    """tdBN's running statistics go into the weights; the accumulator ends at the mean answer over the steps."""
    torch.manual_seed(0)
    network = dense_network(NeuronOptions(neuron=neuron, norm=norm), steps=5, hidden=8)
    images = torch.rand(16, 1, 8, 8)
    for _ in range(3):
        network(images)  # moves the running statistics
    network.eval()
    with torch.no_grad():
        answers = network(images).mean(0)
        outputs, _ = folded(network)(features(network, images))
    assert outputs.shape == (5, 16, 10)
    assert torch.allclose(outputs[-1], answers, atol=1e-5)
    assert answers.std() > 0.01


def test_convolutions_cannot_be_folded():
    """The error names the layer and the network that can."""
    with pytest.raises(DeepError, match=r"Sequential has no place.*dense"):
        folded(digits_network(NeuronOptions()))
