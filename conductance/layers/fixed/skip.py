"""Connections that pass layers by."""

from typing import Any, NoReturn

import torch

from conductance.layers.base import ShapeError
from conductance.layers.fixed.base import FixedLayer
from conductance.parameter import ParameterError


class Skip(FixedLayer):
    """The outputs of an earlier layer of the same network are added to those of the layer before.

    Args:
        size: number of signals, of both.
        source: name of the earlier layer, in the mapping that the `Network` is made of.

    Raises:
        ParameterError: a source that is no name.
    """

    kind = "skip"
    circuit = (
        "a Skip joins layers that do not follow each other, and a netlist here is a chain: train without it"
    )

    def __init__(self, size: int, source: str) -> None:
        super().__init__(size)
        if not isinstance(source, str) or not source:
            raise ParameterError(
                f"skip of {self.size}: source = {source!r}; give the name of an earlier layer"
            )
        self.source = source

    def options(self) -> dict[str, Any]:
        """Its source."""
        return {"source": self.source}

    def of_width(self, size: int) -> NoReturn:
        """Refused: its source has the width that it has."""
        raise ShapeError(f"skip of {self.size}: it adds layer {self.source}, so its width cannot be another")

    def within(self, prefix: str) -> "Skip":
        """The same skip in a network whose layers are called `<prefix>_<name>`."""
        return Skip(self.size, f"{prefix}_{self.source}")

    def forward(
        self,
        values: torch.Tensor,
        state: tuple[torch.Tensor, ...] = (),
        *,
        earlier: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
        """(time, batch, signal) to the same, with the source's outputs `earlier` added; the state stays empty.

        Raises:
            ShapeError: it is called outside a network, or with inputs of another shape.
        """
        self._check(values)
        self._no_state(state)
        if earlier is None:
            raise ShapeError(
                f"skip of {self.size}: it adds the outputs of layer {self.source} and was called without them; run the "
                f"whole network"
            )
        if earlier.shape != values.shape:
            raise ShapeError(
                f"skip of {self.size}: layer {self.source} gives {tuple(earlier.shape)} and the layer before "
                f"{tuple(values.shape)}; they must be alike"
            )
        return values + earlier, state
