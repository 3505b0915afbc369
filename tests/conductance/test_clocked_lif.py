"""LIF neurons of a time grid keep the conventions of other libraries, step by step."""

import itertools
import math

import pytest
import torch

from conductance.elements.base import DeclarationError
from conductance.exchange.conventions import ExchangeError
from conductance.exchange.nir_files import write_nir
from conductance.layers import NeuronLayer
from conductance.networks import Network
from conductance.neurons import clocked_lif
from conductance.storage import load_network, save_network
from conductance.surrogates import WINDOW


@pytest.fixture(autouse=True)
def _double():
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


def drive(steps: int = 300, neurons: int = 4) -> torch.Tensor:
    return 0.6 * torch.rand(steps, 2, neurons, generator=torch.Generator().manual_seed(3)) - 0.1


def spikes_of(neuron, x: torch.Tensor, **more) -> torch.Tensor:
    return NeuronLayer(neuron, x.shape[2], dt=1.0, **more)(x)[0]


def snntorch_leaky(x, *, beta, theta, reset):
    """mem = beta mem + x, less what the spike of the step before takes away."""
    mem, found = torch.zeros_like(x[0]), []
    for current in x:
        gone = (mem > theta).to(x)
        base = beta * mem + current
        mem = base - gone * theta if reset == "subtract" else base - gone * base
        found.append((mem > theta).to(x))
    return torch.stack(found)


def spikingjelly_lif(x, *, tau, theta, soft):
    """v += (x - v)/tau, a spike at v >= theta, then v - theta or 0, at once."""
    v, found = torch.zeros_like(x[0]), []
    for current in x:
        v = v + (current - v) / tau
        spike = (v >= theta).to(x)
        v = v - theta * spike if soft else v * (1 - spike)
        found.append(spike)
    return torch.stack(found)


def norse_lif(x, *, decay_mem, decay_syn, theta):
    """The input jumps the current; the voltage follows it; the spike resets it to 0; then the current decays."""
    v, i, found = torch.zeros_like(x[0]), torch.zeros_like(x[0]), []
    for current in x:
        i = i + current
        v = v + decay_mem * (i - v)
        spike = (v > theta).to(x)
        v = (1 - spike) * v
        i = i - decay_syn * i
        found.append(spike)
    return torch.stack(found)


def snntorch_synaptic(x, *, alpha, beta, theta):
    """syn = alpha syn + x; mem = beta mem + syn, less theta one step later."""
    mem, syn, found = torch.zeros_like(x[0]), torch.zeros_like(x[0]), []
    for current in x:
        gone = (mem > theta).to(x)
        syn = alpha * syn + current
        mem = beta * mem + syn - gone * theta
        found.append((mem > theta).to(x))
    return torch.stack(found)


CONVENTIONS = {
    "snntorch Leaky, subtract": (
        clocked_lif(beta=0.9), lambda x: snntorch_leaky(x, beta=0.9, theta=1.0, reset="subtract")
    ),
    "snntorch Leaky, zero": (
        clocked_lif(beta=0.8, reset="value"), lambda x: snntorch_leaky(x, beta=0.8, theta=1.0, reset="zero")
    ),
    "snntorch Synaptic": (
        clocked_lif(beta=0.7, alpha=0.6, current="new"),
        lambda x: snntorch_synaptic(x, alpha=0.6, beta=0.7, theta=1.0),
    ),
    "spikingjelly LIFNode, hard": (
        clocked_lif(beta=0.75, gain=0.25, theta=0.15, reset="value", when="at_once", inclusive=True),
        lambda x: spikingjelly_lif(x, tau=4.0, theta=0.15, soft=False),
    ),
    "spikingjelly LIFNode, soft": (
        clocked_lif(beta=0.75, gain=0.25, theta=0.15, when="at_once", inclusive=True),
        lambda x: spikingjelly_lif(x, tau=4.0, theta=0.15, soft=True),
    ),
    "Norse LIF": (
        clocked_lif(beta=0.9, gain=0.1, theta=0.2, reset="value", when="at_once", current="new", alpha=0.8),
        lambda x: norse_lif(x, decay_mem=0.1, decay_syn=0.2, theta=0.2),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CONVENTIONS)
@pytest.mark.parametrize("backend", ["eager", "auto"])
def test_no_step_differs_from_the_library_that_has_the_convention(name, backend):
    """In float64, over 1000 steps of 8 neurons: no spike differs, on the eager step and on the kernel."""
    neuron, reference = CONVENTIONS[name]
    x = drive(1000)
    ours, theirs = spikes_of(neuron, x, backend=backend), reference(x)
    assert float(theirs.mean()) > 0.02
    assert int((ours != theirs).sum()) == 0


def test_a_step_at_the_threshold_tells_inclusive_from_exclusive():
    """A voltage of exactly theta spikes only where the threshold is inclusive."""
    x = torch.zeros(2, 1, 1)
    x[0] = 1.0
    assert spikes_of(clocked_lif(inclusive=True), x)[0].item() == 1.0
    assert spikes_of(clocked_lif(), x)[0].item() == 0.0


@pytest.mark.parametrize("through", [False, True])
def test_the_reset_has_the_spikes_slope_only_where_it_is_asked_for(through):
    """du[2]/dx[0] by hand: beta, minus theta times the surrogate's slope where the reset passes it on."""
    neuron = clocked_lif(beta=0.9, reset_gradient=through)
    layer = NeuronLayer(neuron, 1, dt=1.0, backend="eager")
    x = torch.tensor([1.3, 0.1]).reshape(2, 1, 1).requires_grad_()
    _, (u,) = layer(x)
    (gradient,) = torch.autograd.grad(u.sum(), x)
    slope = 1 / (1 + (torch.pi * 0.3) ** 2)  # arctan's, at 1.3 - theta
    assert gradient[0].item() == pytest.approx(0.9 - (slope if through else 0.0))


PAIRWISE = {
    ("subtract", "at_once", "none", False), ("subtract", "delayed", "old", True), ("value", "at_once", "old", True),
    ("value", "delayed", "none", False),
}  # fmt: skip
"""Four in which every value of a convention stands; all sixteen run with `make test-all`."""


@pytest.mark.parametrize(
    ("reset", "when", "current", "inclusive"),
    [
        pytest.param(*convention, marks=() if convention in PAIRWISE else pytest.mark.slow)
        for convention in itertools.product(
            ("subtract", "value"), ("at_once", "delayed"), ("none", "old"), (False, True)
        )
    ],
)
def test_kernel_and_eager_step_have_the_same_gradients(reset, when, current, inclusive):
    neuron = clocked_lif(
        reset=reset, when=when, current=current, inclusive=inclusive, reset_gradient=inclusive
    )
    found = []
    for backend in ("eager", "auto"):
        x = drive(40).requires_grad_()
        (spikes_of(neuron, x, backend=backend) * torch.arange(40.0)[:, None, None]).sum().backward()
        found.append(x.grad)
    torch.testing.assert_close(*found)


def test_unknown_conventions_and_uneven_windows_are_refused():
    with pytest.raises(
        DeclarationError, match=r"reset = 'zero' is unknown; .*allowed are subtract, value, none"
    ):
        clocked_lif(reset="zero")
    with pytest.raises(DeclarationError, match="when = 'late'"):
        clocked_lif(when="late")
    with pytest.raises(DeclarationError, match="surrogate window needs values"):
        clocked_lif(surrogate=WINDOW)


@pytest.mark.parametrize("when", ["at_once", "delayed"])
@pytest.mark.parametrize("current", ["none", "new"])
@pytest.mark.parametrize("refractory", [0, 1, 2, 7])
def test_refractory_steps_lengthen_every_interval(when, current, refractory):
    """Constant input: an interval is the refractory time and the free one, ln(1 - theta/v)/ln(beta) in whole steps."""
    beta, theta, given = 0.9, 1.0, 0.17
    neuron = clocked_lif(
        beta=beta, theta=theta, reset="value", when=when, current=current, alpha=1e-300, refractory=refractory
    )
    spikes = spikes_of(neuron, torch.full((400, 1, 1), given))[:, 0, 0]
    free = math.ceil(math.log(1 - theta * (1 - beta) / given) / math.log(beta))
    reset_step = 1 if when == "delayed" else 0  # in which snntorch's neuron does not integrate
    assert set(spikes.nonzero()[:, 0].diff().tolist()) == {free + reset_step + refractory}


@pytest.mark.parametrize("when", ["at_once", "delayed"])
def test_refractory_steps_are_a_counter(when):
    """Random input against a loop that counts down, spike by spike, kernel and eager; and the input is not gathered."""
    x, hold = 3 * drive(), 3
    u, left, gone, expected = torch.zeros_like(x[0]), torch.zeros_like(x[0]), torch.zeros_like(x[0]), []
    for now in x:
        u = torch.where(left > 0, torch.full_like(u, -0.2), 0.9 * u + now)
        left = (left - 1).clamp(min=0)
        gone = (u > 1).to(x)
        expected.append(gone)
        left = torch.where(gone > 0, torch.full_like(u, hold + (when == "delayed")), left)
        u = torch.where(gone > 0, torch.full_like(u, -0.2), u) if when == "at_once" else u
    expected = torch.stack(expected)
    neuron = clocked_lif(reset="value", when=when, u_reset=-0.2, refractory=hold)
    assert expected.sum() > 20
    for backend in ("eager", "auto"):
        assert torch.equal(spikes_of(neuron, x, backend=backend), expected)
    half, state = NeuronLayer(neuron, 4, dt=1.0)(x[:150])
    again, _ = NeuronLayer(neuron, 4, dt=1.0)(x[150:], state)
    assert torch.equal(torch.cat([half, again]), expected)


@pytest.mark.parametrize("reset_gradient", [False, True])
def test_refractory_gradients_of_kernel_and_eager_step(reset_gradient):
    neuron = clocked_lif(reset="value", when="at_once", refractory=3, reset_gradient=reset_gradient)
    found = []
    for backend in ("eager", "auto"):
        x = (3 * drive(40)).requires_grad_()
        (spikes_of(neuron, x, backend=backend) * torch.arange(40.0)[:, None, None]).sum().backward()
        found.append(x.grad)
    assert float(found[0].abs().sum()) > 0
    torch.testing.assert_close(*found)


def test_refractory_neurons_are_stored(tmp_path):
    """And come back with the same spikes; NIR has no node for them."""
    network = Network({"hidden": NeuronLayer(clocked_lif(reset="value", refractory=3), 4, dt=1.0)})
    save_network(network, tmp_path)
    assert torch.equal(load_network(tmp_path)(3 * drive())[0], network(3 * drive())[0])
    pytest.importorskip("nir")
    with pytest.raises(ExchangeError, match="layer hidden: NIR has no node for neuron clocked_lif"):
        write_nir(network, tmp_path / "a.nir")


def test_refractory_steps_that_make_no_sense_are_refused():
    """No whole number, too many, another reset, a reset that spikes."""
    for refractory in (-1, 1.5, True, 101, "3"):
        with pytest.raises(DeclarationError, match="must be a whole number of 0 to 100 steps"):
            clocked_lif(reset="value", refractory=refractory)
    with pytest.raises(DeclarationError, match=r"reset = 'subtract' has none; set reset=\"value\""):
        clocked_lif(refractory=2)
    with pytest.raises(
        DeclarationError, match="u_reset, at which they hold the voltage, must lie below theta"
    ):
        clocked_lif(reset="value", u_reset=2.0, refractory=2)
