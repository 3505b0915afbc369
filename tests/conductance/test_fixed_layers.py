"""Layers without numbers, as a delay: against their definition, in two halves, in files, and where they are refused."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from circuits.data.circuit import CircuitError
from circuits.data.scaling import Scaling
from circuits.networks.continuous import network_circuit
from circuits.networks.sampled import pairs
from conductance.exchange.conventions import ExchangeError
from conductance.exchange.nir_files import read_nir, write_nir
from conductance.layers import AveragePool, Delay, NeuronLayer, Projection, Skip
from conductance.layers.base import ShapeError
from conductance.networks import Network
from conductance.networks.chain import NetworkError
from conductance.networks.continuous import ContinuousError, integrate_network
from conductance.networks.firing import FiringError, let_fire
from conductance.neurons import clocked_lif, lif, low_pass, mtc
from conductance.parameter import ParameterError
from conductance.storage import StorageError, load_network, save_network
from conductance.tasks import TaskData
from conductance.training import TrainingOptions, train
from conductance.training.options import TrainingError
from conductance.training.readout import readout_of

STEPS, BATCH = 20, 3


def around(*layers, neuron=None, size: int = 4) -> Network:
    """Two layers of neurons with `layers`, by their names, between them."""
    random = torch.Generator().manual_seed(0)
    neuron = lif() if neuron is None else neuron
    return Network(
        {
            "input": Projection(2, size, generator=random), "first": NeuronLayer(neuron, size, dt=0.2),
            **dict(layers),
            "readout": Projection(size, 1, generator=random), "filter": NeuronLayer(low_pass(), 1, dt=0.2),
        }
    )  # fmt: skip


def series(width: int = 2, dtype=torch.float32) -> torch.Tensor:
    return torch.randn(STEPS, BATCH, width, generator=torch.Generator().manual_seed(1), dtype=dtype)


FIXED = {"delay": Delay(4, 3), "delays": Delay(4, [0, 5, 1, 5]), "none": Delay(4, 0), "long": Delay(4, 30)}


@pytest.mark.parametrize("steps", [0, 1, 7, 30, [2, 0, 5, 1], [0, 0, 40, 1]])
def test_a_delay_is_its_input_later(steps):
    """y[t] = x[t - steps], zero before; gradients reach just what comes out."""
    values = series(4, torch.float64).requires_grad_()
    each = [steps] * 4 if isinstance(steps, int) else steps
    expected = 0 * values
    for signal, late in enumerate(each):
        if late < STEPS:
            expected[late:, :, signal] = values[: STEPS - late, :, signal]
    output, _ = Delay(4, steps)(values)
    assert torch.equal(output, expected)
    weights = torch.randn(output.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    found, wanted = (torch.autograd.grad((each * weights).sum(), values)[0] for each in (output, expected))
    assert torch.equal(found, wanted)


@pytest.mark.parametrize("layer", FIXED.values(), ids=FIXED)
def test_two_halves_are_the_whole(layer):
    """The state that a network returns carries what is under way."""
    network, values = around(("late", layer)), 3 * series()
    whole, record = network(values)[0], {}
    first, state = network(values[:8], record=record)
    second, _ = network(values[8:], state)
    torch.testing.assert_close(torch.cat([first, second]), whole)
    assert record["late"].shape == (8, BATCH, 4)
    assert state["late"][0].shape == (layer.longest, BATCH, 4)


@pytest.mark.parametrize("layer", FIXED.values(), ids=FIXED)
def test_files_bring_it_back(layer, tmp_path: Path):
    """model.json says what it is; the loaded network does the same, bit by bit."""
    network, values = around(("late", layer)), series()
    save_network(network, tmp_path)
    loaded = load_network(tmp_path)
    assert repr(loaded.chain["late"]) == repr(layer)
    assert torch.equal(loaded(values)[0], network(values)[0])


def test_a_file_with_another_delay_is_refused(tmp_path: Path):
    """Steps that are no whole number, and as many as there are no signals."""
    save_network(around(("late", Delay(4, 3))), tmp_path)
    path = tmp_path / "model.json"
    for steps in (1.5, -1, [1, 2]):
        document = json.loads(path.read_text())
        document["layers"][2]["steps"] = steps
        path.write_text(json.dumps(document))
        with pytest.raises(StorageError, match="steps"):
            load_network(tmp_path)


def test_it_is_a_layer_as_others():
    """Widths are checked, printing shows steps, drawing anew and rates go through it, and training solves past it."""
    with pytest.raises(ShapeError, match="layer late takes 3 inputs and gets 4"):
        around(("late", Delay(3, 1)))
    network = around(("late", Delay(4, [1, 2, 3, 4])))
    assert "Delay(4, steps=[1, 2, 3, 4])" in repr(network)
    network.reset_parameters(generator=torch.Generator().manual_seed(3))
    assert network.double()(series(dtype=torch.float64))[0].dtype == torch.float64
    assert readout_of(network)[0] == "readout"
    between = Network(
        {"input": Projection(2, 8), "late": Delay(8, 2), "hidden": NeuronLayer(lif(), 8, dt=0.2)}
    )
    assert let_fire(between, series(), lowest=0.01, highest=0.3)[0].layer == "hidden"
    assert Delay(4, 2).of_width(7).size == 7
    with pytest.raises(ShapeError, match=r"\(1, 2\) steps late; only one delay"):
        Delay(2, [1, 2]).of_width(3)


def test_bad_delays_are_refused():
    """One sentence for each wrong number, input and state."""
    for steps in (-1, 1.5, True, "3", None, 10**7):
        with pytest.raises(ParameterError, match=r"delay of 2: steps = .* whole number of 0 to 1000000"):
            Delay(2, steps)
    with pytest.raises(ParameterError, match="steps has 3 numbers; give one, or one for each"):
        Delay(2, [1, 2, 3])
    layer, values = Delay(4, 2), series(4)
    for state, words in (
        ((torch.zeros(3, BATCH, 4),), r"\(2, 3, 4\): \(longest delay, batch, signal\)"),
        (torch.zeros(2, BATCH, 4), "state is a Tensor"),
        ((torch.zeros(2, BATCH, 4, dtype=torch.float64),), "its state is torch.float64"),
    ):
        with pytest.raises(ShapeError, match=words):
            layer(values, state)
    with pytest.raises(ShapeError, match="floating"):
        layer(torch.zeros(5, 1, 4, dtype=torch.int64))
    with pytest.raises(ShapeError, match=r"allowed is \(time, batch, 4\)"):
        layer(series(3))


def test_circuits_refuse_it_by_name():
    """Netlists of both kinds, and the continuous equation."""
    network = around(("late", Delay(4, 2)), neuron=mtc())
    scaling = Scaling()
    words = "layer late has no .*: a Delay keeps a whole history, for which there is no part: leave it out"
    with pytest.raises(CircuitError, match=words):
        network_circuit(network, np.zeros((5, 2)), dt=0.2, scaling=scaling, name="net")
    with pytest.raises(CircuitError, match=words):
        pairs(network, "net")
    with pytest.raises(ContinuousError, match=words):
        integrate_network(network, np.zeros((5, 2)))


# Pools


def pooled(window: int = 4, dt: float = 0.8) -> Network:
    random = torch.Generator().manual_seed(0)
    return Network(
        {
            "input": Projection(2, 4, generator=random), "first": NeuronLayer(low_pass(), 4, dt=0.2),
            "pool": AveragePool(4, window),
            "readout": Projection(4, 1, generator=random), "filter": NeuronLayer(low_pass(), 1, dt=dt),
        }
    )  # fmt: skip


def test_a_pool_is_the_mean_of_each_window():
    """Torch's own pool over time, with its gradient; two halves of whole windows are the whole."""
    values = series(4, torch.float64).requires_grad_()
    output, state = AveragePool(4, 5)(values)
    expected = torch.nn.functional.avg_pool1d(values.permute(1, 2, 0), 5).permute(2, 0, 1)
    assert output.shape == (4, BATCH, 4) and state == ()
    torch.testing.assert_close(output, expected)
    weights = torch.randn(output.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    found, wanted = (torch.autograd.grad((each * weights).sum(), values)[0] for each in (output, expected))
    torch.testing.assert_close(found, wanted)
    network = pooled()
    whole, _ = network(series())
    first, between = network(series()[:8])
    torch.testing.assert_close(torch.cat([first, network(series()[8:], between)[0]]), whole)


def test_layers_behind_a_pool_have_its_clock():
    """The input's step is the network's; a layer behind has one longer by the window, or the error says which."""
    assert (pooled().dt, pooled().window) == (0.2, 4)
    assert Network({"pool": AveragePool(1, 3), "a": NeuronLayer(lif(), 1, dt=0.6)}).dt == pytest.approx(0.2)
    with pytest.raises(
        NetworkError, match=r"first 0\.2, filter 0\.2\) .* Build them with first 0\.2, filter 0\.8"
    ):
        pooled(dt=0.2)


def test_a_pool_in_files(tmp_path: Path):
    """Stored and brought back; a damaged window is refused; NIR has no node for it."""
    network = pooled()
    save_network(network, tmp_path)
    assert torch.equal(load_network(tmp_path)(series())[0], network(series())[0])
    path = tmp_path / "model.json"
    path.write_text(path.read_text().replace('"window": 4', '"window": 0'))
    with pytest.raises(StorageError, match="window"):
        load_network(tmp_path)
    pytest.importorskip("nir")
    with pytest.raises(ExchangeError, match="layer pool: AveragePool is not written as NIR"):
        write_nir(Network({"pool": AveragePool(4, 2), "a": Projection(4, 1)}), tmp_path / "a.nir")


def test_what_does_not_fit_a_pool_is_refused():
    """A length, a window, a state, a circuit, and training against targets of each step."""
    with pytest.raises(ShapeError, match="20 steps, no multiple of window = 3; leave out the last 2"):
        AveragePool(4, 3)(series(4))
    with pytest.raises(ParameterError, match="window = 0 must be a whole number"):
        AveragePool(4, 0)
    with pytest.raises(ShapeError, match="it has no state"):
        AveragePool(4, 2)(series(4), (torch.zeros(1),))
    with pytest.raises(CircuitError, match="layer pool has no circuit: an AveragePool"):
        network_circuit(pooled(), np.zeros((4, 2)), dt=0.2, scaling=Scaling(), name="net")
    many = [torch.rand(STEPS, 20, width) for width in (2, 1)]
    data = TaskData.from_arrays(*many, warm_up=0)
    options = TrainingOptions(steps=1, batch=1)
    with pytest.raises(TrainingError, match="one value for 4 steps, because of its AveragePool"):
        train(pooled(), data.task(), data, options, seed=0)


# Skips


def skipped(**changes) -> Network:
    """`first` is added to what `second`'s projection makes of it."""
    random = torch.Generator().manual_seed(0)
    return Network(
        {
            "input": Projection(2, 4, generator=random), "first": NeuronLayer(low_pass(), 4, dt=0.2),
            "onwards": Projection(4, 4, generator=random), "skip": Skip(4, "first"),
            "second": NeuronLayer(changes.get("neuron", low_pass()), 4, dt=0.2),
            "readout": Projection(4, 1, generator=random), "filter": NeuronLayer(low_pass(), 1, dt=0.2),
        }
    )  # fmt: skip


def test_a_skip_adds_an_earlier_layer(tmp_path: Path):
    """As written by hand, with its gradient; in two halves; nested; stored."""
    network, values = skipped().double(), series(dtype=torch.float64)
    layers = network.chain
    first, _ = layers["first"](layers["input"](values)[0])
    second, _ = layers["second"](layers["onwards"](first)[0] + first)
    expected, _ = layers["filter"](layers["readout"](second)[0])
    output, _ = network(values)
    assert torch.equal(output, expected)
    weight = layers["input"].weight
    found, wanted = (torch.autograd.grad(each.square().sum(), weight)[0] for each in (output, expected))
    assert float(found.abs().sum()) > 0
    torch.testing.assert_close(found, wanted)
    begin, state = network(values[:7])
    torch.testing.assert_close(torch.cat([begin, network(values[7:], state)[0]]), output)
    outer = Network({"scale": Projection(2, 2), "block": network})
    assert outer.chain["block_skip"].source == "block_first"
    assert torch.equal(outer.double()(values)[0], network(outer.chain["scale"](values)[0])[0])
    save_network(outer, tmp_path)
    assert torch.equal(load_network(tmp_path)(values)[0], outer(values)[0])


def test_a_readout_behind_a_skip_is_solved():
    """What the readout is fed with has the skip in it, and the solved one is no worse than the drawn one."""
    torch.manual_seed(0)
    data = TaskData.from_arrays(torch.rand(STEPS, 20, 2), torch.rand(STEPS, 20, 1), warm_up=0)
    network = skipped()
    before = (network(data.train.inputs)[0] - data.train.targets).square().mean()
    options = TrainingOptions(steps=1, batch=1, readout="start", learning_rate=1e-9, final_learning_rate=0)
    train(network, data.task(), data, options, seed=0)
    assert (network(data.train.inputs)[0] - data.train.targets).square().mean() < before


def test_skips_that_do_not_fit_are_refused(tmp_path: Path):
    """A source that is none, comes later, has another width or another clock; a call alone; circuits; NIR."""
    weights = {"input": Projection(2, 4), "first": NeuronLayer(lif(), 4, dt=0.2)}
    for source in ("frist", "skip", "later"):
        with pytest.raises(
            NetworkError, match=rf"layer skip skips from '{source}', which is no layer before it; .*"
        ):
            Network({**weights, "skip": Skip(4, source), "later": Projection(4, 4)})
    with pytest.raises(ShapeError, match="layer skip adds 4 outputs of first to 3 signals"):
        Network({**weights, "onwards": Projection(4, 3), "skip": Skip(3, "first")})
    with pytest.raises(NetworkError, match="layer skip skips from first past an AveragePool"):
        Network({**weights, "pool": AveragePool(4, 2), "skip": Skip(4, "first")})
    before = skipped().state_dict()
    with pytest.raises(FiringError, match="layer skip is a Skip, past which rates are not set"):
        let_fire(network := skipped(), series(), lowest=0.01, highest=0.3)
    assert all(
        torch.equal(network.state_dict()[key], each) for key, each in before.items() if "weight" in key
    )
    with pytest.raises(ShapeError, match="called without them; run the whole network"):
        Skip(4, "first")(series(4))
    with pytest.raises(ParameterError, match="source = 3; give the name"):
        Skip(4, 3)
    with pytest.raises(
        TrainingError, match="layer skip behind the last projection is not linear in it alone"
    ):
        readout_of(Network({**weights, "onwards": Projection(4, 4), "skip": Skip(4, "first")}))
    words = "layer skip has no .*: a Skip joins layers that do not follow"
    with pytest.raises(CircuitError, match=words):
        network_circuit(skipped(neuron=mtc()), np.zeros((4, 2)), dt=0.2, scaling=Scaling(), name="net")
    with pytest.raises(ContinuousError, match=words):
        integrate_network(skipped(), np.zeros((4, 2)))
    pytest.importorskip("nir")
    with pytest.raises(ExchangeError, match="layer skip: Skip is not written as NIR"):
        write_nir(skipped(), tmp_path / "a.nir")


# NIR


def chain(*layers) -> Network:
    random = torch.Generator().manual_seed(0)
    return Network(
        {
            "input": Projection(2, 4, generator=random), **dict(layers),
            "spikes": NeuronLayer(clocked_lif(reset="value", when="at_once"), 4, dt=1.0),
        }
    )  # fmt: skip


@pytest.mark.parametrize("steps", [3, [0, 5, 1, 5]])
def test_nir_holds_a_delay_in_seconds(steps, tmp_path: Path):
    """Ours comes back bit by bit; without our description the node alone gives the same steps."""
    nir = pytest.importorskip("nir")
    network, path, values = chain(("late", Delay(4, steps))), tmp_path / "a.nir", 3 * series()
    write_nir(network, path, dt=1e-4)
    assert torch.equal(read_nir(path)(values)[0], network(values)[0])
    graph = nir.read(path)
    each = np.broadcast_to(steps, 4)
    np.testing.assert_allclose(graph.nodes["late"].delay, each * 1e-4)
    graph.nodes["input_node"].metadata.clear()
    nir.write(path, graph)
    foreign = read_nir(path, dt=1e-4, convention="nir")
    assert foreign.chain["late"].steps == tuple(each)
    assert foreign(values)[0].sum() > 0
    torch.testing.assert_close(foreign(values)[0], network(values)[0])
    with pytest.raises(
        ExchangeError, match=r"node late: delay\[\d\] is .* steps of dt = 0\.0002 s; it must be a whole"
    ):
        read_nir(path, dt=2e-4, convention="nir")
