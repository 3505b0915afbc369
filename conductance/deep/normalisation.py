"""tdBN, threshold-dependent batch norm (Zheng et al. 2021): statistics over time too, scaled to the threshold."""

import torch
import torch.distributed as processes
from torch import nn
from torch.distributed.nn.functional import all_reduce

from conductance.layers.base import ShapeError

EPSILON = 1e-5
MOMENTUM = 0.1


class ThresholdBatchNorm(nn.Module):
    """y = weight (x - mean)/sqrt(var + eps) + bias, with statistics over time, batch, rows and columns.

    Args:
        channels: number of channels.
        scale: start of `weight`, alpha V_th: the standard deviation of the neurons' input at the start.

    `alpha` is 1 in series and 1/sqrt 2 for the second convolution and the shortcut of a residual block.
    With several processes (torch.distributed) the statistics are those of the whole batch, on any device.
    """

    running_mean: torch.Tensor
    running_var: torch.Tensor

    def __init__(self, channels: int, scale: float) -> None:
        super().__init__()
        self.channels = channels
        self.weight = nn.Parameter(torch.full((channels,), float(scale)))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """(time, batch, channel, ...) to the same shape.

        Raises:
            ShapeError: another number of channels.
        """
        if values.dim() < 3 or values.shape[2] != self.channels:
            raise ShapeError(
                f"tdBN: input has shape {tuple(values.shape)}; allowed is (time, batch, {self.channels}, ...)"
            )
        folded = values.flatten(0, 1)
        if self.training and processes.is_available() and processes.is_initialized():
            return self._across_processes(folded).unflatten(0, values.shape[:2])
        result = nn.functional.batch_norm(
            folded, self.running_mean, self.running_var, self.weight, self.bias, self.training, MOMENTUM, EPSILON
        )  # fmt: skip
        return result.unflatten(0, values.shape[:2])

    def _across_processes(self, folded: torch.Tensor) -> torch.Tensor:
        """The same with sums over all processes, differentiable; torch's own version needs a GPU."""
        axes = [axis for axis in range(folded.dim()) if axis != 1]
        shape = [1, -1, *[1] * (folded.dim() - 2)]
        wide = folded if folded.dtype == torch.float64 else folded.float()
        count = wide.new_tensor([wide.numel() / self.channels])
        processes.all_reduce(count)
        mean = all_reduce(wide.sum(axes)) / count
        centred = wide - mean.view(shape)
        variance = all_reduce(centred.square().sum(axes)) / count
        with torch.no_grad():
            self.running_mean.lerp_(mean, MOMENTUM)
            self.running_var.lerp_(variance * count / (count - 1), MOMENTUM)
        factor = self.weight * (variance + EPSILON).rsqrt()
        return (centred * factor.view(shape) + self.bias.view(shape)).to(folded.dtype)

    def extra_repr(self) -> str:
        """The number of channels."""
        return str(self.channels)
