"""Measured functions in declarations: one table in numpy, torch, C and in files."""

import pickle

import numpy as np
import pytest
import sympy
import torch

from conductance.derivation.printers.torch import read_table
from conductance.layers import NeuronLayer
from conductance.neurons.base import INPUT, Neuron, State
from conductance.parameter import Parameter
from conductance.shaping.integrate import integrate
from conductance.stimulus import Stimulus
from conductance.storage.expressions import decode_expression, encode_expression
from conductance.tables import Samples, TableError, Tabulated, samples

U = sympy.Symbol("U_m", real=True)
GRID = np.linspace(-6, 6, 241)
GAIN = Parameter(
    name="gain", default=2.0, lower=0.0, transform="softplus", meaning="scale and shift of the table"
)
TABLE = samples(GRID, np.tanh(GRID))


def measured(table: Samples = TABLE) -> Neuron:
    """A leaky membrane with a negative conductance, read from a table."""
    currents = {"leak": -U, "element": GAIN.symbol * Tabulated(table, U - GAIN.symbol / 20), "input": INPUT}
    return Neuron(
        name="measured", meaning="a membrane with a measured element", parameters=(GAIN,), output=U,
        states=(State(name="um", symbol=U, meaning="membrane voltage", currents=currents),),
    )  # fmt: skip


def test_a_spline_converges_with_the_fourth_power_of_its_grid():
    """Halving the interval divides the error of a smooth function by about 16."""
    u = np.linspace(-4, 4, 9973)
    errors = []
    for points in (61, 121, 241):
        grid = np.linspace(-6, 6, points)
        errors.append(np.abs(samples(grid, np.tanh(grid))(u) - np.tanh(u)).max())
    ratios = np.array(errors[:-1]) / errors[1:]
    assert (ratios > 12).all()


def test_beyond_its_ends_a_table_is_a_straight_line():
    """Value and slope go on where they were at the end; there is no jump at either."""
    for end, step in ((TABLE.low, -1.0), (TABLE.high, 1.0)):
        slope = TABLE.derivative(end)
        assert TABLE(end + 2.5 * step) == pytest.approx(TABLE(end) + 2.5 * step * slope, abs=1e-12)
        assert TABLE.derivative(end + 2.5 * step) == pytest.approx(slope, abs=1e-12)


def test_the_table_of_a_line_is_that_line_on_both_sides():
    """The slope at an end is that of the points before it: 2 u - 1 goes on as 2 u - 1."""
    line = samples(np.linspace(-1, 1, 9), 2 * np.linspace(-1, 1, 9) - 1)
    u = np.linspace(-5, 5, 41)
    assert line(u) == pytest.approx(2 * u - 1, abs=1e-12)
    assert line.derivative(u) == pytest.approx(2, abs=1e-12)


def test_the_derivative_is_the_slope():
    """Central differences of the table, everywhere, the ends included."""
    u, h = np.linspace(-7, 7, 1001), 1e-5
    assert TABLE.derivative(u) == pytest.approx((TABLE(u + h) - TABLE(u - h)) / (2 * h), abs=1e-6)


def test_a_slope_knows_the_table_it_is_of():
    """The bend of a table is its second slope; nothing is the slope of zero, which is its own."""
    assert TABLE.derivative.derivative.origin == (TABLE, 2)
    zero = samples(GRID, 0 * GRID).derivative
    assert zero.derivative is zero
    assert zero.origin[1] == 1


def test_torch_reads_the_table_and_its_slope():
    """Values, first and second derivatives of the torch form are those of the numpy form; NaN stays NaN."""
    u = torch.linspace(-7, 7, 801, dtype=torch.float64, requires_grad=True)
    value = read_table(TABLE, u)
    (slope,) = torch.autograd.grad(value.sum(), u, create_graph=True)
    (bend,) = torch.autograd.grad(slope.sum(), u)
    points = u.detach().numpy()
    assert value.detach().numpy() == pytest.approx(TABLE(points), abs=1e-13)
    assert slope.detach().numpy() == pytest.approx(TABLE.derivative(points), abs=1e-12)
    assert bend.numpy() == pytest.approx(TABLE.derivative.derivative(points), abs=1e-10)
    assert read_table(TABLE, torch.tensor([float("nan")])).isnan().all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_kernel_is_the_eager_step(dtype):
    """Outputs and all gradients of the compiled kernel, beyond the table's ends as well."""
    torch.manual_seed(0)
    inputs = (3 * torch.randn(70, 3, 5, dtype=dtype)).requires_grad_()
    found = {}
    for backend in ("eager", "c"):
        layer = NeuronLayer(measured(), 5, dt=0.2, trainable=("gain",), backend=backend).to(dtype)
        start = (torch.linspace(-9, 9, 15, dtype=dtype).reshape(3, 5).requires_grad_(),)
        output, _ = layer(inputs, start)
        gradients = torch.autograd.grad(output.square().sum(), (inputs, *start, layer.raw_gain))
        found[backend] = (output.detach(), *gradients)
    tolerance = 2e-4 if dtype is torch.float32 else 1e-11
    for eager, fast in zip(found["eager"], found["c"], strict=True):
        assert (eager - fast).abs().max() <= tolerance * eager.abs().max()


def test_tables_at_one_voltage_are_read_together():
    """Seven tables and their slopes at two voltages, products of them too: the kernel does what the eager step does."""
    torch.manual_seed(1)
    shapes = (
        np.tanh,
        np.sin,
        np.cos,
        np.arctan,
        np.square,
        lambda u: u / (1 + u * u),
        lambda u: np.exp(-u * u),
    )
    tables = [samples(GRID, shape(GRID) / (1 + place)) for place, shape in enumerate(shapes)]
    currents = {"leak": -2 * U, "input": INPUT}
    for place, table in enumerate(tables):
        voltage = U if place < 5 else U - GAIN.symbol / 10
        currents[f"element_{place}"] = Tabulated(table, voltage) * (1 + Tabulated(tables[place - 1], U) / 4)
    state = State(name="um", symbol=U, meaning="membrane voltage", currents=currents)
    neuron = Neuron(name="many", meaning="tables", parameters=(GAIN,), output=U, states=(state,))
    inputs = torch.randn(40, 3, 5, dtype=torch.float64, requires_grad=True)
    found = {}
    for backend in ("eager", "c"):
        layer = NeuronLayer(neuron, 5, dt=0.1, trainable=("gain",), backend=backend).double()
        output, _ = layer(inputs)
        found[backend] = (
            output.detach(),
            *torch.autograd.grad(output.square().sum(), (inputs, layer.raw_gain)),
        )
    for eager, fast in zip(found["eager"], found["c"], strict=True):
        assert eager.abs().max() > 0.1
        assert (eager - fast).abs().max() <= 1e-11 * eager.abs().max()


def test_tangents_of_slow_tables_keep_the_second_order():
    """Two states, the slow one read by a table: halving the step divides the error by about four, in the kernel too."""
    slow = sympy.Symbol("U_s", real=True)
    currents = {
        "leak": -U,
        "fast": 2 * Tabulated(TABLE, U),
        "slow": -2 * Tabulated(TABLE, slow),
        "input": INPUT,
    }
    neuron = Neuron(
        name="two", meaning="a membrane and a slow state", parameters=(GAIN,), output=U + 0 * GAIN.symbol,
        states=(
            State(name="um", symbol=U, meaning="membrane voltage", currents=currents),
            State(name="us", symbol=slow, meaning="slow", capacity=2 + GAIN.symbol, currents={"follow": U - slow}),
        ),
    )  # fmt: skip
    exact = integrate(neuron, Stimulus.constant(0.2), 6.0, start=(0.5, -0.5)).at(np.array([6.0]))[0, 0]
    errors = []
    for dt in (0.1, 0.05, 0.025):
        layer = NeuronLayer(neuron, 1, dt=dt, method="tangent_heun", backend="c").double()
        start = tuple(torch.full((1, 1), value, dtype=torch.float64) for value in (0.5, -0.5))
        output, _ = layer(torch.full((round(6 / dt), 1, 1), 0.2, dtype=torch.float64), start)
        errors.append(abs(float(output[-1, 0, 0]) - exact))
    assert errors[0] > 1e-5
    assert 3 < errors[0] / errors[1] < 5
    assert 3 < errors[1] / errors[2] < 5


def test_a_nan_comes_out_of_the_kernel():
    """One NaN in the input: NaN from there on, and no reading outside of the table."""
    inputs = torch.zeros(10, 1, 1)
    inputs[4] = float("nan")
    output, _ = NeuronLayer(measured(), 1, dt=0.2, backend="c")(inputs)
    assert output[:4].isfinite().all()
    assert output[4:].isnan().all()


def test_the_integrator_reads_the_table():
    """The equation with the table and that with the function it was made from, integrated from one start."""
    exact = Neuron(
        name="exact", meaning="the same in closed form", parameters=(GAIN,), output=U,
        states=(
            State(
                name="um", symbol=U, meaning="membrane voltage",
                currents={"leak": -U, "element": GAIN.symbol * sympy.tanh(U - GAIN.symbol / 20), "input": INPUT},
            ),
        ),
    )  # fmt: skip
    traces = [integrate(neuron, Stimulus.constant(0.1), 8.0, start=(0.05,)) for neuron in (measured(), exact)]
    a, b = (trace.at(np.linspace(0, 8, 200))[:, 0] for trace in traces)
    assert np.abs(a - b).max() < 1e-6


def test_tables_are_equal_by_their_numbers_and_survive_files_and_pickles():
    """The same numbers are the same sympy object; a pickle and the JSON of an expression bring it back."""
    expression = 3 * Tabulated(TABLE, 2 * U) + U
    assert Samples(TABLE.low, TABLE.interval, TABLE.coefficients) == TABLE
    assert samples(GRID, np.tanh(GRID) + 1e-12) != TABLE
    assert pickle.loads(pickle.dumps(expression)) == expression
    assert decode_expression(encode_expression(expression), {"U_m": U}) == expression


@pytest.mark.parametrize(
    ("voltages", "values", "word"),
    [
        ([0, 1], [0, 1], "at least three"),
        ([0, 1, 2], [0, 1], "equally long"),
        ([0, 1, 3], [0, 1, 2], "uniform"),
        ([0, -1, -2], [0, 1, 2], "increase"),
        ([0, 1, 2], [0, np.nan, 2], "point 1"),
    ],
)
def test_points_that_make_no_table_are_refused(voltages, values, word):
    """Too few, unequal, not uniform, falling, not finite: each in a sentence."""
    with pytest.raises(TableError, match=word):
        samples(voltages, values)
