"""A half-centre oscillator: two bursting neurons that inhibit each other through their slow voltages."""

import torch

from conductance.layers import NeuronLayer, Projection, Recurrence
from conductance.networks import Network
from conductance.neurons import mtc

INHIBITION = 0.1
DRIVE = -1.0
STARTS = {"um": (-1.9, -1.0), "us": (-1.8, -1.2), "uus": (-1.8, -1.5)}
"""Unequal, so that the pair leaves the unstable state in which both do the same."""


def half_centre(*, dt: float, inhibition: float = INHIBITION, method: str | None = None) -> Network:
    """One input that drives nothing, and the pair."""
    encoder = Projection(1, 2)
    with torch.no_grad():
        encoder.weight.zero_()
        encoder.bias.fill_(DRIVE)
    weight = torch.tensor([[0.0, -inhibition], [-inhibition, 0.0]])
    loop = Recurrence(weight, source="us", trainable=False)
    pair = NeuronLayer(mtc(), 2, dt=dt, method=method, recurrent=loop, initial=STARTS)
    return Network({"input": encoder, "pair": pair})
