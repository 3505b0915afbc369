"""How far a window's gradient is from that of the expected loss.

A spike has no slope, but the loss averaged over many inputs has: moving a weight a little moves the share of
inputs on each side of a threshold. That slope is measured by central differences on common random inputs, and
compared with what backpropagation through each window says along the same directions.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from conductance.deep.neurons import ImageNeurons, NeuronOptions
from excitable.trials import Result
from studies.dqif.variants import VARIANTS

INPUTS, HIDDEN, CLASSES, STEPS = 8, 32, 10, 4
DIFFERENCE = 0.05
"""Half the distance of the central difference, in weights of spread 0.5/sqrt(fan in): many spikes move, few twice."""
CHUNK = 25_000
SEED = 3
BLOCKS = 8
"""Parts of the inputs, from whose scatter the error of the difference follows."""


@dataclass(frozen=True, kw_only=True)
class GradientTrial:
    """One window."""

    variant: str
    samples: int
    directions: int

    @property
    def name(self) -> str:
        """A file name that tells trials apart."""
        return f"gradient-{self.variant}"


class TwoLayers(nn.Module):
    """Two hidden layers without normalisation; their currents have the spread of tdBN's at the start, alpha V_th."""

    def __init__(self, options: NeuronOptions) -> None:
        super().__init__()
        spread = options.alpha * options.threshold
        self.first, self.second = nn.Linear(INPUTS, HIDDEN), nn.Linear(HIDDEN, HIDDEN)
        self.readout = nn.Linear(HIDDEN, CLASSES)
        self.neurons = nn.ModuleList(ImageNeurons(HIDDEN, options) for _ in range(2))
        nn.init.normal_(self.first.weight, std=spread / math.sqrt(INPUTS))
        # a spike is 1 with a rate near 0.19, so its variance is 0.15
        nn.init.normal_(self.second.weight, std=spread / math.sqrt(0.15 * HIDDEN))
        nn.init.zeros_(self.first.bias)
        with torch.no_grad():
            self.second.bias.copy_(-0.19 * self.second.weight.sum(1))

    def forward(self, values: Tensor) -> Tensor:
        """(time, batch, input) to (time, batch, class)."""
        hidden = self.neurons[0](self.first(values))
        return self.readout(self.neurons[1](self.second(hidden)))

    @property
    def trained(self) -> list[Tensor]:
        """Weights and biases before the neurons: those whose gradient passes through windows."""
        return [self.first.weight, self.first.bias, self.second.weight, self.second.bias]


def gradient_mismatch(trial: GradientTrial) -> Result:
    """Slopes of the expected loss along random directions, by differences and by the window, and how they agree."""
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(SEED)
    torch.manual_seed(SEED)
    options = VARIANTS[trial.variant]
    network = TwoLayers(options).train()
    values = torch.randn(STEPS, trial.samples, INPUTS, generator=generator)
    labels = (values.mean(0) @ torch.randn(INPUTS, CLASSES, generator=generator)).argmax(1)
    directions = [
        [torch.randn(tensor.shape, generator=generator) * _scale(tensor) for tensor in network.trained]
        for _ in range(trial.directions)
    ]
    if options.window == "measured":
        for _ in range(80):
            place = int(torch.randint(0, max(1, trial.samples - 64), (), generator=generator))
            network(values[:, place : place + 64])
    network.eval()
    window = [_gradient(network, values, labels, direction) for direction in directions]
    slopes = torch.stack([_difference(network, values, labels, direction) for direction in directions])
    found, wanted = torch.tensor(window), slopes.mean(1)
    error = slopes.std(1) / math.sqrt(slopes.shape[1])
    return {
        "variant": trial.variant,
        "cosine": float(found @ wanted / (found.norm() * wanted.norm())),
        "ratio": float(found.norm() / wanted.norm()),
        "mismatch": float((found - wanted).norm() / wanted.norm()),
        "noise": float(error.norm() / wanted.norm()),
        "window": [[float(x) for x in neurons.window()] for neurons in network.neurons],  # type: ignore[operator]
    }


def _scale(tensor: Tensor) -> float:
    return 0.5 / math.sqrt(tensor.shape[-1]) if tensor.dim() == 2 else 0.5 / math.sqrt(HIDDEN)


def _losses(network: TwoLayers, values: Tensor, labels: Tensor) -> Tensor:
    """(batch,) losses of the mean answers."""
    parts = zip(values.split(CHUNK, dim=1), labels.split(CHUNK), strict=True)
    return torch.cat([cross_entropy(network(part).mean(0), own, reduction="none") for part, own in parts])


def _gradient(network: TwoLayers, values: Tensor, labels: Tensor, direction: list[Tensor]) -> float:
    """The window's slope along a direction; the gradient itself is computed once and kept on the tensors."""
    if network.first.weight.grad is None:
        for part, own in zip(values.split(CHUNK, dim=1), labels.split(CHUNK), strict=True):
            loss = cross_entropy(network(part).mean(0), own, reduction="sum") / len(labels)
            loss.backward()
    pairs = zip(network.trained, direction, strict=True)
    return sum(float((tensor.grad * way).sum()) for tensor, way in pairs if tensor.grad is not None)


@torch.no_grad()
def _difference(network: TwoLayers, values: Tensor, labels: Tensor, direction: list[Tensor]) -> Tensor:
    """(block,) central differences of the mean loss of each block of inputs."""
    losses = []
    for sign in (1, -1):
        for tensor, way in zip(network.trained, direction, strict=True):
            tensor += sign * DIFFERENCE * way
        losses.append(_losses(network, values, labels))
        for tensor, way in zip(network.trained, direction, strict=True):
            tensor -= sign * DIFFERENCE * way
    change = (losses[0] - losses[1]) / (2 * DIFFERENCE)
    return torch.stack([block.mean() for block in change.tensor_split(BLOCKS)])
