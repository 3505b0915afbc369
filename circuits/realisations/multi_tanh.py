"""A wide transconductor from several differential pairs with staggered references: the multi-tanh principle.

One pair is linear over one voltage unit only. The sum of pairs whose references are staggered follows W tanh(v/W)
within 1 %, with transistors that a designer can match: all pairs are alike.
B. Gilbert, "The multi-tanh principle", IEEE J. Solid-State Circuits 33(1), 1998.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from circuits.devices import CircuitError

SPACING = 1.75
"""Largest distance of two references in voltage units; the ripple of the slope grows with it."""
FITTED = 1.5
"""The law is followed up to this many widths."""
WIDEST = 8.0
"""A wider one would need references beyond the supply: 8 units are 0.58 V."""


@dataclass(frozen=True, kw_only=True)
class MultiTanh:
    """sum of weights[k] tanh(v - references[k]), which follows width tanh(v/width).

    `residual` is the largest deviation for |v| <= width, over the width. Far beyond, the sum saturates at 87 % of it.
    """

    width: float
    references: tuple[float, ...]
    weights: tuple[float, ...]
    residual: float

    def current(self, voltage: np.ndarray) -> np.ndarray:
        """The sum, in units of the bias current, at voltages in voltage units."""
        distance = np.asarray(voltage, float)[..., None] - np.asarray(self.references)
        return np.tanh(distance) @ np.asarray(self.weights)


def multi_tanh(width: float) -> MultiTanh:
    """The pairs for width tanh(v/width), width at least one voltage unit; a width of one is a single pair.

    Raises:
        CircuitError: a width that no pair, or no supply, can give.
    """
    if not 1 - 1e-9 <= width <= WIDEST:
        raise CircuitError(
            f"a transconductor of width {width:g} V0 cannot be built from differential pairs; "
            f"allowed are 1 to {WIDEST:g} (filter_limit, leak_limit)"
        )
    if width <= 1:
        return MultiTanh(width=1.0, references=(0.0,), weights=(1.0,), residual=0.0)
    reach = min(width, 2 * (width - 1))
    half = int(np.ceil(reach / SPACING - 1e-9))
    references = np.linspace(-reach, reach, 2 * half + 1)
    samples = np.linspace(-FITTED * width, FITTED * width, 601)
    law = width * np.tanh(samples / width)
    # pairs left and right of the centre get one weight; no pair may have a negative one
    outer = [np.tanh(samples + r) + np.tanh(samples - r) for r in references[half + 1 :]]
    found, _ = nnls(np.stack([np.tanh(samples), *outer], axis=-1), law)
    whole = np.concatenate([found[:0:-1], found])
    references, whole = references[whole > 0], whole[whole > 0]
    deviation = (np.tanh(samples[:, None] - references) @ whole - law)[np.abs(samples) <= width]
    return MultiTanh(
        width=float(width),
        references=tuple(references.tolist()),
        weights=tuple(whole.tolist()),
        residual=float(np.abs(deviation).max() / width),
    )
