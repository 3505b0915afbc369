"""What a configuration file says of the network: one hidden layer in short, or a list of layers."""

import math
from collections.abc import Mapping
from contextlib import suppress
from itertools import pairwise, product
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from conductance.derivation.methods import METHODS
from conductance.kernels.names import Backend
from conductance.layers.names import OUTPUT
from conductance.layers.weights.bits import FEWEST, MOST
from conductance.networks import RECIPES, GivenLoop, LayerPlan, RandomLoop, Recipe, Spread
from conductance.networks.most import MOST as MOST_VALUES
from excitable.config.declared import OneOf, Section, is_own
from excitable.config.own import NotTrusted, OwnSection, code_of, load_recipe

ELSEWHERE = {
    "qif": "by events, as in the configuration yin-yang",
    "dqif": "on images, as in the configuration digits-dqif",
    "dlif": "on images, as in the configuration digits-dqif",
}
"""Neurons that networks for series do not have, and what trains them."""
MOST_WEIGHTS = 1e8
"""Between layers and inside them: a gigabyte with Adam's moments."""
INSIDE = 1e-9
"""Of a spread, by which its ends are left out where relations between values are checked."""
RESERVED = ("encoder", "readout", "filter")
"""Names that layers of one's own cannot have."""


def _number_or_spread(value: Any) -> Any:
    """A start: a number, or [lower, upper] between which each neuron draws its own."""
    if isinstance(value, bool) or not isinstance(value, int | float | list | Spread):
        raise ValueError("must be a number or [lower, upper]")
    if isinstance(value, int | float) and not math.isfinite(value):
        raise ValueError("must be a finite number or [lower, upper]")
    if isinstance(value, list):
        if len(value) != 2 or any(isinstance(end, bool) or not isinstance(end, int | float) for end in value):
            raise ValueError("must be a number or [lower, upper]")
        return Spread(lower=value[0], upper=value[1])
    return value if isinstance(value, Spread) else float(value)


Start = Annotated[Any, BeforeValidator(_number_or_spread)]


def _number_or_numbers(value: Any) -> Any:
    """A state at the beginning: one number, or one per neuron."""
    numbers = value if isinstance(value, list) else [value]
    if not numbers or any(isinstance(one, bool) or not isinstance(one, int | float) for one in numbers):
        raise ValueError("must be a number, or a list with one per neuron")
    if not all(math.isfinite(one) for one in numbers):
        raise ValueError("must be finite, a number or a list with one per neuron")
    return [float(one) for one in value] if isinstance(value, list) else float(value)


Begin = Annotated[Any, BeforeValidator(_number_or_numbers)]


class RecurrentSection(Section):
    """Recurrent weights of a layer: given, or random before training; fixed or trained."""

    weights: list[list[float]] | None = Field(
        default=None,
        min_length=1,
        description="a row for each neuron with what it gets of every neuron; random where not given",
    )
    spectral_radius: float = Field(
        default=0.9, ge=0, le=1e3, description="largest magnitude of an eigenvalue of the weights as drawn"
    )
    density: float = Field(
        default=1.0, gt=0, le=1, description="share of the weights that are not zero; the others stay zero"
    )
    source: str = Field(
        default=OUTPUT,
        description="what the weights read: output, or the name of a state, as us (slow voltage)",
    )
    tau: float | None = Field(
        default=None, gt=0, le=1e6, description="time constant of the synapses; none where not given [tau_m]"
    )
    trainable: bool = Field(default=False, description="whether training changes the weights")

    @model_validator(mode="after")
    def _one_recipe(self) -> "RecurrentSection":
        if self.weights is None:
            return self
        random = [key for key in ("spectral_radius", "density") if key in self.model_fields_set]
        if random:
            raise ValueError(f"{random[0]} is of random weights, and weights are given; leave one out")
        for number, row in enumerate(self.weights, 1):
            if len(row) != len(self.weights):
                raise ValueError(
                    f"weights: row {number} has {len(row)} numbers and there are {len(self.weights)} rows; give as many"
                )
        return self

    def build(self) -> RandomLoop | GivenLoop:
        """The same as a plan."""
        if self.weights is None:
            return RandomLoop(**self.model_dump(exclude={"weights"}))
        return GivenLoop(
            weights=tuple(map(tuple, self.weights)),
            source=self.source,
            tau=self.tau,
            trainable=self.trainable,
        )


class LayerOptions(OwnSection):
    """What every layer of neurons has."""

    neuron: Annotated[str, OneOf(RECIPES, ELSEWHERE, own=True)] = Field(
        default="mtc", description="the neurons; of your own: FILE.py:NAME"
    )
    method: Annotated[str, OneOf(METHODS)] | None = Field(
        default=None, description="update rule of the neurons; the neuron's own where not given"
    )
    trainable: list[str] | None = Field(
        default=None, description="parameters of the neurons to train; the neuron's own where not given"
    )
    values: dict[str, Start] = Field(
        default_factory=dict,
        examples=["tau_s = [10, 40]"],
        description="start of the neurons' parameters: a number, or [lower, upper] to spread them",
    )
    input_gain: float | None = Field(
        default=None,
        ge=0,
        le=1e6,
        description="the weights before the layer are drawn evenly from +- input_gain/sqrt(inputs); the neuron's own "
        "where not given",
    )
    bias: Start | None = Field(
        default=None,
        description="current of the neurons at an input of 0: a number, or [lower, upper] to spread it; the neuron's "
        "own where not given",
    )
    initial: dict[str, Begin] = Field(
        default_factory=dict,
        examples=["um = [-1.9, -1.0]"],
        description="states at the beginning, a number or one per neuron; the declared ones where not given [V0]",
    )
    recurrent: RecurrentSection | None = Field(
        default=None, description="weights back to the layer's own neurons; none where not given"
    )

    @field_validator("neuron")
    @classmethod
    def _loadable(cls, name: str, info: ValidationInfo) -> str:
        with suppress(NotTrusted):  # told when the recipe is needed
            load_recipe(name, code_of(info))
        return name

    @field_validator("trainable")
    @classmethod
    def _known_trainable(cls, names: list[str] | None, info: ValidationInfo) -> list[str] | None:
        recipe = _recipe(info)
        for name in names or () if recipe is not None else ():
            recipe.neuron.parameter(name)  # type: ignore[union-attr]
        return names

    @field_validator("values")
    @classmethod
    def _legal_values(cls, values: dict[str, Start], info: ValidationInfo) -> dict[str, Start]:
        recipe = _recipe(info)
        if recipe is not None:
            for name, start in values.items():
                for number in (start.lower, start.upper) if isinstance(start, Spread) else (start,):
                    recipe.neuron.parameter(name).check(number, owner=f"neuron {recipe.neuron.name}")
            _check_relations(recipe, values)
        return values

    @field_validator("initial")
    @classmethod
    def _known_states(cls, initial: dict[str, Begin], info: ValidationInfo) -> dict[str, Begin]:
        recipe = _recipe(info)
        names = [] if recipe is None else [state.name for state in recipe.neuron.states]
        if unknown := [name for name in initial if recipe is not None and name not in names]:
            raise ValueError(f"initial.{unknown[0]} is no state; allowed are {', '.join(names)}")
        return initial

    @field_validator("recurrent")
    @classmethod
    def _known_source(cls, section: RecurrentSection | None, info: ValidationInfo) -> RecurrentSection | None:
        recipe = _recipe(info)
        if section is not None and recipe is not None:
            names = (OUTPUT, *(state.name for state in recipe.neuron.states))
            if section.source not in names:
                raise ValueError(
                    f"recurrent.source = {section.source!r} is unknown; allowed are {', '.join(names)}"
                )
        return section

    @property
    def recipe(self) -> Recipe:
        """The neurons' recipe.

        Raises:
            NotTrusted: it is of a file that must not be run.
        """
        return load_recipe(self.neuron, self._code)

    def plan(self, name: str, size: int) -> LayerPlan:
        """The layer as `layered_network` takes it."""
        return LayerPlan(
            name=name, recipe=self.recipe, size=size, method=self.method, trainable=self.trainable,
            values=self.values, loop=None if self.recurrent is None else self.recurrent.build(),
            initial=self.initial, input_gain=self.input_gain, bias=self.bias,
        )  # fmt: skip

    def check_step(self, name: str, dt: float) -> None:
        """Raise `ValueError` where the neuron is a map, whose step is 1 whatever the network's is."""
        with suppress(NotTrusted):  # only training runs the code, and it refused this then
            if self.recipe.neuron.is_map and dt != 1:
                raise ValueError(
                    f"dt = {dt:g}, and the neuron {self.recipe.neuron.name} of layer {name} is a map (clocked), whose "
                    f"own step is 1; set network.dt = 1"
                )

    def check_size(self, name: str, size: int) -> None:
        """Raise `ValueError` where something is given for another number of neurons."""
        for state, begin in self.initial.items():
            if isinstance(begin, list) and len(begin) != size:
                raise ValueError(f"initial.{state} has {len(begin)} numbers, and layer {name} {size} neurons")
        weights = None if self.recurrent is None else self.recurrent.weights
        if weights is not None and len(weights) != size:
            raise ValueError(f"recurrent.weights are for {len(weights)} neurons, and layer {name} has {size}")


class LayerSection(LayerOptions):
    """One layer of a network in depth, fed by the one before it."""

    name: str | None = Field(
        default=None,
        pattern=r"^[a-z][a-z0-9]{0,31}$",
        description="name of the layer; layer1, layer2 where not given",
    )
    size: int = Field(ge=1, le=100_000, description="number of neurons")


class NetworkSection(LayerOptions):
    """The network: projection, hidden neurons (or a list of layers), linear readout, low-pass filter."""

    hidden: int = Field(default=64, ge=1, le=100_000, description="number of hidden neurons")
    dt: float = Field(
        default=0.2,
        gt=0,
        le=1e3,
        description="time step; one sample of the series is held for one step [tau_m]",
    )
    low_pass_tau: float = Field(
        default=2.0,
        gt=0,
        le=1e6,
        description="time constant of each of the output filter's four sections [tau_m]",
    )
    bits: int | None = Field(
        default=None,
        ge=FEWEST,
        le=MOST,
        description="of every weight and bias, sign included: trained, simulated and built as whole numbers of one "
        "unit for each layer's weights and one for its biases; any number where not given",
    )
    bias_values: list[int] | None = Field(
        default=None,
        description="[currents, references]: most different bias currents, and reference voltages, of all neurons; "
        "after training each neuron takes the nearest. Of its own for each neuron where not given",
    )
    kernel: Backend = Field(
        default="auto",
        description="what steps the neurons: auto: the fastest that works here; or eager (torch), c, triton (GPU)",
    )
    rates: list[float] | None = Field(
        default=None,
        description="[lowest, highest] spikes per neuron and step at the start: the weights before every layer are "
        "scaled from the data into it; as drawn where not given",
    )
    layers: list[LayerSection] = Field(
        default_factory=list,
        description="layers of neurons in depth, each a table [[network.layers]]; instead of neuron and hidden",
    )

    @field_validator("bias_values")
    @classmethod
    def _two_numbers(cls, values: list[int] | None) -> list[int] | None:
        if values is not None and not (
            len(values) == 2 and all(2 <= count <= MOST_VALUES for count in values)
        ):
            raise ValueError(f"must be [currents, references], two numbers from 2 to {MOST_VALUES}")
        return values

    @field_validator("rates")
    @classmethod
    def _ordered(cls, rates: list[float] | None) -> list[float] | None:
        if rates is not None and not (len(rates) == 2 and 0 < rates[0] < rates[1] <= 1):
            raise ValueError("must be [lowest, highest], two ordered numbers in (0, 1]")
        return rates

    @model_validator(mode="after")
    def _fits_memory(self) -> "NetworkSection":
        own: list[tuple[int, LayerOptions]] = [(layer.size, layer) for layer in self.layers]
        own = own or [(self.hidden, self)]
        weights = sum(before * after for (before, _), (after, _) in pairwise(own))
        weights += sum(size**2 for size, layer in own if layer.recurrent is not None)
        if weights > MOST_WEIGHTS:
            raise ValueError(f"the layers make {weights:.3g} weights; at most {MOST_WEIGHTS:g} are allowed")
        return self

    @model_validator(mode="after")
    def _one_form(self) -> "NetworkSection":
        short = ("hidden", *LayerOptions.model_fields)
        given = [key for key in short if key in self.model_fields_set]
        if self.layers and given:
            raise ValueError(
                f"{given[0]} = {getattr(self, given[0])!r} is of the short form; with [[network.layers]] say it in a "
                f"layer"
            )
        for name, own in self.options().items():
            own.check_size(name, self.sizes()[name])
            own.check_step(name, self.dt)
        names = self.sizes()
        repeated = sorted({name for name in names if list(self._names()).count(name) > 1})
        if repeated:
            raise ValueError(f"layers: two are named {repeated[0]}; rename one")
        reserved = [name for name in names if name in RESERVED or name.startswith("to_")]
        if reserved:
            raise ValueError(f"layers: the name {reserved[0]} is taken by the network itself; choose another")
        return self

    def _names(self) -> list[str]:
        return [layer.name or f"layer{number}" for number, layer in enumerate(self.layers, 1)]

    def sizes(self) -> dict[str, int]:
        """The number of neurons of each layer, by name."""
        if not self.layers:
            return {"hidden": self.hidden}
        return {name: layer.size for name, layer in zip(self._names(), self.layers, strict=True)}

    def plans(self) -> list[LayerPlan]:
        """The layers as `layered_network` takes them."""
        return [own.plan(name, self.sizes()[name]) for name, own in self.options().items()]

    def options(self) -> dict[str, LayerOptions]:
        """What each layer of neurons has, by name."""
        if not self.layers:
            return {"hidden": self}
        return dict(zip(self._names(), self.layers, strict=True))

    @property
    def neurons(self) -> int:
        """Number of neurons of all layers."""
        return sum(self.sizes().values())

    def words(self) -> str:
        """What the layers are: `64 mtc`, or `32 lif, 16 lif`."""
        parts = [(self.hidden, self)] if not self.layers else [(layer.size, layer) for layer in self.layers]
        return ", ".join(
            f"{size} {'recurrent ' if own.recurrent is not None else ''}{own.neuron.rpartition(':')[2]}"
            for size, own in parts
        )


def _check_relations(recipe: Recipe, values: Mapping[str, Any]) -> None:
    """Raise where neurons may draw values that break a relation of their declaration, as tau_s < tau_us."""
    neuron = recipe.neuron
    related = {
        symbol.name for constraint in neuron.constraints for symbol in constraint.relation.free_symbols
    }
    starts = {p.name: values.get(p.name, recipe.start.get(p.name, p.default)) for p in neuron.parameters}
    # a little inside a spread's ends, which no neuron draws
    ends = {
        name: [
            start.lower + INSIDE * (start.upper - start.lower),
            start.upper - INSIDE * (start.upper - start.lower),
        ]
        if isinstance(start, Spread)
        else [start]
        for name, start in starts.items()
        if name in related
    }
    for corner in product(*ends.values()):
        neuron.check_values(dict(zip(ends, corner, strict=True)), owner=f"neuron {neuron.name}")


def _recipe(info: ValidationInfo) -> Recipe | None:
    """The recipe of the neuron that stands before; None where it is unknown, a fault of its own, or must not be run."""
    name = info.data.get("neuron", "")
    try:
        return load_recipe(name, code_of(info)) if name in RECIPES or is_own(name) else None
    except NotTrusted:
        return None
