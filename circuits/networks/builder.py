"""What the circuit of a network is collected in: neurons as instances, weights as currents into their nodes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import sympy

from circuits.data.circuit import (
    GROUND,
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
from circuits.data.models import ModelCard
from circuits.data.scaling import Scaling
from circuits.networks.coding import CodedPlaces, Codes, CodeTable
from circuits.networks.noise import CircuitDraws
from circuits.networks.synapses import noise_source, synapse_current, synapse_draws
from circuits.realisations import Level, Realisation, Trim, realise, recognised
from circuits.realisations.cells.coded import CodedCells
from circuits.realisations.cells.low_pass import POST, PRE, TAU, low_pass_synapse
from circuits.realisations.cells.synapse import Synapses, sign_of
from circuits.realisations.interface import OUTPUT, input_state, parameter_name
from circuits.technologies import Technology
from conductance.layers import NeuronLayer, Projection
from conductance.layers.weights.recurrence import OUTPUT as RECURRENT_OUTPUT
from conductance.networks.synapses import SynapseNoise
from conductance.neurons.base import Neuron


@dataclass(frozen=True, kw_only=True)
class Signal:
    """What one layer hands to the next: a voltage to be read, or currents that are still to be summed in a node.

    `noise` is a current in A beside them.
    """

    node: str = ""
    weights: Mapping[str, float] = field(default_factory=dict)
    bias: float = 0.0
    codes: Codes | None = None
    noise: sympy.Expr = sympy.S.Zero


def output_node(label: str, index: int) -> str:
    """The node of a neuron's output, v0 = 1."""
    return f"{label}_{index}_out"


def layer_values(layer: NeuronLayer) -> dict[str, np.ndarray]:
    """A layer's parameters, (neuron,) each, in double precision."""
    return {name: value.detach().double().numpy() for name, value in layer.values().items()}


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
    """The same neuron under another name with the node of a state as a pin, to be read by recurrent weights."""
    if any(pin.name == state for pin in built.subcircuit.pins):
        return built
    if state not in built.subcircuit.nodes:
        raise CircuitError(
            f"layer {label}: its recurrent weights read the state {state}, which has no node at this level; "
            f"read the output, or simulate the layer behaviourally"
        )
    own = built.subcircuit
    pin = Pin(name=state, meaning=f"state {state}, read by recurrent weights")
    # another layer of the same neurons may have none
    return replace(built, subcircuit=replace(own, name=f"{own.name}_{state}", pins=(*own.pins, pin)))


class Builder:
    """Collects the parts of one circuit while the layers are walked from input to output."""

    def __init__(
        self,
        *,
        scaling: Scaling,
        levels: Mapping[str, tuple[Level, ...]],
        technology: Technology | None,
        trims: Mapping[str, Trim] | None,
        biases: Mapping[Level, np.ndarray],
        noise: Mapping[str, CircuitDraws],
    ) -> None:
        self.scaling, self.levels, self.technology, self.trims = scaling, levels, technology, trims
        self.biases, self.noise = biases, noise
        self.models: dict[str, ModelCard] = {}
        self.supplies: dict[str, float] = {}
        self.axons: dict[str, tuple[str, Synapses]] = {}
        self.devices: list[Device] = []
        self.subcircuits: dict[str, Subcircuit] = {}
        self.initial: dict[str, float] = {}
        self.membranes: dict[str, tuple[str, ...]] = {}
        self.used: set[str] = set()
        self.inputs: dict[str, HeldWaveform] = {}
        self.coded = CodedPlaces(
            scaling=scaling,
            trims=trims or {},
            inputs=self.inputs,
            devices=self.devices,
            subcircuits=self.subcircuits,
        )

    def sources(self, values: np.ndarray, dt: float, edge: float) -> list[Signal]:
        """One held voltage source per input feature."""
        hold = dt * self.scaling.time_unit
        times = tuple(hold * index for index in range(len(values)))
        signals = []
        for feature, column in enumerate(values.T):
            waveform = HeldWaveform(
                times=times, values=tuple((column * self.scaling.voltage_unit).tolist()), edge=edge * hold
            )
            self.inputs[f"x{feature}"] = waveform
            self.devices.append(
                VoltageSource(name=f"v_x{feature}", positive=f"x{feature}", negative=GROUND, waveform=waveform,
                              note=f"input {feature}, held")
            )  # fmt: skip
            signals.append(Signal(node=f"x{feature}"))
        return signals

    def project(
        self,
        label: str,
        layer: Projection,
        signals: Sequence[Signal],
        with_bias: bool,
        synapses: SynapseNoise | None = None,
    ) -> list[Signal]:
        """Weighted sums, still as currents, and the noise of their synapses where they have some."""
        nodes = [
            signal.node if signal.node else self._summed(signal) for signal in signals if signal is not None
        ]
        weights = layer.weights().detach().double().numpy()
        biases = layer.biases().detach().double().numpy() if with_bias else np.zeros(layer.outputs)
        known = {index: node for index, node in enumerate(nodes) if node}
        table = CodeTable.of(layer)
        noise = [sympy.S.Zero] * layer.outputs
        if synapses is not None:
            self.devices += synapse_draws(self.noise[label], self.scaling, label, known, layer.inputs)
            noise = [synapse_current(synapses, row, label, known, self.scaling) for row in weights]
        return [
            Signal(
                weights={node: float(row[column]) for column, node in known.items()},
                bias=float(bias),
                codes=None if table is None else table.row(target, known, with_bias),
                noise=noise[target],
            )
            for target, (row, bias) in enumerate(zip(weights, biases, strict=True))
        ]

    def neurons(
        self, label: str, layer: NeuronLayer, signals: Sequence[Signal], indices: Sequence[int]
    ) -> list[Signal]:
        """Instances of a layer's subcircuit, fed by the signals; neurons left out give an empty signal."""
        entry, begin = input_state(layer.neuron), len(self.devices)
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
            built = kinds[levels[index]]
            self._inject(signals[index], node, built.synapses)
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
            for state, column in layer.initial.items():
                place = pins.get(state, f"x{label}_{index}.{state}")
                self.initial[place] = float(column[index]) * self.scaling.voltage_unit
            if label in self.noise:
                prefix = f"{label}_{index}_"
                self.devices += self.noise[label].sources(
                    layer.neuron, self.scaling, lane=index, prefix=prefix
                )
        if layer.recurrent is not None:
            self._recur(label, layer, entry.name)
        self.devices[begin:] = [replace(device, part=label) for device in self.devices[begin:]]
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
        table = CodeTable.of(own)
        for target, row in enumerate(own.weights().detach().double().tolist()):
            weights = {end: weight for end, weight in zip(ends, row, strict=True) if weight}
            places = {place: end for place, end in enumerate(ends) if end in weights}
            codes = None if table is None else table.row(target, places, False)
            self._inject(Signal(weights=weights, codes=codes), f"{label}_{target}_{entry}")

    def _low_passed(self, source: str, tau: float, start: float) -> str:
        """A node that follows a voltage with a time constant in tau_m."""
        node, made = f"{source}_synapse", low_pass_synapse(self.scaling)
        if self.subcircuits.setdefault(made.name, made) != made:
            raise CircuitError(
                f"a neuron is named {made.name}, which is the name of synapses; give it another"
            )
        self.devices.append(
            Instance(
                name=f"x_{node}",
                subcircuit=made.name,
                connections={PRE: source, POST: node},
                parameters={TAU: tau},
            )
        )
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
            devices=tuple(self._used_devices()),
            initial=self.initial,
            probes=tuple(dict.fromkeys([*membranes, *outputs])),
            metered=tuple(f"v_{pin}" for pin in self.supplies),
            provenance=dict(provenance),
        )

    def _used_devices(self) -> Iterator[Device]:
        """The devices without the voltages of inputs that enter as currents."""
        sources = {f"v_{node}": node for node in self.inputs}
        read = {node for device in self.devices if device.name not in sources for node in device.terminals}
        return (device for device in self.devices if sources.get(device.name, GROUND) in {GROUND, *read})

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
        for subcircuit in (*built.cells, built.subcircuit):
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

    def _inject(self, signal: Signal, node: str, own: Synapses | None = None) -> None:
        """Currents of a signal into a node; coded ones by converters where there are transistors for them.

        `own` are the synapses of the neuron that the node belongs to, which has them where it is made of amplifiers.
        """
        unit = self.scaling.conductance_unit
        weights = {signal.node: 1.0} if signal.node else signal.weights
        bias, codes = signal.bias, signal.codes
        cells = self._coded_cells(signal, own)
        if codes is not None and cells is not None:
            axons = {source: axon for source, (axon, _) in self.axons.items()}
            self.coded.weigh(codes, node, cells, axons)
            weights = {source: w for source, w in weights.items() if not self.coded.takes(source, axons)}
            bias = 0.0
        for source, weight in weights.items():
            code = None if codes is None else codes.weights.get(source)
            if not weight and code is None:  # a code of zero has its bits in the memory
                continue
            if source in self.axons:
                axon, synapses = self.axons[source]
                trim = self._synapse_trim(weight)
                placed = synapses.place(f"x_{node}_{source}", axon=axon, out=node, weight=weight / trim.gain)
                if placed is not None:
                    self.subcircuits.setdefault(placed.subcircuit.name, placed.subcircuit)
                    self.devices.append(replace(placed.instance, code=code))
                    bias -= weight * trim.imbalance
                continue
            self.devices.append(
                Transconductance(name=f"g_{node}_{source}", out_from=GROUND, out_to=node, sense_positive=source,
                                 sense_negative=GROUND, gain=weight * unit, note=f"weight {weight:.4g}", code=code)
            )  # fmt: skip
        if signal.noise:
            self.devices.append(noise_source(node, signal.noise))
        if bias:
            current = bias * self.scaling.current_unit
            note = f"bias {signal.bias:.4g}"
            self.devices.append(
                CurrentSource(
                    name=f"i_{node}", source=GROUND, sink=node, waveform=current, note=note,
                    code=None if codes is None else codes.bias,
                )
            )  # fmt: skip

    def _coded_cells(self, signal: Signal, own: Synapses | None) -> CodedCells | None:
        """Of which transistors a signal's coded weights are made: the target's, or those of its sources."""
        near = [own, *(self.axons[source][1] for source in signal.weights if source in self.axons)]
        return next((each.coded for each in near if each is not None and each.coded is not None), None)

    def _synapse_trim(self, weight: float) -> Trim:
        """What calibration found of a synapse of this sign: a factor of its weight, and what it passes at rest."""
        return (self.trims or {}).get(sign_of(weight), Trim())

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
