"""The loss of an event-based classifier: one compiled call where its layers allow it, layer by layer otherwise."""

from dataclasses import replace
from typing import cast

import torch

from conductance.derivation.pseudospikes import Pseudospikes
from conductance.events import compiled
from conductance.events.backend import is_compiled
from conductance.events.exact.engines import QuadraticEngine
from conductance.events.exact.pseudospikes import LEAST_DRIVE
from conductance.events.layer import EventLayer
from conductance.events.losses import REGULARISER, first_spike_loss
from conductance.events.network import EventNetwork
from conductance.events.spikes import Spikes
from conductance.events.together import together


def classifier_loss(
    network: EventNetwork,
    spikes: Spikes,
    labels: torch.Tensor,
    *,
    tau: float = 1.0,
    regulariser: float = REGULARISER,
) -> torch.Tensor:
    """`first_spike_loss` of a network's first output spikes, with the gradients to its weights and initial states.

    One compiled call makes loss and gradients where all layers have the same neuron, no delay, no recurrence and no
    capacity, and where nothing asks for gradients to the input spikes. Otherwise it is composed of the layers.

    Args:
        network: its last layer has one neuron per class.
        spikes: the input spikes of a batch.
        labels: (batch,), int64.
        tau: the time by which two spikes are told apart.
        regulariser: see `first_spike_loss`.
    """
    layers = [cast(EventLayer, layer) for layer in network.layers.values()]
    if not _is_one_call(layers, spikes) or labels.shape != (spikes.batch,) or not spikes.batch:
        first = network(spikes).first()
        return first_spike_loss(first, labels, end=spikes.end, tau=tau, regulariser=regulariser)
    engine = layers[0].engine
    work = compiled.ClassifierLoss(
        flow=engine.flow, after=_after(engine), rooms=[layer.room for layer in layers], tau=tau,
        regulariser=regulariser,
    )  # fmt: skip
    states = [layer.engine.start(layer.initial_voltage, layer.initial_current) for layer in layers]
    times, neurons, mask, weight = together(spikes.times, spikes.neurons, spikes.mask, layers[0].weight)
    heard = replace(spikes, times=times, neurons=neurons, mask=mask, size=weight.shape[1])
    weights = [weight, *(layer.weight for layer in layers[1:])]
    given = [(weight, *state) for weight, state in zip(weights, states, strict=True)]
    try:
        loss = work(heard, labels, given)
    except compiled.NotFiniteError:
        for layer in layers:
            layer.check_finite()
        raise
    for layer, room in zip(layers, work.rooms, strict=True):
        layer.room = room
    return loss


def _is_one_call(layers: list[EventLayer], spikes: Spikes) -> bool:
    first = layers[0]
    return (
        spikes.rates is None
        and spikes.size == first.inputs
        and spikes.times.dtype == first.weight.dtype
        and not spikes.times.requires_grad
        and all(layer.engine == first.engine and layer.is_plain() for layer in layers)
        and all(
            is_compiled(layer.backend, layer.engine.flow, layer.weight, "", layer.owner) for layer in layers
        )
    )


def _after(engine: object) -> Pseudospikes | None:
    if not isinstance(engine, QuadraticEngine):
        return None
    return Pseudospikes(tau=engine.tau, sharpness=engine.sharpness, least=LEAST_DRIVE)
