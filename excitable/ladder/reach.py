"""Membranes that a model drives farther than its circuit's supply lets them go: which, how far, and what helps."""

from collections.abc import Iterable
from dataclasses import dataclass

from circuits.networks.continuous import neuron_levels
from conductance.networks import Network
from excitable.ladder.options import CircuitOptions
from excitable.ladder.rungs import Waveforms

NAMED = 3
"""Neurons that a warning names, those that go farthest; the others are counted."""


@dataclass(frozen=True, kw_only=True)
class Excursion:
    """A neuron whose membrane leaves its circuit's reach.

    Attributes:
        neuron: `<layer>_<index>`.
        lowest: voltage of the model's membrane in V0.
        highest: the same.
        floor: the circuit's negative supply in V0.
        ceiling: its positive supply in V0.
    """

    neuron: str
    lowest: float
    highest: float
    floor: float
    ceiling: float

    @property
    def excess(self) -> float:
        """How far it goes beyond the supply, in V0."""
        return max(self.floor - self.lowest, self.highest - self.ceiling)

    def __str__(self) -> str:
        farthest = self.lowest if self.floor - self.lowest >= self.highest - self.ceiling else self.highest
        return f"{self.neuron} runs to {farthest:.1f} V0"


def supply_reach(options: CircuitOptions) -> tuple[float, float] | None:
    """The supplies of a circuit in V0; None where its amplifiers have no rails, or where it has no amplifiers."""
    technology = options.technology
    if options.levels == "behavioural" or technology is None or not technology.amplifier.rails:
        return None
    negative, positive = technology.rails
    return negative / options.scaling.voltage_unit, positive / options.scaling.voltage_unit


def excursions(network: Network, model: Waveforms, options: CircuitOptions) -> tuple[Excursion, ...]:
    """The neurons of amplifiers whose model leaves the supply, the farthest first.

    Args:
        network: the model.
        model: its membranes on the input that counts.
        options: how its circuit is built.
    """
    reach = supply_reach(options)
    if reach is None:
        return ()
    analog = {
        f"{label}_{index}"
        for label, levels in neuron_levels(network, options.levels).items()
        for index, level in enumerate(levels)
        if level != "behavioural"
    }
    found = [
        Excursion(neuron=name, lowest=float(low), highest=float(high), floor=reach[0], ceiling=reach[1])
        for name, low, high in zip(
            model.neurons, model.membrane.min(axis=0), model.membrane.max(axis=0), strict=True
        )
        if name in analog
    ]
    return tuple(sorted((one for one in found if one.excess > 0), key=lambda one: -one.excess))


def reach_warning(network: Network, model: Waveforms, circuits: Iterable[CircuitOptions]) -> str:
    """What to tell the user of all circuits of a network; empty where every membrane stays inside.

    Args:
        network: the model.
        model: its membranes on the input that counts.
        circuits: how its circuits are built.
    """
    worst: dict[str, Excursion] = {}
    for options in circuits:
        for one in excursions(network, model, options):
            known = worst.get(one.neuron)
            worst[one.neuron] = one if known is None or one.excess > known.excess else known
    if not worst:
        return ""
    found = sorted(worst.values(), key=lambda one: -one.excess)
    named = ", ".join(map(str, found[:NAMED]))
    rest = len(found) - NAMED
    others = f", and {rest} more leave it" if rest > 0 else ""
    return (
        f"{len(found)} of {len(model.neurons)} membranes of the model leave the supply of their circuits, "
        f"{found[0].floor:.1f} to {found[0].ceiling:.1f} V0: {named}{others}. A circuit stops near its supply and "
        f"comes back sooner, so its output differs. `excitable retrain` trains the model with a clamp that its circuit "
        f"has too; a smaller drive of these neurons helps as well."
    )
