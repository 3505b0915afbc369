"""A trained network as a circuit: neurons as instances, weights as transconductances, biases as currents."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from circuits.data.circuit import (
    GROUND,
    Capacitor,
    Circuit,
    CircuitError,
    CurrentSource,
    Device,
    HeldWaveform,
    Instance,
    Pin,
    Resistor,
    Subcircuit,
    Transconductance,
    VoltageSource,
)  # fmt: skip
from circuits.data.devices import check_name
from circuits.data.models import ModelCard
from circuits.data.scaling import Scaling
from circuits.realisations import Level, Realisation, Trim, realise, recognised
from circuits.realisations.cells.synapse import Synapses
from circuits.realisations.forms import check_continuous
from circuits.realisations.interface import OUTPUT, input_state, parameter_name
from circuits.realisations.levels import default_technology
from circuits.technologies import Technology
from conductance.layers import NeuronLayer, Projection
from conductance.layers.recurrence import OUTPUT as RECURRENT_OUTPUT
from conductance.networks import Network
from conductance.neurons.base import Neuron
from conductance.neurons.spiking import is_linear

Levels = Level | Mapping[str, Level]
"""One level for all layers that are not linear, or a level for a layer (`hidden`) or a neuron (`hidden_3`); what is
left out is behavioural."""
EDGE = 1e-3
"""Duration of a step of the input, as a share of the time for which a value is held. ngspice begins anew with tiny
steps after each edge: with 0.1 a network of transistors took 0.6 of the time, and its voltages moved by 1e-4 V0 rms."""
AMPLIFIER_EDGE = 0.1
"""The same where there are amplifiers."""


@dataclass(frozen=True, kw_only=True)
class Signal:
    """What one layer hands to the next: a voltage to be read, or currents that are still to be summed in a node."""

    node: str = ""
    weights: Mapping[str, float] = field(default_factory=dict)
    bias: float = 0.0


@dataclass(frozen=True, kw_only=True)
class NetworkCircuit:
    """A network's circuit and where to find its signals: node names by layer, and the outputs.

    `membranes` are the input nodes of every neuron by layer; `outputs` are the last layer's nodes, v0 = 1.
    `neurons` are the indices, in the first neuron layer, of those that this circuit holds.
    """

    circuit: Circuit
    membranes: Mapping[str, tuple[str, ...]]
    outputs: tuple[str, ...]
    neurons: tuple[int, ...]
    duration: float


def network_circuit(
    network: Network,
    inputs: np.ndarray,
    *,
    dt: float,
    scaling: Scaling,
    name: str = "network",
    neurons: Sequence[int] | None = None,
    provenance: Mapping[str, str] | None = None,
    levels: Levels = "behavioural",
    technology: Technology | None = None,
    trims: Mapping[str, Trim] | None = None,
    edge: float = EDGE,
) -> NetworkCircuit:
    """The circuit of a network that is fed with held inputs.

    Args:
        network: projections and event-free neuron layers.
        inputs: (time, feature), dimensionless; value k is held from k dt to (k + 1) dt.
        dt: the model's step in tau_m.
        scaling: the SI units.
        name: name of the circuit and its files.
        neurons: indices in the first neuron layer; None is all. A part leaves the biases of the later projections
            to the part with neuron 0, so that the outputs of all parts add up to the network's. That is only true
            when everything after that layer is linear.
        provenance: where the circuit comes from, for the header.
        levels: behavioural, macromodel or transistor, for all layers, or by the name of a layer or neuron. One level
            for all leaves linear filters behavioural, since no pairs make them. Inputs and biases stay ideal
            sources; synapses behind neurons of amplifiers are mirrors, those behind others transconductances.
        technology: of the amplifiers; `default_technology` where none is given.
        trims: what DC sweeps found of the amplifiers.
        edge: duration of a step of the input, as a share of the time for which a value is held.

    Raises:
        CircuitError: a layer that has no circuit, inputs of the wrong shape, or a part of a network that is not
            linear after its first neuron layer.
    """
    values = _checked_inputs(network, inputs, name)
    _refuse_discrete(network)
    chosen_levels = neuron_levels(network, levels)
    if technology is None and any("transistor" in used for used in chosen_levels.values()):
        technology = default_technology("transistor")
    builder = _Builder(
        scaling=scaling, levels=chosen_levels, technology=technology, trims=trims,
        biases=level_biases(network, scaling, chosen_levels),
    )  # fmt: skip
    signals = builder.sources(values, dt, edge)
    hidden = next((layer for layer in network.chain.values() if isinstance(layer, NeuronLayer)), None)
    if hidden is None:
        raise CircuitError(f"circuit {name}: the network has no neuron layer")
    chosen = tuple(range(hidden.size)) if neurons is None else tuple(neurons)
    if chosen != tuple(range(hidden.size)):
        _check_linear_after(network, hidden)
        if hidden.recurrent is not None:
            raise CircuitError(
                f"circuit {name}: recurrent weights join the neurons of {hidden.neuron.name}, so a part of them is not "
                f"the network; simulate it as one netlist"
            )
    for label, layer in network.chain.items():
        check_name(label, f"circuit {name}, layer")
        if isinstance(layer, Projection):
            with_bias = hidden.neuron.name not in builder.used or 0 in chosen
            signals = builder.project(layer, signals, with_bias)
        else:
            indices = chosen if layer is hidden else tuple(range(layer.size))
            signals = builder.neurons(label, layer, signals, indices)
    outputs = builder.finish(signals)
    title = f"network of {len(chosen)} {hidden.neuron.name} neurons"
    circuit = builder.circuit(name, title, outputs, provenance or {})
    duration = len(values) * dt * scaling.time_unit
    return NetworkCircuit(
        circuit=circuit, membranes=builder.membranes, outputs=outputs, neurons=chosen, duration=duration
    )


def _checked_inputs(network: Network, inputs: np.ndarray, name: str) -> np.ndarray:
    """The inputs as finite numbers of the first layer's width."""
    values = np.asarray(inputs, float)
    first = next(iter(network.chain.values()))
    width = first.inputs if isinstance(first, Projection) else first.size
    if values.ndim != 2 or values.shape[1] != width or not np.isfinite(values).all():
        raise CircuitError(
            f"circuit {name}: inputs have shape {values.shape}; give finite numbers of shape (time, {width})"
        )
    return values


def neuron_levels(network: Network, levels: Levels) -> dict[str, tuple[Level, ...]]:
    """The level of each neuron, by layer."""
    layers = {label: layer for label, layer in network.chain.items() if isinstance(layer, NeuronLayer)}
    if isinstance(levels, str):
        return {
            label: ("behavioural" if is_linear(layer.neuron) else levels,) * layer.size
            for label, layer in layers.items()
        }
    neurons = {f"{label}_{index}" for label, layer in layers.items() for index in range(layer.size)}
    unknown = sorted(set(levels) - set(layers) - neurons)
    if unknown:
        raise CircuitError(
            f"levels: there is no neuron layer {', '.join(unknown)}; known are {', '.join(layers)}, and each neuron by "
            f"its number, as {next(iter(layers))}_0"
        )
    return {
        label: tuple(
            levels.get(f"{label}_{index}", levels.get(label, "behavioural")) for index in range(layer.size)
        )
        for label, layer in layers.items()
    }


def level_biases(
    network: Network, scaling: Scaling, levels: Mapping[str, tuple[Level, ...]]
) -> dict[Level, np.ndarray]:
    """The bias currents in A that each level of amplifiers must be made for, smallest first.

    Neurons of one layer share their amplifiers, and so do layers of one level: their largest current sizes them all.
    """
    found: dict[Level, list[np.ndarray]] = {}
    for label, layer in network.chain.items():
        if isinstance(layer, NeuronLayer):
            for level in dict.fromkeys(levels[label]):
                if level != "behavioural":
                    neuron = with_shared_widths(label, layer.neuron, layer_values(layer))
                    biases = recognised(neuron).bias_currents(scaling, layer_values(layer))
                    found.setdefault(level, []).append(biases)
    return {level: np.unique(np.concatenate(currents)) for level, currents in found.items()}


def output_node(label: str, index: int) -> str:
    """The node of a neuron's output, v0 = 1."""
    return f"{label}_{index}_out"


def layer_values(layer: NeuronLayer) -> dict[str, np.ndarray]:
    """A layer's parameters, (neuron,) each, in double precision."""
    return {name: value.detach().double().numpy() for name, value in layer.values().items()}


def _refuse_discrete(network: Network) -> None:
    for layer in network.chain.values():
        if not isinstance(layer, NeuronLayer):
            continue
        check_continuous(layer.neuron)
        if layer.neuron.event is not None or layer.neuron.arrivals:
            raise CircuitError(
                f"neuron {layer.neuron.name}: on a time grid its spike lasts one step, which no circuit knows; export "
                f"a network of mtc neurons, or an EventNetwork by circuits.networks.events"
            )


def _check_linear_after(network: Network, hidden: NeuronLayer) -> None:
    layers = list(network.chain.values())
    for layer in layers[layers.index(hidden) + 1 :]:
        if isinstance(layer, NeuronLayer) and not is_linear(layer.neuron):
            raise CircuitError(
                f"layer {layer.neuron.name} is not linear, so the parts of its network do not add up; "
                f"simulate the network as one netlist"
            )


def with_shared_widths(label: str, neuron: Neuron, columns: Mapping[str, np.ndarray]) -> Neuron:
    """The neuron with the layer's own values of the parameters that decide how many pairs are built."""
    shared: dict[str, float] = {}
    for name in recognised(neuron).width_parameters:
        column = columns[name]
        if not np.allclose(column, column[0], rtol=1e-7, atol=0):
            raise CircuitError(
                f"layer {label}: {name} decides how many pairs are built and must be the same for all its neurons; "
                f"it runs from {column.min():g} to {column.max():g}"
            )
        shared[name] = float(column[0])
    return neuron.with_values(**shared)


def _with_pin(built: Realisation, state: str, label: str) -> Realisation:
    """The same neuron with the node of a state as a pin, to be read by recurrent weights."""
    if any(pin.name == state for pin in built.subcircuit.pins):
        return built
    if state not in built.subcircuit.nodes:
        raise CircuitError(
            f"layer {label}: its recurrent weights read the state {state}, which has no node at this level; "
            f"read the output, or simulate the layer behaviourally"
        )
    own = built.subcircuit
    pin = Pin(name=state, meaning=f"state {state}, read by recurrent weights")
    return replace(built, subcircuit=replace(own, pins=(*own.pins, pin)))


class _Builder:
    """Collects the parts of one circuit while the layers are walked from input to output."""

    def __init__(
        self,
        *,
        scaling: Scaling,
        levels: Mapping[str, tuple[Level, ...]],
        technology: Technology | None,
        trims: Mapping[str, Trim] | None,
        biases: Mapping[Level, np.ndarray],
    ) -> None:
        self.scaling, self.levels, self.technology, self.trims = scaling, levels, technology, trims
        self.biases = biases
        self.models: dict[str, ModelCard] = {}
        self.supplies: dict[str, float] = {}
        self.axons: dict[str, tuple[str, Synapses]] = {}
        self.devices: list[Device] = []
        self.subcircuits: dict[str, Subcircuit] = {}
        self.initial: dict[str, float] = {}
        self.membranes: dict[str, tuple[str, ...]] = {}
        self.used: set[str] = set()

    def sources(self, values: np.ndarray, dt: float, edge: float) -> list[Signal]:
        """One held voltage source per input feature."""
        hold = dt * self.scaling.time_unit
        times = tuple(hold * index for index in range(len(values)))
        signals = []
        for feature, column in enumerate(values.T):
            waveform = HeldWaveform(
                times=times, values=tuple((column * self.scaling.voltage_unit).tolist()), edge=edge * hold
            )
            self.devices.append(
                VoltageSource(name=f"v_x{feature}", positive=f"x{feature}", negative=GROUND, waveform=waveform,
                              note=f"input {feature}, held")
            )  # fmt: skip
            signals.append(Signal(node=f"x{feature}"))
        return signals

    def project(self, layer: Projection, signals: Sequence[Signal], with_bias: bool) -> list[Signal]:
        """Weighted sums, still as currents."""
        nodes = [
            signal.node if signal.node else self._summed(signal) for signal in signals if signal is not None
        ]
        weights = layer.weight.detach().double().numpy()
        biases = layer.bias.detach().double().numpy() if with_bias else np.zeros(layer.outputs)
        columns = [index for index, node in enumerate(nodes) if node]
        return [
            Signal(weights={nodes[column]: float(row[column]) for column in columns}, bias=float(bias))
            for row, bias in zip(weights, biases, strict=True)
        ]

    def neurons(
        self, label: str, layer: NeuronLayer, signals: Sequence[Signal], indices: Sequence[int]
    ) -> list[Signal]:
        """Instances of a layer's subcircuit, fed by the signals; neurons left out give an empty signal."""
        entry = input_state(layer.neuron)
        columns = layer_values(layer)
        levels = self.levels[label]
        several = len(set(levels)) > 1
        kinds = {
            level: self._realisation(label, layer, columns, level, several)
            for level in dict.fromkeys(levels[index] for index in indices)
        }
        produced = [Signal() for _ in range(layer.size)]
        for index in indices:
            node = f"{label}_{index}_{entry.name}"
            self._inject(signals[index], node)
            built = kinds[levels[index]]
            defaults = {p.name: p.value for p in built.subcircuit.parameters}
            given = {
                parameter_name(key): float(column[index])
                for key, column in columns.items()
                if not np.isclose(column[index], defaults[parameter_name(key)], rtol=1e-7, atol=0)
            }
            out = output_node(label, index)
            pins = {entry.name: node, OUTPUT: out, **{pin: pin for pin in built.supplies}}
            for pin in built.subcircuit.pins:
                pins.setdefault(pin.name, f"{label}_{index}_{pin.name}")
            if built.axon not in pins:
                pins[built.axon] = f"{label}_{index}_{built.axon}"
            if built.synapses is not None:
                self.axons[out] = pins[built.axon], built.synapses
            self.devices.append(
                Instance(name=f"x{label}_{index}", subcircuit=built.name, connections=pins, parameters=given)
            )
            produced[index] = Signal(node=out)
        if layer.recurrent is not None:
            self._recur(label, layer, entry.name)
        self.membranes[label] = tuple(f"{label}_{index}_{entry.name}" for index in indices)
        self.used.add(layer.neuron.name)
        return produced

    def _recur(self, label: str, layer: NeuronLayer, entry: str) -> None:
        """The currents from a layer's neurons back to themselves; a low-pass is a resistor and a capacitor."""
        own = layer.recurrent
        if own is None:
            return
        ends = [output_node(label, k) for k in range(layer.size)]
        if own.source != RECURRENT_OUTPUT:
            ends = [f"{label}_{k}_{own.source}" for k in range(layer.size)]
        if own.tau is not None:
            start = layer.initial_state(1)[-1][0].detach().double().tolist()
            ends = [self._low_passed(end, own.tau, value) for end, value in zip(ends, start, strict=True)]
        for target, row in enumerate(own.weights().detach().double().tolist()):
            weights = {end: weight for end, weight in zip(ends, row, strict=True) if weight}
            self._inject(Signal(weights=weights), f"{label}_{target}_{entry}")

    def _low_passed(self, source: str, tau: float, start: float) -> str:
        """A node that follows a voltage with a time constant in tau_m."""
        node, unit = f"{source}_synapse", self.scaling.conductance_unit
        self.devices += [
            Transconductance(name=f"g_{node}", out_from=GROUND, out_to=node, sense_positive=source,
                             sense_negative=GROUND, gain=unit, note="synapse"),
            Resistor(name=f"r_{node}", positive=node, negative=GROUND, resistance=1 / unit),
            Capacitor(name=f"c_{node}", positive=node, negative=GROUND, capacitance=tau * self.scaling.capacitance),
        ]  # fmt: skip
        self.initial[node] = start * self.scaling.voltage_unit
        return node

    def finish(self, signals: Sequence[Signal]) -> tuple[str, ...]:
        """The nodes of the network's outputs; neurons left out of a part give zero, so that outputs of parts add up."""
        return tuple(signal.node or self._summed(signal) or self._silent() for signal in signals)

    def circuit(
        self, name: str, title: str, outputs: Sequence[str], provenance: Mapping[str, str]
    ) -> Circuit:
        """All parts as one circuit, observed at the membranes and the outputs."""
        membranes = (node for nodes in self.membranes.values() for node in nodes)
        return Circuit(
            name=name,
            title=title,
            subcircuits=tuple(self.subcircuits.values()),
            models=tuple(self.models.values()),
            temperature=27.0 if self.technology is None else self.technology.temperature,
            corner="tt" if self.technology is None else self.technology.corner,
            devices=tuple(self.devices),
            initial=self.initial,
            probes=tuple(dict.fromkeys([*membranes, *outputs])),
            metered=tuple(f"v_{pin}" for pin in self.supplies),
            provenance=dict(provenance),
        )

    def _silent(self) -> str:
        """A node at zero: the output of every neuron that this circuit leaves out."""
        node = "left_out"
        if not any(device.name == f"r_{node}" for device in self.devices):
            resistance = 1 / self.scaling.conductance_unit
            self.devices.append(
                Resistor(name=f"r_{node}", positive=node, negative=GROUND, resistance=resistance)
            )
        return node

    def _realisation(
        self, label: str, layer: NeuronLayer, columns: Mapping[str, np.ndarray], level: Level, several: bool
    ) -> Realisation:
        """How a layer's neurons of a level are built, their parts kept once for the whole circuit."""
        neuron = layer.neuron
        if several:
            neuron = replace(neuron, name=f"{neuron.name}_{level}")
        bias = None
        if level != "behavioural":
            neuron = with_shared_widths(label, neuron, columns)
            bias = float(self.biases[level][-1])
        built = realise(
            neuron, level, technology=self.technology, scaling=self.scaling, trims=self.trims, bias=bias
        )
        if layer.recurrent is not None and layer.recurrent.source != RECURRENT_OUTPUT:
            built = _with_pin(built, layer.recurrent.source, label)
        synapses = () if built.synapses is None else built.synapses.subcircuits
        for subcircuit in (*built.cells, *synapses, built.subcircuit):
            if self.subcircuits.setdefault(subcircuit.name, subcircuit) != subcircuit:
                raise CircuitError(
                    f"two layers have different subcircuits named {subcircuit.name}; give the neurons other names "
                    f"and the layers one level"
                )
        self.models |= {model.name: model for model in built.models}
        for pin, value in built.supplies.items():
            if pin not in self.supplies:
                self.supplies[pin] = value
                self.devices.append(
                    VoltageSource(
                        name=f"v_{pin}", positive=pin, negative=GROUND, waveform=value, note="supply"
                    )
                )
        return built

    def _inject(self, signal: Signal, node: str) -> None:
        """Currents of a signal into a node."""
        unit = self.scaling.conductance_unit
        weights = {signal.node: 1.0} if signal.node else signal.weights
        bias = signal.bias
        for source, weight in weights.items():
            if source in self.axons:
                axon, synapses = self.axons[source]
                trim = self._synapse_trim(synapses, weight)
                placed = synapses.place(f"x_{node}_{source}", axon=axon, out=node, weight=weight / trim.gain)
                if placed is not None:
                    self.devices.append(placed)
                    bias -= weight * trim.imbalance
                continue
            self.devices.append(
                Transconductance(name=f"g_{node}_{source}", out_from=GROUND, out_to=node, sense_positive=source,
                                 sense_negative=GROUND, gain=weight * unit, note=f"weight {weight:.4g}")
            )  # fmt: skip
        if bias:
            current = bias * self.scaling.current_unit
            note = f"bias {signal.bias:.4g}"
            self.devices.append(
                CurrentSource(name=f"i_{node}", source=GROUND, sink=node, waveform=current, note=note)
            )

    def _synapse_trim(self, synapses: Synapses, weight: float) -> Trim:
        """What calibration found of a synapse of this sign: a factor of its weight, and what it passes at rest."""
        kind = synapses.excitatory if weight > 0 else synapses.inhibitory
        return (self.trims or {}).get(kind.name, Trim())

    def _summed(self, signal: Signal) -> str:
        """A node whose voltage is the sum: the currents through one unit resistor. Empty signals have none."""
        if not signal.weights and not signal.bias:
            return ""
        node = f"sum_{sum(isinstance(device, Resistor) for device in self.devices)}"
        self.devices.append(
            Resistor(
                name=f"r_{node}", positive=node, negative=GROUND, resistance=1 / self.scaling.conductance_unit
            )
        )
        self._inject(signal, node)
        return node
