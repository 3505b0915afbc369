"""What layers without numbers to train have in common."""

from typing import Any, ClassVar

import torch
from torch import nn

from conductance.layers.base import ShapeError, check_input, checked_count


class FixedLayer(nn.Module):
    """A layer that says by itself what its file holds and why it has no circuit.

    Args:
        size: number of signals, which it takes and returns.
    """

    kind: ClassVar[str]
    """What it is called in `model.json`."""
    circuit: ClassVar[str]
    """Why it has no circuit and no continuous equation, and what to do."""
    window: int = 1
    """Steps of its input for one of its output."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = checked_count(size, "size", self.kind)

    @property
    def inputs(self) -> int:
        """Number of inputs."""
        return self.size

    @property
    def outputs(self) -> int:
        """Number of outputs."""
        return self.size

    def options(self) -> dict[str, Any]:
        """What it was built with besides its size, as JSON data: `type(layer)(layer.size, **layer.options())`."""
        raise NotImplementedError

    def of_width(self, size: int) -> "FixedLayer":
        """The same layer for another number of signals.

        Raises:
            ShapeError: its signals are not all treated alike.
        """
        return type(self)(size, **self.options())

    def reset_parameters(self, *, generator: torch.Generator | None = None) -> None:
        """Nothing: it has no parameters."""

    def extra_repr(self) -> str:
        """Its options, for torch's printing."""
        return ", ".join([str(self.size), *(f"{key}={value}" for key, value in self.options().items())])

    def _no_state(self, state: object) -> None:
        if not isinstance(state, tuple | list) or len(state):
            raise ShapeError(f"{self.kind} of {self.size}: it has no state and was given one; leave it out")

    def _check(self, values: torch.Tensor) -> None:
        dtype = values.dtype if isinstance(values, torch.Tensor) else torch.float32
        check_input(values, self.size, dtype, f"{self.kind} of {self.size}")
        if not values.is_floating_point():
            raise ShapeError(
                f"{self.kind} of {self.size}: input is {values.dtype}; give floating point numbers"
            )
