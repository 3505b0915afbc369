"""The cells of one level and technology, of which every part is made."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from circuits.data.levels import Level
from circuits.data.scaling import Scaling
from circuits.realisations.cells.cell import Cell, Trim
from circuits.realisations.cells.macromodel import macromodel
from circuits.realisations.cells.ota import Transistors, five_transistor_ota, ten_transistor_ota
from circuits.realisations.cells.parasitics import loaded
from circuits.realisations.cells.synapse import Synapses, macromodel_synapses, transistor_synapses
from circuits.technologies import Technology


@dataclass(frozen=True, kw_only=True)
class Kit:
    """The cells of one level and technology: `element` for transconductors, `follower` where out is an input.

    `filter` is the follower of slow filters, another cell where these have a bias current of their own.

    `transistors` are there at that level only. `trims` correct each cell by what its DC sweep found, by the name of the
    cell's subcircuit.
    """

    technology: Technology
    element: Cell
    follower: Cell
    filter: Cell
    synapses: Synapses
    transistors: Transistors | None = None
    trims: Mapping[str, Trim] = field(default_factory=dict)

    def trim(self, cell: Cell) -> Trim:
        """The trim of a cell; none is measured, none is made."""
        return self.named_trim(cell.subcircuit.name)

    def named_trim(self, name: str) -> Trim:
        """The trim of what has no cell of its own: the leak, the output stage."""
        return self.trims.get(name, Trim())


def kit(
    level: Level, technology: Technology, *, bias: float, scaling: Scaling | None = None,
    trims: Mapping[str, Trim] | None = None, filter_bias: float | None = None,
) -> Kit:  # fmt: skip
    """The cells of a level above the behavioural one, made for bias currents up to `bias` (A).

    `filter_bias` (A) is that of the slow filters; they share the follower's cell where it is the unit of current.
    """
    units = technology.scaling() if scaling is None else scaling
    own = filter_bias is not None and not math.isclose(filter_bias, units.current_unit, rel_tol=1e-9)
    if level == "transistor":
        transistors = Transistors(technology, bias)
        follower = five_transistor_ota(technology, bias)
        return Kit(
            technology=technology,
            synapses=transistor_synapses(transistors),
            element=ten_transistor_ota(technology, bias),
            follower=follower,
            filter=follower
            if filter_bias is None or not own
            else five_transistor_ota(technology, filter_bias, "ota5_filter"),
            transistors=transistors,
            trims=dict(trims or {}),
        )
    made = partial(
        macromodel, supply=technology.supply, thermal_voltage=technology.thermal_voltage, bias=bias
    )
    element = made(loaded(technology.amplifier, technology, bias))
    follower = filters = element
    if technology.follower is not None:
        follower = filters = made(loaded(technology.follower, technology, bias), name="amplifier_follower")
    if own and filter_bias is not None:
        model = loaded(technology.follower or technology.amplifier, technology, filter_bias)
        filters = made(model, name="amplifier_filter", bias=filter_bias)
    synapses = macromodel_synapses(
        technology.amplifier, units, supply=technology.supply, thermal_voltage=technology.thermal_voltage
    )
    return Kit(
        technology=technology, element=element, follower=follower, filter=filters, synapses=synapses,
        trims=dict(trims or {}),
    )  # fmt: skip
