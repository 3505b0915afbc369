"""Signals that come some steps late."""

import operator
from collections.abc import Sequence
from typing import Any

import torch

from conductance.layers.base import ShapeError
from conductance.layers.fixed.base import FixedLayer
from conductance.parameter import ParameterError

LONGEST = 1_000_000
"""Steps of one delay."""


class Delay(FixedLayer):
    """Each signal a whole number of steps late: y[t] = x[t - steps], and zero before.

    Args:
        size: number of signals.
        steps: one number of steps, 0 or more, for all signals, or one for each.

    Its state is what is still under way, one tensor (longest delay, batch, signal), oldest first.

    Raises:
        ParameterError: no whole numbers of 0 to a million steps, or not as many as signals.
    """

    kind = "delay"
    circuit = "a Delay keeps a whole history, for which there is no part: leave it out, or take a low_pass of its time"

    def __init__(self, size: int, steps: int | Sequence[int]) -> None:
        super().__init__(size)
        self.steps = _checked(steps, self.size)

    @property
    def longest(self) -> int:
        """Steps of the longest delay."""
        return max(self.steps)

    def options(self) -> dict[str, Any]:
        """The steps: one number where all signals have the same."""
        return {"steps": self.steps[0] if len(set(self.steps)) == 1 else list(self.steps)}

    def of_width(self, size: int) -> "Delay":
        """The same delay of another number of signals, if all have the same."""
        if len(set(self.steps)) > 1:
            raise ShapeError(
                f"delay of {self.size}: its signals are {self.steps} steps late; only one delay of all signals can "
                f"stand for another number of them"
            )
        return Delay(size, self.steps[0])

    def forward(
        self, values: torch.Tensor, state: tuple[torch.Tensor, ...] = ()
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
        """(time, batch, signal) to the same, late; the state is what comes out next.

        Raises:
            ShapeError: an input or a state of another shape or type.
        """
        self._check(values)
        steps, batch = values.shape[:2]
        known = self._begin(state, values)
        whole = torch.cat([known, values])
        if len(set(self.steps)) == 1:
            late = whole[:steps]
        else:
            offset = self.longest - torch.tensor(self.steps, device=values.device)
            rows = torch.arange(steps, device=values.device).unsqueeze(1) + offset
            late = whole.gather(0, rows.unsqueeze(1).expand(steps, batch, self.size))
        return late, (whole[steps:],)

    def _begin(self, state: object, values: torch.Tensor) -> torch.Tensor:
        shape = (self.longest, *values.shape[1:])
        if not isinstance(state, tuple | list) or not all(isinstance(each, torch.Tensor) for each in state):
            raise ShapeError(
                f"delay of {self.size}: state is a {type(state).__name__}; give the tuple that the layer returns"
            )
        if not len(state):
            return values.new_zeros(shape)
        if len(state) != 1 or state[0].shape != shape:
            raise ShapeError(
                f"delay of {self.size}: state has shapes {[tuple(each.shape) for each in state]}; allowed is one of "
                f"{shape}: (longest delay, batch, signal)"
            )
        if state[0].dtype != values.dtype or state[0].device != values.device:
            raise ShapeError(
                f"delay of {self.size}: its state is {state[0].dtype} on {state[0].device} and its input "
                f"{values.dtype} on {values.device}; convert one"
            )
        return state[0]


def _checked(steps: object, size: int) -> tuple[int, ...]:
    each = list(steps) if isinstance(steps, Sequence) and not isinstance(steps, str) else [steps] * size
    if len(each) != size:
        raise ParameterError(
            f"delay of {size}: steps has {len(each)} numbers; give one, or one for each signal"
        )
    found = []
    for step in each:
        try:
            whole = -1 if isinstance(step, bool) else operator.index(step)  # type: ignore[arg-type]
        except TypeError:
            whole = -1
        if not 0 <= whole <= LONGEST:
            raise ParameterError(
                f"delay of {size}: steps = {step!r}; give a whole number of 0 to {LONGEST} steps"
            )
        found.append(whole)
    return tuple(found)
