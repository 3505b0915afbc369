"""A loss as a function of a network's parameters, with the spikes that it comes from."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import nn

from conductance.deep.networks import ImageNetwork
from conductance.deep.neurons import ImageNeurons
from conductance.errors import ExcitableError
from conductance.events import EventNetwork, Spikes, first_spike_loss
from conductance.events.losses import REGULARISER
from conductance.layers import NeuronLayer
from conductance.networks import Network
from conductance.tasks import EventSplit, Split


class LandscapeError(ExcitableError):
    """A loss landscape is asked for that cannot be had."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """The loss at one point, and the network's spikes there.

    Attributes:
        value: the loss.
        counts: number of spikes of each neuron in each trial, in a fixed order, any shape.
        order: which neurons spike in which order, any shape; only its equality with another reading's counts.
    """

    value: float
    counts: torch.Tensor
    order: torch.Tensor

    def same_counts(self, other: "Reading") -> bool:
        """Whether every neuron spikes as often in every trial."""
        return torch.equal(self.counts, other.counts)

    def same_order(self, other: "Reading") -> bool:
        """Whether the spikes come in the same order."""
        return torch.equal(self.order, other.order)


class Surface(Protocol):
    """A loss over parameters, which are one vector in double precision."""

    def start(self) -> torch.Tensor:
        """The network's own parameters, (parameter,)."""

    def read(self, parameters: torch.Tensor) -> Reading:
        """The loss and the spikes at these parameters."""

    def gradient(self, parameters: torch.Tensor) -> torch.Tensor:
        """What training takes for the gradient, (parameter,); a surrogate's where there is one."""


Run = Callable[..., Any]
"""Runs a network, as calling it does."""
ImageLoss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
Loss = Callable[[Run], tuple[torch.Tensor, torch.Tensor, torch.Tensor]]
"""A network's loss, the spike counts and the spikes' order."""


class NetworkSurface:
    """The loss of a network on given data, in double precision; the network itself is not changed.

    Args:
        network: its trained parameters span the surface.
        loss: gives loss, spike counts and spike order of a network.
    """

    def __init__(self, network: nn.Module, loss: Loss) -> None:
        trained = {name: p.detach().double() for name, p in network.named_parameters() if p.requires_grad}
        if not trained:
            raise LandscapeError("loss landscape: the network has no trained parameter")
        self._network, self._loss, self._trained = network, loss, trained
        self._fixed = {
            name: tensor.detach().double() if tensor.is_floating_point() else tensor
            for name, tensor in (*network.named_parameters(), *network.named_buffers())
            if name not in trained
        }

    def start(self) -> torch.Tensor:
        """The parameters that the network came with."""
        return torch.cat([tensor.flatten() for tensor in self._trained.values()])

    def read(self, parameters: torch.Tensor) -> Reading:
        """The loss and the spikes at these parameters."""
        with torch.no_grad():
            loss, counts, order = self._at(parameters)
        return Reading(value=float(loss), counts=counts, order=order)

    def gradient(self, parameters: torch.Tensor) -> torch.Tensor:
        """The gradient of back-propagation, zero where nothing depends on a parameter."""
        moved = parameters.detach().clone().requires_grad_()
        loss, _, _ = self._at(moved)
        if not loss.requires_grad:
            return torch.zeros_like(parameters)
        (gradient,) = torch.autograd.grad(loss, moved)
        return gradient

    def _at(self, parameters: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        parts = parameters.split([tensor.numel() for tensor in self._trained.values()])
        values = {
            name: part.view_as(tensor)
            for (name, tensor), part in zip(self._trained.items(), parts, strict=True)
        }

        def run(*inputs: Any, **options: Any) -> Any:
            return torch.func.functional_call(self._network, {**self._fixed, **values}, inputs, options)

        return self._loss(run)


def classifier_surface(
    network: EventNetwork, split: EventSplit, *, tau: float, regulariser: float = REGULARISER
) -> NetworkSurface:
    """The loss of an event-based classifier on first spike times, see `first_spike_loss`.

    Args:
        network: the classifier.
        split: the trials, one or a batch.
        tau: the time by which the loss tells two spikes apart.
        regulariser: see `first_spike_loss`.
    """

    def loss(run: Run) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        record: dict[str, Spikes] = {}
        first = run(split.spikes, record=record).first()
        value = first_spike_loss(first, split.labels, end=split.spikes.end, tau=tau, regulariser=regulariser)
        counts = torch.cat([spikes.counts() for spikes in record.values()], 1)
        return value, counts, _order(list(record.values()), split.spikes)

    return NetworkSurface(network, loss)


def _order(layers: list[Spikes], below: Spikes) -> torch.Tensor:
    """The neurons of all layers and the inputs in the order of their spikes, (event, batch)."""
    times, labels, first = [], [], 0
    for spikes in (below, *layers):
        times.append(spikes.times.detach().masked_fill(~spikes.mask, torch.inf))
        labels.append((spikes.neurons + first).masked_fill(~spikes.mask, -1))
        first += spikes.size
    order = torch.cat(times).sort(dim=0, stable=True).indices
    return torch.cat(labels).gather(0, order)


def series_surface(network: Network, split: Split) -> NetworkSurface:
    """The mean square error of a network on a time grid, after the warm-up; its gradient may be a surrogate's.

    A neuron without an event spikes where its output leaves zero.

    Args:
        network: the network.
        split: the series, one or a batch.
    """
    series = Split(inputs=split.inputs.double(), targets=split.targets.double(), mask=split.mask)

    def loss(run: Run) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        record: dict[str, torch.Tensor] = {}
        output, _ = run(series.inputs, record=record)
        rasters = [
            _raster(record[name].detach(), layer)
            for name, layer in network.chain.items()
            if isinstance(layer, NeuronLayer)
        ]
        raster = torch.cat(rasters, 2)
        return (output - series.targets)[series.mask].square().mean(), raster.sum(0), raster

    return NetworkSurface(network, loss)


def image_surface(
    network: ImageNetwork, images: torch.Tensor, labels: torch.Tensor, loss: ImageLoss
) -> NetworkSurface:
    """The loss of a deep network in evaluation; its gradient is that of the windows of its neurons.

    Args:
        network: the network.
        images: one or a batch, (batch, channel, row, column), or frames of events (time, batch, channel, row, column).
        labels: (batch,) whole numbers.
        loss: of answers (time, batch, class) and labels.
    """
    shown, rasters = images.double(), []

    def recorded(_module: nn.Module, _inputs: Any, output: torch.Tensor) -> None:
        rasters.append(output.detach().flatten(2) > 0)

    def measured(run: Run) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        rasters.clear()
        neurons = [module for module in network.modules() if isinstance(module, ImageNeurons)]
        hooks = [module.register_forward_hook(recorded) for module in neurons]
        try:
            value = loss(run(shown), labels)
        finally:
            for hook in hooks:
                hook.remove()
        raster = torch.cat(rasters, 2)
        return value, raster.sum(0), raster

    return NetworkSurface(network.eval(), measured)


def _raster(output: torch.Tensor, layer: NeuronLayer) -> torch.Tensor:
    """Where the neurons of a layer spike, (time, batch, neuron), bool."""
    active = output > 0
    if layer.neuron.event is not None:
        return active
    before = torch.cat([torch.zeros_like(active[:1]), active[:-1]])
    return active & ~before
