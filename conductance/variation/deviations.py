"""How far every part of one network is off: numbers drawn from a seed, by layer and part."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch

from conductance.layers import NeuronLayer, Projection, Recurrence
from conductance.networks.chain import Network
from conductance.variation.handles import handles
from conductance.variation.mismatch import Mismatch

RECURRENT = "recurrent"
"""Behind a layer's name and a dot: its recurrent weights."""
STREAM = 5
"""Distinguishes these random numbers from others drawn from the same seed."""


@dataclass(frozen=True, kw_only=True)
class NeuronDeviations:
    """One layer of neurons: (neuron,) for each current or state.

    Attributes:
        gains: logarithm of the factor of each current.
        offsets: input offset of each current's amplifier, in V0.
        capacities: logarithm of the factor of each state's capacitor.
        output: input offset of the output stage, in V0.
    """

    gains: Mapping[str, torch.Tensor]
    offsets: Mapping[str, torch.Tensor]
    capacities: Mapping[str, torch.Tensor]
    output: torch.Tensor


@dataclass(frozen=True, kw_only=True)
class WeightDeviations:
    """One projection, or recurrent weights: logarithms of the factors of `weight` (output, input) and `bias` (output,).

    Recurrent weights have no bias: it is of length 0.
    """

    weight: torch.Tensor
    bias: torch.Tensor


@dataclass(frozen=True, kw_only=True)
class Deviations:
    """One draw for a whole network, by the names of its layers; layers that are not named are exact."""

    layers: Mapping[str, NeuronDeviations | WeightDeviations] = field(default_factory=dict)


def draw_deviations(
    network: Network, mismatch: Mismatch, *, seed: int, stream: tuple[int, ...] = ()
) -> Deviations:
    """One chip's deviations: the same seed gives the same numbers for the same network.

    Each layer draws from its own name, so a longer network leaves the numbers of its first layers as they are.
    Layers without I-V elements, such as the filter of the readout, stay exact: no amplifiers are built for them.

    Args:
        network: projections and neuron layers.
        mismatch: the standard deviations.
        seed: of the chip, >= 0.
        stream: further whole numbers that tell draws apart, such as the step of a training.

    Raises:
        VariationError: a neuron that cannot be varied.
    """
    found: dict[str, NeuronDeviations | WeightDeviations] = {}
    for label, layer in network.chain.items():
        generator = np.random.default_rng([seed, STREAM, zlib.crc32(label.encode()), *stream])
        if isinstance(layer, Projection):
            found[label] = WeightDeviations(
                weight=_normal(
                    generator, mismatch.of_weights(layer.weights(), codes_of(layer, "weight")), layer.weight
                ),
                bias=_normal(generator, mismatch.of_biases(codes_of(layer, "bias")), layer.bias),
            )
            continue
        if not isinstance(layer, NeuronLayer):
            continue
        if layer.neuron.elements:
            found[label] = _of_neurons(label, layer, mismatch, generator)
        if layer.recurrent is not None:
            weight = layer.recurrent.weight
            found[f"{label}.{RECURRENT}"] = WeightDeviations(
                weight=_normal(
                    generator,
                    mismatch.of_weights(layer.recurrent.weights(), codes_of(layer.recurrent, "weight")),
                    weight,
                ),
                bias=weight.new_zeros(0),
            )
    return Deviations(layers=found)


def codes_of(layer: Projection | Recurrence, name: str) -> torch.Tensor | None:
    """The codes of a layer's `weight` or `bias`; None where they have none."""
    return None if layer.code is None else layer.code.codes(getattr(layer, name))


def _of_neurons(
    label: str, layer: NeuronLayer, mismatch: Mismatch, generator: np.random.Generator
) -> NeuronDeviations:
    known = handles(layer.neuron)
    spreads = {name: mismatch.part(f"{label}.{name}") for name in known.currents}
    like = next(iter(layer.values().values()))
    return NeuronDeviations(
        gains={name: _normal(generator, spread.current, like) for name, spread in spreads.items()},
        offsets={name: _normal(generator, spread.offset, like) for name, spread in spreads.items()},
        capacities={name: _normal(generator, mismatch.capacitor, like) for name in known.capacities},
        output=_normal(generator, mismatch.offset, like),
    )


def _normal(generator: np.random.Generator, sigma: float | np.ndarray, like: torch.Tensor) -> torch.Tensor:
    # drawn even where sigma is zero: one sigma does not move the numbers of another
    drawn = generator.standard_normal(tuple(like.shape))
    return torch.as_tensor(sigma * drawn, dtype=like.dtype, device=like.device)
