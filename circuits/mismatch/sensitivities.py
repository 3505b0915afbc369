"""What each transistor of a cell does to the cell: gain, offset and constant current for a volt and a logarithm.

A transistor is moved a little to both sides in copies of the cell, and the difference of their sweeps is taken apart
into the cell's own law, its slope and a constant, by least squares over the voltages that count.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from circuits.data.circuit import Circuit, Mosfet
from circuits.mismatch.bench import COPY
from circuits.mismatch.circuit import places, with_draws
from circuits.mismatch.draws import CURRENT, THRESHOLD

STEPS = {THRESHOLD: 1e-3, CURRENT: 0.02}
"""By how much a transistor is moved to each side: in V, and in the logarithm of its current."""
REACH = 2.5
"""Laws are compared this many V0 to both sides of the middle: from rest to the peak of a spike."""


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What a transistor does to a law, to first order: the law is (1 + gain) f(u - offset) + constant.

    For a volt of threshold or for one of the logarithm of its current; offset in V0, constant over the law's unit.
    """

    gain: float = 0.0
    offset: float = 0.0
    constant: float = 0.0

    def __add__(self, other: "Effect") -> "Effect":
        return Effect(
            gain=self.gain + other.gain,
            offset=self.offset + other.offset,
            constant=self.constant + other.constant,
        )

    def times(self, factor: float) -> "Effect":
        """That many times the effect."""
        return Effect(gain=factor * self.gain, offset=factor * self.offset, constant=factor * self.constant)


Effects = Mapping[str, Mapping[str, Effect]]
"""By the device inside its cell and by the kind of its draw."""


@dataclass(frozen=True, kw_only=True)
class Sensitivities:
    """Of the cells that a network's neurons are made of.

    Attributes:
        cells: of amplifiers, by the name of the cell's subcircuit.
        output: of the output stage, as a synapse of weight one sees it.
        synapses: of a synapse of weight one, by its sign's name; its unit transistors are one device.
    """

    cells: Mapping[str, Effects] = field(default_factory=dict)
    output: Effects = field(default_factory=dict)
    synapses: Mapping[str, Effects] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Move:
    """One transistor of a cell, moved to both sides in two copies."""

    device: str
    kind: str
    up: int
    down: int


def moves_of(bench: Circuit, instance: str = COPY) -> tuple[Move, ...]:
    """The moves of the devices of the first copy of a bench: copy 0 stays as it is, each move takes two more.

    `instance` is how the instances are named that hold the devices.
    """
    return tuple(
        Move(device=device, kind=kind, up=2 * index + 1, down=2 * index + 2)
        for index, (device, kind) in enumerate(
            (device, kind) for device in _devices(bench, instance.format(0)) for kind in STEPS
        )
    )


def _devices(bench: Circuit, instance: str) -> Iterator[str]:
    for place in places(bench):
        top, _, inside = place.path.partition(".")
        if top == instance and isinstance(place.device, Mosfet):
            yield inside


def moved(bench: Circuit, moves: Sequence[Move], instance: str = COPY) -> Circuit:
    """A bench of enough copies with every move made."""
    off = {
        f"{instance.format(copy)}.{move.device}": {move.kind: _value(move.kind, sign)}
        for move in moves
        for copy, sign in ((move.up, 1), (move.down, -1))
    }
    return with_draws(bench, off)


def _value(kind: str, sign: int) -> float:
    return sign * STEPS[kind] if kind == THRESHOLD else float(np.exp(sign * STEPS[kind]))


def effects(moves: Sequence[Move], laws: np.ndarray, basis: np.ndarray) -> dict[str, dict[str, Effect]]:
    """What each move does.

    Args:
        moves: that were made.
        laws: (copy, point), what every copy gives, over the law's unit.
        basis: (point, 3): the law, minus its slope, and ones; or fewer of them, from the first on.
    """
    found: dict[str, dict[str, Effect]] = {}
    for move in moves:
        change = (laws[move.up] - laws[move.down]) / (2 * STEPS[move.kind])
        shares, *_ = np.linalg.lstsq(basis, change, rcond=None)
        gain, offset, constant = (*map(float, shares), 0.0, 0.0)[:3]
        found.setdefault(move.device, {})[move.kind] = Effect(gain=gain, offset=offset, constant=constant)
    return found
