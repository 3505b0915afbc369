"""Layers and networks: shapes, states in and out, values per neuron, and the conventions pinned by small examples."""

import math

import declared
import numpy as np
import pytest
import torch

from conductance.derivation.rules import derive
from conductance.layers import NeuronLayer, Projection
from conductance.layers.base import ShapeError
from conductance.layers.transforms import constrained, unconstrained
from conductance.networks import Network
from conductance.neurons import adlif, lif, low_pass, mtc
from conductance.parameter import ParameterError
from conductance.shaping.convergence import stepped

DT = 0.2


@pytest.fixture(autouse=True)
def double_precision():
    """Everything in float64, so that equal means equal."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


def inputs(time: int, batch: int, size: int, scale: float = 1.0) -> torch.Tensor:
    return scale * torch.randn(time, batch, size, generator=torch.Generator().manual_seed(5))


@pytest.mark.parametrize(("name", "method"), declared.CASES)
def test_a_layer_is_the_rule_stepped_without_torch(name, method):
    """The printed torch step against sympy evaluated in numpy, 40 steps, for every neuron and method."""
    neuron = declared.NEURONS[name]
    drive = inputs(40, 2, 3, scale=0.8 if neuron.event is None else 1.5)
    dt = declared.dt_of(neuron, method, DT)
    outputs, states = NeuronLayer(neuron, 3, dt=dt, method=method, backend="eager")(drive)
    assert outputs.shape == (40, 2, 3)
    assert len(states) == len(neuron.states)
    for batch, column in ((0, 0), (1, 2)):
        wanted, spikes = stepped(derive(neuron, method), drive[:, batch, column].numpy(), dt)
        assert outputs[:, batch, column].numpy() == pytest.approx(spikes, abs=1e-9)
        found = [float(state[batch, column]) for state in states]
        assert found == pytest.approx(wanted[-1], rel=1e-8, abs=1e-9)


@pytest.mark.parametrize("neuron", [mtc(), adlif(), low_pass()], ids=lambda n: n.name)
def test_two_halves_with_the_state_between_are_one_run(neuron):
    """State out of one call into the next: bitwise the unbroken run."""
    layer, drive = NeuronLayer(neuron, 4, dt=DT), inputs(30, 3, 4, 2.0)
    whole, end = layer(drive)
    first, middle = layer(drive[:13])
    second, last = layer(drive[13:], middle)
    assert torch.equal(whole, torch.cat([first, second]))
    assert all(torch.equal(one, other) for one, other in zip(end, last, strict=True))


def test_each_neuron_has_its_own_values():
    """A column of a mixed layer is the layer of that value alone."""
    taus = torch.tensor([5.0, 20.0, 80.0])
    drive = inputs(50, 1, 1).expand(50, 1, 3).contiguous()
    mixed, _ = NeuronLayer(mtc(), 3, dt=DT, values={"tau_s": taus})(drive)
    for column, tau in enumerate(taus.tolist()):
        alone, _ = NeuronLayer(mtc(), 1, dt=DT, values={"tau_s": tau})(drive[:, :, :1])
        assert mixed[:, :, column] == pytest.approx(alone[:, :, 0], abs=1e-12)


def test_neurons_and_batches_do_not_mix():
    """Changing the input of one neuron in one batch changes only that one's output."""
    layer, drive = NeuronLayer(lif(), 3, dt=DT), inputs(20, 2, 3, 2.0)
    base, _ = layer(drive)
    drive[:, 1, 2] += 3.0
    changed, _ = layer(drive)
    differs = (base != changed).any(dim=0)
    assert differs.tolist() == [[False, False, False], [False, False, True]]


def test_the_recorded_states_end_in_the_returned_ones():
    """One entry for each step, and the output is read from the states after the step."""
    layer, drive = NeuronLayer(low_pass(order=2), 2, dt=DT), inputs(7, 1, 2)
    record: list = []
    outputs, end = layer(drive, record=record)
    assert len(record) == 7
    assert all(torch.equal(one, other) for one, other in zip(record[-1], end, strict=True))
    assert torch.equal(outputs, torch.stack([states[-1] for states in record]))


def test_states_start_at_the_declared_rest_of_each_neuron():
    """U_rest per neuron is where the membrane and its readings begin."""
    layer = NeuronLayer(mtc(), 2, dt=DT, values={"U_rest": torch.tensor([-1.0, 0.5])})
    for state in layer.initial_state(3):
        assert torch.equal(state, torch.tensor([[-1.0, 0.5]] * 3))


def test_training_moves_what_it_may_and_stays_in_bounds():
    """Gradients reach trainable values only; a step of any size keeps gains and time constants positive."""
    layer = NeuronLayer(mtc(), 2, dt=DT, trainable=("alpha_f_minus", "tau_s", "delta_s_minus"))
    assert sorted(name for name, _ in layer.named_parameters()) == [
        "raw_alpha_f_minus",
        "raw_delta_s_minus",
        "raw_tau_s",
    ]
    outputs, _ = layer(inputs(60, 2, 2, 2.0))
    outputs.square().mean().backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in layer.parameters())
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter -= 30.0
    values = layer.values()
    assert (values["alpha_f_minus"] > 0).all()
    assert (values["tau_s"] > 0).all()


def test_transforms_are_inverses():
    """value -> free number -> value, over eight decades."""
    for parameter in mtc(filter_limit=1.0).parameters:
        numbers = (
            torch.logspace(-4, 4, 33) if parameter.transform != "identity" else torch.linspace(-9, 9, 33)
        )
        back = constrained(unconstrained(numbers, parameter), parameter)
        assert torch.allclose(back, numbers, rtol=1e-9)


def test_a_projection_sums_over_inputs():
    """2 outputs of 3 inputs: y = W x + b with W (2, 3), for each time and batch."""
    projection = Projection(3, 2)
    weight, bias = torch.tensor([[1.0, 2.0, 3.0], [-1.0, 0.5, 0.0]]), torch.tensor([10.0, -10.0])
    with torch.no_grad():
        projection.weight.copy_(weight)
        projection.bias.copy_(bias)
    values = torch.tensor([[[1.0, 0.0, 2.0]], [[0.0, -1.0, 1.0]]])
    found, state = projection(values)
    assert found.tolist() == [[[17.0, -11.0]], [[11.0, -10.5]]]
    assert state == ()
    assert (projection.inputs, projection.outputs) == (3, 2)
    with pytest.raises(ShapeError, match="projection 3 to 2"):
        projection(torch.zeros(2, 1, 2))


def test_weights_come_from_the_generator():
    """The same seed, the same weights, within +-1/sqrt(inputs)."""
    one, other = (Projection(9, 4, generator=torch.Generator().manual_seed(1)) for _ in range(2))
    assert torch.equal(one.weight, other.weight)
    assert one.weight.abs().max() <= 1 / 3


def network() -> Network:
    return Network(
        {
            "input": Projection(1, 3),
            "hidden": NeuronLayer(mtc(), 3, dt=DT),
            "readout": Projection(3, 2),
            "filter": NeuronLayer(low_pass(order=2), 2, dt=DT),
        }
    )


def test_a_network_is_its_layers_one_after_another():
    """(time, batch, inputs) to (time, batch, outputs), states by layer, and two halves are the whole."""
    made, drive = network(), inputs(24, 2, 1)
    whole, states = made(drive)
    values = drive
    for layer in made.chain.values():
        values, _ = layer(values)
    assert torch.equal(values, whole)
    assert whole.shape == (24, 2, 2)
    assert {name: len(state) for name, state in states.items()} == {
        "input": 0, "hidden": 3, "readout": 0, "filter": 2,
    }  # fmt: skip
    first, middle = made(drive[:10])
    second, _ = made(drive[10:], middle)
    assert torch.allclose(torch.cat([first, second]), whole, atol=1e-14)


def test_a_network_records_what_every_layer_did():
    """Outputs by name, and states of neuron layers under name.states."""
    record: dict = {}
    made = network()
    outputs, _ = made(inputs(5, 1, 1), record=record)
    assert set(record) == {"input", "hidden", "hidden.states", "readout", "filter", "filter.states"}
    assert torch.equal(record["filter"], outputs)
    assert len(record["hidden.states"]) == 5


def test_layers_that_do_not_fit_are_refused():
    """The error names the layer and both widths."""
    with pytest.raises(ShapeError, match="hidden takes 4 inputs and gets 3"):
        Network({"input": Projection(1, 3), "hidden": NeuronLayer(mtc(), 4, dt=DT)})


@pytest.mark.parametrize(
    "values",
    [
        torch.zeros(5, 3),
        torch.zeros(5, 2, 4),
        torch.zeros(0, 2, 3),
        torch.zeros(5, 2, 3, 1),
        np.zeros((5, 2, 3)),
    ],
    ids=["no batch", "width", "no time", "extra", "numpy"],
)
def test_inputs_of_another_shape_are_refused(values):
    """Allowed is (time, batch, neuron) with at least one step."""
    with pytest.raises(ShapeError, match="layer mtc"):
        NeuronLayer(mtc(), 3, dt=DT)(values)


def test_inputs_of_another_dtype_are_refused():
    """float32 into a float64 layer is told, with the conversion."""
    with pytest.raises(ShapeError, match=r"x\.to\(torch\.float64\)"):
        NeuronLayer(mtc(), 3, dt=DT)(torch.zeros(5, 2, 3, dtype=torch.float32))


def test_states_of_another_shape_are_refused():
    """Too few states, or of another batch."""
    layer = NeuronLayer(mtc(), 3, dt=DT)
    for state in ((torch.zeros(2, 3),), tuple(torch.zeros(1, 3) for _ in range(3))):
        with pytest.raises(ShapeError, match="state has shapes"):
            layer(torch.zeros(5, 2, 3), state)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"dt": 0.0}, "dt"),
        ({"dt": math.nan}, "dt"),
        ({"dt": -1.0}, "dt"),
        ({"size": 0}, "size"),
        ({"values": {"tau_s": -1.0}}, "tau_s"),
        ({"values": {"alpha_f_minus": math.nan}}, "alpha_f_minus"),
        ({"values": {"tau_s": torch.ones(2)}}, "shape"),
        ({"values": {"tau": 1.0}}, "unknown parameter"),
        ({"trainable": ("tau",)}, "unknown parameter"),
        ({"values": {"tau_s": torch.tensor([20.0, 500.0, 20.0])}}, "neuron 1.*tau_s < tau_us"),
        ({"backend": "abacus"}, "abacus"),
    ],
)
def test_bad_arguments_of_a_layer_are_refused_in_words(arguments, says):
    """Steps, sizes, values out of bounds or order, unknown names."""
    given = {"size": 3, "dt": DT, **arguments}
    size = given.pop("size")
    with pytest.raises(ValueError, match=says):
        NeuronLayer(mtc(), size, **given)


def test_a_nan_that_training_made_is_found():
    """check_values names the neuron whose parameter is not a number."""
    layer = NeuronLayer(mtc(), 3, dt=DT, trainable=("delta_f_minus",))
    with torch.no_grad():
        layer.raw_delta_f_minus[2] = math.nan
    with pytest.raises(ParameterError, match=r"neuron 2.*delta_f_minus"):
        layer.check_values()


def test_a_parametrised_linear_is_refused_by_a_network():
    """A torch Linear whose weight is computed from others has no weight of its own to share: the cure is named."""
    linear = torch.nn.utils.parametrizations.weight_norm(torch.nn.Linear(3, 2))
    with pytest.raises(ParameterError, match="remove_parametrizations"):
        Projection.of_linear(linear)


def test_a_linear_shares_its_weights_with_its_projection():
    """The Projection made of a torch Linear gives the same output and holds the same tensors."""
    linear = torch.nn.Linear(3, 2)
    made = Projection.of_linear(linear)
    inputs = torch.randn(4, 1, 3)
    assert made.weight is linear.weight
    assert torch.allclose(made(inputs)[0], linear(inputs), atol=1e-6)
