"""A trained image network without convolutions as a chain of projections and layers, as circuits are made from.

tdBN is a factor and a shift of each neuron's input, so it disappears into weights and bias; the mean of the answers
over the steps becomes an accumulator with weights over the number of steps.
"""

import torch
from torch import nn

from conductance.deep.blocks import EveryStep
from conductance.deep.networks import ImageNetwork
from conductance.deep.neurons import DeepError, ImageNeurons
from conductance.deep.normalisation import EPSILON, ThresholdBatchNorm
from conductance.layers import NeuronLayer, Projection
from conductance.networks import Network
from conductance.neurons import accumulator


def folded(network: ImageNetwork) -> Network:
    """The network behind its first layer, which only makes features of images (see `features`).

    Layers are named `input_1`, `layer_1` and so on; the last two are `readout` and `answer`, whose output after the
    last step is the mean over the steps of what the trained network answers in evaluation.

    Raises:
        DeepError: a network with convolutions or anything else that is no weighted sum.
    """
    layers: dict[str, Projection | NeuronLayer] = {}
    pending: tuple[torch.Tensor, torch.Tensor] | None = None
    _, *modules = network.body.children()
    for module in modules:
        inner = module.layer if isinstance(module, EveryStep) else module
        if isinstance(inner, nn.Linear) and pending is None:
            bias = torch.zeros(inner.out_features) if inner.bias is None else inner.bias.detach()
            pending = inner.weight.detach(), bias
        elif isinstance(inner, ThresholdBatchNorm) and pending is not None:
            pending = _normalised(pending, inner)
        elif isinstance(inner, ImageNeurons) and pending is not None:
            number = 1 + len(layers) // 2
            layers[f"input_{number}"] = _projection(*pending)
            layers[f"layer_{number}"] = _neurons(inner, len(pending[1]))
            pending = None
        else:
            raise DeepError(
                f"folding: {type(inner).__name__} has no place in a chain of weighted sums and neurons; use the "
                f"network `dense`"
            )
    if pending is None:
        raise DeepError("folding: the network must end in a linear readout; use the network `dense`")
    weight, bias = (value / network.steps for value in pending)
    layers |= {"readout": _projection(weight, bias), "answer": NeuronLayer(accumulator(), len(bias), dt=1.0)}
    return Network(layers)


def features(network: ImageNetwork, images: torch.Tensor) -> torch.Tensor:
    """What the folded network receives of images (batch, channel, row, column): (time, batch, feature)."""
    first = next(iter(network.body.children()))
    with torch.no_grad():
        return first(images.unsqueeze(0).expand(network.steps, *images.shape))


def _normalised(
    pending: tuple[torch.Tensor, torch.Tensor], norm: ThresholdBatchNorm
) -> tuple[torch.Tensor, torch.Tensor]:
    weight, bias = pending
    factor = norm.weight.detach() * (norm.running_var + EPSILON).rsqrt()
    return weight * factor[:, None], (bias - norm.running_mean) * factor + norm.bias.detach()


def _projection(weight: torch.Tensor, bias: torch.Tensor) -> Projection:
    made = Projection(weight.shape[1], weight.shape[0])
    with torch.no_grad():
        made.weight.copy_(weight)
        made.bias.copy_(bias)
    return made


def _neurons(neurons: ImageNeurons, size: int) -> NeuronLayer:
    values = {name: value.detach().expand(size).clone() for name, value in neurons.layer.values().items()}
    return NeuronLayer(neurons.layer.neuron, size, dt=1.0, values=values)
