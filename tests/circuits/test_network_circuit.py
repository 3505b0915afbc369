"""A network's circuit: weights, biases, parts and their sum."""

import copy

import numpy as np
import pytest
import torch

from circuits.data.circuit import CircuitError, CurrentSource, Instance, Transconductance
from circuits.data.scaling import Scaling
from circuits.networks.continuous import network_circuit
from conductance.layers import NeuronLayer, Projection
from conductance.networks import Network
from conductance.neurons import low_pass, mtc
from conductance.neurons.spiking import is_linear

SCALING = Scaling()
INPUTS = np.arange(8.0).reshape(4, 2) / 8


def network() -> Network:
    """Two inputs, three neurons, one filtered output, with weights that tell rows from columns."""
    chain = Network(
        {
            "encoder": Projection(2, 3),
            "hidden": NeuronLayer(mtc(), 3, dt=0.2, values={"alpha_f_minus": torch.tensor([1.5, 2.0, 2.5])}),
            "readout": Projection(3, 1),
            "filter": NeuronLayer(low_pass(), 1, dt=0.2, method="exponential_euler"),
        }
    )
    with torch.no_grad():
        chain.layers["encoder"].weight.copy_(torch.tensor([[1.0, -2.0], [3.0, 4.0], [5.0, -6.0]]))
        chain.layers["encoder"].bias.copy_(torch.tensor([-1.0, -2.0, -3.0]))
        chain.layers["readout"].bias.fill_(0.5)
    return chain


def gains(built):
    """Weight by (reading node, written node)."""
    return {
        (device.sense_positive, device.out_to): device.gain / SCALING.conductance_unit
        for device in built.circuit.devices
        if isinstance(device, Transconductance)
    }


def test_weight_of_row_j_and_column_i_goes_from_input_i_to_neuron_j():
    """The 3x2 example pins the convention; a positive weight injects current."""
    found = gains(network_circuit(network(), INPUTS, dt=0.2, scaling=SCALING))
    assert found["x0", "hidden_1_um"] == pytest.approx(3.0)
    assert found["x1", "hidden_0_um"] == pytest.approx(-2.0)
    assert found["x1", "hidden_2_um"] == pytest.approx(-6.0)


def test_a_weight_of_zero_has_no_element_and_the_other_equations_stay():
    """What passes no current is left out; a neuron that nothing reaches keeps its node and its bias."""
    whole = network()
    pruned = copy.deepcopy(whole)
    with torch.no_grad():
        pruned.layers["encoder"].weight.copy_(torch.tensor([[1.0, -2.0], [0.0, 0.0], [5.0, 0.0]]))
    before, after = (network_circuit(each, INPUTS, dt=0.2, scaling=SCALING) for each in (whole, pruned))
    missing = {("x0", "hidden_1_um"), ("x1", "hidden_1_um"), ("x1", "hidden_2_um")}
    assert gains(after) == {key: gain for key, gain in gains(before).items() if key not in missing}
    assert after.circuit.nodes == before.circuit.nodes and after.membranes == before.membranes
    kept = [d.name for d in before.circuit.devices if not isinstance(d, Transconductance)]
    assert [d.name for d in after.circuit.devices if not isinstance(d, Transconductance)] == kept


def test_bias_is_a_current_and_own_parameters_are_the_instance_s():
    """Neuron j gets bias j and only the parameters that differ from the declaration."""
    built = network_circuit(network(), INPUTS, dt=0.2, scaling=SCALING)
    currents = {
        d.sink: d.waveform / SCALING.current_unit
        for d in built.circuit.devices
        if isinstance(d, CurrentSource)
    }
    assert currents["hidden_1_um"] == pytest.approx(-2.0)
    assert currents["filter_0_y1"] == pytest.approx(0.5)
    given = {d.name: dict(d.parameters) for d in built.circuit.devices if isinstance(d, Instance)}
    assert given["xhidden_0"]["alpha_f_minus"] == pytest.approx(1.5)
    assert "alpha_f_minus" not in given["xhidden_1"]


def test_parts_hold_every_device_once():
    """The two parts of a network have all its weights and biases, none twice (the filter is linear and repeated)."""
    chain = network()
    whole = gains(network_circuit(chain, INPUTS, dt=0.2, scaling=SCALING))
    first = network_circuit(chain, INPUTS, dt=0.2, scaling=SCALING, neurons=[0, 2])
    second = network_circuit(chain, INPUTS, dt=0.2, scaling=SCALING, neurons=[1])
    assert gains(first) | gains(second) == whole and not set(gains(first)) & set(gains(second))
    biased = [
        device.sink
        for part in (first, second)
        for device in part.circuit.devices
        if isinstance(device, CurrentSource)
    ]
    assert sorted(biased) == ["filter_0_y1", "hidden_0_um", "hidden_1_um", "hidden_2_um"]


def test_parts_of_a_network_that_is_not_linear_behind_are_refused():
    """Two spiking layers do not add up."""
    deep = Network({"first": NeuronLayer(mtc(), 2, dt=0.2), "second": NeuronLayer(mtc(), 2, dt=0.2)})
    with pytest.raises(CircuitError, match="not linear"):
        network_circuit(deep, INPUTS, dt=0.2, scaling=SCALING, neurons=[0])
    assert is_linear(low_pass()) and not is_linear(mtc())


@pytest.mark.parametrize("inputs", [np.zeros((4, 3)), np.full((4, 2), np.nan), np.zeros(4)])
def test_inputs_that_do_not_fit_are_refused(inputs):
    """Shape and finiteness are checked before anything is built."""
    with pytest.raises(CircuitError, match="inputs have shape"):
        network_circuit(network(), inputs, dt=0.2, scaling=SCALING)
