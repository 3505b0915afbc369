"""How much the parts of a chip differ: standard deviations, from which every chip is drawn."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from conductance.loading.lazy import torch
from conductance.variation.handles import VariationError


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Standard deviations of one part: of the logarithm of its `current`, and of its `offset` in V0."""

    current: float
    offset: float


@dataclass(frozen=True, kw_only=True)
class WeightSpread:
    """Standard deviation of the logarithm of a weight over its size, for each sign.

    Between the `sizes`, increasing, it is interpolated; beyond them it is that of the nearest.
    """

    sizes: tuple[float, ...]
    excitatory: tuple[float, ...]
    inhibitory: tuple[float, ...]

    def of(self, weights: torch.Tensor) -> np.ndarray:
        """The standard deviations of weights, of their shape."""
        values = weights.detach().double().cpu().numpy()
        sizes = np.abs(values)
        return np.where(
            values < 0,
            np.interp(sizes, self.sizes, self.inhibitory),
            np.interp(sizes, self.sizes, self.excitatory),
        )


@dataclass(frozen=True, kw_only=True)
class Mismatch:
    """Standard deviations of what differs from part to part.

    Args:
        current: of the logarithm of each bias current and synaptic weight: 0.02 is 2 %. Below threshold a current is
            the exponential of a voltage, so it is its logarithm that is normally distributed.
        offset: of each amplifier's input, in V0.
        capacitor: of the logarithm of each capacitor.
        parts: of the parts `<layer>.<state>.<current>` that are no single amplifier.
        weights: of weights by their size; all like a bias current where none is given.
    """

    current: float = 0.0
    offset: float = 0.0
    capacitor: float = 0.0
    parts: Mapping[str, Spread] = field(default_factory=dict)
    weights: WeightSpread | None = None

    def part(self, name: str) -> Spread:
        """The spread of one part; that of an amplifier where nothing else is known."""
        return self.parts.get(name, Spread(current=self.current, offset=self.offset))

    def of_weights(self, weights: torch.Tensor) -> float | np.ndarray:
        """The spread of weights."""
        return self.current if self.weights is None else self.weights.of(weights)

    def __post_init__(self) -> None:
        for name in ("current", "offset", "capacitor"):
            value = getattr(self, name)
            if not (isinstance(value, int | float) and math.isfinite(value) and value >= 0):
                raise VariationError(f"mismatch: {name} = {value!r} must be a finite number, at least 0")

    def __bool__(self) -> bool:
        """Whether anything differs at all."""
        return bool(self.current or self.offset or self.capacitor)
