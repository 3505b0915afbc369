"""Deep networks: tdBN, windows, losses, neurons counted, energy, and gradients through all of it."""

import math

import pytest
import torch
import torch.distributed as processes
from torch import nn

from conductance.deep.blocks import EveryStep, ResidualBlock
from conductance.deep.energy import AC, MAC, EnergyCount, LayerCount, count_energy, degree_of
from conductance.deep.losses import accuracy, rate_loss, tet_loss
from conductance.deep.networks import NETWORKS, count_neurons, digits_network, resnet19, vgg_snn
from conductance.deep.neurons import DeepError, ImageNeurons, NeuronOptions
from conductance.deep.normalisation import ThresholdBatchNorm
from conductance.derivation.window import Window
from conductance.layers import NeuronLayer
from conductance.layers.base import ShapeError
from conductance.neurons import dlif, dqif, lif

LEAKY = NeuronOptions(neuron=dlif(), window="fixed")


def test_tdbn_gives_every_channel_the_threshold_as_its_spread():
    """Over time, batch, rows and columns together: mean 0, standard deviation alpha V_th; steps may differ."""
    values = torch.randn(5, 4, 3, 6, 6) * torch.arange(1, 6).view(5, 1, 1, 1, 1) + 7
    made = ThresholdBatchNorm(3, scale=0.35)(values)
    assert made.mean((0, 1, 3, 4)).abs().max() < 1e-5
    assert made.std((0, 1, 3, 4)).tolist() == pytest.approx([0.35] * 3, rel=1e-3)
    assert made[4].std() > 3 * made[0].std()


def test_tdbn_in_use_is_a_fixed_affine_map():
    """After training its statistics are the running ones: an image's result does not depend on its batch."""
    layer = ThresholdBatchNorm(2, scale=0.5)
    for _ in range(200):
        layer(2 * torch.randn(3, 8, 2, 4, 4) + 1)
    layer.eval()
    one = torch.randn(3, 1, 2, 4, 4)
    others = torch.cat([one, torch.randn(3, 5, 2, 4, 4)], dim=1)
    assert torch.allclose(layer(others)[:, :1], layer(one), atol=1e-6)
    assert (layer(one) - (one - 1) / 2 * 0.5).abs().max() < 0.1


def test_tdbn_over_processes_is_tdbn():
    """With one process the sums over processes give torch's own outputs and statistics, unbiased variance included."""
    values = 3 * torch.randn(2, 2, 3, 1, 1) + 1
    alone, shared = ThresholdBatchNorm(3, scale=0.5), ThresholdBatchNorm(3, scale=0.5)
    wanted = alone(values)
    processes.init_process_group("gloo", store=processes.HashStore(), rank=0, world_size=1)
    try:
        made = shared(values)
    finally:
        processes.destroy_process_group()
    assert torch.allclose(made, wanted, atol=1e-6)
    assert torch.allclose(shared.running_mean, alone.running_mean, atol=1e-6)
    assert torch.allclose(shared.running_var, alone.running_var, atol=1e-6)


@pytest.mark.parametrize("sharing", ["layer", "channel"])
def test_neurons_of_images_are_a_layer_of_single_neurons(sharing):
    """Every pixel of every channel steps alone, with its channel's values: against one neuron per pixel."""
    options = NeuronOptions(sharing=sharing, trainable=("a", "u2"))
    made = ImageNeurons(3, options)
    if sharing == "channel":
        with torch.no_grad():
            made.layer.raw_a.copy_(torch.log(torch.tensor([0.1, 0.25, 0.45])))
    currents = torch.randn(6, 2, 3, 4, 5)
    values = {name: v.expand(3).repeat_interleave(20).detach() for name, v in made.layer.values().items()}
    single = NeuronLayer(dqif(), 60, dt=1.0, values=values, backend="eager")
    wanted, _ = single(currents.reshape(6, 2, 60))
    assert torch.equal(made(currents), wanted.reshape(currents.shape))
    assert 0.05 < wanted.mean() < 0.5


def test_the_analytic_window_is_the_derived_one_and_follows_training():
    """At the start mu_u and sigma_u of s = alpha V_th; after a change of a, those of the new a."""
    made = ImageNeurons(2, NeuronOptions(trainable=("a",), alpha=0.8))
    assert [float(x) for x in made.window()] == pytest.approx(Window(dqif())(0.4), rel=1e-5)
    with torch.no_grad():
        made.layer.raw_a.fill_(math.log(0.4))
    made.settle()
    assert [float(x) for x in made.window()] == pytest.approx(Window(dqif(a=0.4))(0.4), rel=1e-5)


def test_the_measured_window_finds_the_voltages_and_needs_no_tdbn():
    """Inputs far from tdBN's, N(0.3, 0.2): while training the window becomes the voltage's mean and spread."""
    made = ImageNeurons(2, NeuronOptions(window="measured"))
    before = made.window()
    made.eval()(torch.randn(4, 2, 2, 4, 4))
    assert torch.equal(torch.stack(made.window()), torch.stack(before))
    made.train()
    for _ in range(60):
        made(0.2 * torch.randn(8, 16, 2, 8, 8) + 0.3)
    record = []
    made.layer((0.2 * torch.randn(8, 5000, 1) + 0.3), record=record)
    voltages = torch.stack([states[0] for states in record])
    wanted = [float(voltages.mean()), float(voltages.std())]
    assert [float(x) for x in made.window()] == pytest.approx(wanted, abs=0.01)


def test_a_fixed_window_lies_around_the_threshold():
    """mu_u = u_th, sigma_u = the half width that was asked for; the slope of a spike is 1 inside and 0 outside."""
    made = ImageNeurons(1, NeuronOptions(window="fixed", half_width=0.2))
    assert [float(x) for x in made.window()] == pytest.approx([0.5, 0.2])
    currents = torch.tensor([0.25, 0.31, 0.69, 0.75]).view(1, 1, 1, 4).requires_grad_()
    made(currents).sum().backward()
    assert currents.grad.flatten().tolist() == [0, 1, 1, 0]


DEEPEST = ("resnet19", "resnet34")
"""Networks that take seconds for a step."""


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.slow] if name in DEEPEST else []) for name in NETWORKS],
)
def test_every_network_takes_both_neurons_and_trains_a_step(name):
    """One option makes it DQIF or leaky; every weight gets a finite gradient, and most gradients are not zero."""
    size = {"resnet19": 8, "resnet34": 32, "vgg_snn": 16, "digits": 8, "dense": 8}[name]
    for options in (NeuronOptions(), LEAKY):
        network = NETWORKS[name](options, classes=7, channels=2, steps=2)
        answers = network(torch.randn(2, 2, size, size))
        assert answers.shape == (2, 2, 7)
        tet_loss(answers, torch.tensor([0, 6])).backward()
        gradients = [parameter.grad for parameter in network.parameters()]
        assert all(gradient is not None and torch.isfinite(gradient).all() for gradient in gradients)
        assert sum(bool(gradient.any()) for gradient in gradients) > 0.6 * len(gradients)


def test_the_leaky_twin_has_an_analytic_window():
    """Its moments: mean 0, variance s^2/(1 - decay^2), whose first is a plain number for every parameter."""
    middle, half_width = ImageNeurons(4, NeuronOptions(neuron=dlif())).window()
    assert middle.tolist() == pytest.approx([0.0])
    assert half_width.tolist() == pytest.approx([(0.25 / 0.75) ** 0.5])


@pytest.mark.slow
def test_resnet19_has_1442048_neurons_on_32_by_32():
    """Counted in the running network: 7 layers of 128 x 32^2, 6 of 256 x 16^2, 4 of 512 x 8^2, one of 256."""
    network = resnet19(NeuronOptions(), steps=1).eval()
    assert count_neurons(network, torch.randn(1, 3, 32, 32)) == 1_442_048


def test_energy_is_counted_by_layer():
    """A spiking 1 x 1 layer on a known pattern: products, share of spikes, and 4.6 pJ or 0.9 pJ for each."""
    network = digits_network(NeuronOptions(), steps=3)
    count = count_energy(network, torch.randn(2, 1, 8, 8))
    first, second, dense, readout = count.layers
    assert (first.products, first.spiking) == (16 * 64 * 9, False)
    assert (second.products, second.spiking) == (32 * 16 * 16 * 9, True)
    assert (dense.products, readout.products) == (512 * 64, 640)
    assert count.neurons == 16 * 64 + 32 * 16 + 64
    plain = EnergyCount(
        layers=(
            LayerCount(name="image", products=100, activity=0.7, spiking=False),
            LayerCount(name="spikes", products=1000, activity=0.3, spiking=True),
        ),
        neurons=50,
        degree=2,
    )
    assert plain.energy() == pytest.approx(100 * MAC + 300 * AC + 100 * MAC)
    assert plain.energy(rate=0.1) == pytest.approx(100 * MAC + 100 * AC + 100 * MAC)
    assert (degree_of(dqif()), degree_of(dlif())) == (2, 1)


def test_the_overhead_of_dqif_in_resnet19():
    """2.9 % at a rate of 0.10, 1.5 % at 0.20, 0.9 % at 0.35: one multiply-accumulate more per neuron and step."""
    count = count_energy(resnet19(NeuronOptions(), steps=1), torch.randn(1, 3, 32, 32))
    found = [100 * count.overhead(rate=rate) for rate in (0.10, 0.20, 0.35)]
    assert found == pytest.approx([2.9, 1.5, 0.9], abs=0.05)
    assert count_energy(resnet19(LEAKY, steps=1), torch.randn(1, 3, 32, 32)).overhead() == 0


def test_losses_by_hand():
    """Rate: cross-entropy of the mean. TET: mean of the cross-entropies and of the squares, weighted."""
    answers = torch.tensor([[[2.0, 0.0]], [[0.0, 1.0]]])
    label = torch.tensor([0])
    assert float(rate_loss(answers, label)) == pytest.approx(math.log(1 + math.exp(-0.5)))
    entropy = (math.log(1 + math.exp(-2)) + math.log(1 + math.exp(1))) / 2
    squares = (1 + 1 + 1 + 0) / 4
    assert float(tet_loss(answers, label, weight=0.2)) == pytest.approx(0.8 * entropy + 0.2 * squares)
    assert accuracy(answers, label) == 1.0
    with pytest.raises(ShapeError, match=r"\(time, batch, class\)"):
        tet_loss(answers, torch.tensor([0, 1]))


def test_images_are_shown_at_every_step_and_events_as_they_come():
    """Direct encoding is the same as frames that repeat the image."""
    network = vgg_snn(NeuronOptions(), channels=2, steps=3).eval()
    images = torch.randn(2, 2, 16, 16)
    assert torch.equal(network(images), network(images.unsqueeze(0).repeat(3, 1, 1, 1, 1)))


def test_a_residual_block_adds_two_halves_of_variance():
    """1/sqrt 2 in the second convolution and the shortcut: together the neurons see alpha V_th."""
    block, seen = ResidualBlock(4, 8, NeuronOptions(), stride=2), []
    block.neurons.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    block((torch.rand(4, 64, 4, 8, 8) < 0.2).float())
    assert float(seen[0].detach().std()) == pytest.approx(0.5, rel=0.15)


def test_a_step_of_training_that_leaves_the_stable_region_never_reaches_the_neuron():
    """Values hold the relation whatever the raw parameter: only what broke it moves, no further than needed."""
    layer = NeuronLayer(dqif(), 3, dt=1.0, trainable=("a", "u1", "u2"))
    with torch.no_grad():
        layer.raw_u2[1] = 30.0
    layer.check_values()
    values = layer.values()
    assert values["u2"].tolist()[::2] == [0.5, 0.5]
    assert float(values["u2"][1].detach()) == pytest.approx(4, abs=1e-5)  # 1 + 2 a u2 + (a u2)^2 = 4 there


def test_time_is_folded_into_the_batch():
    """A layer of every step is the layer applied to each step alone."""
    layer = nn.Conv2d(2, 3, 3)
    values = torch.randn(4, 2, 2, 6, 6)
    wanted = torch.stack([layer(step) for step in values])
    assert torch.allclose(EveryStep(layer)(values), wanted, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_mixed_precision_reaches_the_convolutions_only(dtype):
    """Neurons step in float32 and hand on what they got; gradients stay finite."""
    network = digits_network(NeuronOptions())
    with torch.autocast("cpu", dtype=dtype):
        answers = network(torch.randn(3, 1, 8, 8))
        loss = tet_loss(answers.float(), torch.tensor([1, 2, 3]))
    loss.backward()
    assert answers.dtype == dtype
    assert all(torch.isfinite(parameter.grad).all() for parameter in network.parameters())


def test_wrong_shapes_and_options_are_refused_in_words():
    """Channels, dimensions, neurons without a window, windows that do not exist, trained windows."""
    network = digits_network(NeuronOptions())
    with pytest.raises(ShapeError, match=r"images \(batch, 1, row, column\)"):
        network(torch.randn(2, 3, 8, 8))
    with pytest.raises(ShapeError, match="has shape"):
        network(torch.randn(8, 8))
    with pytest.raises(ShapeError, match="tdBN"):
        ThresholdBatchNorm(3, 0.5)(torch.randn(2, 2, 4, 3, 3))
    with pytest.raises(DeepError, match=r"dqif\(\) or dlif\(\)"):
        NeuronOptions(neuron=lif())
    with pytest.raises(DeepError, match="window 'guess' is unknown"):
        NeuronOptions(window="guess")
    with pytest.raises(DeepError, match="the window has no gradient"):
        NeuronOptions(trainable=("mu_u",))
    with pytest.raises(DeepError, match="half_width = 0"):
        NeuronOptions(half_width=0.0)
