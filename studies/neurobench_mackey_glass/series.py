"""The series of NeuroBench's Mackey-Glass task: one trajectory, cut at many starts."""

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from conductance.tasks import MackeyGlass
from conductance.tasks.delay import integrate_delay

PAST = 0.7206597
"""The constant history of NeuroBench's series with tau = 17."""
LYAPUNOV = 197.0
"""Its Lyapunov time, in the unit of the equation."""
POINTS = 75
"""Samples of a Lyapunov time."""
TRAIN, TEST = 10 * POINTS, 10 * POINTS
"""Points to train on, and to go on alone."""
WARM_UP = 45
"""First points that do not train: 0.6 Lyapunov times, as in NeuroBench's own examples."""
APART = 0.5
"""Lyapunov times from one start to the next, as there."""
SEARCH_FROM = 40.0
"""Lyapunov times after which the starts of the search come, behind everything that is measured."""
MAX_STEP = 0.25


def starts_of(number: int, *, search: bool) -> list[float]:
    """Where series begin, in Lyapunov times."""
    return [(SEARCH_FROM if search else 0.0) + APART * place for place in range(number)]


@lru_cache(maxsize=2)
def series(number: int, *, search: bool = False) -> Tensor:
    """x of shape (TRAIN + TEST + 1, start), float64, from the equation with a constant history.

    NeuroBench asks to download its own, since a chaotic series depends on the solver; this one is computed here, by
    the package's own integration.
    """
    begin = np.array(starts_of(number, search=search)) * LYAPUNOV
    times = begin[:, None] + LYAPUNOV / POINTS * np.arange(TRAIN + TEST + 1)
    asked, places = np.unique(times.round(9), return_inverse=True)
    values = integrate_delay(
        MackeyGlass().right_hand_side, delay=17.0, history=lambda t: np.full((t.size, 1), PAST), times=asked,
        max_step=MAX_STEP,
    )  # fmt: skip
    return torch.from_numpy(values[places.reshape(times.shape), 0].T.copy())
