"""A device as a row: which numbers of a network's model it moves, and how far."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from circuits.mismatch.draws import THRESHOLD

GAINS, OFFSETS, CAPACITIES, OUTPUT, WEIGHT = "gains", "offsets", "capacities", "output", "weight"


@dataclass(frozen=True, kw_only=True)
class Number:
    """One number of a network's deviations: a field of a layer, the name in it where it has names, and the index."""

    layer: str
    field: str
    name: str = ""
    index: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Row:
    """A device and what it moves.

    Attributes:
        path: of the device in the network's circuit of transistors.
        device: in its cell, as `m_tail` or `m_2_1`.
        part: the layer and the part that it belongs to, as `hidden.um.leak`.
        kind: of its draw: volts of threshold, or a logarithm of the factor of a current or a capacitor.
        moves: how far each number goes for one of that.
    """

    path: str
    device: str
    part: str
    kind: str
    moves: Mapping[Number, float]


def drawn_number(kind: str, value: float) -> float:
    """A draw as rows count it: factors by their logarithm."""
    return value if kind == THRESHOLD else math.log(value)
