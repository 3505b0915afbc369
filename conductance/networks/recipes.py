"""Where a layer of each neuron starts and what training may change in it: one recipe per neuron, as data."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from conductance.derivation.rules import default_method
from conductance.elements.base import DeclarationError
from conductance.errors import nearest
from conductance.frozen import FrozenMapping
from conductance.loading.lazy import torch
from conductance.neurons import adlif, lif, mtc
from conductance.neurons.base import Neuron
from conductance.neurons.declared import declared_neurons
from conductance.neurons.noisy import noise_parameters
from conductance.neurons.spiking import is_spiking


@dataclass(frozen=True, kw_only=True)
class Spread:
    """An interval from which each neuron draws its own number, evenly, or evenly in its logarithm."""

    lower: float
    upper: float
    logarithmic: bool = False

    def __post_init__(self) -> None:
        if not (math.isfinite(self.lower) and math.isfinite(self.upper) and self.lower <= self.upper):
            raise DeclarationError(
                f"spread from {self.lower} to {self.upper}: give two finite, ordered numbers"
            )
        if self.logarithmic and self.lower <= 0:
            raise DeclarationError(
                f"spread from {self.lower} to {self.upper}: a logarithm needs positive numbers"
            )

    def draw(self, size: int, generator: torch.Generator | None) -> torch.Tensor:
        """`size` numbers, shape (size,)."""
        share = torch.rand(size, generator=generator)
        if self.logarithmic:
            low, high = math.log(self.lower), math.log(self.upper)
            return torch.exp(low + (high - low) * share)
        return self.lower + (self.upper - self.lower) * share


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a hidden layer of one neuron starts, is stepped and is trained.

    Attributes:
        neuron: the declaration.
        method: the update rule.
        start: parameter -> spread over the neurons; the declaration's default elsewhere.
        trainable: parameters that training changes, each neuron its own.
        input_gain: encoder weights are drawn evenly from +- input_gain/sqrt(inputs).
        bias: spread of the encoder's biases, in current units.
        source: where these numbers come from.
    """

    neuron: Neuron = field(repr=False)
    method: str
    start: Mapping[str, Spread]
    trainable: tuple[str, ...]
    input_gain: float
    bias: Spread
    source: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", FrozenMapping(self.start))
        for name in (*self.start, *self.trainable):
            self.neuron.parameter(name)


_MTC = Recipe(
    neuron=mtc(),
    method="forward_euler",
    start={
        "alpha_f_minus": Spread(lower=1.6, upper=2.4),
        "delta_f_minus": Spread(lower=-0.3, upper=0.3),
        "alpha_s_plus": Spread(lower=1.6, upper=2.4),
        "delta_s_plus": Spread(lower=-0.3, upper=0.3),
        "alpha_s_minus": Spread(lower=1.2, upper=1.8),
        "delta_s_minus": Spread(lower=-1.1, upper=-0.7),
        "alpha_us_plus": Spread(lower=1.2, upper=1.8),
        "delta_us_plus": Spread(lower=-1.1, upper=-0.7),
        "tau_s": Spread(lower=8.0, upper=50.0, logarithmic=True),
        "tau_us": Spread(lower=160.0, upper=1000.0, logarithmic=True),
    },
    trainable=(
        "alpha_f_minus", "delta_f_minus", "alpha_s_plus", "delta_s_plus",
        "alpha_s_minus", "delta_s_minus", "alpha_us_plus", "delta_us_plus",
    ),
    input_gain=1.0,
    bias=Spread(lower=-2.0, upper=0.0),
    source="the bursting set of arXiv 2605.11835 in the middle of each spread; the spreads, and which parameters are "
    "trained (gains and offsets, not time constants), are our choice: no source states them",
)  # fmt: skip

_LIF = Recipe(
    neuron=lif(),
    method="exponential_euler",
    start={"tau_m": Spread(lower=1.0, upper=20.0, logarithmic=True)},
    trainable=("theta",),
    input_gain=2.0,
    bias=Spread(lower=0.0, upper=2.0),
    source="our choice: no source states it; as in MTC, time constants are not trained",
)

_ADLIF = Recipe(
    neuron=adlif(),
    method="symplectic_euler",
    start={
        "tau_m": Spread(lower=1.0, upper=20.0, logarithmic=True),
        "tau_w": Spread(lower=20.0, upper=100.0, logarithmic=True),
    },
    trainable=("a", "b", "theta"),
    input_gain=2.0,
    bias=Spread(lower=0.0, upper=2.0),
    source="update rule of arXiv 2408.07517; the rest is our choice: no source states it; as in MTC, time constants "
    "are not trained",
)


def recipe_of(neuron: Neuron) -> Recipe:
    """A start by the declaration alone: every neuron at its defaults, all trained but time constants and noise.

    Time constants have the unit tau_m. The rule is the neuron's default.
    """
    fixed = noise_parameters(neuron)
    return Recipe(
        neuron=neuron,
        method=default_method(neuron),
        start={},
        trainable=tuple(p.name for p in neuron.parameters if p.unit != "tau_m" and p.name not in fixed),
        input_gain=1.0,
        bias=Spread(lower=0.0, upper=1.0),
        source="our choice, by the declaration alone: no source states it",
    )


def _for_series(neuron: Neuron) -> bool:
    """Whether held currents drive the neuron in continuous time and its output is spikes."""
    return not neuron.is_map and not neuron.arrivals and is_spiking(neuron)


class UnknownRecipe(DeclarationError, KeyError):
    """No recipe has this name; a `KeyError` too, as of every mapping, so that `in` and `get` answer."""

    def __str__(self) -> str:
        return str(self.args[0])  # not quoted, as a key's error would be


class _Recipes(Mapping[str, Recipe]):
    """The chosen recipes, and those derived from the declarations of all other neurons, made when one is asked for."""

    def __init__(self, *chosen: Recipe) -> None:
        self._chosen = {recipe.neuron.name: recipe for recipe in chosen}

    @cached_property
    def _all(self) -> dict[str, Recipe]:
        others = [n for n in declared_neurons() if _for_series(n) and n.name not in self._chosen]
        return {**self._chosen, **{neuron.name: recipe_of(neuron) for neuron in others}}

    def __getitem__(self, name: str) -> Recipe:
        if name in self._chosen:
            return self._chosen[name]
        if name not in self._all:
            raise UnknownRecipe(
                f"there is no recipe {name!r}; {nearest(str(name), self)}known are {', '.join(self)}; for a neuron of "
                f"your own: recipe_of(neuron)"
            )
        return self._all[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)


RECIPES: Mapping[str, Recipe] = _Recipes(_MTC, _LIF, _ADLIF)
"""The recipes by their neuron's name, as configuration files name them; those not chosen above are derived."""
