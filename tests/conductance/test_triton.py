"""The Triton kernels in Triton's interpreter on the CPU, against the eager step."""

import pytest
import torch
from declared import CASES, NEURONS
from hypothesis import given, settings
from hypothesis import strategies as st

from conductance.derivation.printers.torch import compiled
from conductance.derivation.rules import derive
from conductance.kernels import KernelError
from conductance.kernels.library import register
from conductance.kernels.triton.library import problem
from conductance.kernels.triton.operator import run
from conductance.layers.draws import draws
from conductance.neurons.flicker import flickering
from conductance.neurons.noisy import noisy

pytest.importorskip("triton", reason="triton is missing: `make test-triton` installs it and runs these tests")

DT = 0.1
PER_STEP = 4e-6
"""Bound of one float32 step against the eager one, relative to 1 + the largest magnitude."""


@pytest.fixture(autouse=True, scope="module")
def interpreter(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRITON_INTERPRET", "1")
        patch.setenv("EXCITABLE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


class Layer:
    """A rule with random parameters and states: eagerly, and as a kernel."""

    def __init__(self, name, method="forward_euler", *, batch=3, width=5, dtype=torch.float64):
        self.rule = derive(NEURONS[name], method)
        self.name = register(self.rule)
        self._constants = compiled(self.rule.prelude, "constants")
        self._step = compiled(self.rule.body, "step")
        self.parameters = [
            (p.default + 0.05 * torch.rand(width, dtype=dtype)).requires_grad_()
            for p in self.rule.neuron.parameters
        ]
        self.state = [
            (torch.rand(batch, width, dtype=dtype) - 0.3).requires_grad_() for _ in self.rule.neuron.states
        ]

    @property
    def constants(self):
        return self._constants(*self.parameters, self.parameters[0].new_tensor(DT))

    def eager(self, inputs):
        constants, state, outputs = self.constants, tuple(self.state), []
        for current in inputs.unbind(0):
            *state, output = self._step(*state, current, *constants)
            outputs.append(output)
        return torch.stack(outputs), tuple(state)

    def kernel(self, inputs):
        return run(self.name, inputs, self.state, self.constants)

    def everything(self, function, inputs):
        """Outputs, final states and every gradient of an asymmetric loss."""
        outputs, final = function(inputs)
        weights = torch.linspace(-1, 2, outputs.numel(), dtype=outputs.dtype).view_as(outputs)
        loss = (outputs * weights).sum() + sum((s * (k + 1)).sum() for k, s in enumerate(final))
        sources = [inputs, *self.state, *self.parameters]
        gradients = torch.autograd.grad(loss, sources, materialize_grads=True, allow_unused=True)
        return [outputs, *final, *gradients]


def drive(steps, batch=3, width=5, dtype=torch.float64):
    return (6 * torch.rand(steps, batch, width, dtype=dtype)).requires_grad_()


def assert_equal(found, wanted, bound):
    for one, other in zip(found, wanted, strict=True):
        assert torch.isfinite(other).all()
        assert (one - other).abs().max() <= bound * (1 + other.abs().max())


@pytest.mark.parametrize(("name", "method"), CASES)
def test_values_and_gradients_equal_the_eager_ones(name, method):
    """float64, over whole segments and an incomplete one, to 1e-10."""
    layer, inputs = Layer(name, method), drive(9)
    assert_equal(layer.everything(layer.kernel, inputs), layer.everything(layer.eager, inputs), 1e-10)


@pytest.mark.parametrize(("name", "method"), CASES)
def test_one_float32_step_stays_within_its_bound(name, method):
    """From equal states, values and gradients."""
    layer, inputs = Layer(name, method, dtype=torch.float32), drive(1, dtype=torch.float32)
    assert_equal(layer.everything(layer.kernel, inputs), layer.everything(layer.eager, inputs), PER_STEP)


@settings(max_examples=12)
@given(steps=st.integers(1, 19), batch=st.integers(1, 9), width=st.integers(1, 17))
def test_any_shape(steps, batch, width):
    """Length 1, batch 1, width 1, odd sizes, one program and several."""
    layer, inputs = Layer("adlif", batch=batch, width=width), drive(steps, batch, width)
    assert_equal(layer.everything(layer.kernel, inputs), layer.everything(layer.eager, inputs), 1e-10)


def test_input_that_is_not_contiguous():
    """A transposed input, as a batch-first data set gives it."""
    layer = Layer("lif")
    inputs = (6 * torch.rand(3, 9, 5, dtype=torch.float64)).requires_grad_()
    found = layer.everything(lambda x: layer.kernel(x.transpose(0, 1)), inputs)
    wanted = layer.everything(lambda x: layer.eager(x.transpose(0, 1)), inputs)
    assert_equal(found, wanted, 1e-10)


def test_only_what_is_wanted():
    """Without a gradient of the input, and with none at all."""
    layer, inputs = Layer("lif"), drive(9).detach()
    outputs, _ = layer.kernel(inputs)
    wanted, _ = layer.eager(inputs)
    sources = layer.parameters[:1]
    assert_equal(
        torch.autograd.grad(outputs.sum(), sources), torch.autograd.grad(wanted.sum(), sources), 1e-10
    )
    with torch.no_grad():
        assert torch.equal(layer.kernel(inputs)[0], outputs)


def test_gradients_against_finite_differences():
    """Of a smooth neuron, by input, states and constants."""
    layer = Layer("mtc with a fresh element", batch=1, width=2)
    constants = [constant.detach().requires_grad_() for constant in layer.constants]
    inputs = (0.2 * torch.rand(3, 1, 2, dtype=torch.float64)).requires_grad_()
    size = len(layer.state)

    def stepped(x, *others):
        outputs, final = run(layer.name, x, others[:size], others[size:])
        return outputs, *final

    assert torch.autograd.gradcheck(stepped, (inputs, *layer.state, *constants), fast_mode=True)


def test_state_in_and_out():
    """Two runs, the second from the states that the first left, are one run; so are their gradients."""
    layer, inputs = Layer("mtc"), drive(9)

    def in_two(x):
        first, state = run(layer.name, x[:4], layer.state, layer.constants)
        second, state = run(layer.name, x[4:], state, layer.constants)
        return torch.cat([first, second]), state

    assert_equal(layer.everything(in_two, inputs), layer.everything(layer.kernel, inputs), 1e-12)


@pytest.mark.parametrize("steps", [1, 4, 11])
def test_noise_is_drawn_as_on_the_cpu(steps):
    """White and flicker noise with a large seed: values and gradients of the eager step under the same draws."""
    neuron = flickering(noisy(NEURONS["mtc"], {"leak": 0.3}), {"us": 0.1}, band=(0.01, 1.0))
    rule = derive(neuron, "exponential_euler")
    constants = compiled(rule.prelude, "constants")
    step = compiled(rule.body, "step")
    parameters = [
        torch.full((5,), p.default, dtype=torch.float64, requires_grad=True) for p in neuron.parameters
    ]
    start = [torch.rand(3, 5, dtype=torch.float64).requires_grad_() for _ in neuron.states]
    inputs, seed, name = drive(steps), 2**32 - 5, register(rule)

    def kernel():
        return run(name, inputs, start, constants(*parameters, parameters[0].new_tensor(DT)), seed)

    def eager():
        table, state, outputs = constants(*parameters, parameters[0].new_tensor(DT)), tuple(start), []
        for current, noise in zip(inputs.unbind(0), draws(neuron, inputs, seed), strict=True):
            *state, output = step(*state, current, *table, *noise)
            outputs.append(output)
        return torch.stack(outputs), tuple(state)

    found = []
    for function in (kernel, eager):
        outputs, final = function()
        loss = outputs.sum() + sum((s * (k + 1)).sum() for k, s in enumerate(final))
        sources = [inputs, *start, *parameters]
        gradients = torch.autograd.grad(loss, sources, materialize_grads=True, allow_unused=True)
        found.append([outputs, *final, *gradients])
    assert_equal(*found, 1e-12)


def test_the_same_bits_again():
    """Gradients of the constants are summed in a fixed order."""
    layer, inputs = Layer("mtc", batch=33), drive(5, batch=33)
    first, second = (layer.everything(layer.kernel, inputs) for _ in range(2))
    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))


def test_inside_torch_compile():
    """One graph around the operator, forwards and backwards."""
    layer, inputs = Layer("lif"), drive(9)
    layer.kernel(inputs)
    name = layer.name

    def stepped(x, state, constants):
        return run(name, 2 * x, state, constants)

    whole = torch.compile(stepped, backend="aot_eager", fullgraph=True)
    found = layer.everything(lambda x: whole(x, layer.state, layer.constants), inputs)
    assert_equal(found, layer.everything(lambda x: layer.eager(2 * x), inputs), 1e-10)


def test_a_parameter_that_is_nan_is_named():
    """The neuron and the constant, before anything is stepped."""
    layer = Layer("lif")
    with torch.no_grad():
        layer.parameters[0][3] = float("nan")
    with pytest.raises(KernelError, match="neuron 3"):
        layer.kernel(drive(2))


def test_an_input_that_is_nan_stays_in_its_lane():
    """It comes out as NaN, through bounds and tanh, and only there."""
    layer, inputs = Layer("mtc", dtype=torch.float32), drive(3, dtype=torch.float32).detach()
    inputs[0, 1, 2] = float("nan")
    outputs, _ = layer.kernel(inputs)
    lost = torch.isnan(outputs[-1])
    assert lost[1, 2] and lost.sum() == 1


def test_nothing_stands_in_the_way():
    """With Triton at hand the check finds no problem, forwards and backwards."""
    layer = Layer("lif")
    for wanted in ((), (1, 0)):
        assert problem(layer.name, torch.float32, wanted, torch.device("cpu")) == ""
