"""The one place where batch and time change places."""

from typing import Any

import torch
from torch import nn

from conductance.layers.base import ShapeError


class BatchFirst(nn.Module):
    """A layer, network or chain of them for data of (batch, time, feature), as torch's recurrent layers know it.

    Args:
        module: from (time, batch, feature) to outputs of that order, or to a tuple whose first entry is such; its
            states, (batch, neuron), stay as they are.

    >>> from conductance import NeuronLayer, lif
    >>> BatchFirst(NeuronLayer(lif(), 3, dt=0.1, output_only=True))(torch.ones(2, 50, 3)).shape
    torch.Size([2, 50, 3])
    """

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        if not callable(module) or isinstance(module, type):
            shown = module.__name__ if isinstance(module, type) else type(module).__name__
            raise ShapeError(
                f"batch first: the module is {shown}; give a layer, as BatchFirst(NeuronLayer(...))"
            )
        self.module = module

    def forward(self, inputs: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        """(batch, time, feature) to (batch, time, output); what is given beside it goes to the module as it is.

        Raises:
            ShapeError: an input of another number of dimensions.
        """
        if not isinstance(inputs, torch.Tensor) or inputs.dim() != 3:
            shape = tuple(inputs.shape) if isinstance(inputs, torch.Tensor) else type(inputs).__name__
            raise ShapeError(f"batch first: input is {shape}; give a tensor (batch, time, feature)")
        found = self.module(inputs.transpose(0, 1), *args, **kwargs)
        if isinstance(found, tuple):
            outputs, *others = found
            return (outputs.transpose(0, 1), *others)
        return found.transpose(0, 1)
