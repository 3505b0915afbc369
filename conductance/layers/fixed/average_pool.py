"""Means over windows of time."""

from typing import Any

import torch

from conductance.layers.base import ShapeError, checked_count
from conductance.layers.fixed.base import FixedLayer


class AveragePool(FixedLayer):
    """The mean of each `window` steps: a series shorter by that factor.

    A layer of neurons behind it has a dt that is longer by the same factor.

    Args:
        size: number of signals.
        window: steps of the input for one of the output; an input's length is a multiple of it.

    It has no state: windows begin with the series, so a run is cut between two windows.

    Raises:
        ParameterError: a window that is no whole number of 1 or more.
    """

    kind = "average_pool"
    circuit = (
        "an AveragePool has a value for each window of time, and a circuit runs through: take a low_pass"
    )

    def __init__(self, size: int, window: int) -> None:
        super().__init__(size)
        self.window = checked_count(window, "window", f"{self.kind} of {self.size}")

    def options(self) -> dict[str, Any]:
        """Its window."""
        return {"window": self.window}

    def forward(
        self, values: torch.Tensor, state: tuple[torch.Tensor, ...] = ()
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
        """(time, batch, signal) to (time/window, batch, signal); the state is empty and stays so.

        Raises:
            ShapeError: an input of another shape, or with a length that is no multiple of the window; a state.
        """
        self._check(values)
        self._no_state(state)
        steps = len(values)
        if steps % self.window:
            raise ShapeError(
                f"{self.kind} of {self.size}: the input has {steps} steps, no multiple of window = {self.window}; "
                f"leave out the last {steps % self.window}, or build it with a window that divides {steps}"
            )
        return values.unflatten(0, (steps // self.window, self.window)).mean(1), state
