"""Which series a training step sees: a function of the seed and the step alone, so that a resumed run sees the same."""

import numpy as np
import torch

from conductance.tasks.splits import Split

STREAM = 2
"""Distinguishes the batches' random numbers from others drawn from the same seed."""


def draw_batch(split: Split, *, seed: int, step: int, size: int) -> Split:
    """`size` different series of a split, drawn for one step.

    Args:
        split: the series to draw from, at least `size`.
        seed: of the run, >= 0.
        step: counts from 0.
        size: number of series.
    """
    chosen = np.random.default_rng([seed, STREAM, step]).choice(split.series, size, replace=False)
    index = torch.from_numpy(chosen).to(split.inputs.device)
    return split.select(index)
