"""What deep spiking networks are made of: layers of every step, and residual blocks."""

import math

import torch
from torch import nn

from conductance.deep.neurons import ImageNeurons, NeuronOptions
from conductance.deep.normalisation import ThresholdBatchNorm


class EveryStep(nn.Module):
    """A layer without memory, applied at every time step at once: time is folded into the batch.

    Args:
        layer: takes and returns (batch, ...).
    """

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """(time, batch, ...) to (time, batch, ...)."""
        return self.layer(values.flatten(0, 1)).unflatten(0, values.shape[:2])


def convolution(
    inputs: int, outputs: int, options: NeuronOptions, *, kernel: int = 3, stride: int = 1, alpha: float = 1.0
) -> nn.Sequential:
    """A convolution and its tdBN, or with a bias where there is none; `alpha` multiplies that of the options."""
    bare = options.norm == "none"
    layer = nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, bias=bare)
    nn.init.kaiming_normal_(layer.weight, mode="fan_in" if bare else "fan_out", nonlinearity="relu")
    if bare:
        return nn.Sequential(EveryStep(layer))
    return nn.Sequential(
        EveryStep(layer), ThresholdBatchNorm(outputs, alpha * options.alpha * options.threshold)
    )


def spiking_convolution(
    inputs: int, outputs: int, options: NeuronOptions, *, kernel: int = 3, stride: int = 1
) -> nn.Sequential:
    """A convolution, its tdBN and its neurons."""
    return nn.Sequential(
        *convolution(inputs, outputs, options, kernel=kernel, stride=stride), ImageNeurons(outputs, options)
    )


class ResidualBlock(nn.Module):
    """Two convolutions beside a shortcut; the second one and a convolved shortcut carry half of the variance each.

    Args:
        inputs: channels in.
        outputs: channels out.
        options: the neurons.
        stride: of the first convolution and of the shortcut.
    """

    def __init__(self, inputs: int, outputs: int, options: NeuronOptions, *, stride: int = 1) -> None:
        super().__init__()
        half = 1 / math.sqrt(2)
        self.first = spiking_convolution(inputs, outputs, options, stride=stride)
        self.second = convolution(outputs, outputs, options, alpha=half)
        self.shortcut = (
            nn.Identity()
            if stride == 1 and inputs == outputs
            else convolution(inputs, outputs, options, kernel=1, stride=stride, alpha=half)
        )
        self.neurons = ImageNeurons(outputs, options)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """(time, batch, channel, row, column) of spikes to spikes."""
        return self.neurons(self.second(self.first(values)) + self.shortcut(values))


def stage(inputs: int, outputs: int, blocks: int, options: NeuronOptions, *, stride: int) -> nn.Sequential:
    """Residual blocks in series, the first of which changes channels and resolution."""
    first = ResidualBlock(inputs, outputs, options, stride=stride)
    return nn.Sequential(first, *(ResidualBlock(outputs, outputs, options) for _ in range(blocks - 1)))
