"""What happens exactly on an edge: a bound, a threshold, the end of a bin, an arrival in the step itself."""

import ast
import re

import pytest
import sympy
import torch
from declared import CASES, NEURONS

from benchmarks.browser import chromium
from conductance.derivation.methods import METHODS
from conductance.derivation.printers import javascript
from conductance.derivation.rules import derive
from conductance.elements import tanh
from conductance.events import EventError, Spikes, synaptic_lif
from conductance.kernels.source import Gradients
from conductance.kernels.triton.source import source
from conductance.layers import NeuronLayer, Projection
from conductance.networks import Network
from conductance.neurons import lif, mtc
from conductance.neurons.base import INPUT
from conductance.variation import rescaled

DT = 0.2


def slope_at(voltage: float, current: float, backend: str) -> float:
    """d output/d input of one step of a neuron without elements that ends where it began."""
    layer = NeuronLayer(mtc(()), 1, dt=DT, method="forward_euler", backend=backend).double()
    inputs = torch.full((1, 1, 1), current, dtype=torch.float64, requires_grad=True)
    states = tuple(torch.full_like(state, voltage) for state in layer.initial_state(1))
    output, _ = layer(inputs, tuple(state.double() for state in states))
    output.sum().backward()
    return float(inputs.grad)


@pytest.mark.parametrize("backend", ["eager", "c"])
@pytest.mark.parametrize(("voltage", "current"), [(0.0, 0.0), (1.0, 1.0)], ids=["U_th", "U_sat"])
def test_where_an_output_meets_its_bound_its_slope_is_that_inside(voltage, current, backend):
    """On the threshold, or on the end of the line, a step moves the output by dt of the input, as in torch.clamp."""
    assert slope_at(voltage, current, backend) == pytest.approx(DT, rel=1e-12)


@pytest.mark.parametrize("backend", ["eager", "c"])
def test_beyond_a_bound_there_is_no_slope(backend):
    """The least step below the threshold has none."""
    assert slope_at(-1e-9, -1e-9, backend) == 0.0


def test_every_printed_step_keeps_the_side_of_its_edge():
    """A step that is 1 at its edge is `>=` in C, Triton and JavaScript alike; one that is 0 there is `>`."""
    from conductance.derivation.printers.c import CPrinter
    from conductance.derivation.printers.triton import TritonPrinter

    x = sympy.Symbol("x", real=True)
    for make, closed, open_ in (
        (lambda: CPrinter({x: "x"}), r"x >= ", r"x > "),
        (lambda: TritonPrinter({x: "x"}), r"not_below\(x\)|x >= ", r"above\(x\)|x > "),
        (lambda: javascript.JavaScriptPrinter({x: "x"}), r"x >= ", r"x > "),
    ):
        assert re.search(closed, make().doprint(sympy.Heaviside(x, 1)))
        assert re.search(open_, make().doprint(sympy.Heaviside(x, 0)))


@pytest.mark.browser
def test_no_spike_at_exactly_the_threshold_in_the_browser():
    """A LIF neuron held on its threshold does not fire, in JavaScript as in torch; a rounding above it, it does."""
    neuron = lif()
    rule = derive(neuron, "forward_euler")
    margin = neuron.event.margin
    (voltage,) = margin.free_symbols & set(neuron.state_symbols)
    threshold = float(sympy.solve(margin.subs(neuron.substitutions()), voltage)[0])
    layer = NeuronLayer(neuron, 1, dt=DT, backend="eager").double()
    values = [float(value[0]) for value in layer.values().values()]
    states = len(neuron.states)
    script = f"""([p, start, current, dt]) => {{
        const constants = {javascript.constants_function(rule)};
        const trace = {javascript.trace_function(rule)};
        const out = Array.from({{length: start.length + 1}}, () => new Float64Array(1));
        trace(constants(p, dt), Float64Array.from(start), [current], out);
        return out.map((each) => each[0]);
    }}"""
    with chromium() as browser:
        page = browser.new_page()
        for current, spikes in ((threshold, 0.0), (threshold + 1e-9, 1.0)):
            # R = 1: the current that holds the membrane where it is
            start = [threshold, *([0.0] * (states - 1))]
            found = page.evaluate(script, [values, start, current, DT])
            given = tuple(torch.tensor([[value]], dtype=torch.float64) for value in start)
            output, _ = layer(torch.full((1, 1, 1), current, dtype=torch.float64), given)
            assert found[-1] == float(output[0, 0, 0]) == spikes


@pytest.mark.parametrize("method", ["symplectic_euler", "alternating_euler"])
def test_a_state_that_advances_later_sees_what_arrives_in_the_step(method):
    """An input spike raises the current at the step's start; the voltage is driven by the raised one."""
    neuron = synaptic_lif()
    following = derive(neuron, method).next_states()
    voltage, current = neuron.state_symbols
    charge = sympy.Symbol("charge", real=True)
    held, arrived = {INPUT: 0, current: charge}, {INPUT: charge, current: 0}
    for state in (voltage, current):
        assert INPUT in following[state].free_symbols
        assert following[state].subs(held) == following[state].subs(arrived)


def test_the_last_bin_holds_what_is_left_of_a_trial():
    """A trial of 1.0 in steps of 0.3 has a fourth, shorter bin with its own spikes; one of 0.9 has exactly three."""
    trains = [[(0.1, 0), (0.65, 0), (0.95, 0)]]
    counts = Spikes.of_trains(trains, size=1, end=1.0, dtype=torch.float64).binned(0.3)
    assert counts[:, 0, 0].tolist() == [1.0, 0.0, 1.0, 1.0]
    whole = Spikes.of_trains([[(0.1, 0)]], size=1, end=0.9, dtype=torch.float64).binned(0.3)
    assert whole.shape[0] == 3
    with pytest.raises(EventError, match="must be positive"):
        Spikes.of_trains([[(0.1, 0)]], size=1, end=0.9).binned(0.0)


@pytest.mark.parametrize(("name", "method"), CASES)
def test_a_triton_kernel_adds_to_its_sums_and_never_replaces_them(name, method):
    """In the text of every kernel a gradient's sum is set once, to zero, and only added to from there."""
    rule = derive(NEURONS[name], method)
    every = Gradients(input=True, start=True, constants=tuple(range(len(rule.constants))))
    tree = ast.parse(source(rule, "float32", every))
    (backward,) = [f for f in tree.body if isinstance(f, ast.FunctionDef) and f.name == "backward"]
    set_once, added = [], []
    for node in ast.walk(backward):
        if isinstance(node, ast.Assign):
            set_once += [
                t.id for t in node.targets if isinstance(t, ast.Name) and re.fullmatch(r"sum_\d+", t.id)
            ]
        if isinstance(node, ast.AugAssign) and re.fullmatch(r"sum_\d+", getattr(node.target, "id", "")):
            assert isinstance(node.op, ast.Add)
            added.append(node.target.id)
    wanted = sorted(f"sum_{k}" for k in range(len(rule.constants)))
    assert sorted(set_once) == wanted
    # once for whole segments and once for the incomplete one
    assert sorted(added) == sorted([*wanted, *wanted])


def test_a_warmer_chip_keeps_the_width_of_its_output_and_moves_its_middle():
    """In the larger unit of warm pairs both thresholds lie nearer to zero by one shift, still 1 V0 apart."""
    neuron = mtc([tanh("fast", -2.0)]).with_values(U_th=0.4, U_sat=1.4)
    chain = Network({"encoder": Projection(1, 2), "hidden": NeuronLayer(neuron, 2, dt=DT)})
    warm = rescaled(chain, 1.25).chain["hidden"].values()
    lower, upper = (warm[name].detach().double() for name in ("U_th", "U_sat"))
    torch.testing.assert_close(upper - lower, torch.ones(2, dtype=torch.float64), rtol=1e-6, atol=1e-6)
    middle = torch.full((2,), 0.9 / 1.25, dtype=torch.float64)
    torch.testing.assert_close((upper + lower) / 2, middle, rtol=1e-6, atol=1e-6)


def test_pairs_of_states_advance_the_second_first():
    """In alternating Euler a chain advances as second, first, fourth, third, and what is left over last."""
    a, b, c, d, e = sympy.symbols("a b c d e")
    assert METHODS["alternating_euler"].sequence((a, b, c, d, e)) == (b, a, d, c, e)
    assert METHODS["symplectic_euler"].sequence((a, b, c)) == (a, b, c)
