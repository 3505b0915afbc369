"""Weights that let every layer fire: scaled from the data before training."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from conductance.errors import ExcitableError
from conductance.layers import NeuronLayer, Projection
from conductance.layers.fixed import FixedLayer, Skip
from conductance.networks.chain import Layer, Network
from conductance.neurons.spiking import is_spiking

HALVINGS = 20
"""Of the interval in which the factor lies, once one is found."""
LARGEST = 10
"""Factors are looked for from 1 to two to this power, or to its inverse, in steps of the square root of two."""
SUGGESTED = (0.005, 0.05)
"""A range of rates in which neurons neither rest nor fire all the time, in spikes per neuron and step."""


@dataclass(frozen=True, kw_only=True)
class Started:
    """How a layer fires before training.

    Attributes:
        layer: its name.
        factor: of the weights before it.
        before: spikes per neuron and step with the weights as drawn.
        rate: the same with the scaled ones.
        silent: neurons without a spike.
        size: all neurons.
    """

    layer: str
    factor: float
    before: float
    rate: float
    silent: int
    size: int


class FiringError(ExcitableError):
    """No factor of a layer's weights brings its rate into the range."""


@torch.no_grad()
def let_fire(network: Network, inputs: torch.Tensor, *, lowest: float, highest: float) -> tuple[Started, ...]:
    """Scale the projection before each spiking layer until the layer's mean rate lies in a range.

    Layers are taken in their order, each driven by those before it as they are then. Weights that are in the range
    already stay as they are; else factors are tried from 1 on, upwards where the layer fires too rarely. The first two
    that have the geometric mean of the range between them are refined by halving; where none have, since a neuron that
    is driven hard no longer fires, the one nearest to 1 that is in the range is taken.

    Args:
        network: changed in place.
        inputs: (time, batch, feature), a part of the train split.
        lowest: smallest rate in spikes per neuron and step.
        highest: largest rate.

    Raises:
        FiringError: a layer that no factor up to 1024 brings into the range, or a Skip in the network.
    """
    if not 0 < lowest < highest <= 1:
        raise FiringError(f"rates [{lowest:g}, {highest:g}]: give two ordered numbers in (0, 1]")
    if not inputs.numel() or not bool(torch.isfinite(inputs).all()):
        raise FiringError(
            f"inputs of shape {tuple(inputs.shape)}: they are empty or not finite everywhere; give a part of the train "
            f"split, (time, batch, feature)"
        )
    _refuse_skips(network)
    projections = [layer for layer in network.chain.values() if isinstance(layer, Projection)]
    originals = [projection.weight.clone() for projection in projections]
    started: list[Started] = []
    weights: Projection | None = None
    values = drive = inputs
    filters: list[NeuronLayer | FixedLayer] = []
    try:
        for name, layer in network.chain.items():
            if isinstance(layer, Projection):
                weights, drive, filters = layer, values, []
            elif isinstance(layer, FixedLayer) or not is_spiking(layer.neuron):
                filters.append(layer)
            elif weights is not None:
                started.append(_scale(name, weights, filters, layer, drive, lowest, highest))
                values, weights = _through((weights, *filters), drive), None
            values = _through((layer,), values)
    except FiringError:
        for projection, weight in zip(projections, originals, strict=True):
            projection.weight.copy_(weight)
        raise
    return tuple(started)


def _refuse_skips(network: Network) -> None:
    for name, layer in network.chain.items():
        if isinstance(layer, Skip):
            raise FiringError(
                f"layer {name} is a Skip, past which rates are not set, as layers are run one after the other here; "
                f"scale the weights by hand"
            )


def _through(layers: Sequence[Layer], values: torch.Tensor) -> torch.Tensor:
    """What layers make of a series; one with noise sees the same noise each time, so that rates can be compared."""
    for layer in layers:
        noisy = isinstance(layer, NeuronLayer) and layer.neuron.noisy
        values, _ = layer(values, seed=0) if noisy else layer(values)
    return values


def _scale(
    name: str, weights: Projection, filters: Sequence[NeuronLayer | FixedLayer], layer: NeuronLayer,
    drive: torch.Tensor, lowest: float, highest: float,
) -> Started:  # fmt: skip
    original = weights.weight.clone()

    def rates(factor: float) -> torch.Tensor:
        weights.weight.copy_(original * factor)
        return _rates(layer, _through((weights, *filters, layer), drive))

    before = float(rates(1.0).mean())
    if lowest <= before <= highest:
        found = rates(1.0)
        return Started(
            layer=name,
            factor=1.0,
            before=before,
            rate=before,
            silent=int((found == 0).sum()),
            size=len(found),
        )
    aim, turn = (lowest * highest) ** 0.5, 1 if before < lowest else -1
    factors = [2 ** (turn * k / 2) for k in range(2 * LARGEST + 1)]
    seen = [before]
    for factor in factors[1:]:
        seen.append(float(rates(factor).mean()))
        if (seen[-1] - aim) * turn >= 0:
            break
    inside = [factor for factor, rate in zip(factors, seen, strict=False) if lowest <= rate <= highest]
    nearest = min(zip(factors, seen, strict=False), key=lambda tried: abs(tried[1] - aim))[0]
    factor = inside[0] if inside else nearest
    if (seen[-1] - aim) * turn >= 0:
        short, far = factors[len(seen) - 2], factors[len(seen) - 1]
        for _ in range(HALVINGS):
            factor = (short * far) ** 0.5
            short, far = (factor, far) if (float(rates(factor).mean()) - aim) * turn < 0 else (short, factor)
    found = rates(factor)
    rate = float(found.mean())
    if not lowest <= rate <= highest:
        raise FiringError(
            f"layer {name}: its neurons fire {before:.3g} times per step, and no factor of its weights brings that "
            f"into [{lowest:g}, {highest:g}] (the nearest gives {rate:.3g}); change its biases, its threshold, or the "
            f"range"
        )
    return Started(
        layer=name, factor=factor, before=before, rate=rate, silent=int((found == 0).sum()), size=len(found)
    )


@torch.no_grad()
def firing(network: Network, inputs: torch.Tensor) -> tuple[Started, ...]:
    """How each spiking layer fires with the weights that it has.

    Args:
        network: stays as it is.
        inputs: (time, batch, feature).
    """
    _refuse_skips(network)
    found, values = [], inputs
    for name, layer in network.chain.items():
        values = _through((layer,), values)
        if isinstance(layer, NeuronLayer) and is_spiking(layer.neuron):
            rates = _rates(layer, values)
            rate, silent = float(rates.mean()), int((rates == 0).sum())
            found.append(
                Started(layer=name, factor=1.0, before=rate, rate=rate, silent=silent, size=len(rates))
            )
    return tuple(found)


def silence_text(found: Sequence[Started]) -> str:
    """A word on layers of which most neurons are silent before training, and the key that mends it; or nothing."""
    return "; ".join(
        f"{one.silent} of {one.size} neurons of layer {one.layer} are silent before training, and silent neurons learn "
        f"little: network.rates = [{SUGGESTED[0]:g}, {SUGGESTED[1]:g}] scales the weights until the layer fires that "
        f"often"
        for one in found
        if 2 * one.silent > one.size
    )


def _rates(layer: NeuronLayer, output: torch.Tensor) -> torch.Tensor:
    """Spikes per step of each neuron: steps with an event, or in which a graded output leaves zero."""
    active = output > 0
    if layer.neuron.event is None:
        starts = active.clone()
        starts[1:] &= ~active[:-1]
        active = starts
    return active.double().mean((0, 1))


def firing_text(started: Sequence[Started]) -> str:
    """What `let_fire` did, in words."""
    return "; ".join(
        f"layer {one.layer} fires {one.rate:.3g} times per neuron and step"
        + ("" if one.factor == 1 else f" (weights times {one.factor:.3g}; as drawn {one.before:.3g})")
        + (f", {one.silent} neurons are silent" if one.silent else "")
        for one in started
    )
