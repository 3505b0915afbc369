"""The networks that are compared: four spiking ones and a GRU, at equal numbers of trained parameters."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import torch

from conductance.networks import RECIPES, Network, RandomLoop, Recipe, Spread, layered_network
from conductance.networks.plans import LayerPlan
from conductance.neurons import qif

GRU = "gru"
LOW_PASS_TAU = 2.0
GRU_WIDTH = 16

QIF = Recipe(
    neuron=qif(),
    method="moebius",
    start={},
    trainable=(),
    input_gain=1.0,
    bias=Spread(lower=0.0, upper=0.2),
    source="our choice: a constant input of 0.2 per step is above the fold at I = 1/4; its normal form has no free "
    "parameter but time",
)


@dataclass(frozen=True, kw_only=True)
class Model:
    """A kind of spiking network.

    Attributes:
        recipe: of its neurons.
        dt: step in tau_m.
        steps: for which a sample is held, by data set.
        loop: fixed random recurrent weights; None for none.
        meaning: in a sentence.
    """

    recipe: Recipe
    dt: float
    steps: Mapping[str, int]
    loop: RandomLoop | None = None
    meaning: str


MODELS: Mapping[str, Model] = MappingProxyType(
    {
        "mtc": Model(
            recipe=RECIPES["mtc"], dt=0.4, steps={"basic_motions": 5, "japanese_vowels": 10},
            meaning="one layer; gains and offsets trained",
        ),
        "mtc_recurrent": Model(
            recipe=RECIPES["mtc"], dt=0.4, steps={"basic_motions": 5, "japanese_vowels": 10},
            loop=RandomLoop(spectral_radius=0.5, source="us"),
            meaning="the same with fixed random weights from the slow voltages back (spectral radius 0.5)",
        ),
        "lif": Model(
            recipe=RECIPES["lif"], dt=1.0, steps={"basic_motions": 2, "japanese_vowels": 4},
            meaning="one layer; thresholds trained",
        ),
        "adlif": Model(
            recipe=RECIPES["adlif"], dt=1.0, steps={"basic_motions": 2, "japanese_vowels": 4},
            meaning="one layer; adaptation and thresholds trained",
        ),
        "qif": Model(
            recipe=QIF, dt=0.5, steps={"basic_motions": 2, "japanese_vowels": 4},
            meaning="one layer with the exact step; weights alone are trained",
        ),
    }
)  # fmt: skip


class Gated(torch.nn.Module):
    """A GRU layer and a linear readout, on the samples themselves."""

    def __init__(self, inputs: int, outputs: int, *, gain: float, seed: int) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.cell = torch.nn.GRU(inputs, GRU_WIDTH)
            self.readout = torch.nn.Linear(GRU_WIDTH, outputs)
        with torch.no_grad():
            dict(self.cell.named_parameters())["weight_ih_l0"].mul_(gain)

    def forward(self, inputs: torch.Tensor) -> tuple[torch.Tensor, None]:
        """(time, batch, feature) to (time, batch, class)."""
        shown: torch.Tensor = self.readout(self.cell(inputs)[0])
        return shown, None


def parameters_of(network: torch.nn.Module) -> int:
    """How many numbers training changes."""
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)


def network_of(
    name: str, *, inputs: int, outputs: int, gain: float, seed: int, width: int | None = None
) -> Network | Gated:
    """An untrained network; of spiking ones as wide as gives it the GRU's number of trained parameters.

    Args:
        name: `gru` or one of `MODELS`.
        inputs: features.
        outputs: classes.
        gain: encoder weights as drawn by the recipe, or the GRU's input weights, are multiplied by it.
        seed: of the weights.
        width: number of neurons; that of equal parameters where none is given.
    """
    if name == GRU:
        return Gated(inputs, outputs, gain=gain, seed=seed)
    model = MODELS[name]
    recipe = replace(model.recipe, input_gain=model.recipe.input_gain * gain)
    size = equal_width(name, inputs, outputs) if width is None else width
    plan = LayerPlan(name="hidden", recipe=recipe, size=size, loop=model.loop)
    return layered_network(
        [plan], inputs=inputs, outputs=outputs, dt=model.dt, low_pass_tau=LOW_PASS_TAU,
        generator=torch.Generator().manual_seed(seed),
    )  # fmt: skip


def equal_width(name: str, inputs: int, outputs: int) -> int:
    """The width at which a spiking network has the number of trained parameters nearest to the GRU's."""

    def count(width: int) -> int:
        return parameters_of(network_of(name, inputs=inputs, outputs=outputs, gain=1.0, seed=0, width=width))

    goal = parameters_of(Gated(inputs, outputs, gain=1.0, seed=0))
    each = count(2) - count(1)
    return 1 + round((goal - count(1)) / each)
