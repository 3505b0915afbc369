"""A wide transconductor from several differential pairs with staggered references: the multi-tanh principle.

One pair is linear over one voltage unit only. The sum of pairs whose references are staggered follows W tanh(v/W)
within 1 %, with transistors that a designer can match: all pairs are alike.
B. Gilbert, "The multi-tanh principle", IEEE J. Solid-State Circuits 33(1), 1998.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.optimize import nnls

from circuits.data.values import CircuitError

SPACING = 1.75
"""Largest distance of two references in voltage units; the ripple of the slope grows with it."""
FITTED = 1.5
"""A saturating law is followed up to this many widths."""
LINEAR = 4.5
"""A linear law is followed up to this voltage, in voltage units, and saturates above 5: spikes reach 4."""
WIDEST = 8.0
"""No reference lies farther out: 8 units are 0.58 V, and a pair that is centred lower has no room for its tail."""


@dataclass(frozen=True, kw_only=True)
class MultiTanh:
    """sum of weights[k] tanh(v - references[k]), which follows a law of slope one.

    `residual` is the largest deviation for |v| <= `width`, over the width. Far beyond, the sum saturates at the sum
    of its weights.
    """

    width: float
    references: tuple[float, ...]
    weights: tuple[float, ...]
    residual: float

    def current(self, voltage: np.ndarray) -> np.ndarray:
        """The sum, in units of the bias current, at voltages in voltage units."""
        distance = np.asarray(voltage, float)[..., None] - np.asarray(self.references)
        return np.tanh(distance) @ np.asarray(self.weights)


# a part is asked for its pairs by several
@lru_cache(maxsize=64)
def multi_tanh(width: float) -> MultiTanh:
    """The pairs for width tanh(v/width), width at least one voltage unit; a width of one is a single pair.

    An infinite width asks for the linear law v, which is followed for |v| <= `LINEAR`.

    Raises:
        CircuitError: a width that no pair, or no supply, can give.
    """
    if width == math.inf:
        return _staggered(LINEAR, LINEAR, LINEAR, lambda v: v)
    if not 1 - 1e-9 <= width <= WIDEST:
        raise CircuitError(
            f"a transconductor of width {width:g} V0 cannot be built from differential pairs; "
            f"allowed are 1 to {WIDEST:g} (filter_limit, leak_limit), or none for a linear one"
        )
    if width <= 1:
        return MultiTanh(width=1.0, references=(0.0,), weights=(1.0,), residual=0.0)
    reach = min(WIDEST, 2 * (width - 1))
    return _staggered(width, reach, FITTED * width, lambda v: width * np.tanh(v / width))


def _staggered(
    width: float, reach: float, fitted: float, law: Callable[[np.ndarray], np.ndarray]
) -> MultiTanh:
    """Weights of pairs with references from -reach to reach, by least squares for |v| <= fitted."""
    half = int(np.ceil(reach / SPACING - 1e-9))
    references = np.linspace(-reach, reach, 2 * half + 1)
    samples = np.linspace(-fitted, fitted, 601)
    # pairs left and right of the centre get one weight; no pair may have a negative one
    outer = [np.tanh(samples + r) + np.tanh(samples - r) for r in references[half + 1 :]]
    found, _ = nnls(np.stack([np.tanh(samples), *outer], axis=-1), law(samples))
    weights = np.concatenate([found[:0:-1], found])
    references, weights = references[weights > 0], weights[weights > 0]
    deviation = np.tanh(samples[:, None] - references) @ weights - law(samples)
    return MultiTanh(
        width=float(width),
        references=tuple(references.tolist()),
        weights=tuple(weights.tolist()),
        residual=float(np.abs(deviation[np.abs(samples) <= width]).max() / width),
    )
