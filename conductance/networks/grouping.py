"""Neurons whose bias currents and references have few different values, as one generator makes them for a whole chip.

Currents lie on a grid of equal ratios, as a generator of coarse and fine steps makes them, references on one of equal
distances, as taps of a string of equal resistors do. Time constants are capacitors and stay as they are.
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass

import torch

from conductance.layers import NeuronLayer
from conductance.layers.transforms import unconstrained
from conductance.networks.chain import Network
from conductance.networks.most import MOST
from conductance.parameter import ParameterError

TIME, VOLTAGE = "tau_m", "V0"
"""Units of what becomes a capacitor, and of what becomes a reference; all else is a current."""
DIGITS = 6


@dataclass(frozen=True, kw_only=True)
class Values:
    """The different values of a network's neurons: sizes of `currents` in I0 and `references` in V0, smallest first.

    What is the same for all neurons of a layer counts too; zero needs no source and does not.
    """

    currents: tuple[float, ...]
    references: tuple[float, ...]

    def __len__(self) -> int:
        return len(self.currents) + len(self.references)


def differing(layer: NeuronLayer) -> dict[str, str]:
    """The parameters in which a layer's neurons differ and that are no time constants, with their units."""
    values = layer.values()
    return {
        parameter.name: parameter.unit
        for parameter in layer.neuron.parameters
        if parameter.unit != TIME and len(torch.unique(values[parameter.name].detach())) > 1
    }


def values_of(network: Network) -> Values:
    """The different values that a network's neurons have now, of all parameters in which those of a layer differ.

    Values that agree to `DIGITS` digits are one: single precision tells no more apart.
    """
    found: dict[bool, set[float]] = {True: set(), False: set()}
    for layer in network.chain.values():
        if isinstance(layer, NeuronLayer):
            now = layer.values()
            for name, unit in differing(layer).items():
                found[unit == VOLTAGE] |= {float(f"{v:.{DIGITS}g}") for v in now[name].detach().tolist()} - {
                    0.0
                }
    return Values(currents=tuple(sorted(found[False])), references=tuple(sorted(found[True])))


@torch.no_grad()
def grouped(network: Network, *, currents: int, references: int) -> Network:
    """A copy of a network whose neurons have at most so many different bias currents and references.

    Args:
        network: trained or not; weights and biases stay as they are, see `coded` for those.
        currents: values of all parameters that become bias currents, over all layers; 2 or more.
        references: values of all parameters that become reference voltages; 2 or more.

    Raises:
        ParameterError: a number of values out of range, or a neuron that cannot have the nearest value.
    """
    for name, count in (("currents", currents), ("references", references)):
        if isinstance(count, bool) or not isinstance(count, int) or not 2 <= count <= MOST:
            raise ParameterError(f"grouped: {name} = {count!r} must be a whole number from 2 to {MOST}")
    made, known = copy.deepcopy(network), values_of(network)
    for layer in made.chain.values():
        if not isinstance(layer, NeuronLayer):
            continue
        now, changed = layer.values(), {}
        for name, unit in differing(layer).items():
            column = now[name]
            near = (
                torch.where(column == 0, column, _nearest(column, known.references, references))
                if unit == VOLTAGE
                else _nearest_current(column, known.currents, currents)
            )
            changed[f"raw_{name}"] = unconstrained(near, layer.neuron.parameter(name))
        _take(layer, changed)
    return made


def _take(layer: NeuronLayer, changed: Mapping[str, torch.Tensor]) -> None:
    for name, raw in changed.items():
        getattr(layer, name).copy_(raw)
    layer.check_values()


def _nearest(column: torch.Tensor, known: tuple[float, ...], count: int) -> torch.Tensor:
    """Every value at the nearest of `count` points of equal distance from the least to the largest; zeros stay."""
    if not known:
        return column
    low, high = known[0], known[-1]
    step = (high - low) / (count - 1) or 1.0
    return low + step * ((column - low) / step).round().clamp(0, count - 1)


def _nearest_current(column: torch.Tensor, known: tuple[float, ...], count: int) -> torch.Tensor:
    """The same with equal ratios; zeros stay, and negative numbers keep their sign."""
    sizes = tuple(sorted({abs(value) for value in known}))
    logarithms = torch.log(torch.tensor(sizes, dtype=torch.float64))
    size = column.abs().double()
    near = _nearest(torch.log(size), (float(logarithms[0]), float(logarithms[-1])), count)
    return torch.where(column == 0, column, torch.sign(column) * torch.exp(near).to(column.dtype))
