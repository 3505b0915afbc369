"""The networks by their names in the literature, with any map neuron: ResNet-19, ResNet-34, VGG-SNN, digits, dense."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import nn

from conductance.deep.blocks import EveryStep, spiking_convolution, stage
from conductance.deep.neurons import DeepError, ImageNeurons, NeuronOptions
from conductance.deep.normalisation import ThresholdBatchNorm
from conductance.layers.base import ShapeError


class ImageNetwork(nn.Module):
    """A spiking network that reads images or events and answers at every step.

    Args:
        body: (time, batch, channel, row, column) to (time, batch, class).
        channels: of its input.
        steps: time steps for which an image is shown (direct encoding).
    """

    def __init__(self, body: nn.Module, *, channels: int, steps: int) -> None:
        super().__init__()
        if steps < 1:
            raise DeepError(f"network: steps = {steps} must be at least 1")
        self.body, self.channels, self.steps = body, channels, steps

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Answers (time, batch, class).

        Args:
            values: images (batch, channel, row, column), shown unchanged at every step, so that the first layer's
                neurons encode them; or frames of events (time, batch, channel, row, column).

        Raises:
            ShapeError: neither, or another number of channels.
        """
        if values.dim() == 4:
            values = values.unsqueeze(0).expand(self.steps, *values.shape)
        if values.dim() != 5 or values.shape[2] != self.channels:
            raise ShapeError(
                f"network: input has shape {tuple(values.shape)}; allowed are images (batch, {self.channels}, row, "
                f"column) and frames (time, batch, {self.channels}, row, column)"
            )
        return self.body(values)

    def settle(self) -> None:
        """After an update of the weights: neurons back into their stable regions, windows to their parameters."""
        for module in self.modules():
            if isinstance(module, ImageNeurons):
                module.settle()


def _readout(inputs: int, classes: int) -> EveryStep:
    return EveryStep(nn.Linear(inputs, classes))


def resnet19(options: NeuronOptions, *, classes: int = 10, channels: int = 3, steps: int = 4) -> ImageNetwork:
    """ResNet-19 with 128, 256 and 512 channels, as tdBN and TET use it for CIFAR: 1.442 M neurons on 32 x 32.

    tdBN stands behind convolutions alone. That the hidden linear layer has none is our choice: we know no source.
    """
    body = nn.Sequential(
        spiking_convolution(channels, 128, options),
        stage(128, 128, 3, options, stride=1),
        stage(128, 256, 3, options, stride=2),
        stage(256, 512, 2, options, stride=2),
        EveryStep(nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())),
        EveryStep(nn.Linear(512, 256)),
        ImageNeurons(256, options),
        _readout(256, classes),
    )
    return ImageNetwork(body, channels=channels, steps=steps)


def resnet34(
    options: NeuronOptions, *, classes: int = 1000, channels: int = 3, steps: int = 4
) -> ImageNetwork:
    """ResNet-34 for ImageNet: 3, 4, 6 and 3 blocks of 64, 128, 256 and 512 channels."""
    body = nn.Sequential(
        spiking_convolution(channels, 64, options, kernel=7, stride=2),
        EveryStep(nn.MaxPool2d(3, stride=2, padding=1)),
        stage(64, 64, 3, options, stride=1),
        stage(64, 128, 4, options, stride=2),
        stage(128, 256, 6, options, stride=2),
        stage(256, 512, 3, options, stride=2),
        EveryStep(nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())),
        _readout(512, classes),
    )
    return ImageNetwork(body, channels=channels, steps=steps)


def vgg_snn(options: NeuronOptions, *, classes: int = 10, channels: int = 2, steps: int = 10) -> ImageNetwork:
    """VGG-SNN of TET for CIFAR10-DVS at 48 x 48: eight convolutions, halved four times by average pooling."""
    layers: list[nn.Module] = []
    before = channels
    for width in (64, 128, 0, 256, 256, 0, 512, 512, 0, 512, 512, 0):
        if width == 0:
            layers.append(EveryStep(nn.AvgPool2d(2)))
            continue
        layers.append(spiking_convolution(before, width, options))
        before = width
    layers += [EveryStep(nn.Sequential(nn.AdaptiveAvgPool2d(3), nn.Flatten())), _readout(512 * 9, classes)]
    return ImageNetwork(nn.Sequential(*layers), channels=channels, steps=steps)


def digits_network(
    options: NeuronOptions, *, classes: int = 10, channels: int = 1, steps: int = 4
) -> ImageNetwork:
    """A small network for images of 8 x 8 pixels or more: two convolutions, 4 x 4 places, a hidden layer. Ours."""
    body = nn.Sequential(
        spiking_convolution(channels, 16, options),
        spiking_convolution(16, 32, options, stride=2),
        EveryStep(nn.Sequential(nn.AdaptiveAvgPool2d(4), nn.Flatten())),
        EveryStep(nn.Linear(32 * 16, 64)),
        ImageNeurons(64, options),
        _readout(64, classes),
    )
    return ImageNetwork(body, channels=channels, steps=steps)


def dense_network(
    options: NeuronOptions, *, classes: int = 10, channels: int = 1, steps: int = 4, hidden: int = 32
) -> ImageNetwork:
    """Images as 8 x 8 places, one hidden layer behind tdBN, and a readout: small enough to become a circuit. Ours."""
    bare = options.norm == "none"
    linear = nn.Linear(64 * channels, hidden, bias=bare)
    norm = [] if bare else [ThresholdBatchNorm(hidden, options.alpha * options.threshold)]
    body = nn.Sequential(
        EveryStep(nn.Sequential(nn.AdaptiveAvgPool2d(8), nn.Flatten())),
        EveryStep(linear),
        *norm,
        ImageNeurons(hidden, options),
        _readout(hidden, classes),
    )
    return ImageNetwork(body, channels=channels, steps=steps)


Builder = Callable[..., ImageNetwork]
NETWORKS: Mapping[str, Builder] = MappingProxyType(
    {
        "resnet19": resnet19,
        "resnet34": resnet34,
        "vgg_snn": vgg_snn,
        "digits": digits_network,
        "dense": dense_network,
    }
)
"""The networks by name, as configurations name them."""


def count_neurons(network: ImageNetwork, inputs: torch.Tensor) -> int:
    """Neurons per image and step, counted in the running network by what its neurons return."""
    counted = []
    handles = [
        module.register_forward_hook(lambda _module, _inputs, spikes: counted.append(spikes[0, 0].numel()))
        for module in network.modules()
        if isinstance(module, ImageNeurons)
    ]
    try:
        with torch.no_grad():
            network(inputs)
    finally:
        for handle in handles:
            handle.remove()
    return sum(counted)
