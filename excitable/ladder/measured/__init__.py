"""The measured law of a circuit: of one neuron, and of a network."""

from excitable.ladder.measured.kept import Kept
from excitable.ladder.measured.network import (
    MeasuredLayer,
    declared_network,
    measure_network,
    measured_network,
    measured_rung,
)
from excitable.ladder.measured.sweeping import measure, sweep_parts

__all__ = [
    "Kept",
    "MeasuredLayer",
    "declared_network",
    "measure",
    "measure_network",
    "measured_network",
    "measured_rung",
    "sweep_parts",
]
