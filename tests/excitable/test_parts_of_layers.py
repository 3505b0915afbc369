"""A network that ends in its neuron layer is cut into parts like any other."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from circuits.data.scaling import Scaling
from conductance.layers import NeuronLayer, Projection
from conductance.networks import Network
from conductance.neurons import mtc
from excitable.ladder.options import CircuitOptions
from excitable.ladder.series import part_circuits, simulate

SCALING = Scaling(voltage_unit=0.072, current_unit=1e-9, capacitance=1e-12)


@pytest.mark.simulator
def test_outputs_of_parts_add_up_to_those_of_the_layer():
    """Twenty neurons cut into parts give the outputs of one netlist; left-out neurons add zero."""
    encoder = Projection(1, 20, generator=torch.Generator().manual_seed(1))
    network = Network({"encoder": encoder, "hidden": NeuronLayer(mtc(), 20, dt=0.2)})
    inputs = np.full((20, 1), 5.0)
    # at ngspice's usual tolerance of 1e-6 each netlist takes its own few time steps, and outputs that are read between
    # them by straight lines differ by 0.005; at 1e-9 they differ by 2e-7
    options = CircuitOptions(scaling=SCALING, relative=1e-9)
    assert len(part_circuits(network, inputs, dt=0.2, options=options)) > 1
    parts = simulate(network, inputs, dt=0.2, options=options)
    whole = simulate(network, inputs, dt=0.2, options=replace(options, monolithic=True))
    assert np.ptp(whole.output, axis=1).max() > 0.1
    np.testing.assert_allclose(parts.output, whole.output, atol=1e-5)
