"""Generated kernels against the eager step, which is their oracle, and against finite differences."""

import re
import warnings
from dataclasses import replace

import declared
import pytest
import sympy
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from conductance.derivation.printers.c import CPrinter
from conductance.derivation.printers.torch import compiled
from conductance.derivation.program import Program
from conductance.derivation.rules import derive
from conductance.kernels import BackendError, KernelError
from conductance.kernels.pool import POOL
from conductance.layers import NeuronLayer, Projection
from conductance.layers.base import ShapeError
from conductance.networks.chain import Network
from conductance.neurons import lif, mtc
from conductance.neurons.declared import declared_neurons
from conductance.surrogates import SpikeStep

DT = 0.2
EXACT = 1e-10
"""Relative, in float64: rounding over the whole run."""
ONE_STEP = 2e-6
"""Relative to the largest magnitude, in float32, for one step from equal states: tanh is right to 3e-7."""
NEAR = 1e-4
"""The same for a voltage's distance from its threshold after many steps."""
NAMES = sorted(declared.NEURONS)


def layer_of(name: str, size: int, method: str | None = None, **changes) -> NeuronLayer:
    neuron = declared.NEURONS[name]
    dt, trainable = declared.dt_of(neuron, method, DT), declared.trained(neuron, method)
    return NeuronLayer(neuron, size, dt=dt, method=method, **{"trainable": trainable, **changes})


def drawn(layer: NeuronLayer, steps: int, batch: int, dtype: torch.dtype) -> list[torch.Tensor]:
    """Input and states around the threshold, so that events happen and outputs are on their ramps.

    A law that grows faster than any power overflows there; it gets the largest numbers that it can step.
    """
    inputs = 3 * torch.randn(steps, batch, layer.size, dtype=dtype) + 1
    states = [torch.randn(batch, layer.size, dtype=dtype) for _ in layer.neuron.states]
    asked = layer.backend
    for halvings in range(6):
        tensors = [(tensor / 2**halvings).detach().requires_grad_() for tensor in (inputs, *states)]
        finite = all(torch.isfinite(value).all() for value in everything(layer, "eager", tensors))
        layer.backend = asked
        if finite:
            return tensors
    raise AssertionError(f"{layer.neuron.name} overflows at every scale")


def everything(layer: NeuronLayer, backend: str, tensors: list[torch.Tensor]) -> list[torch.Tensor]:
    """Outputs, final states, and the gradients of their random weighting by input, states and parameters."""
    layer.backend = backend
    outputs, final = layer(tensors[0], tuple(tensors[1:]))
    generator = torch.Generator().manual_seed(3)
    loss = sum(
        (value * torch.randn(value.shape, generator=generator, dtype=value.dtype)).sum()
        for value in (outputs, *final)
    )
    leaves = [*tensors, *(parameter for parameter in layer.parameters() if parameter.requires_grad)]
    gradients = torch.autograd.grad(loss, leaves, allow_unused=True)
    return [
        outputs, *final, *(torch.zeros_like(x) if g is None else g for g, x in zip(gradients, leaves, strict=True)),
    ]  # fmt: skip


def largest_error(found: list[torch.Tensor], wanted: list[torch.Tensor]) -> float:
    """Largest difference, each tensor's relative to its own largest magnitude (or 1)."""
    return max(
        ((f - w).abs().max() / w.abs().max().clamp(min=1)).item() for f, w in zip(found, wanted, strict=True)
    )


@pytest.fixture
def double():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def test_the_list_names_every_neuron_and_method():
    """The conformance list is complete, so that no declaration of the package is left without a tested kernel."""
    assert {neuron.name for neuron in declared.PACKAGED.values()} == {n.name for n in declared_neurons()}
    assert {method for _, method in declared.CASES} == set(declared.METHOD_NAMES)


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize(("name", "method"), declared.CASES)
def test_a_kernel_equals_the_eager_step_in_double_precision(name, method):
    """Outputs, final states and every gradient, over more steps than a checkpoint's segment, to 1e-10."""
    layer = layer_of(name, 7, method)
    tensors = drawn(layer, 70, 3, torch.float64)
    wanted = everything(layer, "eager", tensors)
    assert all(torch.isfinite(value).all() for value in wanted)
    assert largest_error(everything(layer, "c", tensors), wanted) < EXACT


@pytest.mark.parametrize(("name", "method"), declared.CASES)
def test_one_step_in_single_precision(name, method):
    """From equal states a float32 step, with its rational tanh, differs from the eager one by less than the bound.

    Whole runs differ by more, since rounding grows along a trajectory, and a spike may move by a step.
    """
    layer = layer_of(name, 50, method, trainable=())
    tensors = drawn(layer, 1, 40, torch.float32)
    layer.backend = "eager"
    wanted, final = layer(tensors[0], tuple(tensors[1:]))
    layer.backend = "c"
    outputs, found = layer(tensors[0], tuple(tensors[1:]))
    assert largest_error(list(found), list(final)) < ONE_STEP
    # A voltage within rounding of its threshold may fall on either side.
    assert (outputs - wanted).abs().gt(ONE_STEP).float().mean() < 1e-3


@pytest.mark.parametrize("name", [name for name in NAMES if declared.NEURONS[name].event is not None])
def test_whole_runs_of_spiking_neurons_in_single_precision(name):
    """Spike trains are equal up to a crossing so near the threshold that rounding decides; most meet none."""
    layer = layer_of(name, 40, trainable=(), backend="eager")
    inputs, *states = (tensor.detach() for tensor in drawn(layer, 100, 25, torch.float32))
    recorded = []
    wanted, _ = layer(inputs, tuple(states), record=recorded)
    assert 0.01 < wanted.mean() < 0.9
    # the last of the step: a map begins with the margin of the spike before
    *_, margin = (
        spike.args[1] for _, value in layer.rule.body.assignments for spike in value.atoms(SpikeStep)
    )
    margin_of = compiled(replace(layer.rule.body, outputs=(margin,)), "margin")
    constants = layer._constants(*layer.values().values(), torch.tensor(layer.dt))
    before = [states, *recorded[:-1]]
    margins = torch.stack(
        [margin_of(*state, current, *constants)[0] for state, current in zip(before, inputs, strict=True)]
    )
    layer.backend = "c"
    differs = layer(inputs, tuple(states))[0] != wanted
    first = differs & (differs.cumsum(0) == 1)
    largest = max(state.abs().max() for step in recorded for state in step)
    assert (margins[first].abs() < NEAR * largest).all()
    assert differs.any(0).float().mean() < 0.05


@pytest.mark.usefixtures("double")
@settings(max_examples=25)
@given(
    name=st.sampled_from(NAMES),
    steps=st.sampled_from([1, 2, 31, 32, 33, 64, 100]),
    batch=st.integers(1, 9),
    size=st.integers(1, 41),
    seed=st.integers(0, 1000),
)
def test_any_shape_and_parameters(name, steps, batch, size, seed):
    """Width, batch and length 1, odd sizes, and parameters that differ between neurons."""
    torch.manual_seed(seed)
    layer = layer_of(name, size)
    with torch.no_grad():
        for raw in layer.parameters():
            raw += 0.1 * torch.rand_like(raw)
    tensors = drawn(layer, steps, batch, torch.float64)
    wanted = everything(layer, "eager", tensors)
    assert largest_error(everything(layer, "c", tensors), wanted) < EXACT


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize(
    ("name", "trainable"), [("mtc", ("U_rest", "tau_s")), ("mtc", ()), ("dqif", ("a",)), ("dqif", ())]
)
@pytest.mark.parametrize(("size", "places"), [(1, 1), (7, 1), (40, 1), (3, 5)])
@pytest.mark.parametrize(("steps", "batch"), [(2, 1), (4, 40), (33, 2), (97, 3)])
def test_the_declared_start(name, trainable, size, places, steps, batch):
    """One start for the whole batch, trained or not, and final states that nobody reads."""
    neuron = declared.NEURONS[name]
    layer = NeuronLayer(neuron, size, dt=declared.dt_of(neuron, None, DT), trainable=trainable)
    inputs = (3 * torch.randn(steps, batch, size * places)).requires_grad_()
    found = []
    for backend in ("eager", "c"):
        layer.backend = backend
        outputs, final = layer(inputs, places=places)
        seeds = torch.linspace(-1, 1, outputs.numel()).view(outputs.shape)
        found.append(
            [outputs, *final, *torch.autograd.grad((outputs * seeds).sum(), [inputs, *layer.parameters()])]
        )
    assert largest_error(found[1], found[0]) < EXACT


@pytest.mark.usefixtures("double")
def test_gradients_equal_finite_differences():
    """A smooth neuron's kernel against central differences, by input, states and parameters."""
    layer = layer_of("mtc with every option", 2, backend="c")
    layer.requires_grad_(False)
    names = [name for name, _ in layer.named_buffers()] + [name for name, _ in layer.named_parameters()]
    parameters = {name: tensor.detach().clone().requires_grad_() for name, tensor in layer.named_parameters()}
    assert names

    def function(inputs, *rest):
        states, values = rest[: len(layer.neuron.states)], rest[len(layer.neuron.states) :]
        outputs, final = torch.func.functional_call(
            layer, dict(zip(parameters, values, strict=True)), (inputs, states)
        )
        return (outputs, *final)

    tensors = drawn(layer, 5, 2, torch.float64)
    with torch.no_grad():
        # On the ramp of the output, away from its kinks.
        tensors[0] *= 0.05
    assert torch.autograd.gradcheck(function, (*tensors, *parameters.values()), eps=1e-6, atol=1e-6)


@pytest.mark.usefixtures("double")
def test_pieces_of_time_equal_the_whole():
    """State out of one call and into the next: truncation only cuts the gradient, and not cutting it loses nothing."""
    layer = layer_of("adlif", 6, backend="c")
    inputs, *states = drawn(layer, 90, 4, torch.float64)
    whole, final = layer(inputs, tuple(states))
    first, middle = layer(inputs[:37], tuple(states))
    second, last = layer(inputs[37:], middle)
    assert torch.equal(torch.cat([first, second]), whole)
    assert all(torch.equal(a, b) for a, b in zip(last, final, strict=True))
    weights = torch.randn_like(whole)
    once = torch.autograd.grad((whole * weights).sum(), [inputs, *states, *layer.parameters()])
    again = torch.autograd.grad(
        (torch.cat([first, second]) * weights).sum(), [inputs, *states, *layer.parameters()]
    )
    assert largest_error(list(again), list(once)) < EXACT


@pytest.mark.usefixtures("double")
def test_input_that_is_not_contiguous():
    """A transposed input and a seed of stride zero give what their copies give."""
    layer = layer_of("mtc", 5, backend="c")
    inputs = torch.randn(3, 40, 5).transpose(0, 1).requires_grad_()
    copy = inputs.detach().contiguous().requires_grad_()
    for tensor in (inputs, copy):
        layer(tensor)[0].sum().backward()
    assert torch.equal(inputs.grad, copy.grad)


@pytest.mark.usefixtures("double")
def test_only_what_is_trained_gets_a_gradient():
    """A frozen parameter has none, the others are those of the layer that trains everything."""
    whole = layer_of("mtc", 5, backend="c")
    part = layer_of("mtc", 5, backend="c", trainable=("tau_s", "alpha_f_minus"))
    nothing = layer_of("mtc", 5, backend="c", trainable=())
    data = torch.randn(50, 3, 5)
    for layer in (whole, part):
        layer(data)[0].square().sum().backward()
    assert {name for name, _ in part.named_parameters()} == {"raw_tau_s", "raw_alpha_f_minus"}
    for name, tensor in part.named_parameters():
        assert torch.allclose(tensor.grad, getattr(whole, name).grad, rtol=EXACT)
    inputs = data.clone().requires_grad_()
    nothing(inputs)[0].square().sum().backward()
    assert inputs.grad.abs().sum() > 0
    assert not nothing(data)[0].requires_grad


@pytest.mark.parametrize("name", NAMES)
def test_nan_is_not_hidden(name):
    """NaN at one step of one neuron makes its states NaN, and no other's; the eager step does the same."""
    layer = layer_of(name, 6, trainable=())
    inputs = torch.randn(40, 2, 6)
    inputs[20, 1, 3] = float("nan")
    ends = {}
    for backend in ("eager", "c"):
        layer.backend = backend
        _, final = layer(inputs)
        ends[backend] = torch.stack(final).isnan()
    assert ends["c"][:, 1, 3].any()
    assert torch.equal(ends["c"], ends["eager"])


def test_the_result_does_not_depend_on_the_number_of_threads():
    """The same bits from one thread and from two, also in the sums over the batch."""
    layer = layer_of("mtc", 33, backend="c")
    tensors = drawn(layer, 60, 50, torch.float32)
    one = everything(layer, "c", tensors)
    torch.set_num_threads(2)
    try:
        two = everything(layer, "c", tensors)
    finally:
        torch.set_num_threads(1)
    assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))


def test_long_runs_keep_the_sums_exact():
    """The gradient of a parameter over 20 000 float32 steps equals the float64 one to 1e-4."""
    gradients = []
    for dtype in (torch.float32, torch.float64):
        torch.set_default_dtype(dtype)
        try:
            layer = layer_of("low_pass", 4, backend="c")
            inputs = torch.sin(torch.arange(20_000, dtype=dtype))[:, None, None].expand(-1, 1, 4) + 1
            layer(inputs)[0].square().sum().backward()
            gradients.append(layer.raw_tau.grad.double())
        finally:
            torch.set_default_dtype(torch.float32)
    assert torch.allclose(*gradients, rtol=1e-4)


def test_compiled_by_torch_around_a_network():
    """torch.compile sees the kernel as one operator: no break in the graph, the same numbers."""
    network = Network({"in": Projection(3, 20), "hidden": layer_of("mtc", 20), "out": Projection(20, 2)})
    values = torch.randn(40, 4, 3)
    compiled = torch.compile(network, backend="aot_eager", fullgraph=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        outputs, _ = compiled(values)
    wanted, _ = network(values)
    assert torch.equal(outputs, wanted)
    found = torch.autograd.grad(outputs.square().sum(), list(network.parameters()), allow_unused=True)
    expected = torch.autograd.grad(wanted.square().sum(), list(network.parameters()), allow_unused=True)
    for one, other in zip(found, expected, strict=True):
        assert (one is None and other is None) or torch.allclose(one, other, rtol=1e-5)


@pytest.mark.usefixtures("double")
def test_the_operators_keep_torchs_rules():
    """torch's own check of schema, fake tensors, autograd registration and dynamic shapes."""
    from conductance.kernels.library import register
    from conductance.kernels.operator import _forward

    layer = layer_of("lif", 4)
    name = register(layer.rule)
    table = torch.rand(len(layer.rule.constants), 4).add(0.5).requires_grad_()
    inputs, state = drawn(layer, 9, 3, torch.float64)
    wanted = [1, *range(len(layer.rule.constants))]
    arguments = (inputs, state.detach()[None].requires_grad_(), table, name, wanted, 0)
    checks = ("test_schema", "test_autograd_registration", "test_faketensor")
    torch.library.opcheck(_forward, arguments, test_utils=checks)


def test_results_are_never_handed_out_twice():
    """A result keeps its numbers while anything refers to them, and its memory is used again afterwards."""
    first = POOL.empty((1 << 19,), torch.float32).fill_(1)
    view, array = first[5:9], first.numpy()[100:]
    place = first.data_ptr()
    del first
    second = POOL.empty((1 << 19,), torch.float32).fill_(2)
    assert second.data_ptr() != place
    assert (view == 1).all()
    assert (array == 1).all()
    del view, array
    third = POOL.empty((1 << 19,), torch.float32)
    assert third.data_ptr() == place
    POOL.clear()
    assert (second == 2).all()


def test_the_back_end_is_named_and_chosen():
    """`auto` takes the kernel, `eager` never does, and a name that does not exist is refused with the list."""
    assert layer_of("lif", 3).backend_used == "c"
    assert layer_of("lif", 3, backend="eager").backend_used == "eager"
    with pytest.raises(BackendError, match="auto, eager, c"):
        layer_of("lif", 3, backend="cuda")


def test_half_inputs_run_the_kernel_in_single_precision():
    """An input in bfloat16 gives the output of the same numbers in float32, rounded, by the kernel."""
    layer = layer_of("lif", 3, trainable=(), backend="c")
    inputs = torch.randn(4, 2, 3, dtype=torch.bfloat16)
    half, whole = layer(inputs)[0], layer(inputs.float())[0]
    assert half.dtype == torch.bfloat16
    assert torch.equal(half, whole.to(torch.bfloat16))


def test_states_of_another_dtype_are_refused():
    """A float64 state given to a float32 layer is named, instead of read as other numbers."""
    layer = layer_of("mtc", 3, backend="c")
    state = [torch.zeros(2, 3) for _ in range(3)]
    state[1] = state[1].double()
    with pytest.raises(ShapeError, match=r"a state is torch.float64 .* the layer torch.float32"):
        layer(torch.zeros(4, 2, 3), tuple(state))


def test_a_parameter_that_is_nan_is_named():
    """The error names layer, neuron and parameter before anything is stepped."""
    layer = layer_of("mtc", 3, backend="c")
    with torch.no_grad():
        layer.raw_tau_s[1] = float("nan")
    with pytest.raises(KernelError, match=r"layer mtc, neuron 1: .*tau_s"):
        layer(torch.zeros(4, 2, 3))


def test_an_empty_batch():
    """No rows in, no rows out, and gradients of zero."""
    layer = layer_of("mtc", 3, backend="c")
    outputs, final = layer(torch.zeros(4, 0, 3))
    assert outputs.shape == (4, 0, 3)
    assert final[0].shape == (0, 3)
    outputs.sum().backward()
    assert layer.raw_tau_s.grad.abs().sum() == 0


def test_a_kernel_has_no_second_derivative():
    """Asking for one is an error, never a silent zero."""
    layer = layer_of("mtc", 3, backend="c")
    inputs = torch.randn(4, 2, 3, requires_grad=True)
    (first,) = torch.autograd.grad(layer(inputs)[0].sum(), inputs, create_graph=True)
    with pytest.raises(KernelError, match="backend='eager'"):
        first.square().sum().backward()


def test_names_in_a_declaration_never_reach_the_compiler():
    """In C a symbol is a number and its letters, whatever a declaration calls it: keywords, types, statements."""
    from conductance.kernels.source import source

    rule = derive(lif())
    state, *others = rule.body.inputs
    names = {
        state: 'x; system("true"); //', **dict(zip(others, ("double", "tanh_", "state", "input"), strict=False))
    }  # fmt: skip
    symbols = {old: sympy.Symbol(new, real=True) for old, new in names.items()}
    body = Program(
        inputs=tuple(symbol.xreplace(symbols) for symbol in rule.body.inputs),
        assignments=tuple((symbol, value.xreplace(symbols)) for symbol, value in rule.body.assignments),
        outputs=rule.body.outputs,
    )
    lines = CPrinter().assignments(body.assignments)
    words = [word for line in lines for word in re.findall(r"[A-Za-z_]\w*", line)]
    assert words
    for word in words:
        assert re.fullmatch(r"v\d+_\w*|const|vec|pick|splat|real|step_", word), word
    assert all(re.fullmatch(r"const vec \w+ = [^;\"'{}]+;", line) for line in lines)
    assert "system(" not in source(rule, "float32", None)


def test_the_default_is_the_kernel():
    """A layer made with no word on back ends runs on C here, where a compiler is."""
    assert NeuronLayer(mtc(), 3, dt=DT).backend_used == "c"


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("batch", [5, 64, 200])
def test_one_neuron_in_a_large_batch(batch):
    """A layer of width 1, as images have whose pixels share their values: steps and sums equal the eager ones."""
    layer = layer_of("dqif", 1)
    tensors = drawn(layer, 6, batch, torch.float64)
    wanted = everything(layer, "eager", tensors)
    assert largest_error(everything(layer, "c", tensors), wanted) < EXACT
