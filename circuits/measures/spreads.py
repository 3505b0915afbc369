"""How far each part of a network is off by mismatch, from how far one amplifier is.

A leak of seven pairs is no amplifier: the gains of its outer pairs do not cancel at rest, so its offset is larger than
theirs, while its slope averages over them. A weight of few unit transistors is off by more than one of many.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from circuits.realisations import recognised
from circuits.realisations.cells.units import LONGEST, UNITS, Composition, compose
from circuits.realisations.parts.base import Part
from circuits.realisations.parts.multi_tanh import LINEAR
from circuits.technologies import Technology
from conductance.layers import NeuronLayer
from conductance.networks import Network
from conductance.variation import CodeSpread, Mismatch, Spread, WeightSpread

NEAR = 2.5
"""A wide part is judged this far around its middle, in V0: between rest and the peak of a spike."""
SIZES = tuple(np.geomspace(0.5 / (UNITS * LONGEST), 8.0, 200).tolist())
"""Weights whose spread is worked out; between them it is interpolated."""
PER_COMPOSITION = 5
"""The spread jumps from one composition to the next; the mean over so many neighbours is taken."""


def part_map(part: Part) -> Callable[[int, float, float], tuple[float, float]]:
    """What gain and offset (V0) of one of a part's pairs, by its number, make of the part's own gain and offset.

    What they add to the part's current is taken apart into its own current, a gain, and its slope, an offset, by least
    squares over the voltages that count.
    """
    pairs = part.pairs()
    if len(pairs) <= 1:
        return lambda _, gain, offset: (gain, offset)
    reach = NEAR if part.keeps_volts else LINEAR
    voltages = np.linspace(-reach, reach, 201)[:, None]
    references, weights = (
        np.array([getattr(pair, name) for pair in pairs]) for name in ("reference", "weight")
    )
    gained = weights * np.tanh(voltages - references)
    shifted = -weights / np.cosh(voltages - references) ** 2
    law = gained.sum(axis=1)
    # a law of pairs that cancel has a constant besides, which no gain moves
    law = law if part.keeps_volts else law - law.mean()
    basis = np.column_stack([law, shifted.sum(axis=1)])
    by_gain, *_ = np.linalg.lstsq(basis, gained, rcond=None)
    by_offset, *_ = np.linalg.lstsq(basis, shifted, rcond=None)

    def moved(pair: int, gain: float, offset: float) -> tuple[float, float]:
        both = gain * by_gain[:, pair] + offset * by_offset[:, pair]
        return float(both[0]), float(both[1])

    return moved


def part_spread(part: Part, current: float, offset: float) -> Spread:
    """The spread of gain and offset of a part, for the `current` and `offset` (V0) of each of its pairs."""
    moved = part_map(part)
    pairs = range(max(1, len(part.pairs())))
    found = np.array([moved(pair, *one) for pair in pairs for one in ((current, 0.0), (0.0, offset))])
    spread = np.linalg.norm(found, axis=0)
    return Spread(current=float(spread[0]), offset=float(spread[1]))


def weight_spread(unit: float, turned: float, excess: float) -> WeightSpread:
    """The spread of weights over their size.

    Args:
        unit: sigma of the logarithm of one unit transistor's current.
        turned: the same of the mirror that turns an inhibitory current round.
        excess: of the technology's chains.
    """
    drawn = [compose(size, excess) or Composition(chains=((LONGEST, 1),), excess=excess) for size in SIZES]
    variances = np.array([one.variance for one in drawn]) + 1 / UNITS
    window = np.ones(PER_COMPOSITION) / PER_COMPOSITION
    smooth = np.convolve(np.pad(variances, PER_COMPOSITION // 2, mode="edge"), window, mode="valid")
    return WeightSpread(
        sizes=SIZES,
        excitatory=tuple((unit * np.sqrt(smooth)).tolist()),
        inhibitory=tuple(np.hypot(unit * np.sqrt(smooth), turned).tolist()),
    )


def code_spread(unit: float, turned: float) -> CodeSpread:
    """The spread of coded weights over their code, for the arguments of `weight_spread`.

    The mirrors before a weight: the copy and its input, `UNITS` units each, two that turn it round, and the weights'
    own input, which has about as many units as the largest code and counts for nothing.
    """
    handed = float(np.hypot(unit * np.sqrt(2 / UNITS), turned))
    return CodeSpread(unit=unit, excitatory=handed, inhibitory=float(np.hypot(handed, turned)))


def resolved(mismatch: Mismatch, network: Network, technology: Technology) -> Mismatch:
    """The mismatch with the spread of every part of a network; its own numbers stay those of one amplifier.

    A weight of one is off by `mismatch.current`, unless the spread of weights is known already.
    """
    parts = {
        f"{label}.{part.current.state.name}.{part.current.name}": part_spread(
            part, mismatch.current, mismatch.offset
        )
        for label, layer in network.chain.items()
        if isinstance(layer, NeuronLayer) and layer.neuron.elements
        for part in recognised(layer.neuron).parts
    }
    # two mirrors of `UNITS` units each make a weight of one
    unit = mismatch.current * np.sqrt(UNITS / 2)
    excess = 0.0 if technology.pmos is None else technology.pmos.series_excess
    return replace(
        mismatch,
        parts=parts,
        weights=mismatch.weights or weight_spread(unit, 0.0, excess),
        codes=mismatch.codes or code_spread(unit, 0.0),
    )
