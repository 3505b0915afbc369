"""Networks of snntorch, Norse and spikingjelly, written by their own exporters, run here as there, if installed.

The peers are those of benchmarks/peer_requirements.txt. All in double precision, 1000 steps of random input.
"""

import warnings

import pytest
import torch

from conductance.exchange import read_nir

nir = pytest.importorskip("nir")
STEPS = 1000
MARGIN = 1e-6
"""A step differs where a spike does and the voltage is farther than this from the threshold."""


@pytest.fixture(autouse=True)
def _double():
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    torch.set_default_dtype(before)


def inputs() -> torch.Tensor:
    return 2 * torch.rand(STEPS, 1, 3, generator=torch.Generator().manual_seed(0)) - 0.2


def weighted(scale: float, *linears: torch.nn.Linear) -> None:
    """The same weights for everybody, so strong that the second layer fires, and in doubles whatever the spikes are."""
    random = torch.Generator().manual_seed(3)
    for linear in linears:
        linear.register_forward_pre_hook(lambda _, given: tuple(each.double() for each in given))
        with torch.no_grad():
            linear.weight.copy_(scale * (1.2 * torch.rand(linear.weight.shape, generator=random) - 0.3))
            linear.bias.zero_()


def differing(graph, path, dt, convention, theirs: torch.Tensor, margins: torch.Tensor) -> int:
    """Steps in which our import spikes otherwise."""
    nir.write(path, graph)
    ours = read_nir(path, dt=dt, convention=convention)(inputs())[0]
    assert 0.01 < float(theirs.mean()) < 0.9
    return int(((ours != theirs) & (margins > MARGIN)).flatten(1).any(1).sum())


@pytest.mark.parametrize(
    ("kind", "scale"), [("Leaky", 0.3), ("RLeaky", 0.2), ("Synaptic", 0.1), ("RSynaptic", 0.07)]
)
def test_snntorch(tmp_path, kind, scale):
    """Reset by subtraction, one step later; recurrent layers, graphs of their own, with a bias in the loop."""
    snn = pytest.importorskip("snntorch")
    from snntorch.export_nir import export_to_nir

    def neurons(size: int):
        values = {"beta": 0.9 * torch.ones(size), "threshold": torch.ones(size), "init_hidden": True}
        values |= {"alpha": 0.7 * torch.ones(size)} if "Synaptic" in kind else {}
        values |= {"linear_features": size} if kind.startswith("R") else {}
        return getattr(snn, kind)(**values)

    net = torch.nn.Sequential(torch.nn.Linear(3, 8), neurons(8), torch.nn.Linear(8, 4), neurons(4)).double()
    weighted(scale, net[0], net[2])
    with torch.no_grad():
        net[2].weight.mul_(3)
    if kind.startswith("R"):
        weighted(scale / 2, net[1].recurrent, net[3].recurrent)
        with torch.no_grad():
            net[1].recurrent.bias.fill_(0.01)
    graph = export_to_nir(net, inputs()[0, 0])
    for layer, size in ((net[1], 8), (net[3], 4)):
        for name in ("mem", "spk", "syn"):
            if isinstance(getattr(layer, name, None), torch.Tensor):
                setattr(layer, name, torch.zeros(1, size))
    found, margins = [], []
    with torch.no_grad():
        for current in inputs():
            found.append(net(current).double())
            margins.append((net[3].mem - 1).abs())
    assert (
        differing(graph, tmp_path / "s.nir", 1e-4, "snntorch", torch.stack(found), torch.stack(margins)) == 0
    )


@pytest.mark.parametrize(("kind", "scale"), [("LIFBoxCell", 2.0), ("LIFCell", 0.7)])
def test_norse(tmp_path, kind, scale):
    """Reset to zero at once, an input that jumps the current. Its exporter is told dt = 1, or it would divide by it."""
    norse = pytest.importorskip("norse.torch")
    from norse.torch.utils.export_nir import to_nir

    def neurons(size: int):
        values = {"tau_mem_inv": torch.full((size,), 100.0), "v_leak": torch.zeros(size)}
        values |= {"v_th": torch.full((size,), 0.5)}
        if kind == "LIFCell":
            return norse.LIFCell(norse.LIFParameters(tau_syn_inv=torch.full((size,), 200.0), **values))
        return norse.LIFBoxCell(norse.LIFBoxParameters(**values))

    net = norse.SequentialState(torch.nn.Linear(3, 8), neurons(8), torch.nn.Linear(8, 4), neurons(4)).double()
    weighted(scale, net[0], net[2])
    graph = to_nir(net, inputs()[0, 0], dt=1.0)
    state, found, margins = None, [], []
    with torch.no_grad():
        for current in inputs():
            spikes, state = net(current, state)
            found.append(spikes)
            margins.append((state[-1].v - 0.5).abs())
    assert differing(graph, tmp_path / "n.nir", 1e-3, "norse", torch.stack(found), torch.stack(margins)) == 0


@pytest.mark.parametrize(
    ("kind", "more", "scale"),
    [
        ("LIFNode", {"tau": 5.0, "v_threshold": 0.4}, 1.0),
        ("LIFNode", {"tau": 5.0, "v_threshold": 1.0, "decay_input": False}, 0.5),
        ("IFNode", {"v_threshold": 1.3}, 0.5),
        ("CUBALIFNode", {"c_decay": 0.6, "v_decay": 0.8, "v_threshold": 2.0}, 0.3),
    ],
)
def test_spikingjelly(tmp_path, kind, more, scale):
    """Reset to zero at once, a spike at the threshold too. No margin is asked for: every spike is the same."""
    neuron = pytest.importorskip("spikingjelly.activation_based.neuron")
    from spikingjelly.activation_based import functional
    from spikingjelly.activation_based.nir_exchange import export_to_nir

    made = getattr(neuron, kind)
    net = torch.nn.Sequential(
        torch.nn.Linear(3, 8), made(**more), torch.nn.Linear(8, 4), made(**more)
    ).double()
    weighted(scale, net[0], net[2])
    with torch.no_grad():
        net[2].weight.mul_(3)
    graph = export_to_nir(net, inputs()[0], dt=1e-4)
    functional.reset_net(net)
    with torch.no_grad():
        theirs = torch.stack([net(current) for current in inputs()])
    assert differing(graph, tmp_path / "j.nir", 1e-4, "spikingjelly", theirs, torch.ones_like(theirs)) == 0
