"""How far one device is off: numbers that a chip's seed and the device's own name decide, in any order."""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass

from scipy.special import ndtri

from circuits.data.circuit import CircuitError, Mosfet
from circuits.data.models import Polarity
from circuits.technologies import Technology

POLARITIES: tuple[Polarity, ...] = ("nmos", "pmos")
_BYTES = 8


def normals(seed: int, path: str, count: int) -> tuple[float, ...]:
    """`count` standard normal numbers of the device at a path of instances, on the chip with this seed.

    >>> normals(1, "xhidden_3.x_um_leak.m_tail", 2) == normals(1, "xhidden_3.x_um_leak.m_tail", 2)
    True
    """
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise CircuitError(f"seed of a chip: {seed!r}; give a whole number, at least 0")
    key = f"{seed}:{path}".encode()
    drawn = hashlib.blake2b(key, digest_size=_BYTES * count).digest()
    words = (int.from_bytes(drawn[k : k + _BYTES], "big") for k in range(0, len(drawn), _BYTES))
    # 53 bits fill a float's digits, and the half keeps both ends away from infinity
    return tuple(float(ndtri(((word >> 11) + 0.5) / 2**53)) for word in words)


THRESHOLD, CURRENT, CAPACITOR = "dv", "ku", "kc"
"""Kinds of a draw: a shift of a threshold in V, a factor of a current, a factor of a capacitor."""


@dataclass(frozen=True, kw_only=True)
class Sized:
    """A device: standard deviations by the kind of its draw, of factors those of their logarithm; area in m^2; role.

    `least` is the smallest factor of its area with which it is still as wide as transistors must be.
    """

    spreads: Mapping[str, float]
    area: float
    role: str = ""
    least: float = 0.0

    def drawn(self, seed: int, path: str) -> dict[str, float]:
        """What the device at a path is off by on one chip, by kind."""
        numbers = normals(seed, path, len(self.spreads))
        return {
            kind: spread * number if kind == THRESHOLD else math.exp(spread * number)
            for (kind, spread), number in zip(self.spreads.items(), numbers, strict=True)
        }


def polarity_of(device: Mosfet, technology: Technology) -> Polarity:
    """Of a transistor of a technology; `CircuitError` for one of another technology."""
    for polarity in POLARITIES:
        if technology.transistor(polarity).model == device.model:
            return polarity
    raise CircuitError(f"{device.label}: its model {device.model} is none of technology {technology.name}")


def sized_transistor(device: Mosfet, technology: Technology) -> Sized:
    """A transistor of numeric size, by Pelgrom's rule; `multiplicity` in parallel are one large one.

    M. Pelgrom et al., IEEE J. Solid-State Circuits 24(5), 1989.
    """
    kind = technology.transistor(polarity_of(device, technology))
    area = float(device.width) * float(device.length) * device.multiplicity
    side = math.sqrt(area)
    # read off a current nearer to threshold, it is more of a threshold than the rule of weak inversion says
    threshold = kind.pelgrom_threshold / kind.pelgrom_efficiency / side
    spreads = {THRESHOLD: threshold, CURRENT: kind.pelgrom_current / side}
    least = (kind.width / float(device.width)) ** 2
    return Sized(spreads=spreads, area=area, role=device.role, least=least)


def sized_capacitor(capacitance: float, technology: Technology) -> Sized:
    """A capacitor of that size in F."""
    area = capacitance / technology.capacitor.density
    return Sized(spreads={CAPACITOR: technology.capacitor.pelgrom / math.sqrt(area)}, area=area)
