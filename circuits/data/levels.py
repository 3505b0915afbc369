"""The levels of detail at which a neuron is drawn, by name.

A level is how a circuit is drawn; a rung is one line of the error ladder. The rung of a circuit bears its level's name.
"""

from typing import Literal, get_args

from circuits.data.values import CircuitError
from conductance.errors import nearest

Level = Literal["behavioural", "macromodel", "transistor"]
LEVELS: tuple[Level, ...] = get_args(Level)
MIXED = "mixed"
"""The word for a circuit whose layers or neurons are at several levels."""


def check_level(name: str) -> Level:
    """The level of that name, or `CircuitError` with the names that there are."""
    for level in LEVELS:
        if name == level:
            return level
    raise CircuitError(f"level {name!r} is unknown; {nearest(name, LEVELS)}allowed are {', '.join(LEVELS)}")


Ideal = Literal["some", "none"]
"""Of transistors: `some`: linear filters, biases, references, weights without codes are ideal; `none`: no part is."""

Biases = Literal["constant", "ptat"]
"""Of a generator over temperature: currents and references that stay, or go with the absolute temperature."""
