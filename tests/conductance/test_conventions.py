"""The table of conventions: a row for each neuron, and each of its words held to what a layer does."""

import importlib.util
import math
from pathlib import Path

import pytest
import torch

from conductance.derivation import derive
from conductance.events import synaptic_lif, theta
from conductance.layers import NeuronLayer
from conductance.layers.conventions import conventions
from conductance.layers.neurons import StepError
from conductance.neurons import adlif, clocked_lif, dlif, dqif, lif, mtc, qif
from conductance.neurons.declared import declared_neurons
from conductance.shaping.stability import largest_stable_dt

MACROS = Path(__file__).parents[2] / "scripts" / "docs_macros.py"
PAGE = Path(__file__).parents[2] / "docs" / "theory" / "training.md"
NEURONS = {neuron.name: neuron for neuron in (*declared_neurons(), theta(), synaptic_lif())}


@pytest.fixture
def double():
    """Parameters in double precision from the start."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def test_the_table_has_every_neuron_and_the_library_s_values():
    """Rows are the exported neurons and those of event layers; rules and steps are what the library computes."""
    pytest.importorskip("latex2mathml")
    found = importlib.util.spec_from_file_location("docs_macros", MACROS)
    macros = importlib.util.module_from_spec(found)
    found.loader.exec_module(macros)
    page = macros.on_page_markdown(PAGE.read_text("utf-8"))
    assert macros.conventions() in page
    _, _, *rows = [
        [cell.strip(" `") for cell in row.strip("|").split("|")] for row in macros.conventions().splitlines()
    ]
    assert [row[0] for row in rows] == list(NEURONS)
    for name, method, *_, step in rows:
        rule = derive(NEURONS[name])
        assert method == rule.method
        if NEURONS[name].is_map:
            assert step == "a map: no time"
        else:
            limit = largest_stable_dt(rule).dt
            assert step == ("any" if math.isinf(limit) else f"{limit:.3g}")


@pytest.mark.parametrize("name", [name for name, neuron in NEURONS.items() if not neuron.is_map])
def test_a_layer_takes_the_step_of_the_table_and_no_longer_one(name):
    """Just below the largest step a layer is built, a tenth above it is refused; where any is stable, 50 is taken."""
    limit = conventions(NEURONS[name]).largest_dt
    if math.isinf(limit):
        assert NeuronLayer(NEURONS[name], 1, dt=50.0).dt == 50.0
        return
    assert NeuronLayer(NEURONS[name], 1, dt=0.999 * limit).size == 1
    with pytest.raises(StepError, match="too long"):
        NeuronLayer(NEURONS[name], 1, dt=1.1 * limit)


@pytest.mark.parametrize(
    ("neuron", "inputs", "words"),
    [
        (dqif(), 0.5, "u > u_th"), (dlif(), 0.5, "u > u_th"), (clocked_lif(), 1.0, "u > theta"),
        (clocked_lif(inclusive=True), 1.0, "u >= theta"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("backend", ["eager", "c"])
def test_a_voltage_on_the_threshold(neuron, inputs, words, backend):
    """From rest the input alone makes the voltage, exactly the threshold: a spike with >=, none with >."""
    spikes, _ = NeuronLayer(neuron, 1, dt=1, backend=backend)(torch.full((1, 1, 1), inputs))
    assert conventions(neuron).threshold == words
    assert float(spikes) == (1.0 if ">=" in words else 0.0)


@pytest.mark.parametrize(
    ("neuron", "drive", "words", "voltages"),
    [
        (lif(), 100.0, "in the spike's step, after the update", [0.0]),
        (adlif(), 100.0, "in the spike's step, after the update", [0.0]),
        (dqif(), 2.0, "in the update of the next step", [2.0, 2.0]),
        (dlif(), 2.0, "in the update of the next step", [2.0, 2.0]),
        (clocked_lif(), 2.0, "in the update of the next step", [2.0, 0.9 * 2 + 2 - 1]),
    ],
)
def test_the_state_after_a_spike(neuron, drive, words, voltages):
    """A reset in the spike's step leaves the reset voltage, one in the next step what the update makes of the old."""
    layer, record = NeuronLayer(neuron, 1, dt=1), []
    spikes, _ = layer(torch.full((len(voltages), 1, 1), drive), record=record)
    assert conventions(neuron).reset == words
    assert spikes.flatten().tolist() == [1.0] * len(voltages)
    assert [float(states[0]) for states in record] == pytest.approx(voltages)


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize(
    ("neuron", "start", "drive"),
    [
        (lif(), (0.9,), 4.0), (adlif(), (0.9, 0.1), 4.0), (dqif(), (0.2,), 0.7), (dlif(), (0.2,), 0.7),
        (clocked_lif(), (0.9,), 0.7), (clocked_lif(reset_gradient=True), (0.9,), 0.7), (qif(), (3.0, 4.0), 0.0),
    ],
)  # fmt: skip
def test_the_gradient_through_a_spike(neuron, start, drive):
    """Of the state two steps later by the state before a spike: the difference quotient where the table says none or
    exact, something else where it says the surrogate's.
    """
    layer = NeuronLayer(neuron, 1, dt=1.0 if neuron.is_map else 0.6, backend="eager")

    def after(first):
        states = (
            torch.as_tensor(first, dtype=torch.float64).reshape(1, 1),
            *(torch.full((1, 1), s) for s in start[1:]),
        )
        spikes, following = layer(torch.full((2, 1, 1), drive), states)
        assert spikes.sum() >= 1
        return following[0].sum()

    first = torch.tensor(start[0], requires_grad=True)
    (found,) = torch.autograd.grad(after(first), first)
    quotient = (after(start[0] + 1e-6) - after(start[0] - 1e-6)) / 2e-6
    kind = conventions(neuron).gradient
    assert kind == ("the exact one" if neuron.name == "qif" else kind)
    if kind == "the spike's surrogate":
        assert abs(float(found - quotient)) > 0.01
    else:
        assert float(found) == pytest.approx(float(quotient), rel=1e-5, abs=1e-8)


def test_without_a_threshold_there_is_nothing_to_say():
    """MTC resets nothing."""
    found = conventions(mtc())
    assert (found.threshold, found.reset, found.gradient) == ("", "", "")
