"""A weight as equal transistors in parallel and in series: what a process copies well.

A mirror copies the current of its input, `UNITS` unit transistors in parallel, into one of any number of them. Units
in parallel add. A chain of m in series with one gate carries one m-th by the symmetry of drain and source, whatever the
inversion; BSIM3 and BSIM4, which refer all to the source, are not symmetric, and their chains carry
(1 + excess (1 - 1/m))/m, by a number that each technology states (0.1 or so). Transistors of other widths or lengths
do not divide a current: in sky130, whose threshold depends on width, a weight of 0.2 drawn by width was 0.79.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

UNITS = 4
"""Unit transistors of weight one. More make small weights smaller in area, and chains shorter."""
LONGEST = 128
"""Longest chain: the least weight is 1/(UNITS LONGEST)."""
TOLERANCE = 0.01
"""How far a weight may be from what is drawn for it."""
CHAINS = 3
"""Most chains of different lengths."""


@dataclass(frozen=True, kw_only=True)
class Composition:
    """Chains in parallel, shortest first: (length, count) each; a length of one is a unit by itself."""

    chains: tuple[tuple[int, int], ...]
    excess: float = 0.0

    @property
    def weight(self) -> float:
        """What they make of the mirror's current."""
        return sum(count * carried(length, self.excess) for length, count in self.chains) / UNITS

    @property
    def units(self) -> int:
        """How many unit transistors there are."""
        return sum(count * length for length, count in self.chains)

    @property
    def name(self) -> str:
        """As a part of a subcircuit's name: counts and lengths."""
        return "_".join(f"{count}x{length}" for length, count in self.chains)

    @property
    def variance(self) -> float:
        """Variance of the logarithm of their current, over that of one unit's: each counts by its share of the whole.

        A unit's own error moves its chain by one over the chain's length.
        """
        whole = self.weight * UNITS
        return sum(
            length * count * (carried(length, self.excess) / length / whole) ** 2
            for length, count in self.chains
        )


def carried(length: int, excess: float) -> float:
    """Current of a chain over that of one unit."""
    return (1 + excess * (1 - 1 / length)) / length


@lru_cache(maxsize=4096)
def compose(weight: float, excess: float = 0.0) -> Composition | None:
    """The fewest units within `TOLERANCE` of a positive weight; None where it is nearer to nothing than to the least.

    `excess` is that of the technology's chains.
    """
    wanted, least = weight * UNITS, carried(LONGEST, excess)
    if wanted < least:
        return Composition(chains=((LONGEST, 1),), excess=excess) if wanted >= least / 2 else None
    low, high = wanted * (1 - TOLERANCE), wanted * (1 + TOLERANCE)
    whole = math.floor(high)
    # one unit fewer may leave a rest that chains make with less
    found = [
        ((1,) * singles + rest)
        for singles in range(max(0, whole - 1), whole + 1)
        if (rest := _rest(low - singles, high - singles, CHAINS, 2, excess)) is not None
    ]
    lengths = min(found, key=lambda chains: (sum(chains), len(chains)))
    chains = tuple((length, lengths.count(length)) for length in dict.fromkeys(lengths))
    return Composition(chains=chains, excess=excess)


def _rest(low: float, high: float, depth: int, shortest: int, excess: float) -> tuple[int, ...] | None:
    """Lengths of chains, shortest first, the sum of whose currents lies between both, with the fewest units."""
    if low <= 0:
        return ()
    if depth == 0 or high < carried(LONGEST, excess):
        return None
    best: tuple[int, ...] | None = None
    for length in range(shortest, LONGEST + 1):
        share = carried(length, excess)
        if share > high:
            continue
        # no chains of this length or longer reach the lower end any more
        if depth * share < low or (best is not None and length >= sum(best)):
            break
        rest = _rest(low - share, high - share, depth - 1, length, excess)
        if rest is not None and (best is None or length + sum(rest) < sum(best)):
            best = (length, *rest)
    return best
