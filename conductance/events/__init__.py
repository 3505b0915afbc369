"""Event-based layers: exact spike times and their exact gradients, no time step."""

from conductance.events.layer import EventLayer
from conductance.events.losses import (
    first_spike_loss,
    max_over_time_loss,
    predicted_class,
    silence_penalty,
    spike_time_loss,
)
from conductance.events.network import EventNetwork, silent_share
from conductance.events.neurons import synaptic_lif, theta
from conductance.events.readout import LeakyReadout
from conductance.events.spikes import EventError, Spikes

__all__ = [
    "EventError",
    "EventLayer",
    "EventNetwork",
    "LeakyReadout",
    "Spikes",
    "first_spike_loss",
    "max_over_time_loss",
    "predicted_class",
    "silence_penalty",
    "silent_share",
    "spike_time_loss",
    "synaptic_lif",
    "theta",
]
