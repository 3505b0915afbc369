"""A network of maps as a clocked circuit: weights as transconductances, and one period of delay for each layer.

A layer samples its next value in the first phase of a period and holds it from the second one on, so the layer behind
it samples what that makes of it one period later: step t of layer l is held at the end of period t + l. Every layer's
clock begins with its own first step; until then it holds its initial value.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from circuits.data.circuit import (
    GROUND,
    Circuit,
    CircuitError,
    CurrentSource,
    Device,
    HeldWaveform,
    Instance,
    Subcircuit,
    Transconductance,
    VoltageSource,
)  # fmt: skip
from circuits.data.clock import EDGE, Clock
from circuits.data.values import check_name
from circuits.networks.fixed import refuse_fixed
from circuits.networks.noise import CircuitDraws
from circuits.realisations.interface import OUTPUT
from circuits.realisations.noise import noise_pin
from circuits.realisations.sampled import ENTRY, HOLD, SAMPLE, held_node, map_parameter, sampled
from conductance.layers import NeuronLayer, Projection
from conductance.networks import Network


@dataclass(frozen=True, kw_only=True)
class SampledCircuit:
    """A clocked circuit, and where and when to read its signals.

    Attributes:
        circuit: what is written and simulated.
        states: held membrane nodes by neuron layer.
        outputs: output nodes by neuron layer.
        reads: by neuron layer, when its steps can be read, (time,) in s.
        duration: in s.
    """

    circuit: Circuit
    states: Mapping[str, tuple[str, ...]]
    outputs: Mapping[str, tuple[str, ...]]
    reads: Mapping[str, np.ndarray]
    duration: float


def sampled_network_circuit(
    network: Network, inputs: np.ndarray, *, clock: Clock, name: str = "sampled_network",
    provenance: Mapping[str, str] | None = None, noise_seed: int | None = None,
    place: int = 0,
) -> SampledCircuit:  # fmt: skip
    """The clocked circuit of a network of maps.

    Args:
        network: projections, each before a layer of maps; `folded` makes one of a trained deep network.
        inputs: (time, feature), dimensionless, one row for each step.
        clock: period and scaling.
        name: of the circuit and its files.
        provenance: where it comes from, for the header.
        noise_seed: of the draws of layers with noise, which need it: those of the network's series number `place`.
        place: of the inputs in the batch that the model steps with that seed.

    Raises:
        CircuitError: inputs of the wrong shape, noise without a seed or a seed without noise, a layer without a sampled
            circuit, or two projections in a row.
    """
    values, layers = np.asarray(inputs, float), pairs(network, name)
    width = layers[0][0].inputs
    if values.ndim != 2 or not len(values) or values.shape[1] != width or not np.isfinite(values).all():
        raise CircuitError(
            f"circuit {name}: inputs have shape {values.shape}; give finite numbers of shape (time, {width}), at least "
            f"one step"
        )
    if (noise_seed is None) != (not network.noisy):
        raise CircuitError(
            f"circuit {name}: "
            + (
                f"the layers {', '.join(network.noisy)} have noise; say which draws it sees by noise_seed=..."
                if network.noisy
                else f"noise_seed = {noise_seed}, but none of its layers has noise; see circuits.noise"
            )
        )
    draws = {
        label: CircuitDraws(seed=seed, dt=1.0, steps=len(values))
        for label, seed in network.noise_seeds(noise_seed).items()
    }
    builder = _Builder(clock, steps=len(values), draws=draws, place=place)
    sources: Sequence[str] = builder.inputs(values)
    for index, (projection, label, layer) in enumerate(layers):
        check_name(label, f"circuit {name}, layer")
        sources = builder.layer(index, label, projection, layer, sources)
    return SampledCircuit(
        circuit=Circuit(
            name=name,
            title="sampled network, " + " to ".join(str(len(nodes)) for nodes in builder.states.values()),
            subcircuits=tuple(builder.subcircuits.values()),
            devices=tuple(builder.devices),
            initial=builder.initial,
            probes=tuple(
                node
                for found in (builder.states, builder.outputs)
                for nodes in found.values()
                for node in nodes
            ),
            provenance=dict(provenance or {}),
        ),
        states=builder.states,
        outputs=builder.outputs,
        reads=builder.reads,
        duration=(len(values) + len(builder.states) - 1) * clock.period,
    )


def pairs(network: Network, name: str) -> list[tuple[Projection, str, NeuronLayer]]:
    """Each projection, and the name and the layer of the neurons behind it.

    Raises:
        CircuitError: the layers do not come in such pairs.
    """
    refuse_fixed(network, name)
    layers = list(network.chain.items())
    found = [
        (projection, label, layer)
        for (_, projection), (label, layer) in zip(layers[::2], layers[1::2], strict=False)
        if isinstance(projection, Projection) and isinstance(layer, NeuronLayer)
    ]
    if not found or 2 * len(found) != len(layers):
        kinds = ", ".join(type(layer).__name__ for _, layer in layers)
        raise CircuitError(
            f"circuit {name}: its layers are {kinds}; a sampled network is made of pairs of a Projection and a "
            f"NeuronLayer; let it end in a layer of accumulator()"
        )
    return found


class _Builder:
    """Collects the devices of one network."""

    def __init__(self, clock: Clock, *, steps: int, draws: Mapping[str, CircuitDraws], place: int) -> None:
        self.clock, self.steps, self.draws, self.place = clock, steps, draws, place
        self.devices: list[Device] = []
        self.subcircuits: dict[str, Subcircuit] = {}
        self.initial: dict[str, float] = {}
        self.states: dict[str, tuple[str, ...]] = {}
        self.outputs: dict[str, tuple[str, ...]] = {}
        self.reads: dict[str, np.ndarray] = {}

    def inputs(self, values: np.ndarray) -> tuple[str, ...]:
        """One source per feature, held over each period; one that never changes is a constant."""
        times = tuple((np.arange(len(values)) * self.clock.period).tolist())
        for feature, column in enumerate(values.T * self.clock.scaling.voltage_unit):
            held = HeldWaveform(times=times, values=tuple(column.tolist()), edge=EDGE * self.clock.period)
            waveform = float(column[0]) if (column == column[0]).all() else held
            self.devices.append(
                VoltageSource(name=f"v_x{feature}", positive=f"x{feature}", negative=GROUND, waveform=waveform,
                              note=f"input {feature}")
            )  # fmt: skip
        return tuple(f"x{feature}" for feature in range(values.shape[1]))

    def layer(
        self, index: int, label: str, projection: Projection, layer: NeuronLayer, sources: Sequence[str]
    ) -> tuple[str, ...]:
        """A layer of neurons with its clock, and the currents into it; the nodes of its outputs."""
        scaling = self.clock.scaling
        subcircuit = sampled(layer.neuron, scaling)
        if self.subcircuits.setdefault(subcircuit.name, subcircuit) != subcircuit:
            raise CircuitError(
                f"layer {label}: another layer has a different neuron named {layer.neuron.name}; give one another name"
            )
        clocks = {phase: f"{label}_{phase}" for phase in (SAMPLE, HOLD)}
        for phase, node in clocks.items():
            waveform = self.clock.waveform(phase, first=index, periods=self.steps)
            self.devices.append(
                VoltageSource(
                    name=f"v_{node}", positive=node, negative=GROUND, waveform=waveform, note="clock"
                )
            )
        columns = {key: value.detach().double().numpy() for key, value in layer.values().items()}
        known = {parameter.name for parameter in subcircuit.parameters}
        nodes = []
        for number in range(layer.size):
            pins = {pin.name: f"{label}_{number}_{pin.name}" for pin in subcircuit.pins} | clocks
            given = {
                map_parameter(key): float(column[number])
                for key, column in columns.items()
                if map_parameter(key) in known
            }
            self.devices.append(
                Instance(
                    name=f"x{label}_{number}", subcircuit=subcircuit.name, connections=pins, parameters=given
                )
            )
            for state, value in zip(layer.neuron.states, layer.neuron.initial_state(), strict=True):
                self.initial[pins[held_node(state)]] = value * scaling.voltage_unit
            self._noise(label, layer, number, pins, first=index)
            self._synapses(projection, number, sources, pins[ENTRY])
            nodes.append(pins)
        self.states[label] = tuple(pins[held_node(layer.neuron.membrane)] for pins in nodes)
        self.outputs[label] = tuple(pins[OUTPUT] for pins in nodes)
        self.reads[label] = (np.arange(self.steps) + index + 1) * self.clock.period
        return self.outputs[label]

    def _noise(
        self, label: str, layer: NeuronLayer, number: int, pins: Mapping[str, str], *, first: int
    ) -> None:
        """The draws of one neuron, each held over the period of its step."""
        lane = self.place * layer.size + number
        for source, state in enumerate(layer.neuron.noisy):
            node = pins[noise_pin(state.name)]
            waveform = HeldWaveform(
                times=tuple(((np.arange(self.steps) + first) * self.clock.period).tolist()),
                values=tuple(self.draws[label].numbers(lane, source).tolist()),
                edge=EDGE * self.clock.period,
            )
            self.devices.append(
                VoltageSource(
                    name=f"v_{node}", positive=node, negative=GROUND, waveform=waveform, note="draws of noise"
                )
            )

    def _synapses(self, projection: Projection, row: int, sources: Sequence[str], target: str) -> None:
        """The currents into one neuron's summing node."""
        scaling = self.clock.scaling
        for weight, source in zip(projection.weights().detach().double()[row].tolist(), sources, strict=True):
            if weight:
                self.devices.append(
                    Transconductance(name=f"g_{target}_{source}", out_from=GROUND, out_to=target,
                                     sense_positive=source, sense_negative=GROUND,
                                     gain=weight * scaling.conductance_unit, note=f"weight {weight:.4g}")
                )  # fmt: skip
        bias = float(projection.biases().detach()[row])
        if bias:
            self.devices.append(
                CurrentSource(name=f"i_{target}", source=GROUND, sink=target, waveform=bias * scaling.current_unit,
                              note=f"bias {bias:.4g}")
            )  # fmt: skip
