"""A classifier's loss and gradients in one compiled call: those of its layers one after another, or of torch."""

import math
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from event_examples import DTYPE

from conductance.derivation.printers.torch import compiled
from conductance.derivation.pseudospikes import Pseudospikes
from conductance.events import EventError, EventLayer, EventNetwork, Spikes, first_spike_loss, synaptic_lif
from conductance.events.exact.pseudospikes import LEAST_DRIVE, held_drive, phase
from conductance.neurons import qif
from conductance.training.events.loss import classifier_loss

END, SIZES = 4.0, (5, 19, 4)
TRAINED = ("weight", "initial_voltage", "initial_current")


@pytest.fixture(autouse=True)
def double_precision():
    torch.set_default_dtype(DTYPE)
    yield
    torch.set_default_dtype(torch.float32)


def network(neuron, *, sizes=SIZES, strength=4.0, **changes):
    """Layers with random weights and states; half of the hidden neurons are silent."""
    random = torch.Generator().manual_seed(1)
    shared = {
        "generator": random,
        "trainable": TRAINED,
        "mean": strength / 2,
        "spread": 2 * strength,
        **changes,
    }
    layers = {}
    for depth, (inputs, size) in enumerate(pairwise(sizes)):
        layers[f"layer_{depth}"] = EventLayer(
            neuron, inputs, size, initial_voltage=0.3 * torch.randn(size, generator=random),
            initial_current=0.3 * torch.randn(size, generator=random), **shared,
        )  # fmt: skip
    return EventNetwork(layers)


def trials(batch=9, events=8):
    """Trials of unlike length, and their labels."""
    random = torch.Generator().manual_seed(2)
    times = (torch.rand(events, batch, generator=random) * END).sort(0).values
    neurons = torch.randint(SIZES[0], (events, batch), generator=random)
    mask = torch.arange(events)[:, None] < torch.randint(1, events + 1, (batch,), generator=random)
    spikes = Spikes(
        times=times.masked_fill(~mask, END), neurons=neurons.masked_fill(~mask, 0), mask=mask, size=SIZES[0], end=END
    )  # fmt: skip
    return spikes, torch.randint(SIZES[-1], (batch,), generator=random)


def by_layers(built, spikes, labels):
    return first_spike_loss(built(spikes).first(), labels, end=END, tau=0.3, regulariser=0.05)


def by_one_call(built, spikes, labels):
    return classifier_loss(built, spikes, labels, tau=0.3, regulariser=0.05)


def with_gradients(loss_of, built, *given):
    loss = loss_of(built, *given)
    names, parameters = zip(*built.named_parameters(), strict=True)
    return float(loss.detach()), dict(zip(names, torch.autograd.grad(loss, parameters), strict=True))


@pytest.mark.parametrize("sizes", [(5, 4), SIZES, (5, 19, 3, 4)], ids=len)
@pytest.mark.parametrize("neuron", [qif(tau=1.3), synaptic_lif(tau_m=1.3)], ids=lambda neuron: neuron.name)
@pytest.mark.parametrize("threads", [1, 2])
def test_one_call_is_torch_layer_by_layer(neuron, sizes, threads, monkeypatch):
    """Loss and all gradients agree with torch's to rounding, through spikes and pseudospikes of one to three layers."""
    monkeypatch.setattr("conductance.events.compiled.operator.SMALL", 0)
    kept = torch.get_num_threads()
    torch.set_num_threads(threads)
    given = trials()
    # a leaky neuron needs a stronger input
    strength = 4.0 if neuron.name == "qif" else 9.0
    shared = {"sizes": sizes, "strength": strength, "sharpness": 1.0}
    literal, expected = with_gradients(by_layers, network(neuron, **shared, backend="torch"), *given)
    loss, found = with_gradients(by_one_call, network(neuron, **shared, backend="c"), *given)
    torch.set_num_threads(kept)
    assert loss == pytest.approx(literal, rel=1e-10)
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-6, atol=1e-9, msg=name)


def test_the_call_is_taken_where_it_fits_and_only_there(monkeypatch):
    """A delay, another back end, or input times that want a gradient: the layers compute the same loss."""
    spikes, labels = trials()
    monkeypatch.setattr("conductance.events.compiled.ClassifierLoss.__call__", lambda *_: torch.tensor(-1.0))
    assert float(by_one_call(network(qif()), spikes, labels)) == -1.0
    moving = replace(spikes, times=spikes.times.clone().requires_grad_())
    for built, given in (
        (network(qif(), delay=0.1), spikes),
        (network(qif(), backend="torch"), spikes),
        (network(qif()), moving),
    ):
        assert float(by_one_call(built, given, labels).detach()) == pytest.approx(
            float(by_layers(built, given, labels).detach()), rel=1e-12
        )


def test_more_spikes_than_expected_get_room():
    """Weights that make every neuron spike dozens of times lose no spike."""
    given = trials(batch=3)
    loss, found = with_gradients(by_one_call, network(qif(), strength=300.0, backend="c"), *given)
    literal, expected = with_gradients(by_layers, network(qif(), strength=300.0, backend="torch"), *given)
    assert loss == pytest.approx(literal, rel=1e-8)
    scale = max(float(gradient.abs().max()) for gradient in expected.values())
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-5, atol=1e-7 * scale, msg=name)


def test_bad_weights_and_labels_are_refused():
    """The message names the layer and its weight, and the label's range."""
    spikes, labels = trials()
    built = network(qif())
    with pytest.raises(EventError, match="label is of no output neuron"):
        by_one_call(built, spikes, labels + 10)
    with torch.no_grad():
        built.layers["layer_1"].weight[2, 3] = torch.nan
    with pytest.raises(EventError, match=r"19 to 4: weight\[2, 3\] = nan is not finite"):
        by_one_call(built, spikes, labels)


@pytest.mark.parametrize("sharpness", [1.0, 10.0])
def test_the_program_of_pseudospikes_is_their_equation(sharpness):
    """Phase and period, and their slopes, as torch has them, from strong inhibition to strong excitation."""
    angle = torch.linspace(-1.57, 1.57, 41).repeat(61, 1).requires_grad_()
    held = torch.linspace(-3, 9, 61)[:, None].expand(-1, 41).clone().requires_grad_()
    expected = phase(angle, held_drive(held, sharpness), 1.3)
    by_angle, by_current = torch.autograd.grad(expected[0].sum(), (angle, held), retain_graph=True)
    (period_slope,) = torch.autograd.grad(expected[1].sum(), held)
    programs = Pseudospikes(tau=1.3, sharpness=sharpness, least=LEAST_DRIVE)
    with torch.no_grad():
        root, root_slope = compiled(programs.drive, "drive")(held)
        p, q = torch.sin(angle), torch.cos(angle)
        found = compiled(programs.rest, "rest")(p, q, root)
    pairs = zip(
        (found[0], found[1], found[2], found[3] * root_slope, found[4] * root_slope),
        (*expected, by_angle, by_current, period_slope),
        strict=True,
    )
    for ours, theirs in pairs:
        torch.testing.assert_close(ours, theirs.detach(), rtol=1e-7, atol=1e-9)


def test_the_softplus_has_both_published_readings():
    """Sharpness s is log(1 + exp(s I))/s: 10 is the sharp reading, 1/10 is alpha log(1 + exp(I/alpha)), alpha = 10."""
    current = torch.linspace(-1.2, 4, 27)
    torch.testing.assert_close(held_drive(current, 10.0), torch.log1p(torch.exp(10 * current)) / 10)
    torch.testing.assert_close(held_drive(current, 0.1), 10 * torch.log1p(torch.exp(current / 10)))
    assert float(held_drive(torch.zeros(()), 0.1)) == pytest.approx(10 * math.log(2))
