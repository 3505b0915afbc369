"""What every layer checks of its input."""

import torch

from conductance.errors import ExcitableError


class ShapeError(ExcitableError):
    """A tensor does not fit a layer."""


def check_input(values: torch.Tensor, width: int, dtype: torch.dtype, owner: str) -> None:
    """Raise `ShapeError` unless `values` is (time, batch, `width`), of the layer's dtype, with at least one step."""
    if not isinstance(values, torch.Tensor):
        raise ShapeError(
            f"{owner}: input is a {type(values).__name__}; give a torch tensor (time, batch, {width})"
        )
    if values.dim() != 3 or values.shape[2] != width or values.shape[0] < 1:
        raise ShapeError(
            f"{owner}: input has shape {tuple(values.shape)}; allowed is (time, batch, {width}) with time >= 1"
        )
    if values.dtype != dtype:
        raise ShapeError(
            f"{owner}: input is {values.dtype} and the layer {dtype}; convert one: x.to({dtype})"
        )
