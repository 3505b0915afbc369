"""Energy and area as rows of a table, for the report and the command line."""

from collections.abc import Iterator
from dataclasses import dataclass

from quantiphy import Quantity

from circuits.data.silicon import PUBLISHED
from excitable.runs.energy import EnergyReport


@dataclass(frozen=True, kw_only=True)
class CostRow:
    """A name, its value with a unit, and what the value means."""

    name: str
    value: str
    meaning: str


def cost_rows(found: EnergyReport) -> Iterator[CostRow]:
    """What a circuit costs."""
    yield CostRow(
        name="circuit",
        value=f"{found.neurons} neurons, {found.level}, {found.technology}, {found.supply:g} V",
        meaning=f"simulated for {found.samples} samples, {engineering(found.duration, 's')}",
    )
    spike = "no spikes" if found.per_spike is None else engineering(found.per_spike, "J")
    yield CostRow(
        name="energy per spike", value=spike,
        meaning=f"all energy from the supplies, {engineering(found.energy, 'J')}, over {found.spikes} spikes",
    )  # fmt: skip
    yield CostRow(
        name="energy per inference", value=engineering(found.per_inference, "J"),
        meaning="of one predicted sample: all energy over the number of samples",
    )  # fmt: skip
    yield CostRow(name="mean power", value=engineering(found.power, "W"), meaning="over the whole simulation")
    static = "no operating point" if found.static_power is None else engineering(found.static_power, "W")
    yield CostRow(
        name="static power",
        value=static,
        meaning="at the operating point, where no neuron moves: bias currents",
    )
    if found.area is None:
        return
    area = found.area
    yield CostRow(
        name="area",
        value=f"{1e12 * area.total:,.0f} um^2",
        meaning=f"{area.transistor_count} transistors, gates and our estimate of what surrounds them: "
        f"{1e12 * area.transistors:,.0f} um^2; {engineering(area.capacitance, 'F')} in {area.capacitor_count} "
        f"capacitors: {1e12 * area.capacitors:,.0f} um^2; {area.left_out} ideal sources and resistors left out",
    )


def silicon_rows() -> Iterator[tuple[str, str, str, str]]:
    """What others have built: name, process, energy per spike, source."""
    for entry in PUBLISHED:
        value = "-" if entry.energy is None else engineering(entry.energy, "J")
        yield entry.what, entry.process, value, entry.source


def engineering(value: float, unit: str) -> str:
    """A number with four digits and its prefix."""
    return Quantity(value, unit).render(prec=3)
