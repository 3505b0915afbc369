"""A layer does what torch's own do: in Sequential, batch first, autocast, compiled, checkpointed, reset."""

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from conductance.kernels.backend import FEW, BackendError, kernel_name
from conductance.layers import BatchFirst, NeuronLayer, Projection, Recurrence
from conductance.layers.base import ShapeError
from conductance.networks import Network
from conductance.networks.chain import NetworkError
from conductance.neurons import adlif, lif, mtc
from conductance.neurons.noisy import noisy
from conductance.parameter import ParameterError

STEPS, BATCH, NEURONS = 40, 3, 6
KINDS = {"plain": None, "output": "output", "membrane": "um"}


def made(kind: str, backend: str = "auto", neuron=None, **more) -> NeuronLayer:
    weight = 0.5 * torch.randn(NEURONS, NEURONS, generator=torch.Generator().manual_seed(1))
    recurrent = None if KINDS[kind] is None else Recurrence(weight, source=KINDS[kind])
    neuron = lif() if neuron is None else neuron
    return NeuronLayer(
        neuron, NEURONS, dt=0.2, trainable=["tau_m"], backend=backend, recurrent=recurrent, **more
    )


def inputs(dtype=torch.float32) -> torch.Tensor:
    return (3 * torch.randn(STEPS, BATCH, NEURONS, generator=torch.Generator().manual_seed(0))).to(dtype)


def linear() -> nn.Linear:
    made = nn.Linear(NEURONS, NEURONS)
    with torch.no_grad():
        made.bias.zero_()
        made.weight.copy_(torch.randn(NEURONS, NEURONS, generator=torch.Generator().manual_seed(2)))
    return made


def gradients(loss: torch.Tensor, module: nn.Module) -> list[torch.Tensor]:
    return list(torch.autograd.grad(loss, list(module.parameters())))


def shares(values: torch.Tensor) -> torch.Tensor:
    """Another weight for every number, so that none can stand for another."""
    return torch.linspace(0.5, 1.5, values.numel(), dtype=values.dtype).view_as(values)


@pytest.mark.parametrize("kind", KINDS)
def test_a_layer_in_sequential_gives_its_output_alone(kind):
    """Linear, neurons, Linear in a row: the gradients of all are those of the eager step."""
    found = []
    for backend in ("c", "eager"):
        first, last = linear(), linear()
        model = nn.Sequential(first, made(kind, backend, output_only=True), last)
        output = model(inputs())
        assert isinstance(output, torch.Tensor) and output.shape == (STEPS, BATCH, NEURONS)
        found.append([output, *gradients((output * shares(output)).sum(), nn.ModuleList([first, model[1]]))])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


def test_a_network_refuses_a_layer_that_keeps_its_states_back():
    with pytest.raises(NetworkError, match="layer lif returns its output alone"):
        Network({"lif": made("plain", output_only=True)})


def test_batch_first_turns_the_input_and_the_output_and_nothing_else():
    """The same numbers in the other order, for a layer, a network and a chain; states and names go through."""
    x = inputs()
    network = Network({"in": Projection(NEURONS, NEURONS), "lif": made("plain")})
    for module in (made("output"), network, nn.Sequential(linear(), made("plain", output_only=True))):
        plain, turned = module(x), BatchFirst(module)(x.transpose(0, 1))
        if isinstance(plain, tuple):
            assert str(plain[1]) == str(turned[1])
            plain, turned = plain[0], turned[0]
        assert turned.shape == (BATCH, STEPS, NEURONS)
        assert torch.equal(turned.transpose(0, 1), plain)
    record: dict = {}
    BatchFirst(network)(x.transpose(0, 1), record=record)
    assert set(record) == {"in", "lif", "lif.states"}
    with pytest.raises(ShapeError, match=r"give a tensor \(batch, time, feature\)"):
        BatchFirst(network)(x[0])
    with pytest.raises(ShapeError, match=r"the module is NeuronLayer; give a layer, as BatchFirst"):
        BatchFirst(NeuronLayer)
    for wanted in ("record", "voltages"):
        with pytest.raises(ParameterError, match=f"layer lif: {wanted} is a bool; give an empty list"):
            made("plain")(x, **{wanted: True})


@pytest.mark.parametrize("kind", KINDS)
def test_autocast_steps_in_full_precision_and_gives_the_narrow_type(kind):
    """The same output and gradients as the eager step under the same autocast."""
    found = []
    for backend in ("c", "eager"):
        model = nn.Sequential(linear(), made(kind, backend, output_only=True))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            output = model(inputs())
        assert output.dtype == torch.bfloat16
        found.append([output, *gradients((output.float() * shares(output.float())).sum(), model)])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize("neuron", [mtc(), noisy(lif(), {"leak": 0.3})], ids=["mtc", "noisy"])
@pytest.mark.parametrize("kind", ["plain", "output"])
def test_checkpointing_gives_the_same_gradients(kind, neuron):
    """Computed again in the backward pass, bit by bit, noise included: its seed is torch's own."""
    layer, found = made(kind, neuron=neuron), []
    for called in (layer, lambda x: checkpoint(layer, x, use_reentrant=False)):
        torch.manual_seed(5)
        x = inputs().requires_grad_()
        output, _ = called(x)
        found.append(
            [output, *torch.autograd.grad((output * shares(output)).sum(), [x, *layer.parameters()])]
        )
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["plain", "output"])
def test_a_compiled_model_has_the_same_gradients(kind):
    """`torch.compile` around Linear and neurons, voltages included; the kernel is one operator of its graph."""
    model = nn.Sequential(linear(), made(kind, "c", output_only=True))

    def course(x):
        voltages: list = []
        made_of = model[1](model[0](x), voltages=voltages)
        return made_of, voltages[0]

    found = []
    for called in (course, torch.compile(course, fullgraph=True)):
        output, voltages = called(inputs())
        loss = (output * shares(output)).sum() + (voltages.square() * shares(voltages)).sum()
        found.append([output, voltages, *gradients(loss, model)])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("neuron", [lif(), mtc(), adlif()], ids=lambda each: each.name)
@pytest.mark.parametrize("kind", KINDS)
def test_a_loss_on_voltages_stays_on_the_kernel(kind, neuron):
    """Voltages beside the output, and the gradients of a loss on both, by input and parameters: those of autograd."""
    torch.set_default_dtype(torch.float64)
    try:
        found = []
        for backend in ("c", "eager"):
            layer, voltages = made(kind, backend, neuron), []
            x = inputs(torch.float64).requires_grad_()
            output, _ = layer(x, voltages=voltages)
            (course,) = voltages
            loss = (output * shares(output)).sum() + (course.square() * shares(course)).sum()
            alone = torch.autograd.grad(course.sum(), x, retain_graph=True)
            found.append([output, course, *alone, *torch.autograd.grad(loss, [x, *layer.parameters()])])
    finally:
        torch.set_default_dtype(torch.float32)
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)


def test_voltages_are_those_that_a_record_has():
    """In a network by the layers' names; of a layer too small for a vector of lanes, too."""
    neuron = NeuronLayer(lif(), 1, dt=0.1, backend="c")
    record: list = []
    voltages: list = []
    x = inputs()[:, :1, :1]
    neuron(x, record=record)
    neuron(x, voltages=voltages)
    torch.testing.assert_close(voltages[0], torch.stack([states[0] for states in record]))
    network = Network(
        {"in": Projection(NEURONS, NEURONS), "lif": made("plain"), "mtc": made("output", neuron=mtc())}
    )
    seen: dict = {}
    network(inputs(), voltages=seen)
    assert {name: tuple(course.shape) for name, course in seen.items()} == dict.fromkeys(
        ("lif", "mtc"), (STEPS, BATCH, NEURONS)
    )
    if not torch.cuda.is_available():
        with pytest.raises(BackendError, match="gives no course of voltages"):
            made("plain", "triton")(inputs(), voltages=[])


def test_reset_parameters_begins_anew():
    """Neurons get what they were built with, projections and random loops new numbers of the same kind."""
    random = torch.Generator().manual_seed(3)
    loop = Recurrence.random(20, spectral_radius=0.7, density=0.5, trainable=True, generator=random)
    neurons = NeuronLayer(
        lif(), 20, dt=0.1, values={"tau_m": torch.linspace(1, 2, 20)}, trainable=["tau_m"], recurrent=loop
    )
    network = Network({"in": Projection(2, 20, generator=random), "neurons": neurons})
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1)
    network.reset_parameters(generator=random)
    after = network.state_dict()
    assert torch.equal(before["layers.neurons.raw_tau_m"], after["layers.neurons.raw_tau_m"])
    assert not torch.equal(before["layers.in.weight"], after["layers.in.weight"])
    assert not torch.equal(
        before["layers.neurons.recurrent.weight"], after["layers.neurons.recurrent.weight"]
    )
    radius = float(torch.linalg.eigvals(loop.weights()).abs().max())
    assert radius == pytest.approx(0.7, rel=1e-4)
    given = Recurrence(torch.eye(3))
    with torch.no_grad():
        given.weight.mul_(2)
    given.reset_parameters()
    assert torch.equal(given.weights(), torch.eye(3))


def test_one_state_for_all_series_is_spread_over_them():
    """(neuron,) states, with the recurrent source and without; the gradient is the sum over the batch."""
    for kind in KINDS:
        layer = made(kind)
        states = len(layer.initial_state(1))
        start = tuple((0.1 * torch.arange(1.0, NEURONS + 1)).requires_grad_() for _ in range(states))
        spread = tuple(each.expand(BATCH, NEURONS) for each in start)
        one, other = (layer(inputs(), state)[0] for state in (start, spread))
        assert torch.equal(one, other)
        assert torch.autograd.grad(one.sum(), start[0])[0].shape == (NEURONS,)


def test_single_steps_of_few_neurons_are_eager_steps():
    """A loop of one's own over small layers pays no kernel's call; longer pieces and wide layers do run on kernels."""
    layer = made("plain")
    constants = layer._constants(*layer.values().values(), torch.tensor(layer.dt))
    for steps, batch, eager in ((1, 3, True), (2, 3, False), (1, FEW, False)):
        x = torch.zeros(steps, batch, NEURONS)
        assert (kernel_name("auto", layer.rule, x, layer.initial_state(batch), constants) == "") is eager
    assert layer.backend_used == "c"
    x, state, outputs = inputs(), (), []
    for step in x.split(1):
        output, state = layer(step, state)
        outputs.append(output)
    torch.testing.assert_close(torch.cat(outputs), layer(x)[0])
