"""A network of two neurons with a readout, that is soon simulated at every level."""

import numpy as np
import torch

from conductance.elements import tanh
from conductance.layers import NeuronLayer, Projection
from conductance.networks import Network
from conductance.neurons import low_pass, mtc

DT = 0.5
INPUTS = np.where(np.arange(8) < 4, 0.6, 0.1)[:, None]


def two_neurons() -> Network:
    """One input, two neurons of different gains, one filtered output."""
    elements = (tanh("fast", -2.0), tanh("slow", 2.0))
    gains = {"alpha_f_minus": torch.tensor([1.8, 2.5])}
    chain = Network(
        {
            "encoder": Projection(1, 2),
            "hidden": NeuronLayer(mtc(elements, filter_limit=1.0, leak_limit=4.0), 2, dt=DT, values=gains),
            "readout": Projection(2, 1),
            "filter": NeuronLayer(low_pass(), 1, dt=DT, method="exponential_euler"),
        }
    )
    with torch.no_grad():
        chain.layers["encoder"].weight.copy_(torch.tensor([[1.0], [-0.5]]))
        chain.layers["encoder"].bias.copy_(torch.tensor([-0.8, -0.2]))
        chain.layers["readout"].weight.copy_(torch.tensor([[1.5, -0.5]]))
    return chain
