"""NIR files: ours come back bit by bit, others' run in their library's convention, and what does not fit is named."""

import itertools
import sys

import numpy as np
import pytest
import torch

from conductance.exchange import CONVENTIONS, ExchangeError, read_nir, references, write_nir
from conductance.layers import NeuronLayer, Projection, Recurrence
from conductance.networks import RECIPES, Network, series_network
from conductance.neurons import clocked_lif, mtc

nir = pytest.importorskip("nir")


@pytest.fixture(autouse=True)
def _double():
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


def network(loop: bool = True, **conventions) -> Network:
    random = torch.Generator().manual_seed(0)
    neuron = clocked_lif(**conventions)
    recurrent = Recurrence(0.3 * torch.randn(5, 5, generator=random)) if loop else None
    made = Network({
        "in": Projection(3, 5, generator=random),
        "first": NeuronLayer(neuron, 5, dt=1.0, values={"beta": torch.linspace(0.7, 0.95, 5)}, recurrent=recurrent),
        "between": Projection(5, 2, generator=random), "second": NeuronLayer(neuron, 2, dt=1.0),
    })  # fmt: skip
    with torch.no_grad():
        made.chain["between"].weight.abs_().mul_(2.0)
    return made


def inputs(steps: int = 1000) -> torch.Tensor:
    return 2 * torch.rand(steps, 2, 3, generator=torch.Generator().manual_seed(1)) - 0.2


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    "conventions",
    [{}, {"reset": "value", "when": "at_once"}, {"current": "new"}, {"current": "old", "inclusive": True}],
)
def test_files_that_we_wrote_come_back_bit_by_bit(tmp_path, conventions, dtype):
    """Weights, decays, loops and declarations; no output differs."""
    made = network(**conventions).to(dtype)
    write_nir(made, tmp_path / "a.nir")
    again = read_nir(tmp_path / "a.nir")
    for name, value in made.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name
    x = inputs(50).to(dtype)
    assert torch.equal(made(x)[0], again(x)[0])


def test_a_network_for_series_of_lif_neurons_comes_back(tmp_path):
    """Encoder, LIF neurons, readout and the four sections of the low-pass, each a node; bit by bit."""
    made = series_network(RECIPES["lif"], inputs=2, hidden=6, outputs=1, dt=0.5, low_pass_tau=2.0)
    write_nir(made, tmp_path / "s.nir", dt=1e-3)
    graph = nir.read(tmp_path / "s.nir")
    assert sum(isinstance(node, nir.LI) for node in graph.nodes.values()) == 4
    assert graph.nodes["filter"].tau[0] == pytest.approx(2.0 * 1e-3 / 0.5)
    again = read_nir(tmp_path / "s.nir")
    x = torch.randn(40, 2, 2)
    assert torch.equal(made(x)[0], again(x)[0])


def test_nirs_own_nodes_say_the_same_equation(tmp_path):
    """Without our description the nodes of a file, read in its convention, give the same spikes in every step."""
    made = network()
    write_nir(made, tmp_path / "a.nir", dt=1e-3)
    graph = nir.read(tmp_path / "a.nir")
    graph.nodes["input"].metadata = {}
    nir.write(tmp_path / "b.nir", graph)
    again = read_nir(tmp_path / "b.nir", dt=1e-3, convention="snntorch")
    ours, theirs = made(inputs())[0], again(inputs())[0]
    assert float(ours.mean()) > 0.01
    assert int((ours != theirs).any(-1).any(-1).sum()) == 0
    assert graph.nodes["first"].tau[0] == pytest.approx(1e-3 / 0.3)


def lif_graph(**more) -> "nir.NIRGraph":
    size = 4
    values = dict(tau=np.full(size, 0.02), r=np.full(size, 2.0), v_leak=np.full(size, 0.1),
                  v_threshold=np.full(size, 0.4), v_reset=np.full(size, 0.0))  # fmt: skip
    values |= more
    random = np.random.default_rng(0)
    return nir.NIRGraph(
        nodes={
            "input": nir.Input({"input": np.array([3])}), "fc": nir.Linear(weight=random.normal(size=(size, 3))),
            "lif": nir.LIF(**values), "output": nir.Output({"output": np.array([size])}),
        },
        edges=[("input", "fc"), ("fc", "lif"), ("lif", "output")],
    )  # fmt: skip


def test_a_foreign_file_is_its_equation_by_euler(tmp_path):
    """tau dv/dt = v_leak - v + R I, a spike above the threshold, then v_reset: by hand, no step of 1000 differs."""
    graph = lif_graph()
    nir.write(tmp_path / "f.nir", graph)
    made = read_nir(tmp_path / "f.nir", dt=1e-3, convention="nir")
    x = inputs()
    weight, v, expected = torch.as_tensor(graph.nodes["fc"].weight), torch.zeros(2, 4), []
    for current in x @ weight.T:
        v = v + 1e-3 / 0.02 * (0.1 - v + 2.0 * current)
        spike = (v > 0.4).double()
        v = v * (1 - spike)
        expected.append(spike)
    ours = made(x)[0]
    assert float(ours.mean()) > 0.01 and int((ours != torch.stack(expected)).sum()) == 0


def test_a_leaky_integrator_is_the_readout(tmp_path):
    """A LI behind a Linear: its gain joins the weights, and its output is Euler's."""
    graph = nir.NIRGraph(
        nodes={
            "input": nir.Input({"input": np.array([3])}), "fc": nir.Linear(weight=np.ones((2, 3))),
            "li": nir.LI(tau=np.full(2, 0.01), r=np.full(2, 3.0), v_leak=np.full(2, 0.5)),
            "output": nir.Output({"output": np.array([2])}),
        },
        edges=[("input", "fc"), ("fc", "li"), ("li", "output")],
    )  # fmt: skip
    nir.write(tmp_path / "l.nir", graph)
    made = read_nir(tmp_path / "l.nir", dt=1e-3, convention="nir")
    x, v = inputs(30), torch.zeros(2, 2)
    for current in x:
        v = v + 0.1 * (0.5 - v + 3.0 * current.sum(-1, keepdim=True))
    torch.testing.assert_close(made(x)[0][-1], v)


@pytest.mark.parametrize(
    ("graph", "options", "message"),
    [
        (lif_graph(), {}, "give dt, the step in s, and convention"),
        (lif_graph(), {"dt": 1e-3}, "give convention"),
        (lif_graph(), {"dt": 1e-3, "convention": "brian"}, "allowed are nir, snntorch, norse, spikingjelly"),
        (lif_graph(), {"dt": 0.5, "convention": "nir"}, r"node lif: dt = 0.5 s must lie in \(0, tau\]"),
        (lif_graph(v_reset=np.full(4, 0.2)), {"dt": 1e-3, "convention": "snntorch"}, "node lif resets to 0.2"),
    ],
)  # fmt: skip
def test_what_a_file_leaves_open_is_asked_for(tmp_path, graph, options, message):
    nir.write(tmp_path / "f.nir", graph)
    with pytest.raises(ExchangeError, match=message):
        read_nir(tmp_path / "f.nir", **options)


def test_neurons_that_nir_lacks_and_edited_files_are_refused_by_name(tmp_path):
    with pytest.raises(ExchangeError, match="layer hidden: NIR has no node for neuron mtc"):
        write_nir(
            Network({"in": Projection(1, 2), "hidden": NeuronLayer(mtc(), 2, dt=0.2)}), tmp_path / "m.nir"
        )
    write_nir(network(), tmp_path / "a.nir")
    graph = nir.read(tmp_path / "a.nir")
    graph.nodes["in"].weight = graph.nodes["in"].weight * 1.5
    nir.write(tmp_path / "e.nir", graph)
    with pytest.raises(ExchangeError, match="weight of node in is not what our own description"):
        read_nir(tmp_path / "e.nir")
    (tmp_path / "x.nir").write_text("nothing")
    with pytest.raises(ExchangeError, match="cannot be read as NIR"):
        read_nir(tmp_path / "x.nir", dt=1e-3, convention="nir")
    assert set(CONVENTIONS) == {"nir", "snntorch", "norse", "spikingjelly"}


def nodes_of(**inside) -> "nir.NIRGraph":
    """A chain of nodes from `input`, a shape, to `output`, a number."""
    shape, size = inside.pop("input"), inside.pop("output")
    nodes = {
        "input": nir.Input({"input": np.array(shape)}),
        **inside,
        "output": nir.Output({"output": np.array([size])}),
    }
    names = list(nodes)
    return nir.NIRGraph(nodes=nodes, edges=list(itertools.pairwise(names)), type_check=False)


def leaky(*shape: int, **more) -> "nir.NIRNode":
    """LIF neurons of one decay in some shape."""
    values = dict(tau=0.02, r=1.0, v_leak=0.0, v_threshold=0.4, v_reset=0.0) | more
    return nir.LIF(**{key: np.full(shape, value) for key, value in values.items()})


def euler(drive: torch.Tensor, share: float = 0.05, threshold: float = 0.4) -> torch.Tensor:
    """Spikes of `leaky` neurons by hand."""
    v, found = torch.zeros_like(drive[0]), []
    for current in drive:
        v = v + share * (current - v)
        spike = (v > threshold).to(v)
        v = v * (1 - spike)
        found.append(spike)
    return torch.stack(found)


def test_a_recurrent_layer_as_a_graph_of_its_own_is_opened(tmp_path):
    """As snntorch writes it, with a bias in the loop, which flows in every step: by hand, no step of 1000 differs."""
    random = np.random.default_rng(0)
    weight, loop, bias = random.normal(size=(4, 3)), random.normal(size=(4, 4)), 0.1 * random.normal(size=4)
    inside = nir.NIRGraph(
        nodes={
            "input": nir.Input({"input": np.array([4])}), "lif": leaky(4),
            "w_rec": nir.Affine(weight=loop, bias=bias), "output": nir.Output({"output": np.array([4])}),
        },
        edges=[("input", "lif"), ("lif", "w_rec"), ("w_rec", "lif"), ("lif", "output")],
    )  # fmt: skip
    graph = nodes_of(input=[3], fc=nir.Linear(weight=weight), rnn=inside, output=4)
    nir.write(tmp_path / "r.nir", graph)
    made = read_nir(tmp_path / "r.nir", dt=1e-3, convention="nir")
    assert list(made.chain) == ["fc", "rnn_lif"] and made.chain["rnn_lif"].recurrent is not None
    x, v, spike, found = inputs(), torch.zeros(2, 4), torch.zeros(2, 4), []
    for current in x @ torch.as_tensor(weight).T:
        v = v + 0.05 * (current + spike @ torch.as_tensor(loop).T + torch.as_tensor(bias) - v)
        spike = (v > 0.4).double()
        v = v * (1 - spike)
        found.append(spike)
    ours = made(x)[0]
    assert float(ours.mean()) > 1e-3 and int((ours != torch.stack(found)).sum()) == 0


@pytest.mark.parametrize("pool", ["AvgPool2d", "SumPool2d"])
def test_convolutions_and_pools_are_written_out(tmp_path, pool):
    """Strides, padding, channels and a bias as torch's own: no step of 200 differs."""
    random = torch.Generator().manual_seed(0)
    convolution = torch.nn.Conv2d(2, 3, 3, stride=(2, 1), padding=1)
    with torch.no_grad():
        convolution.weight.copy_(torch.randn(convolution.weight.shape, generator=random))
        convolution.bias.copy_(torch.randn(3, generator=random))
    last = 8 * torch.randn(4, 3 * 1 * 2, generator=random)
    graph = nodes_of(
        input=[2, 4, 5],
        conv=nir.Conv2d(
            input_shape=(4, 5), weight=convolution.weight.detach().numpy(), stride=(2, 1), padding=(1, 1),
            dilation=(1, 1), groups=1, bias=convolution.bias.detach().numpy(),
        ),
        lif=leaky(3, 2, 5),
        pool=getattr(nir, pool)(kernel_size=np.array([2, 2]), stride=np.array([2, 2]), padding=np.array([0, 0])),
        flat=nir.Flatten({"input": np.array([3, 1, 2])}, start_dim=0, end_dim=-1),
        fc=nir.Linear(weight=last.numpy()), out=leaky(4), output=4,
    )  # fmt: skip
    nir.write(tmp_path / "c.nir", graph)
    made = read_nir(tmp_path / "c.nir", dt=1e-3, convention="nir")
    x = 2 * torch.rand(200, 3, 2, 4, 5, generator=random)
    with torch.no_grad():
        hidden = euler(torch.stack([convolution(each) for each in x]))
        times = 4 if pool == "SumPool2d" else 1
        pooled = torch.stack([times * torch.nn.functional.avg_pool2d(each, 2) for each in hidden])
        expected = euler(pooled.flatten(2) @ last.T)
        ours = made(x.flatten(2))[0]
    assert float(hidden.mean()) > 0.01 and float(expected.mean()) > 0.01
    assert int((ours != expected).sum()) == 0


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (nodes_of(input=[3], wait=nir.Delay(np.full(3, 1.25e-3)), output=3), "0.00125 s, which is 1.25 steps"),
        (nodes_of(input=[3], lif=leaky(4), output=4), r"type mismatch: input.output: \[\[3\]\] -> lif.input"),
        (nodes_of(input=[3], fc=nir.Linear(weight=np.ones((2, 4))), output=2), r"\[\[3\]\] -> fc.input"),
        (
            nodes_of(
                input=[3], conv=nir.Conv1d(3, np.ones((1, 1, 2)), 1, 0, 1, 1, np.zeros(1)), output=2
            ),
            r"type mismatch: input.output: \[\[3\]\] -> conv",
        ),
    ],
)  # fmt: skip
def test_nodes_that_do_not_fit_are_refused_by_name(tmp_path, graph, message):
    nir.write(tmp_path / "f.nir", graph)
    with pytest.raises(ExchangeError, match=message):
        read_nir(tmp_path / "f.nir", dt=1e-3, convention="nir")


@pytest.mark.parametrize("installed", [False, True])
def test_why_a_file_is_not_run_against_a_library_is_said(monkeypatch, installed):
    """With the library that is missing and how it is installed; nothing of that where it is there."""
    monkeypatch.setattr(references, "find_spec", lambda _: object() if installed else None)
    said = references.not_run("snntorch")
    assert (
        said.startswith("not run against a library: only --convention nir is") and "steps of snntorch" in said
    )
    assert ("snntorch is not installed here (`pip install snntorch" in said) is not installed
    assert "what excitable wrote into it" in references.not_run(None)


def test_a_missing_snntorch_is_named_with_its_command(monkeypatch, tmp_path):
    """In the line that would give the number of differing steps."""
    monkeypatch.setitem(sys.modules, "snntorch", None)
    said = references.against_snntorch(Network({"input": Projection(1, 1)}), tmp_path / "x.nir")
    assert said.startswith("not run against a library: snntorch") and "`pip install snntorch" in said
