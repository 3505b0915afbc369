"""Recurrent layers: the sum they state, their gradients, their continuous limit, and what is refused."""

import math

import numpy as np
import pytest
import torch
from half_centre import half_centre

from conductance.layers import NeuronLayer, Projection, Recurrence
from conductance.layers.base import ShapeError
from conductance.layers.rebuilt import of_neuron
from conductance.layers.weights.recurrence import spectral_radius_of
from conductance.networks import RECIPES, GivenLoop, Network, series_network
from conductance.networks.continuous import ContinuousError, integrate_network
from conductance.neurons import adlif, clocked_lif, lif, mtc, qif
from conductance.parameter import ParameterError
from conductance.storage import load_network, save_network
from conductance.tasks import TaskData
from conductance.training import TrainingError, TrainingOptions, train

ASYMMETRIC = torch.tensor([[0.0, 0.7], [-0.3, 0.2]], dtype=torch.float64)


@pytest.fixture(autouse=True)
def _double():
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


def loop(recurrent=None, neuron=None, dt=0.5, **more) -> NeuronLayer:
    return NeuronLayer(
        lif() if neuron is None else neuron, 2, dt=dt, method="exponential_euler", recurrent=recurrent, **more
    )


def test_what_a_neuron_does_arrives_one_step_later_through_its_row():
    """A LIF pair by hand: I[t] = x[t] + W s[t-1], u decays by exp(-dt), a spike resets to 0."""
    weight = ASYMMETRIC * 4
    layer = loop(Recurrence(weight))
    x = torch.zeros(12, 1, 2)
    x[:, :, 0] = 2.2
    outputs, (u, s) = layer(x)
    keep = math.exp(-0.5)
    voltage, spikes, seen = [0.0, 0.0], [0.0, 0.0], []
    for _ in range(12):
        drive = [
            2.2 + 2.8 * spikes[1],
            -1.2 * spikes[0] + 0.8 * spikes[1],
        ]
        voltage = [keep * v + (1 - keep) * i for v, i in zip(voltage, drive, strict=True)]
        spikes = [float(v > 1) for v in voltage]
        voltage = [0.0 if fired else v for v, fired in zip(voltage, spikes, strict=True)]
        seen.append(list(spikes))
    assert outputs[:, 0].tolist() == seen and sum(map(sum, seen)) > 3
    torch.testing.assert_close(u[0], torch.tensor(voltage))
    assert s[0].tolist() == spikes


def test_a_synapse_passes_a_spike_on_as_an_exponential():
    """After one spike, r goes (1 - q) q^k with q = exp(-dt/tau), and reaches the other neuron one step later."""
    weight = torch.tensor([[0.0, 0.0], [1.0, 0.0]])
    layer = loop(Recurrence(weight, tau=3.0), dt=0.5)
    x = torch.zeros(30, 1, 2)
    x[0, 0, 0] = 10.0
    record: list = []
    layer(x, record=record)
    u = torch.stack([states[0][0, 1] for states in record])
    keep, q = math.exp(-0.5), math.exp(-0.5 / 3)
    expected, voltage = [], 0.0
    for t in range(30):
        arriving = 0.0 if t == 0 else (1 - q) * q ** (t - 1)
        voltage = keep * voltage + (1 - keep) * arriving
        expected.append(voltage)
    torch.testing.assert_close(u, torch.tensor(expected))


@pytest.mark.parametrize("tau", [None, 2.0])
@pytest.mark.parametrize("source", ["output", "us", "um"])
def test_gradients_are_those_of_finite_differences(source, tau):
    """Of a smooth loss by weights, parameters and input, through 30 steps of bursting neurons that read each other."""
    layer = NeuronLayer(
        mtc(), 2, dt=0.2, trainable=("alpha_f_minus",), values={"tau_s": 5.0, "tau_us": 20.0},
        recurrent=Recurrence(ASYMMETRIC, source=source, tau=tau),
    )  # fmt: skip
    x = torch.randn(30, 2, 2, generator=torch.Generator().manual_seed(0)) * 2

    def loss(weight, raw, x):
        state = {"recurrent.weight": weight, "raw_alpha_f_minus": raw}
        outputs, states = torch.func.functional_call(layer, state, (x,))
        return outputs.square().mean() + states[0].square().mean()

    inputs = (layer.recurrent.weight, layer.raw_alpha_f_minus, x.requires_grad_())
    assert torch.autograd.gradcheck(loss, inputs, eps=1e-6, atol=1e-6)


@pytest.mark.parametrize("neuron", [lif(), adlif(), mtc(), qif()], ids=lambda neuron: neuron.name)
def test_a_state_carries_on(neuron):
    """Two halves, the second from the states of the first, are the whole; every neuron on a grid can recur."""
    layer = NeuronLayer(neuron, 2, dt=0.3, recurrent=Recurrence(ASYMMETRIC, tau=1.5))
    x = 3 * torch.rand(40, 3, 2, generator=torch.Generator().manual_seed(1))
    whole, end = layer(x)
    first, middle = layer(x[:17])
    second, after = layer(x[17:], middle)
    torch.testing.assert_close(torch.cat([first, second]), whole)
    for one, other in zip(end, after, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize(("source", "tau"), [("us", None), ("output", None), ("us", 4.0), ("output", 4.0)])
def test_the_steps_converge_to_the_continuous_equation(source, tau):
    """Halving dt halves the distance to scipy's solution of the loop as a differential equation: order one."""
    inputs = np.repeat(np.array([[0.8, -0.4], [-1.0, 0.6]]), 10, axis=0)
    distances = []
    for halvings in range(2, 5):
        dt = 1.0 / 2**halvings
        layer = NeuronLayer(
            mtc(), 2, dt=dt, values={"tau_s": 5.0, "tau_us": 20.0},
            recurrent=Recurrence(ASYMMETRIC, source=source, tau=tau),
        )  # fmt: skip
        network = Network({"pair": layer})
        finer = np.repeat(inputs, 2**halvings, axis=0)
        exact = integrate_network(network, finer, samples_per_step=1)
        x = torch.as_tensor(finer)[:, None]
        record: dict = {}
        network(x, record=record)
        stepped = torch.stack([states[0][0] for states in record["pair.states"]])[
            2**halvings - 1 :: 2**halvings
        ]
        distances.append(
            float(
                (stepped.detach() - torch.as_tensor(exact.states["pair"][2**halvings :: 2**halvings, 0]))
                .abs()
                .max()
            )
        )
    ratios = np.array(distances[:-1]) / distances[1:]
    assert np.all((ratios > 1.5) & (ratios < 2.7)), (distances, ratios)


def test_the_spectral_radius_is_that_of_the_largest_magnitude():
    """A turn by 90 degrees has the eigenvalues +-i, a reflection +-1, half of minus one half."""
    assert spectral_radius_of(torch.tensor([[0.0, -2.0], [2.0, 0.0]])) == pytest.approx(2.0)
    assert spectral_radius_of(torch.tensor([[0.0, 1.0], [1.0, 0.0]])) == pytest.approx(1.0)
    assert spectral_radius_of(torch.tensor([[-0.5]])) == pytest.approx(0.5)


def test_random_weights_have_the_spectral_radius_and_the_density_asked_for():
    """The largest eigenvalue has the magnitude given; sparse weights stay zero where they are zero."""
    made = Recurrence.random(
        60, spectral_radius=0.8, density=0.2, trainable=True, generator=torch.Generator().manual_seed(0)
    )
    assert spectral_radius_of(made.weights()) == pytest.approx(0.8, rel=1e-9)
    share = float((made.weight != 0).double().mean())
    assert abs(share - 0.2) < 4 * math.sqrt(0.2 * 0.8 / 3600)
    made.weights().sum().backward()
    assert bool((made.weight.grad[made.weight == 0] == 0).all())
    fixed = Recurrence.random(5, generator=torch.Generator().manual_seed(0))
    assert not list(fixed.parameters()) and "weight" in dict(fixed.named_buffers())


@pytest.mark.parametrize(
    "recurrent",
    [
        Recurrence(ASYMMETRIC),
        Recurrence(ASYMMETRIC, source="us", tau=2.5, trainable=False),
        Recurrence(ASYMMETRIC, sparse=True),
    ],
    ids=["plain", "synapses", "sparse"],
)
def test_files_bring_a_recurrent_layer_back_bit_by_bit(tmp_path, recurrent):
    network = Network({"in": Projection(1, 2), "pair": NeuronLayer(mtc(), 2, dt=0.2, recurrent=recurrent)})
    save_network(network, tmp_path)
    again = load_network(tmp_path)
    own, others = network.chain["pair"].recurrent, again.chain["pair"].recurrent
    assert torch.equal(own.weights(), others.weights())
    assert (own.source, own.tau, own.trainable) == (others.source, others.tau, others.trainable)
    x = torch.randn(20, 2, 1)
    assert torch.equal(network(x)[0], again(x)[0])


def test_a_half_centre_oscillates_in_antiphase():
    """Two bursting neurons that inhibit each other through their slow voltages burst in turns."""
    network = half_centre(dt=0.1)
    with torch.no_grad():
        record: dict = {}
        network(torch.zeros(25_000, 1, 1), record=record)
    voltage = torch.stack([states[0][0] for states in record["pair.states"]]).numpy()
    late = {}
    for k in (0, 1):
        times = 0.1 * np.flatnonzero((voltage[1:, k] > 0) & (voltage[:-1, k] <= 0))
        times = times[times > 1000]
        begins = times[np.r_[True, np.diff(times) > 100]]
        late[k] = begins[1:]
    periods = np.concatenate([np.diff(begins) for begins in late.values()])
    assert periods.std() < 0.02 * periods.mean()
    phase = ((late[1] - late[0][0]) / periods.mean()) % 1
    assert np.all(np.abs(phase - 0.5) < 0.02)


def test_a_layer_begins_where_it_is_told(tmp_path):
    """Model and equation begin at the given states, the others at the declared ones; a file brings them back."""
    layer = NeuronLayer(
        mtc(), 2, dt=0.1, recurrent=Recurrence(ASYMMETRIC, source="us"), initial={"um": (-1.9, 0.5), "us": -1.2}
    )  # fmt: skip
    network = Network({"in": Projection(1, 2), "pair": layer})
    um, us, uus, source = layer.initial_state(1)
    torch.testing.assert_close(um[0], torch.tensor([-1.9, 0.5]))
    assert torch.equal(us, source) and torch.equal(us[0], torch.tensor([-1.2, -1.2])) and not uus.any()
    exact = integrate_network(network, np.zeros((3, 1)), dt=0.1).states["pair"][0]
    np.testing.assert_allclose(exact, np.array([[-1.9, 0.5], [-1.2, -1.2], [0, 0]]), rtol=1e-6)
    save_network(network, tmp_path)
    again = load_network(tmp_path)
    x = torch.randn(20, 1, 1)
    assert torch.equal(network(x)[0], again(x)[0])
    assert list(of_neuron(layer, mtc(filter_limit=2.0)).initial) == ["um", "us"]


@pytest.mark.parametrize(
    ("neuron", "initial", "words"),
    [
        (mtc, {"u": 1.0}, "initial 'u' is no state; .*allowed are um, us, uus"),
        (mtc, {"um": (1.0, 2.0, 3.0)}, r"give one finite number, or 2, one per neuron"),
        (mtc, {"um": math.nan}, "give one finite number"),
        (mtc, [1.0], "initial is a list; give a mapping"),
        (clocked_lif, {"u": 1.0}, "clocked_lif is a map, whose circuit begins where its states are declared"),
    ],
)
def test_wrong_beginnings_are_refused_in_words(neuron, initial, words):
    with pytest.raises(ParameterError, match=words):
        NeuronLayer(neuron(), 2, dt=1.0 if neuron is clocked_lif else 0.1, initial=initial)


def test_given_weights_are_a_recipe_like_drawn_ones():
    """A network for series has the loop, the start and the drive that it is given, whatever its seed draws."""
    made = [
        series_network(
            RECIPES["mtc"], inputs=1, hidden=2, outputs=1, dt=0.2, low_pass_tau=2.0, input_gain=0.0, bias=-1.0,
            loop=GivenLoop(weights=((0.0, -0.1), (-0.2, 0.0)), source="us"), initial={"um": (-1.9, -1.0)},
            generator=torch.Generator().manual_seed(seed),
        )
        for seed in (0, 1)
    ]  # fmt: skip
    for network in made:
        hidden, encoder = network.chain["hidden"], network.chain["encoder"]
        assert torch.equal(hidden.recurrent.weights(), torch.tensor([[0.0, -0.1], [-0.2, 0.0]]))
        assert hidden.recurrent.source == "us" and not hidden.recurrent.trainable
        assert not encoder.weight.any() and torch.equal(encoder.bias, torch.tensor([-1.0, -1.0]))


def test_a_gain_that_diverges_is_named():
    """Training and equation say which layer feeds back, what, and with which gain."""
    drive = Projection(1, 1)
    loop = Recurrence(torch.tensor([[50.0]]), source="um", trainable=False)
    layer = NeuronLayer(mtc(), 1, dt=0.5, method="forward_euler", recurrent=loop)
    network = Network({"in": drive, "hidden": layer, "readout": Projection(1, 1)})
    data = TaskData.from_arrays(torch.randn(300, 12, 1), torch.randn(300, 12, 1))
    with pytest.raises(
        TrainingError, match="its recurrent weights, of spectral radius 50, feed um back to it: lower"
    ):
        train(network, data.task(), data, TrainingOptions(steps=1, batch=2))
    with pytest.raises(
        ContinuousError, match="layer hidden feeds um back with weights of spectral radius 50"
    ):
        integrate_network(network, np.ones((60, 1)), dt=0.5)


def test_networks_take_linears_and_networks():
    """A torch Linear keeps its weights, shared; a network inside joins the chain; one state may serve all series."""
    linear = torch.nn.Linear(3, 2)
    inner = Network({"a": NeuronLayer(lif(), 2, dt=0.5), "b": torch.nn.Linear(2, 2, bias=False)})
    network = Network({"in": linear, "block": inner, "out": torch.nn.Linear(2, 1)})
    assert list(network.chain) == ["in", "block_a", "block_b", "out"]
    assert network.chain["in"].weight is linear.weight
    x = torch.randn(8, 4, 3)
    values = linear(x)
    values, _ = inner.chain["a"](values)
    values, _ = inner.chain["b"](values)
    torch.testing.assert_close(network(x)[0], network.chain["out"](values)[0])
    layer = NeuronLayer(lif(), 2, dt=0.5)
    one, _ = layer(x[:, :, :2], (torch.tensor([0.3, 0.4]),))
    all_, _ = layer(x[:, :, :2], (torch.tensor([0.3, 0.4]).expand(4, 2),))
    assert torch.equal(one, all_)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Recurrence(torch.zeros(2, 3)), r"shape \(2, 3\); give finite numbers \(neuron, neuron\)"),
        (lambda: Recurrence(torch.full((2, 2), torch.nan)), "to neuron 0 from neuron 0 is nan in torch.float"),
        (lambda: Recurrence(torch.eye(2), tau=0.0), r"tau = 0.0 must be positive"),
        (lambda: loop(Recurrence(torch.eye(2).float())), "weights are torch.float32 and the layer torch.float64"),
        (lambda: loop(Recurrence(torch.eye(3))), "recurrent weights are for 3 neurons and it has 2"),
        (lambda: loop(Recurrence(torch.eye(2), source="slow")), r"source 'slow' is unknown; .*allowed are output, um"),
        (lambda: Recurrence.random(3, density=0.0), r"density = 0.0 in \(0, 1\]"),
        (lambda: Recurrence.random(1, density=1e-9), "have no loop to be scaled"),
        (lambda: loop(Recurrence(torch.eye(2)))(torch.zeros(3, 1, 4), places=2), "join neurons, not places"),
        (lambda: Network({"a": Network({"b": Projection(1, 1)}), "a_b": Projection(1, 1)}), "two layers are named a_b"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(make, message):
    with pytest.raises((ParameterError, ShapeError), match=message):
        make()
