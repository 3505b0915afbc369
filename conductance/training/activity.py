"""How much a network's neurons do: spikes, duty cycle, silence."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from conductance.layers import NeuronLayer
from conductance.networks.chain import Network
from conductance.neurons.base import Neuron
from conductance.neurons.spiking import is_spiking, spike_threshold


@dataclass(frozen=True, kw_only=True)
class Activity:
    """What the spiking neurons of a network did, over the samples that count.

    Attributes:
        spikes: per neuron and step: upward crossings of the threshold at which the output leaves zero, or events
            for neurons that have them. The communication of arXiv 2605.11835.
        duty_cycle: share of time with an output above zero. The computation of arXiv 2605.11835.
        silent_neurons: number of neurons without a single spike.
    """

    spikes: float
    duty_cycle: float
    silent_neurons: int


def activity(spiking: Mapping[str, Neuron], outputs: Mapping[str, Tensor], mask: Tensor) -> Activity | None:
    """The activity of several layers together, each neuron counted once.

    Args:
        spiking: the layers and their neurons, see `spiking_layers`.
        outputs: by layer, (time, batch, neuron); of a layer under a law how far its membranes are `above_threshold`.
        mask: (time, batch), True where a sample counts.

    Returns:
        None without layers.
    """
    if not spiking:
        return None
    spikes, above = [], []
    for name, neuron in spiking.items():
        positive = outputs[name].detach() > 0
        starts = positive.clone()
        if neuron.event is None:
            starts[1:] &= ~positive[:-1]
        spikes.append((starts & mask.unsqueeze(-1)).sum((0, 1)))
        above.append((positive & mask.unsqueeze(-1)).sum((0, 1)))
    counts = torch.cat(spikes)
    counted = float(mask.sum()) * len(counts)
    return Activity(
        spikes=float(counts.sum()) / counted,
        duty_cycle=float(torch.cat(above).sum()) / counted,
        silent_neurons=int((counts == 0).sum()),
    )


def layers_under_laws(network: Network) -> dict[str, NeuronLayer]:
    """The layers that another law than their neurons' declaration steps, as what their circuits were measured to do."""
    return {
        name: layer
        for name, layer in network.chain.items()
        if isinstance(layer, NeuronLayer) and layer.law is not layer.neuron
    }


def above_threshold(layer: NeuronLayer, voltages: Tensor) -> Tensor:
    """How far membranes (time, batch, neuron) are above their neurons' thresholds, in V0.

    It is positive where the declared output is. The output of a law need not be zero below the threshold: that of a
    measured stage is some thousandths of V0.
    """
    columns = {name: value.detach().tolist() for name, value in layer.values().items()}
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return voltages - voltages.new_tensor([spike_threshold(layer.neuron, row) for row in rows])


def spiking_layers(network: Network) -> dict[str, Neuron]:
    """The neurons of the layers whose outputs are spikes, by layer."""
    return {
        name: layer.neuron
        for name, layer in network.layers.items()
        if isinstance(layer, NeuronLayer) and is_spiking(layer.neuron)
    }


@contextmanager
def layer_outputs(network: Network) -> Iterator[dict[str, Tensor]]:
    """A dictionary that every forward pass inside the block fills with each layer's output, by name."""
    outputs: dict[str, Tensor] = {}

    def keep(name: str) -> Callable[..., None]:
        def hook(_module: torch.nn.Module, _inputs: object, result: tuple) -> None:
            outputs[name] = result[0]

        return hook

    handles = [layer.register_forward_hook(keep(name)) for name, layer in network.layers.items()]
    try:
        yield outputs
    finally:
        for handle in handles:
            handle.remove()
