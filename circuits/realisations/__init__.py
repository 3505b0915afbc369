"""How a declared neuron is built: one module per part, and `realise`, which chooses the level of detail."""

from circuits.realisations.analog import Kit, Realisation
from circuits.realisations.behavioural import behavioural
from circuits.realisations.levels import (
    LEVELS,
    Level,
    bias_currents,
    kit,
    largest_bias,
    realise,
    width_parameters,
)
from circuits.realisations.transconductor import Trim

__all__ = [
    "LEVELS",
    "Kit",
    "Level",
    "Realisation",
    "Trim",
    "bias_currents",
    "behavioural",
    "kit",
    "largest_bias",
    "realise",
    "width_parameters",
]
