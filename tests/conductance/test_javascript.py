"""The printed JavaScript step against the eager one: 100 random parameter sets for every neuron, in Chromium."""

import json

import numpy as np
import pytest
import sympy
import torch
from declared import NEURONS

from benchmarks.browser import chromium
from conductance.derivation.printers import javascript
from conductance.derivation.printers.torch import compiled
from conductance.derivation.rules import EXACT, derive, methods_of

SETS, STEPS, DT = 100, 200, 0.05
FLOAT32 = float(np.finfo(np.float32).eps)


@pytest.fixture(scope="module")
def page():
    """An empty page of one browser."""
    with chromium() as browser:
        yield browser.new_page()


def drawn(neuron, generator):
    """Parameter sets that the declaration allows, (set, parameter), within a factor of about two of its defaults."""
    found = []
    relations = [constraint.relation for constraint in neuron.constraints]
    holds = sympy.lambdify([p.symbol for p in neuron.parameters], relations, "math")
    while len(found) < SETS:
        values = {}
        for p in neuron.parameters:
            spread = 1.5 ** generator.uniform(-1, 1)
            values[p.name] = p.default * spread if p.default else generator.uniform(-0.3, 0.3)
            if not p.allows(values[p.name]):
                values[p.name] = p.default
        if all(holds(*values.values())):
            found.append(list(values.values()))
    return np.array(found)


def by_torch(rule, values, inputs, start):
    """(set, step, states and output) of the eager step in float64."""
    columns = [torch.from_numpy(column) for column in values.T]
    constants = compiled(rule.prelude, "constants")(*columns, torch.tensor(DT, dtype=torch.float64))
    step = compiled(rule.body, "step")
    constants = [torch.as_tensor(c, dtype=torch.float64).expand(len(values)) for c in constants]
    states = [torch.full((len(values),), number, dtype=torch.float64) for number in start]
    record = []
    for current in torch.from_numpy(inputs).T:
        outputs = step(*states, current, *constants)
        states = list(outputs[: len(states)])
        record.append(
            torch.stack([torch.as_tensor(o, dtype=torch.float64).expand(len(values)) for o in outputs])
        )
    return torch.stack(record).permute(2, 0, 1).numpy()


@pytest.mark.browser
@pytest.mark.parametrize("name", [name for name in NEURONS if name != "mtc with other elements"])
def test_the_trace_of_javascript_is_that_of_python(page, name):
    """Every state and output of every step equals the eager float64 step's to float32 rounding, for 100 parameter sets.

    Both compute in float64 and differ where the browser's functions round the last bit otherwise. A set whose voltage
    comes that near to its threshold could differ by a spike; none of these does.
    """
    neuron = NEURONS[name]
    methods = methods_of(NEURONS[name])
    method = EXACT if EXACT in methods else methods[0]
    rule = derive(neuron, method)
    generator = np.random.default_rng(7)
    values = drawn(neuron, generator)
    inputs = np.repeat(generator.uniform(-1, 1.5, (SETS, STEPS // 20)), 20, axis=1)
    if neuron.arrivals:
        inputs *= DT
    start = neuron.initial_state()
    expected = by_torch(rule, values, inputs, start)
    script = f"""([sets, inputs, start, dt]) => {{
        const constants = {javascript.constants_function(rule)};
        const trace = {javascript.trace_function(rule)};
        return sets.map((p, k) => {{
            const out = Array.from({{length: start.length + 1}}, () => new Float64Array(inputs[k].length));
            trace(constants(p, dt), Float64Array.from(start), inputs[k], out);
            return out.map((each) => Array.from(each));
        }});
    }}"""
    found = page.evaluate(script, [values.tolist(), inputs.tolist(), list(start), DT])
    result = np.array(found, float).transpose(0, 2, 1)
    assert result.shape == expected.shape
    finite = np.isfinite(expected)
    assert (np.isfinite(result) == finite).all()
    scale = np.maximum(1.0, np.abs(expected[finite]))
    assert (np.abs(result[finite] - expected[finite]) / scale).max() < FLOAT32
    assert np.ptp(expected[finite]) > 0


def test_a_number_is_printed_exactly():
    """Every float64 reads back as itself in JSON's grammar, which is JavaScript's for numbers."""
    printer = javascript.JavaScriptPrinter()
    for value in (0.1, 1 / 3, -2.5e-17, 1e22, 5e-324):
        assert json.loads(printer.number(value).strip("()")) == value
