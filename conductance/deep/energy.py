"""Energy of a deep spiking network by its arithmetic: multiply-accumulates and accumulates, counted as it runs.

A layer that reads spikes accumulates weights, once per spike (AC); one that reads other numbers multiplies (MAC). A
neuron of degree d in its voltage needs d multiply-accumulates per step by Horner's rule: 1 if leaky, 2 for DQIF, whose
constant term is part of the bias. 4.6 pJ per MAC and 0.9 pJ per AC, the usual 45 nm numbers (docs/models.md).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sympy
import torch
from torch import nn

from conductance.deep.networks import ImageNetwork
from conductance.deep.neurons import ImageNeurons
from conductance.derivation.maps import free_map
from conductance.neurons.base import Neuron

MAC = 4.6e-12
"""Joules of a multiply-accumulate."""
AC = 0.9e-12
"""Joules of an accumulate."""


@dataclass(frozen=True, kw_only=True)
class LayerCount:
    """One layer with weights: products per image and step, and the share of inputs that are not zero.

    `spiking` says whether every input was 0 or 1.
    """

    name: str
    products: int
    activity: float
    spiking: bool


@dataclass(frozen=True, kw_only=True)
class EnergyCount:
    """What a network did per image and step.

    Attributes:
        layers: the layers with weights.
        neurons: number of neurons.
        degree: of the neuron's map in its voltage.
    """

    layers: tuple[LayerCount, ...]
    neurons: int
    degree: int

    def energy(self, *, rate: float | None = None, degree: int | None = None) -> float:
        """Joules per image and step.

        Args:
            rate: spikes per input and step of every spiking layer; what was counted where not given.
            degree: of the neurons; that of the network where not given.
        """
        total = self.neurons * (self.degree if degree is None else degree) * MAC
        for layer in self.layers:
            active = layer.activity if rate is None or not layer.spiking else rate
            total += layer.products * (active * AC if layer.spiking else MAC)
        return total

    def overhead(self, *, rate: float | None = None) -> float:
        """The network's energy over that of the same network of leaky neurons, minus 1."""
        return self.energy(rate=rate) / self.energy(rate=rate, degree=1) - 1


def degree_of(neuron: Neuron) -> int:
    """The degree of a polynomial map in its voltage: its multiply-accumulates per step."""
    return int(sympy.degree(free_map(neuron), neuron.membrane.symbol))


def count_energy(network: ImageNetwork, inputs: torch.Tensor) -> EnergyCount:
    """Run a network once and count.

    Args:
        network: as it is; its batch statistics do not change.
        inputs: images or frames, as the network takes them.
    """
    layers: list[LayerCount] = []
    sizes: list[int] = []
    degrees: set[int] = set()

    def weighted(name: str, module: Any, values: torch.Tensor, result: torch.Tensor) -> None:
        per_output = module.weight[0].numel()
        layers.append(
            LayerCount(
                name=name,
                products=result[0].numel() * per_output,
                activity=float((values != 0).double().mean()),
                spiking=bool(((values == 0) | (values == 1)).all()),
            )
        )

    def neurons(_name: str, module: Any, _values: torch.Tensor, result: torch.Tensor) -> None:
        sizes.append(result[0, 0].numel())
        degrees.add(degree_of(module.layer.neuron))

    training = network.training
    try:
        with (
            torch.no_grad(),
            _watched(network, nn.Conv2d | nn.Linear, weighted),
            _watched(network, ImageNeurons, neurons),
        ):
            network.eval()(inputs)
    finally:
        network.train(training)
    return EnergyCount(layers=tuple(layers), neurons=sum(sizes), degree=max(degrees))


@contextmanager
def _watched(network: nn.Module, kind: Any, act: Any) -> Iterator[None]:
    """Call `act(name, module, input, result)` for every pass through a module of a kind."""

    def hook(name: str) -> Any:
        return lambda module, inputs, result: act(name, module, inputs[0], result)

    handles = [
        module.register_forward_hook(hook(name))
        for name, module in network.named_modules()
        if isinstance(module, kind)
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
