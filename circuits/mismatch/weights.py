"""Which device moves which weight: synapses, the output stages before them, and the converters of coded weights."""

from collections.abc import Iterator, Mapping

from circuits.data.circuit import Circuit, Instance, Mosfet
from circuits.mismatch.rows import OUTPUT, WEIGHT, Number, Row
from circuits.mismatch.sensitivities import Effect, Sensitivities
from circuits.networks.builder import output_node
from circuits.realisations.cells.cell import OUT, VSS
from circuits.realisations.cells.coded import CONVERTER, GATE, POSITIVE
from circuits.realisations.cells.synapse import AXON, EXCITATORY, INHIBITORY
from circuits.realisations.cells.units import carried
from circuits.realisations.interface import input_state
from conductance.layers import NeuronLayer
from conductance.networks import Network
from conductance.variation.deviations import RECURRENT

UNIT, FOLD, SINK = "m_1_0", "m_fold", "m_sink"
"""Devices of a synapse of weight one: its unit transistors, and the mirror that turns a current round."""
BIAS = "bias"
Source = tuple[str, int]
"""A neuron as a source: its layer and index; an input has no layer."""


def weight_rows(network: Network, circuit: Circuit, sensitivities: Sensitivities) -> Iterator[Row]:
    """The devices of synapses and converters, and of the output stages before them."""
    axons = {
        f"{output_node(label, index).removesuffix('_out')}_{AXON}": (label, index)
        for label, layer in network.chain.items()
        if isinstance(layer, NeuronLayer)
        for index in range(layer.size)
    }
    instances = [device for device in circuit.devices if isinstance(device, Instance)]
    read: dict[Source, list[Number]] = {}
    for instance in instances:
        if instance.subcircuit.startswith((EXCITATORY, INHIBITORY)) and instance.connections[AXON] in axons:
            source = axons[instance.connections[AXON]]
            number = _number(network, source, instance.connections[OUT])
            read.setdefault(source, []).append(number)
            yield from _rows(instance, number.layer, _synapse(circuit, instance, sensitivities), [number])
    yield from _coded_rows(network, instances, axons, read, sensitivities)
    for (label, column), numbers in read.items():
        for device, kinds in sensitivities.output.items():
            for kind, effect in kinds.items():
                moves = dict.fromkeys(numbers, effect.gain)
                moves[Number(layer=label, field=OUTPUT, index=(column,))] = effect.offset
                yield Row(
                    path=f"x{label}_{column}.{device}", device=device.rpartition(".")[2], part=f"{label}.{OUTPUT}",
                    kind=kind, moves=moves,
                )  # fmt: skip


Shares = Iterator[tuple[str, float, Mapping[str, Effect]]]
"""Devices of a cell, each with its share of the current and what it does to one."""


def _rows(instance: Instance, layer: str, shares: Shares, numbers: list[Number]) -> Iterator[Row]:
    for device, factor, effects in shares:
        for kind, effect in effects.items():
            yield Row(
                path=f"{instance.name}.{device}", device=device, part=f"{layer}.{WEIGHT}", kind=kind,
                moves=dict.fromkeys(numbers, factor * effect.gain),
            )  # fmt: skip


def _synapse(circuit: Circuit, instance: Instance, sensitivities: Sensitivities) -> Shares:
    """Each transistor of a synapse; the units of a chain move its current by one over its length."""
    known = sensitivities.synapses[EXCITATORY if instance.subcircuit.startswith(EXCITATORY) else INHIBITORY]
    chains = [
        (device.name, int(device.name.split("_")[1]), device.multiplicity)
        for device in circuit.subcircuit(instance.subcircuit).devices
        if isinstance(device, Mosfet) and device.gate == AXON
    ]
    # an excess of one tenth moves shares by a few per cent of themselves at most
    whole = sum(count * carried(length, 0.0) / length for _, length, count in chains)
    for name, length, count in chains:
        yield name, count * carried(length, 0.0) / length / whole, known[UNIT]
    for name in (FOLD, SINK):
        if name in known:
            yield name, 1.0, known[name]


def _coded_rows(
    network: Network, instances: list[Instance], axons: Mapping[str, Source], read: dict[Source, list[Number]],
    sensitivities: Sensitivities,
) -> Iterator[Row]:  # fmt: skip
    """The devices of converters and of the mirrors before several of them; `read` gets the weights of neurons."""
    handed: dict[str, list[Number]] = {}
    ways = {
        one.connections[GATE]: one
        for one in instances
        if GATE in one.connections and not one.subcircuit.startswith(CONVERTER)
    }
    for instance in instances:
        if not instance.subcircuit.startswith(CONVERTER):
            continue
        gate, out = instance.connections[GATE], instance.connections[OUT]
        axon = ways[gate].connections.get(AXON)
        if axon is not None:
            source = axons[axon]
        else:
            named = instance.name.removeprefix(f"x_w_{out}_")
            source = ("", -1 if named == BIAS else int(named.removeprefix("x")))
        number = _number(network, source, out)
        handed.setdefault(gate, []).append(number)
        if axon is not None:
            read.setdefault(source, []).append(number)
        yield from _rows(instance, number.layer, _converter(instance, sensitivities), [number])
    for gate, numbers in handed.items():
        yield from _rows(ways[gate], numbers[0].layer, _way(ways[gate], sensitivities), numbers)


def _converter(instance: Instance, sensitivities: Sensitivities) -> Shares:
    """The bits that are on by their share of the code, and the mirror of a negative one."""
    pins = instance.connections
    bits = sorted((pin for pin in pins if pin[0] == "b" and pin[1:].isdigit()), key=lambda pin: int(pin[1:]))
    closed = {int(pin[1:]): 2 ** int(pin[1:]) for pin in bits if pins[pin] == VSS}
    for digit, value in closed.items():
        yield f"m_{digit}", value / sum(closed.values()), sensitivities.synapses[EXCITATORY][UNIT]
    if closed and pins[POSITIVE] != VSS:
        yield FOLD, 1.0, sensitivities.synapses[INHIBITORY][FOLD]
        yield "m_turned", 1.0, sensitivities.synapses[INHIBITORY][SINK]


def _way(instance: Instance, sensitivities: Sensitivities) -> Shares:
    """The mirrors before converters: an input's has its own input alone, a neuron's two more."""
    unit, turned = sensitivities.synapses[EXCITATORY][UNIT], sensitivities.synapses[INHIBITORY]
    yield "m_in", -1.0, unit
    if AXON in instance.connections:
        yield "m_copy", 1.0, unit
        yield "m_down", 1.0, turned[FOLD]
        yield "m_sink", 1.0, turned[SINK]


def _number(network: Network, source: Source, node: str) -> Number:
    """The weight from a source, or the bias, into a node."""
    label, column = source
    labels = list(network.chain)
    target, row = labels[-1], node.rpartition("_")[2]
    for name, layer in network.chain.items():
        if not isinstance(layer, NeuronLayer):
            continue
        prefix, suffix = f"{name}_", f"_{input_state(layer.neuron).name}"
        inside = node.removeprefix(prefix).removesuffix(suffix)
        if node == f"{prefix}{inside}{suffix}" and inside.isdigit():
            if name == label:
                return Number(layer=f"{name}.{RECURRENT}", field=WEIGHT, index=(int(inside), column))
            target, row = labels[labels.index(name) - 1], inside
    # the outputs of a network that ends in a projection are sums over resistors, in order
    if column < 0:
        return Number(layer=target, field=BIAS, index=(int(row),))
    return Number(layer=target, field=WEIGHT, index=(int(row), column))
