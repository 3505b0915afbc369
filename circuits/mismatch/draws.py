"""How far one device is off: numbers that a chip's seed and the device's own name decide, in any order."""

import hashlib
import math
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


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Standard deviations of one transistor: of its `threshold` in V, and of the logarithm of its `current` factor."""

    threshold: float
    current: float


def polarity_of(device: Mosfet, technology: Technology) -> Polarity:
    """Of a transistor of a technology; `CircuitError` for one of another technology."""
    for polarity in POLARITIES:
        if technology.transistor(polarity).model == device.model:
            return polarity
    raise CircuitError(f"{device.label}: its model {device.model} is none of technology {technology.name}")


def transistor_spread(device: Mosfet, technology: Technology) -> Spread:
    """The spread of a transistor of numeric size, by Pelgrom's rule; `multiplicity` in parallel are one large one.

    M. Pelgrom et al., IEEE J. Solid-State Circuits 24(5), 1989.
    """
    kind = technology.transistor(polarity_of(device, technology))
    side = math.sqrt(float(device.width) * float(device.length) * device.multiplicity)
    return Spread(
        # read off a current nearer to threshold, it is more of a threshold than the rule of weak inversion says
        threshold=kind.pelgrom_threshold / kind.pelgrom_efficiency / side,
        current=kind.pelgrom_current / side,
    )


def drawn_transistor(device: Mosfet, technology: Technology, *, seed: int, path: str) -> tuple[float, float]:
    """Shift of its threshold in V, and factor of its current, on one chip."""
    spread = transistor_spread(device, technology)
    threshold, current = normals(seed, path, 2)
    return spread.threshold * threshold, math.exp(spread.current * current)


def drawn_capacitor(capacitance: float, technology: Technology, *, seed: int, path: str) -> float:
    """Factor of a capacitor of that size in F on one chip."""
    side = math.sqrt(capacitance / technology.capacitor.density)
    return math.exp(technology.capacitor.pelgrom / side * normals(seed, path, 1)[0])
