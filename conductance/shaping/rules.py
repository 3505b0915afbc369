"""The published rules: which shape of the I-V curves makes which behaviour (docs/models.md, section 1)."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from conductance.elements.base import Timescale
from conductance.frozen import FrozenMapping
from conductance.neurons.base import Neuron
from conductance.shaping.curves import Region, curves, negative_slope_regions

SLOW_ENOUGH = 20.0
"""tau_s over tau_m from which a slow curve counts as slow: the published rule of thumb."""


class Shape(StrEnum):
    """What a curve looks like."""

    MONOTONE = "monotone"
    N_SHAPED = "N-shaped"
    ONE_SIDED = "falling to one side"


def shape(regions: tuple[Region, ...]) -> Shape:
    """Monotone without a negative-slope region, N-shaped where one lies between rising parts."""
    if not regions:
        return Shape.MONOTONE
    return Shape.N_SHAPED if any(region.bounded for region in regions) else Shape.ONE_SIDED


@dataclass(frozen=True, kw_only=True)
class ShapeRule:
    """One published rule: the shapes it asks for (none: whatever it is, or no such curve) and what follows."""

    number: int
    shapes: Mapping[Timescale, Shape]
    absent: tuple[Timescale, ...] = ()
    behaviour: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "shapes", FrozenMapping(self.shapes))

    def fits(self, found: Mapping[Timescale, Shape]) -> bool:
        """Whether these curves meet the rule."""
        present = all(found.get(timescale) == wanted for timescale, wanted in self.shapes.items())
        return present and not any(timescale in found for timescale in self.absent)


RULES = (
    ShapeRule(
        number=4,
        shapes={"fast": Shape.N_SHAPED, "slow": Shape.N_SHAPED, "ultraslow": Shape.MONOTONE},
        behaviour="bursting; with rising current rest, bursting, tonic spiking, depolarised block",
    ),
    ShapeRule(
        number=3,
        shapes={"fast": Shape.N_SHAPED, "slow": Shape.N_SHAPED},
        behaviour="rest-spike bistability: rest and spiking at one current",
    ),
    ShapeRule(
        number=2,
        shapes={"fast": Shape.N_SHAPED, "slow": Shape.MONOTONE},
        behaviour="excitability: single spikes from rest, tonic spiking at higher current",
    ),
    ShapeRule(
        number=1,
        shapes={"fast": Shape.N_SHAPED},
        absent=("slow", "ultraslow"),
        behaviour="a switch between two resting voltages",
    ),
    ShapeRule(number=1, shapes={"fast": Shape.MONOTONE}, behaviour="a leaky filter without a threshold"),
)
"""From the most particular to the most general; the first that fits is met."""


def shapes(neuron: Neuron, values: Mapping[str, float] | None = None) -> dict[Timescale, Shape]:
    """The shape of the curve of each timescale of the neuron."""
    return {
        timescale: shape(negative_slope_regions(chosen, values))
        for timescale, chosen in curves(neuron).items()
    }


def published_rule(found: Mapping[Timescale, Shape]) -> ShapeRule | None:
    """The rule that these shapes meet, or none."""
    return next((rule for rule in RULES if rule.fits(found)), None)


def explanation(neuron: Neuron, values: Mapping[str, float] | None = None) -> str:
    """Which rule of the I-V curves a parameter set meets, in sentences."""
    found = shapes(neuron, values)
    sentences = [_described(neuron, values)]
    rule = published_rule(found)
    if rule is None:
        sentences.append("None of the published rules speaks of these shapes.")
    else:
        sentences.append(f"Rule {rule.number}: this makes {rule.behaviour}.")
    if neuron.event is not None:
        sentences.append("The neuron's own event makes the spike and ends it by a reset.")
    if rule is not None and rule.number >= 2:
        sentences.append(_rule_of_thumb(neuron, values))
    return " ".join(sentence for sentence in sentences if sentence)


def _described(neuron: Neuron, values: Mapping[str, float] | None) -> str:
    parts = []
    for timescale, chosen in curves(neuron).items():
        regions = negative_slope_regions(chosen, values)
        where = " and ".join(f"{region.lower:.2f} to {region.upper:.2f}" for region in regions)
        falls = f", falling from {where} V0" if regions else ""
        parts.append(f"the {timescale.replace('ultraslow', 'ultra-slow')} curve is {shape(regions)}{falls}")
    text = "; ".join(parts) + "."
    return text[0].upper() + text[1:]


def _rule_of_thumb(neuron: Neuron, values: Mapping[str, float] | None) -> str:
    full = neuron.check_values(values or {}, owner=f"neuron {neuron.name}")
    if "tau_s" not in full or "tau_m" not in full:
        return ""
    ratio = full["tau_s"] / full["tau_m"]
    verdict = (
        "as the rule of thumb asks" if ratio >= SLOW_ENOUGH else f"below the rule of thumb of {SLOW_ENOUGH:g}"
    )
    return f"The slow reading is {ratio:.3g} times slower than the membrane, {verdict}."
