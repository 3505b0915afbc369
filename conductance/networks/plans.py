"""What layers a network is to have, as data."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from conductance.errors import refuse_truth_values
from conductance.layers.names import OUTPUT
from conductance.loading.lazy import torch
from conductance.networks.recipes import Recipe, Spread

Start: TypeAlias = "float | torch.Tensor | Spread"


@dataclass(frozen=True, kw_only=True)
class RandomLoop:
    """Recurrent weights of a layer before training, see `Recurrence.random`."""

    spectral_radius: float = 0.9
    density: float = 1.0
    source: str = OUTPUT
    tau: float | None = None
    trainable: bool = False


@dataclass(frozen=True, kw_only=True)
class GivenLoop:
    """Recurrent weights that are given: `weights[i][j]` is what neuron i gets of neuron j, see `Recurrence`."""

    weights: tuple[tuple[float, ...], ...]
    source: str = OUTPUT
    tau: float | None = None
    trainable: bool = False


@dataclass(frozen=True, kw_only=True)
class LayerPlan:
    """A layer of neurons that a network is to have.

    Attributes:
        name: of the layer.
        recipe: the neuron, its start and what is trained; `RECIPES` holds those of the package. For a neuron of your
            own: `recipe_of(neuron)`, `Recipe(neuron=..., ...)`, or `dataclasses.replace(RECIPES["mtc"], neuron=...)`.
        size: number of neurons.
        method: update rule; None is the recipe's.
        trainable: parameters of the neurons to train; None is the recipe's.
        values: start of parameters, replacing the recipe's: one number, one per neuron, or a spread.
        loop: recurrent weights; None for none.
        initial: states at the beginning by name, a number or one per neuron, in V0; the declared ones elsewhere.
        input_gain: of the weights before the layer; None is the recipe's.
        bias: current of those weights at an input of 0, a number or a spread; None is the recipe's.
    """

    name: str
    recipe: Recipe
    size: int
    method: str | None = None
    trainable: Collection[str] | None = None
    values: Mapping[str, Start] = field(default_factory=dict)
    loop: RandomLoop | GivenLoop | None = None
    initial: Mapping[str, float | Sequence[float]] = field(default_factory=dict)
    input_gain: float | None = None
    bias: float | Spread | None = None

    def __post_init__(self) -> None:
        refuse_truth_values(f"layer {self.name}", input_gain=self.input_gain, bias=self.bias)
