"""One clock, one precision, known states and names: what a layer or network cannot honour is refused in words."""

import copy

import numpy as np
import pytest
import torch
from torch.nn.utils import parametrizations, parametrize, prune

from conductance.errors import ExcitableError
from conductance.layers import NeuronLayer, Projection
from conductance.layers.base import ExportError, PrecisionError, ShapeError
from conductance.layers.neurons import StepError
from conductance.networks import Network
from conductance.networks.chain import NetworkError
from conductance.networks.continuous import integrate_network
from conductance.neurons import lif, low_pass, mtc
from conductance.parameter import ParameterError
from conductance.storage import StorageError, load_network, save_network

STEPS = 30


def network(dt: float = 0.2, **changes) -> Network:
    random = torch.Generator().manual_seed(0)
    return Network(
        {
            "encoder": Projection(2, 3, generator=random), "hidden": NeuronLayer(mtc(), 3, dt=dt, **changes),
            "readout": Projection(3, 1, generator=random), "filter": NeuronLayer(low_pass(), 1, dt=dt),
        }
    )  # fmt: skip


def inputs(batch: int = 2) -> torch.Tensor:
    return torch.randn(STEPS, batch, 2, generator=torch.Generator().manual_seed(1))


def test_a_network_has_one_clock():
    """Layers of two steps are refused; the step is the network's own, and another is refused."""
    with pytest.raises(NetworkError, match=r"different time steps dt \(a 0\.1, b 0\.2\)"):
        Network({"a": NeuronLayer(lif(), 2, dt=0.1), "b": NeuronLayer(low_pass(), 2, dt=0.2)})
    made = network()
    assert made.dt == 0.2
    held = np.zeros((3, 2))
    assert integrate_network(made, held).time[-1] == pytest.approx(0.6)
    with pytest.raises(NetworkError, match=r"dt = 1 is asked for, and its layers step with dt = 0\.2"):
        integrate_network(made, held, dt=1.0)
    from excitable.ladder.series import export, part_circuits, simulate

    for refused in (export, part_circuits, simulate):
        with pytest.raises(NetworkError, match="dt = 1 is asked for"):
            refused(made, held, dt=1.0, options=None)


def test_a_state_dict_carries_dt_and_method():
    """Another layer's numbers come in only on the same clock; numbers alone, as files before kept them, still do."""
    layer = NeuronLayer(low_pass(), 1, dt=0.2)
    for other in (NeuronLayer(low_pass(), 1, dt=0.1), NeuronLayer(low_pass(), 1, dt=0.2, method="heun")):
        before = copy.deepcopy(other.state_dict())
        with pytest.raises(StepError, match=r"made with dt = 0\.2 and method exponential"):
            other.load_state_dict({**layer.state_dict(), "raw_tau": torch.zeros(1)})
        assert torch.equal(other.state_dict()["raw_tau"], before["raw_tau"])
    made = network(0.1)
    with pytest.raises(StepError, match="build the layer with"):
        made.load_state_dict(network(0.2).state_dict())
    alone = {name: value for name, value in network(0.1).state_dict().items() if "extra" not in name}
    made.load_state_dict(alone)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (lambda s: {"hiden": s["hidden"]}, r"state 'hiden' is of no layer; did you mean hidden\?"),
        (lambda s: s["hidden"], "state is a tuple"),
        (lambda s: {"encoder": s["hidden"]}, "it has no state and was given one"),
        (lambda s: {"hidden": tuple(each.double() for each in s["hidden"])}, "a state is torch.float64"),
        (lambda s: {"hidden": s["hidden"][:1]}, "state has shapes"),
        (lambda s: {"hidden": s["hidden"][0]}, "state is a Tensor"),
    ],
)
@pytest.mark.parametrize("backend", ["auto", "eager"])
def test_a_state_that_would_be_thrown_away_is_refused(state, words, backend):
    """A misspelt layer, a bare tuple, a state for a projection, another precision: nothing starts cold in silence."""
    made = network(backend=backend)
    _, after = made(inputs())
    with pytest.raises(ShapeError, match=words):
        made(inputs(), state(after))
    whole, _ = made(torch.cat([inputs(), inputs()]))
    assert torch.allclose(made(inputs(), after)[0], whole[STEPS:], atol=1e-6)


def test_half_precision_stays_outside():
    """A layer refuses to become half, a network before anything changed; inputs may be half."""
    made = network()
    for change in (lambda m: m.half(), lambda m: m.bfloat16(), lambda m: m.to(torch.float16)):
        for module in (made, made.layers["hidden"]):
            with pytest.raises(PrecisionError, match="a step of dt/tau is lost"):
                change(module)
    assert {parameter.dtype for parameter in made.parameters()} == {torch.float32}
    layer = NeuronLayer(mtc(), 1, dt=0.2)
    drive = torch.full((7500, 1, 1), -1.0)
    start = tuple(torch.full((1, 1), value) for value in (-1.9, -1.8, -1.8))
    wanted, states = layer(drive, start)
    spikes = ((wanted[1:] > 0) & (wanted[:-1] == 0)).sum()
    assert spikes >= 12
    for dtype in (torch.float16, torch.bfloat16):
        found, after = layer(drive.to(dtype), start)
        assert found.dtype == dtype
        assert ((found[1:] > 0) & (found[:-1] == 0)).sum() == spikes
        assert all(torch.equal(one, other) for one, other in zip(states, after, strict=True))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_networks_run_under_autocast(dtype):
    """Projections in half precision around neurons in float32: close to the network in float32, with its gradients."""
    made = network(trainable=["alpha_f_minus"])
    wanted, _ = made(inputs())
    with torch.autocast("cpu", dtype=dtype):
        found, after = made(inputs())
        found.float().square().mean().backward()
    assert found.dtype == dtype
    assert after["hidden"][0].dtype == torch.float32
    assert torch.allclose(found.float(), wanted, atol=0.05)
    assert all(bool(torch.isfinite(parameter.grad).all()) for parameter in made.parameters())


@pytest.mark.parametrize(
    "name", ["values", "keys", "items", "pop", "forward", "with blank", "é", "a-b", "a" * 65, "", "1st", 3]
)
def test_a_layer_name_that_no_file_can_carry_is_refused(name):
    """Blanks, accents, hyphens, 65 letters and torch's own words are named where the network is made."""
    with pytest.raises(NetworkError, match="a layer cannot be named"):
        Network({name: Projection(1, 2)})
    assert Network({"a" * 64: Projection(1, 2)})


def test_layers_without_names_are_refused():
    """A list has no names."""
    with pytest.raises(NetworkError, match=r"layers are a list; give a mapping"):
        Network([Projection(1, 2), Projection(2, 1)])


@pytest.mark.parametrize(
    "change",
    [
        lambda p: parametrizations.weight_norm(p),
        lambda p: parametrizations.spectral_norm(p),
        lambda p: prune.l1_unstructured(p, "weight", 0.5),
        lambda p: p.register_parameter("bias", None),
        lambda p: p.register_buffer("mine", torch.zeros(2)),
    ],
)
def test_what_cannot_be_loaded_is_not_saved(change, tmp_path):
    """A layer that holds more or less than its kind is refused when it is saved, with the way to make it plain."""
    made = network()
    change(made.layers["encoder"])
    with pytest.raises(StorageError, match=r"layer encoder .*which its file has no place for"):
        save_network(made, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_layer_made_plain_is_saved(tmp_path):
    """After torch's own removal of the norm the network comes back with the same numbers."""
    made = network()
    parametrizations.weight_norm(made.layers["encoder"])
    parametrize.remove_parametrizations(made.layers["encoder"], "weight")
    save_network(made, tmp_path)
    assert torch.equal(load_network(tmp_path)(inputs())[0], made(inputs())[0])


@pytest.mark.parametrize(
    ("given", "words"), [("tau_m", r"give a list: trainable=\['tau_m'\]"), (3, "is a int")]
)
def test_trainable_is_a_list(given, words):
    """A text would be read letter by letter."""
    with pytest.raises(ParameterError, match=words):
        NeuronLayer(lif(), 1, dt=0.2, trainable=given)


def test_torchscript_is_answered_and_torch_export_works():
    """jit.script, jit.trace and the older onnx exporter say what does work; that works."""
    made = network()
    for attempt in (
        lambda: torch.jit.script(made),
        lambda: torch.jit.trace(made, (inputs(),)),
        lambda: torch.jit.trace(made.layers["hidden"], (torch.zeros(3, 1, 3),)),
        lambda: torch.jit.script(made.layers["hidden"]),
    ):
        with pytest.raises(ExportError, match=r"torch\.export\.export\(model, \(inputs,\)\) works"):
            attempt()
    program = torch.export.export(made, (inputs(),))
    assert torch.allclose(program.module()(inputs())[0], made(inputs())[0])


@pytest.mark.parametrize("make", [mtc, low_pass, lif])
def test_forward_derivatives_are_right_or_refused(make):
    """jvp and jacfwd through "auto" are finite differences; "c" says that it has none; reverse ones agree."""
    layer = NeuronLayer(make(), 2, dt=0.05, method="exponential_euler").double()
    x = torch.randn(12, 1, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    direction = torch.randn(x.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    weight = torch.randn(x.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    state = tuple(torch.randn(1, 2, dtype=torch.float64) for _ in layer.neuron.states)

    def loss(drive: torch.Tensor) -> torch.Tensor:
        return (weight * layer(drive, state)[0]).sum()

    _, forward = torch.func.jvp(loss, (x,), (direction,))
    reverse = (torch.func.grad(loss)(x) * direction).sum()
    assert float(forward) == pytest.approx(float(reverse), rel=1e-10)
    assert float(torch.func.jacfwd(loss)(x).mul(direction).sum()) == pytest.approx(float(reverse), rel=1e-10)
    leaf = x.clone().requires_grad_()
    (kernel,) = torch.autograd.grad(loss(leaf), leaf)
    assert float((kernel * direction).sum()) == pytest.approx(float(reverse), rel=1e-9)
    if layer.neuron.event is None:
        shift = 1e-6
        difference = (loss(x + shift * direction) - loss(x - shift * direction)) / (2 * shift)
        assert float(forward) == pytest.approx(float(difference), rel=1e-6, abs=1e-8)
    layer.backend = "c"
    for attempt in (lambda: torch.func.jvp(loss, (x,), (direction,)), lambda: torch.func.grad(loss)(x)):
        with pytest.raises(ExcitableError, match="backend='eager'"):
            attempt()


def test_second_derivatives_name_the_way_out():
    """A kernel has first derivatives; the eager step has all of them."""
    for backend, works in (("c", False), ("eager", True)):
        layer = NeuronLayer(low_pass(order=1), 1, dt=0.2, backend=backend)
        x = torch.randn(5, 1, 1).requires_grad_()
        (slope,) = torch.autograd.grad(layer(x)[0].square().sum(), x, create_graph=True)
        if works:
            assert bool((torch.autograd.grad(slope.sum(), x)[0] > 0).all())
            continue
        with pytest.raises(ExcitableError, match="backend='eager'"):
            torch.autograd.grad(slope.sum(), x)


def test_a_network_without_layers_is_refused():
    """It would hand its input through."""
    with pytest.raises(ShapeError, match="it has no layer"):
        Network({})


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: NeuronLayer(lif(), 4.0, dt=0.1), "size = 4.0 must be a whole number"),
        (lambda: NeuronLayer(lif(), True, dt=0.1), "size = True must be"),
        (lambda: NeuronLayer(lif(), "4", dt=0.1), "size = '4' must be"),
        (lambda: NeuronLayer(lif(), 4, dt="0.1"), "dt = '0.1' must be a positive number"),
        (lambda: NeuronLayer(lif(), 4, dt=None), "dt = None must be"),
        (
            lambda: NeuronLayer(lif(), 4, dt=0.1, values={"theta": "a"}),
            "parameter theta is 'a'; give one number or 4",
        ),
        (lambda: NeuronLayer(lif(), 4, dt=0.1, values={"theta": None}), "parameter theta is None"),
        (lambda: Projection(0, 4), "projection: inputs = 0 must be"),
        (lambda: Projection(2.0, 4), "projection: inputs = 2.0 must be"),
        (lambda: Projection(2, "4"), "projection: outputs = '4' must be"),
    ],
)
def test_numbers_of_another_kind_are_refused_by_name(make, words):
    """A text, a truth value and a broken number are no number of neurons and no step."""
    with pytest.raises(ParameterError, match=words):
        make()


def test_whole_numbers_of_numpy_are_numbers():
    """A size read off an array's shape, or out of one."""
    layer = NeuronLayer(lif(), np.int64(3), dt=np.float64(0.1))
    assert layer.size == 3 and Projection(np.int32(2), 3).inputs == 2


@pytest.mark.parametrize("given", [np.zeros((5, 2, 3)), [[[1.0]]], None])
def test_an_input_that_is_no_tensor_is_refused_with_what_to_give(given):
    """By a network as by its layers."""
    network = Network({"in": Projection(3, 2), "hidden": NeuronLayer(lif(), 2, dt=0.1)})
    with pytest.raises(ShapeError, match="give a torch tensor"):
        network(given)
