"""A network of event-based layers as a circuit, under the input spikes of one trial.

Every neuron is an instance; its spike, a pulse of area v0 tau_m, reaches a synapse that turns it into a charge. A
weight is what an input spike adds to the receiving state, so the synapse's transconductance is the weight times that
state's capacity; an exponential current is the state's own decay.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import torch

from circuits.data.circuit import (
    GROUND,
    Circuit,
    CircuitError,
    Device,
    Instance,
    Subcircuit,
    Transconductance,
    VoltageSource,
)  # fmt: skip
from circuits.data.pulses import pulse_train
from circuits.data.scaling import Scaling
from circuits.data.values import check_name
from circuits.realisations.behavioural import behavioural
from circuits.realisations.forms import arrival_state
from circuits.realisations.interface import OUTPUT
from conductance.events import EventLayer, EventNetwork, Spikes
from conductance.neurons.base import State


@dataclass(frozen=True, kw_only=True)
class EventNetworkCircuit:
    """A network's circuit for one trial.

    Attributes:
        circuit: what is written and simulated; it probes the nodes of `spikes`.
        spikes: by layer, one node per neuron, a pulse of area v0 tau_m for each spike.
        duration: of the trial in s.
    """

    circuit: Circuit
    spikes: Mapping[str, tuple[str, ...]]
    duration: float


def event_network_circuit(
    network: EventNetwork, spikes: Spikes, *, scaling: Scaling, name: str = "event_network",
    provenance: Mapping[str, str] | None = None,
) -> EventNetworkCircuit:  # fmt: skip
    """The circuit of a network of event-based layers at the behavioural level.

    Args:
        network: its neurons' threshold and reset are those of their declarations: give a QIF neuron the finite peak of
            the circuit, `qif(V_peak=10)`.
        spikes: the input spikes of one trial.
        scaling: the SI units.
        name: of the circuit and its files.
        provenance: where it comes from, for the header.

    Raises:
        CircuitError: more than one trial, spikes of other inputs, a layer with delays, a neuron without a circuit.
    """
    first = next(iter(network.layers.values()))
    if spikes.batch != 1 or spikes.size != first.inputs:
        raise CircuitError(
            f"circuit {name}: received {spikes.batch} trials of {spikes.size} inputs; give one trial "
            f"(spikes.select([k])) of {first.inputs}"
        )
    builder = _Builder(scaling)
    sources = builder.inputs(spikes)
    nodes: dict[str, tuple[str, ...]] = {}
    for label, layer in network.layers.items():
        check_name(label, f"circuit {name}, layer")
        sources = nodes[label] = builder.layer(label, cast(EventLayer, layer), sources)
    circuit = Circuit(
        name=name,
        title="event-based network, " + " to ".join(str(len(found)) for found in nodes.values()) + " neurons",
        subcircuits=tuple(builder.subcircuits.values()),
        devices=tuple(builder.devices),
        initial=builder.initial,
        probes=tuple(node for found in nodes.values() for node in found),
        provenance=dict(provenance or {}),
    )
    return EventNetworkCircuit(circuit=circuit, spikes=nodes, duration=spikes.end * scaling.time_unit)


class _Builder:
    """Collects the devices of one network."""

    def __init__(self, scaling: Scaling) -> None:
        self.scaling = scaling
        self.devices: list[Device] = []
        self.subcircuits: dict[str, Subcircuit] = {}
        self.initial: dict[str, float] = {}

    def inputs(self, spikes: Spikes) -> tuple[str, ...]:
        """One node per input neuron, with a pulse at each of its spikes; an empty name for a silent one."""
        times = spikes.times[:, 0].detach().double().numpy()
        neurons, there = spikes.neurons[:, 0].numpy(), spikes.mask[:, 0].numpy()
        found = []
        for index in range(spikes.size):
            train = times[there & (neurons == index)]
            found.append(f"x{index}" if train.size else "")
            if train.size:
                waveform = pulse_train(
                    train.tolist(), [self.scaling.voltage_unit] * train.size, scaling=self.scaling
                )
                self.devices.append(
                    VoltageSource(name=f"v_x{index}", positive=f"x{index}", negative=GROUND, waveform=waveform,
                                  note=f"spikes of input {index}")
                )  # fmt: skip
        return tuple(found)

    def layer(self, label: str, layer: EventLayer, sources: Sequence[str]) -> tuple[str, ...]:
        """The neurons of a layer and the synapses onto them; the nodes of their spikes."""
        neuron = layer.neuron
        target = _arriving(label, layer)
        subcircuit = behavioural(neuron, self.scaling)
        if self.subcircuits.setdefault(subcircuit.name, subcircuit) != subcircuit:
            raise CircuitError(
                f"layer {label}: another layer has a different neuron named {neuron.name}; give one another name"
            )
        # where the membrane itself receives the charges, there is no current that could start
        starts = {target.name: layer.initial_current, neuron.membrane.name: layer.initial_voltage}
        nodes = [
            {pin.name: f"{label}_{index}_{pin.name}" for pin in subcircuit.pins}
            for index in range(layer.size)
        ]
        for index, pins in enumerate(nodes):
            self.devices.append(
                Instance(name=f"x{label}_{index}", subcircuit=subcircuit.name, connections=pins)
            )
            for state, values in starts.items():
                self.initial[pins[state]] = float(values.detach()[index]) * self.scaling.voltage_unit
        targets = [pins[target.name] for pins in nodes]
        out = tuple(pins[OUTPUT] for pins in nodes)
        capacity = float(target.capacity.subs(neuron.substitutions()))
        self._synapses(layer.weight, sources, targets, capacity)
        if layer.recurrent_weight is not None:
            self._synapses(layer.recurrent_weight, out, targets, capacity)
        return out

    def _synapses(
        self, weights: torch.Tensor, sources: Sequence[str], targets: Sequence[str], capacity: float
    ) -> None:
        """One transconductance for every weight that is not zero, from a node of spikes."""
        values = weights.detach().double().numpy()
        unit = capacity * self.scaling.conductance_unit
        for row, target in zip(values, targets, strict=True):
            for weight, source in zip(row.tolist(), sources, strict=True):
                if source and weight:
                    self.devices.append(
                        Transconductance(name=f"g_{target}_{source}", out_from=GROUND, out_to=target,
                                         sense_positive=source, sense_negative=GROUND, gain=weight * unit,
                                         note=f"weight {weight:.4g}")
                    )  # fmt: skip


def _arriving(label: str, layer: EventLayer) -> State:
    """The state at which the layer's input spikes arrive."""
    if bool((layer.delay != 0).any()) or (layer.recurrent_weight is not None and layer.recurrent_delay):
        raise CircuitError(f"layer {label}: there is no circuit of a delayed synapse; use delay 0")
    target = arrival_state(layer.neuron)
    if target is None:
        raise CircuitError(
            f"layer {label}: neuron {layer.neuron.name} declares no arrivals, so it has no synapse"
        )
    return target
