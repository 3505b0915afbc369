"""The recurrent kernel is the eager step: outputs, states and every gradient, and the same bits for any threads."""

import pytest
import torch

from conductance.kernels import compiler, library
from conductance.kernels.backend import BackendError
from conductance.kernels.operator import KernelError
from conductance.kernels.recurrent import library as recurrent_library
from conductance.layers import NeuronLayer, Recurrence
from conductance.neurons import adlif, clocked_lif, lif, low_pass, mtc
from conductance.neurons.noisy import noisy

STEPS, BATCH, NEURONS = 70, 11, 19
"""More than two segments of checkpoints, no whole group of series, no whole vector of neurons."""
CASES = [
    (mtc(), "output", None), (mtc(), "us", 3.0), (lif(), "output", None), (lif(), "um", 2.0),
    (adlif(), "output", 2.0), (adlif(), "w", None), (clocked_lif(), "output", None),
    (noisy(lif(), {"leak": 0.3}), "um", None),
]  # fmt: skip


def made(neuron, source, tau, backend, *, sparse=False, dtype=torch.float64) -> NeuronLayer:
    generator = torch.Generator().manual_seed(1)
    weight = 0.5 * torch.randn(NEURONS, NEURONS, generator=generator, dtype=torch.float64).to(dtype)
    if sparse:
        weight = weight * (torch.rand(NEURONS, NEURONS, generator=generator) < 0.2)
    recurrent = Recurrence(weight, source=source, tau=tau, sparse=sparse)
    dt = 1.0 if neuron.is_map else 0.3
    trained = [neuron.parameters[0].name] if "tau" in neuron.parameters[0].name else []
    return NeuronLayer(neuron, NEURONS, dt=dt, backend=backend, trainable=trained, recurrent=recurrent)


def everything(layer, dtype=torch.float64) -> list[torch.Tensor]:
    """Outputs, final states, and the gradients of a loss on both by input, start, weights and parameters."""
    generator = torch.Generator().manual_seed(0)
    x = (1 + 2 * torch.randn(STEPS, BATCH, NEURONS, generator=generator, dtype=torch.float64)).to(dtype)
    start = tuple(each.detach().clone().requires_grad_() for each in layer.initial_state(BATCH))
    x.requires_grad_()
    seed = {"seed": 7} if layer.neuron.noisy else {}
    outputs, states = layer(x, start, **seed)
    shares = torch.linspace(0, 1, outputs.numel(), dtype=dtype).view_as(outputs)
    loss = (outputs * shares).sum() + sum(state.square().sum() for state in states)
    return [outputs, *states, *torch.autograd.grad(loss, [x, *start, *layer.parameters()])]


@pytest.fixture
def _double():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.usefixtures("_double")
@pytest.mark.parametrize(
    ("neuron", "source", "tau"), CASES, ids=lambda each: getattr(each, "name", str(each))
)
def test_the_kernel_is_the_eager_step(neuron, source, tau):
    """To rounding, forwards and in all gradients, with dense sums and with sums over the spikes."""
    kernel = made(neuron, source, tau, "c")
    assert kernel.backend_used == "c"
    for one, other in zip(everything(kernel), everything(made(neuron, source, tau, "eager")), strict=True):
        assert bool(torch.isfinite(other).all())
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9 * float(other.detach().abs().max()))


@pytest.mark.usefixtures("_double")
def test_sparse_weights_stay_zero_and_have_the_eager_gradients():
    pairs = (everything(made(lif(), "output", None, backend, sparse=True)) for backend in ("c", "eager"))
    for one, other in zip(*pairs, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("source", ["output", "um"])
def test_bits_do_not_depend_on_the_number_of_threads(monkeypatch, source):
    """Series are shared out among threads, and the sums of weights' gradients by columns, each in its one order."""
    monkeypatch.setattr("conductance.kernels.recurrent.operator.SMALL", 0)
    before, found = torch.get_num_threads(), []
    layer = made(lif(), source, None, "c", dtype=torch.float32)
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            found.append(everything(layer, torch.float32))
    finally:
        torch.set_num_threads(before)
    for other in found[1:]:
        assert all(torch.equal(one, two) for one, two in zip(found[0], other, strict=True))


def test_without_gradients_and_in_two_halves_it_is_the_same():
    layer = made(lif(), "output", None, "c", dtype=torch.float32)
    x = 3 * torch.rand(50, BATCH, NEURONS, generator=torch.Generator().manual_seed(2))
    whole, end = layer(x)
    with torch.no_grad():
        first, middle = layer(x[:33])
        second, after = layer(x[33:], middle)
    assert torch.equal(whole, torch.cat([first, second]))
    assert all(torch.equal(one, two) for one, two in zip(end, after, strict=True))


def test_without_a_compiler_the_eager_step_is_taken_with_one_warning(monkeypatch):
    def missing() -> tuple[str, ...]:
        raise compiler.CompilerError("no C compiler is installed")

    caches = (recurrent_library.recurrent_kernel, recurrent_library.problem, library.warn_once)
    for each in caches:
        each.cache_clear()
    monkeypatch.setattr(compiler, "find_compiler", missing)
    try:
        with pytest.warns(library.KernelWarning, match="no C compiler"):
            assert made(lif(), "output", None, "auto", dtype=torch.float32).backend_used == "eager"
        with pytest.raises(BackendError, match="cannot be used: no C compiler"):
            _ = made(lif(), "output", None, "c", dtype=torch.float32).backend_used
    finally:
        for each in caches:
            each.cache_clear()


def test_what_it_does_not_have_is_refused_in_words():
    with pytest.raises(BackendError, match="a recurrent layer has no Triton kernel"):
        _ = made(lif(), "output", None, "triton", dtype=torch.float32).backend_used
    layer = made(mtc(), "output", None, "c", dtype=torch.float32)
    x = torch.ones(3, 1, NEURONS, requires_grad=True)
    (slope,) = torch.autograd.grad(layer(x)[0].sum(), x, create_graph=True)
    with pytest.raises(KernelError, match="second derivatives"):
        slope.sum().backward()


@pytest.mark.usefixtures("_double")
def test_a_few_negative_values_are_passed_on():
    """One filter of nineteen is driven below zero: its value arrives, whichever way the sum is taken."""
    found = []
    for backend in ("c", "eager"):
        weight = 0.8 * torch.eye(NEURONS).roll(1, 0)
        layer = NeuronLayer(
            low_pass(), NEURONS, dt=0.3, backend=backend, values={"tau": 1.0}, recurrent=Recurrence(weight)
        )
        x = torch.zeros(3, 2, NEURONS)
        x[:, :, 4] = -1.0
        outputs, _ = layer(x)
        found.append(outputs)
    torch.testing.assert_close(found[0], found[1], rtol=1e-9, atol=0)
    assert float(found[1][-1, 0, 5]) < 0


@pytest.mark.usefixtures("_double")
def test_the_last_neuron_of_a_row_is_stepped():
    """33 neurons are one more than whole vectors of 4, 8 or 16 numbers: the last one counts, forwards and back."""
    found = []
    for backend in ("c", "eager"):
        weight = 0.3 * torch.randn(33, 33, generator=torch.Generator().manual_seed(5))
        layer = NeuronLayer(mtc(), 33, dt=0.3, backend=backend, recurrent=Recurrence(weight))
        x = torch.linspace(-1, 1, 5 * 2 * 33).reshape(5, 2, 33).requires_grad_()
        outputs, state = layer(x)
        (slope,) = torch.autograd.grad(state[0].sum() + outputs.sum(), x)
        found.append((state[0], slope))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)


@pytest.mark.usefixtures("_double")
def test_the_start_alone_has_its_gradient():
    """With fixed weights and inputs the kernel still answers for the states at the start."""
    found = []
    for backend in ("c", "eager"):
        weight = 0.3 * torch.randn(NEURONS, NEURONS, generator=torch.Generator().manual_seed(3))
        recurrent = Recurrence(weight, trainable=False)
        layer = NeuronLayer(mtc(), NEURONS, dt=0.3, backend=backend, recurrent=recurrent)
        start = tuple(each.detach().clone().requires_grad_() for each in layer.initial_state(2))
        outputs, _ = layer(torch.ones(40, 2, NEURONS), start)
        found.append(torch.autograd.grad(outputs.square().sum(), start))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)
