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
class CodeSpread:
    """Standard deviation of the logarithm of a coded weight, from the units that its code switches on.

    Units differ by themselves: c of them are off by 1/sqrt(c) of one, so that the step from code 2^k - 1 to 2^k, which
    exchanges all, is off by sqrt(2^(k + 1) - 1) of one unit (the converter's differential nonlinearity). The mirrors
    that hand a weight its current are off the same for all codes.

    Attributes:
        unit: of the logarithm of one unit's current.
        excitatory: of that of the mirrors before a positive weight.
        inhibitory: the same of a negative one.
    """

    unit: float
    excitatory: float = 0.0
    inhibitory: float = 0.0

    def of(self, codes: torch.Tensor) -> np.ndarray:
        """The standard deviations of codes, of their shape; a weight of zero is off and exact."""
        found = codes.cpu().numpy()
        mirrors = np.where(found < 0, self.inhibitory, self.excitatory)
        return np.where(found == 0, 0.0, np.hypot(self.unit / np.sqrt(np.maximum(np.abs(found), 1)), mirrors))

    def step(self, code: int) -> float:
        """Standard deviation of the step from `code` - 1 to a positive code, in units: of all that it exchanges."""
        return self.unit * math.sqrt((code - 1) ^ code)


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
        codes: of coded weights and biases by their code; as others of their size where none is given.
    """

    current: float = 0.0
    offset: float = 0.0
    capacitor: float = 0.0
    parts: Mapping[str, Spread] = field(default_factory=dict)
    weights: WeightSpread | None = None
    codes: CodeSpread | None = None

    def part(self, name: str) -> Spread:
        """The spread of one part; that of an amplifier where nothing else is known."""
        return self.parts.get(name, Spread(current=self.current, offset=self.offset))

    def of_weights(self, weights: torch.Tensor, codes: torch.Tensor | None = None) -> float | np.ndarray:
        """The spread of weights, and of coded ones by their codes."""
        if codes is not None and self.codes is not None:
            return self.codes.of(codes)
        return self.current if self.weights is None else self.weights.of(weights)

    def of_biases(self, codes: torch.Tensor | None = None) -> float | np.ndarray:
        """The spread of biases, and of coded ones by their codes."""
        return self.current if codes is None or self.codes is None else self.codes.of(codes)

    def __post_init__(self) -> None:
        for name in ("current", "offset", "capacitor"):
            value = getattr(self, name)
            if not (isinstance(value, int | float) and math.isfinite(value) and value >= 0):
                raise VariationError(f"mismatch: {name} = {value!r} must be a finite number, at least 0")

    def __bool__(self) -> bool:
        """Whether anything differs at all."""
        return bool(self.current or self.offset or self.capacitor)
