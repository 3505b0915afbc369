"""From the draws of a chip's devices to the deviations of its model, by the sensitivities of the cells.

Every device is a row: which numbers of the model it moves, and how far for a volt or a logarithm. Summed over a chip's
draws the rows are the chip's deviations; with a spread in place of a draw they say which device hurts most.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch

from circuits.data.circuit import Circuit, Instance
from circuits.data.scaling import Scaling
from circuits.measures.spreads import part_map
from circuits.mismatch.draws import CAPACITOR
from circuits.mismatch.rows import CAPACITIES, GAINS, OFFSETS, Number, Row, drawn_number
from circuits.mismatch.sensitivities import Sensitivities
from circuits.mismatch.weights import weight_rows
from circuits.networks.builder import layer_values, with_shared_widths
from circuits.networks.continuous import network_circuit
from circuits.realisations import recognised
from circuits.realisations.cells.cell import PLUS
from circuits.realisations.parts.base import Part
from circuits.realisations.parts.leak import LEAK
from circuits.technologies import Technology
from conductance.layers import NeuronLayer, Projection
from conductance.networks import Network
from conductance.variation import handles
from conductance.variation.deviations import RECURRENT, Deviations, NeuronDeviations, WeightDeviations


def transistor_circuit(network: Network, technology: Technology, scaling: Scaling) -> Circuit:
    """A network's circuit of transistors, with no input to speak of."""
    first = next(iter(network.chain.values()))
    width = first.size if isinstance(first, NeuronLayer) else first.inputs
    return network_circuit(
        network, np.zeros((1, width)), dt=network.clock(None), scaling=scaling, levels="transistor",
        technology=technology,
    ).circuit  # fmt: skip


def rows(network: Network, circuit: Circuit, sensitivities: Sensitivities) -> tuple[Row, ...]:
    """Every device of a network's circuit that moves a number of its model.

    Args:
        network: the design.
        circuit: from `transistor_circuit`.
        sensitivities: of its cells.
    """
    found: list[Row] = []
    for label, layer in network.chain.items():
        if isinstance(layer, NeuronLayer) and layer.neuron.elements:
            found += _layer_rows(label, layer, circuit, sensitivities)
    return (*found, *weight_rows(network, circuit, sensitivities))


def deviations(
    network: Network, known: Iterable[Row], drawn: Mapping[str, Mapping[str, float]]
) -> Deviations:
    """The deviations that the rows make of a chip's draws, which come by path and kind; all else is exact."""
    layers = _exact(network)
    for row in known:
        amount = drawn_number(row.kind, drawn[row.path][row.kind])
        for number, factor in row.moves.items():
            _place(layers, number)[number.index] += factor * amount
    return Deviations(layers=layers)


def single_deviation(network: Network, number: Number, value: float) -> Deviations:
    """One number of a network off by a value, all else exact."""
    layers = _exact(network)
    _place(layers, number)[number.index] = value
    return Deviations(layers=layers)


def _exact(network: Network) -> dict[str, NeuronDeviations | WeightDeviations]:
    layers: dict[str, NeuronDeviations | WeightDeviations] = {}
    for label, layer in network.chain.items():
        if isinstance(layer, Projection):
            layers[label] = WeightDeviations(
                weight=torch.zeros_like(layer.weight), bias=torch.zeros_like(layer.bias)
            )
        elif isinstance(layer, NeuronLayer):
            if layer.neuron.elements:
                layers[label] = _exact_neurons(layer)
            if layer.recurrent is not None:
                weight = layer.recurrent.weight
                layers[f"{label}.{RECURRENT}"] = WeightDeviations(
                    weight=torch.zeros_like(weight), bias=weight.new_zeros(0)
                )
    return layers


def _exact_neurons(layer: NeuronLayer) -> NeuronDeviations:
    known, like = handles(layer.neuron), next(iter(layer.values().values()))

    def zeros() -> torch.Tensor:
        return torch.zeros_like(like)

    return NeuronDeviations(
        gains={name: zeros() for name in known.currents},
        offsets={name: zeros() for name in known.currents},
        capacities={name: zeros() for name in known.capacities},
        output=zeros(),
    )


def _place(layers: Mapping[str, NeuronDeviations | WeightDeviations], number: Number) -> torch.Tensor:
    held = getattr(layers[number.layer], number.field)
    tensor = held[number.name] if number.name else held
    if not isinstance(tensor, torch.Tensor):
        raise TypeError(number)
    return tensor.detach()


def _layer_rows(
    label: str, layer: NeuronLayer, circuit: Circuit, sensitivities: Sensitivities
) -> Iterator[Row]:
    values = layer_values(layer)
    neuron = with_shared_widths(label, layer.neuron, values)
    parts = {part.current.label: part for part in recognised(neuron).parts}
    leak = next((part for part in parts.values() if part.current.name == LEAK), None)
    states = {state.name for state in neuron.states}
    for index in range(layer.size):
        instance = next(d for d in circuit.devices if d.name == f"x{label}_{index}")
        if not isinstance(instance, Instance):
            continue
        inside = circuit.subcircuit(instance.subcircuit).devices
        own = {name: float(column[index]) for name, column in values.items()}
        for name, part in parts.items():
            pairs = [d for d in inside if d.part == name and isinstance(d, Instance)]
            place = _Place(label=label, index=index, path=instance.name, states=states)
            yield from _part_rows(place, part, leak, pairs, own, sensitivities)
        for state in neuron.states:
            path = f"{instance.name}.c_{state.name}"
            number = Number(layer=label, field=CAPACITIES, name=state.name, index=(index,))
            yield Row(
                path=path, device=f"c_{state.name}", part=f"{label}.{state.name}", kind=CAPACITOR,
                moves={number: 1.0},
            )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class _Place:
    """A neuron: its layer, index, instance at the top, and the nodes of its states."""

    label: str
    index: int
    path: str
    states: set[str]

    def number(self, field: str, name: str = "") -> Number:
        return Number(layer=self.label, field=field, name=name, index=(self.index,))


def _part_rows(
    place: _Place, part: Part, leak: Part | None, pairs: list[Instance], own: Mapping[str, float],
    sensitivities: Sensitivities,
) -> Iterator[Row]:  # fmt: skip
    """The devices of a part's pairs: each moves its pair, which moves the part."""
    name = _name(part)
    moved_by = part_map(part)
    for index, (instance, pair) in enumerate(zip(pairs, part.pairs() if pairs else (), strict=True)):
        # a pair whose minus input reads the state carries its law's mirror image
        side = 1.0 if instance.connections[PLUS] in place.states else -1.0
        # references of a transconductor count from plus to minus, those of any other law along the state
        inner, outer = (1.0, side) if part.current.transfer is not None else (side, 1.0)
        slope_sign = math.copysign(side, side * pair.weight)
        for device, kinds in sensitivities.cells[instance.subcircuit].items():
            for kind, effect in kinds.items():
                gain, offset = moved_by(index, effect.gain, inner * effect.offset)
                target, shift = _constant(part, leak, abs(pair.weight) * effect.constant, slope_sign, own)
                moves = {place.number(GAINS, name): gain, place.number(OFFSETS, name): outer * offset}
                number = place.number(OFFSETS, target)
                moves[number] = moves.get(number, 0.0) + shift
                yield Row(
                    path=f"{place.path}.{instance.name}.{device}", device=device, part=f"{place.label}.{name}",
                    kind=kind, moves=moves,
                )  # fmt: skip


def _name(part: Part) -> str:
    return f"{part.current.state.name}.{part.current.name}"


def _constant(
    part: Part, leak: Part | None, constant: float, slope_sign: float, own: Mapping[str, float]
) -> tuple[str, float]:
    """Which part's offset makes up for a constant current into its node, in its own slope, and by how much in V0.

    At a node with a leak that is the leak's, which draws to its rest with its slope, elsewhere the part's own.
    """
    if leak is None or part is leak or leak.current.state.name != part.current.state.name:
        return _name(part), -slope_sign * constant
    ratio = part.slope / leak.slope
    return _name(leak), constant * float(ratio.subs({one: own[str(one)] for one in ratio.free_symbols}))
