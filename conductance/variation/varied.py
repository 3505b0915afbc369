"""A network with deviations: the same equations with other numbers, so every form of the network can carry them."""

import copy
import math
from collections.abc import Collection, Mapping
from types import MappingProxyType

import torch

from conductance.layers import NeuronLayer, Projection, Recurrence
from conductance.layers.transforms import unconstrained
from conductance.layers.weights.recurrence import OUTPUT
from conductance.networks.chain import Network
from conductance.variation.deviations import RECURRENT, Deviations, NeuronDeviations, WeightDeviations
from conductance.variation.handles import VOLTAGE, Handles, VariationError, handles, state_of

Values = dict[str, torch.Tensor]


def varied_state(network: Network, deviations: Deviations) -> Values:
    """The network's numbers with deviations, as functions of its own numbers.

    Made for `torch.func.functional_call(network, varied_state(network, deviations), (inputs,))`: gradients reach what
    is trained, as it stands before the deviations.

    Returns:
        tensors by the names of the network's state.

    Raises:
        VariationError: deviations of a layer that the network does not have, or of another shape.
    """
    found: Values = {}
    layers = dict(network.chain.items())
    for label, deviation in deviations.layers.items():
        layer = layers.get(label.removesuffix(f".{RECURRENT}"))
        loop = layer.recurrent if isinstance(layer, NeuronLayer) and label.endswith(f".{RECURRENT}") else None
        if loop is not None and isinstance(deviation, WeightDeviations):
            _check_shape(loop.weight, deviation.weight, f"weights of {label}")
            found |= _weighted(label, "weight", loop, deviation.weight)
        elif isinstance(layer, Projection) and isinstance(deviation, WeightDeviations):
            for name in ("weight", "bias"):
                nominal, change = getattr(layer, name), getattr(deviation, name)
                _check_shape(nominal, change, f"{name} of layer {label}")
                found |= _weighted(label, name, layer, change)
        elif isinstance(layer, NeuronLayer) and isinstance(deviation, NeuronDeviations):
            found |= _raw(label, layer, varied_values(layer, deviation, label))
        else:
            raise VariationError(
                f"deviations: the network has no such layer {label}; draw them for this network"
            )
    return found


def _weighted(label: str, name: str, layer: Projection | Recurrence, change: torch.Tensor) -> Values:
    """Weights or biases of a chip; coded ones keep their codes, and what is off is the current of each."""
    if layer.code is not None:
        return {f"layers.{label}.{name}_error": change}
    return {f"layers.{label}.{name}": getattr(layer, name) * torch.exp(change)}


def varied_network(network: Network, deviations: Deviations) -> Network:
    """A copy of the network with deviations: one chip, to be run, written as a netlist, or saved.

    Its weights are those of the chip: no code rounds them any more.
    """
    chip = copy.deepcopy(network)
    state = varied_state(network, deviations)
    with torch.no_grad():
        chip.load_state_dict(
            {name: value for name, value in state.items() if not name.endswith("_error")}, strict=False
        )
        for label, layer in chip.chain.items():
            if isinstance(layer, Projection):
                _freeze(layer, label, state)
            elif isinstance(layer, NeuronLayer) and layer.recurrent is not None:
                _freeze(layer.recurrent, f"{label}.{RECURRENT}", state)
    return chip


def _freeze(layer: Projection | Recurrence, label: str, state: Values) -> None:
    """Give a layer the weights that its codes and their errors make, and take its code away."""
    if layer.code is None:
        return
    names = ("weight", "bias") if isinstance(layer, Projection) else ("weight",)
    for name in names:
        values = getattr(layer, name)
        error = state.get(f"layers.{label}.{name}_error", torch.zeros_like(values))
        values.copy_(layer.code.coded(values) * torch.exp(error))
    layer.code = None


def varied_values(layer: NeuronLayer, deviation: NeuronDeviations, label: str = "") -> Values:
    """The parameters of a layer's neurons with deviations, (neuron,) each, of those that differ."""
    known, nominal = handles(layer.neuron), layer.values()
    values = dict(nominal)
    sample = next(iter(nominal.values()))
    for part in (deviation.gains, deviation.offsets, deviation.capacities, {"output": deviation.output}):
        for name, change in part.items():
            _check_shape(sample, change, f"{name} of layer {label}")
    factors = strengths(known, deviation.gains, deviation.capacities)
    for name, factor in factors.items():
        values[name] = values[name] * factor
    for current, names in known.offsets.items():
        shift = deviation.offsets[current] + sum(
            deviation.offsets[key] for key, readers in known.readers.items() if current in readers
        )
        for name in names:
            values[name] = values[name] + shift
    for name in known.output:
        values[name] = values[name] + deviation.output
    return {name: value for name, value in values.items() if value is not nominal[name]}


def rescaled(
    network: Network,
    voltage: float,
    time: float = 1.0,
    *,
    wide: Mapping[str, Mapping[str, Collection[str]]] = MappingProxyType({}),
) -> Network:
    """The network in other units: each pair's voltage unit is `voltage` times as large, each capacitor `time` times.

    Pairs at another temperature have another voltage unit, while references and capacitors stay as they are: in the
    new unit every reference is smaller and every time constant longer, by that factor. The output runs from zero to one
    over as many units as before, about a reference. Layers without I-V elements are left alone.

    Args:
        network: in the old unit.
        voltage: new unit over the old one.
        time: factor of all capacitors.
        wide: by layer, the currents `<state>.<current>` that keep their law in volts, because ideal parts or staggered
            pairs make them, each with the parameters that are its width.
    """
    chip = copy.deepcopy(network)
    for label, layer in chip.chain.items():
        if isinstance(layer, NeuronLayer) and layer.neuron.elements:
            changed = _rescaled_values(layer, voltage, time, wide.get(label, {}))
            with torch.no_grad():
                chip.load_state_dict(_raw(label, layer, changed), strict=False)
                if layer.recurrent is not None and layer.recurrent.source != OUTPUT:
                    # a transconductance from a state keeps its law in volts
                    layer.recurrent.weight.mul_(voltage)
    return chip


def _rescaled_values(
    layer: NeuronLayer, voltage: float, time: float, wide: Mapping[str, Collection[str]]
) -> Values:
    known, nominal = handles(layer.neuron), layer.values()
    middle = sum((nominal[name] for name in known.output), torch.zeros(layer.size)) / max(
        1, len(known.output)
    )
    changed = {p.name: nominal[p.name] / voltage for p in layer.neuron.parameters if p.unit == VOLTAGE}
    changed |= {name: nominal[name] + middle * (1 / voltage - 1) for name in known.output}
    sample = next(iter(nominal.values()))
    stronger = {name: torch.full_like(sample, math.log(voltage)) for name in wide}
    factors = strengths(known, stronger, torch.full_like(sample, math.log(voltage * time)))
    changed |= {name: nominal[name] * factor for name, factor in factors.items()}
    changed |= {name: nominal[name] / voltage for names in wide.values() for name in names}
    return changed


def strengths(
    known: Handles, gains: Mapping[str, torch.Tensor], capacities: Mapping[str, torch.Tensor] | torch.Tensor
) -> Values:
    """Factors of the parameters that make currents and capacitors stronger, from the logarithms of their factors."""
    zero = torch.zeros(())
    # a power of the parameter, so that the current itself has the factor
    factors = {
        scale.parameter: torch.exp(scale.degree * gains[current])
        for current, scale in known.gains.items()
        if current in gains
    }
    for state, scale in known.capacities.items():
        # what flows into a capacitor without a strength of its own is made stronger by a smaller capacitor
        own = [name for name in known.currents if state_of(name) == state and name not in known.gains]
        larger = capacities if isinstance(capacities, torch.Tensor) else capacities[state]
        factor = torch.exp(larger - sum((gains.get(name, zero) for name in own), zero))
        for name, degree in known.coupled[state].items():
            factor = factor / factors.get(name, zero + 1) ** degree
        factors[scale.parameter] = factor**scale.degree
    return factors


def _raw(label: str, layer: NeuronLayer, values: Mapping[str, torch.Tensor]) -> Values:
    return {
        f"layers.{label}.raw_{name}": unconstrained(value, layer.neuron.parameter(name))
        for name, value in values.items()
    }


def _check_shape(nominal: torch.Tensor, change: torch.Tensor, owner: str) -> None:
    if nominal.shape != change.shape:
        raise VariationError(
            f"deviations of {owner} have shape {tuple(change.shape)}; the network's has {tuple(nominal.shape)}"
        )
