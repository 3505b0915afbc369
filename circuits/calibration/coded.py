"""Calibration of coded weights: what the mirrors on a current's way to its weight multiply it by, from one DC solution.

A mirror's output is strong where its drain is farther from its source than its input's. Two mirrors and a converter
make 8 to 16 % of it; the number of units at the weights' mirror undoes the mean of both signs.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from circuits.data.circuit import GROUND, Circuit, CurrentSource, Instance, VoltageSource
from circuits.realisations.cells.cell import VDD, VSS, Trim
from circuits.realisations.cells.coded import AXON, DRIVER, ENTRY, GATE, CodedCells
from circuits.realisations.cells.units import UNITS
from circuits.technologies import Technology

BITS = 6
INTO = 2 ** (BITS - 1) - 1
"""The bench's largest code is a weight of one."""
CODES = {"positive": INTO, "negative": -INTO}


@dataclass(frozen=True, kw_only=True)
class CodedFit:
    """Currents of weights of plus and minus one over the current that came in, by a driver and by an entry."""

    driver: tuple[float, float]
    entry: tuple[float, float]

    @property
    def trims(self) -> dict[str, Trim]:
        """The trims that undo the mean of both signs, by the names of the ways."""
        return {DRIVER: Trim(gain=sum(self.driver) / 2), ENTRY: Trim(gain=sum(self.entry) / 2)}


def coded_bench(
    cells: CodedCells, technology: Technology, current: float, name: str = "coded_bench"
) -> Circuit:
    """A current in A that enters a mirror and, by output mirror and driver, another: a weight of each sign on both.

    Sources `v_<way>_<sign>` hold the outputs midway and observe their currents.
    """
    negative, positive = technology.rails
    driver, entry, synapse = cells.driver(INTO), cells.entry(INTO), cells.synapse(BITS, 1)
    rails = {VDD: VDD, VSS: VSS}
    ways = [f"{way}_{sign}" for way in (DRIVER, ENTRY) for sign in CODES]
    return Circuit(
        name=name,
        title="weights of plus and minus one",
        subcircuits=(driver, entry, synapse),
        models=technology.model_cards(),
        temperature=technology.temperature,
        corner=technology.corner,
        devices=(
            VoltageSource(name="v_vdd", positive=VDD, negative=GROUND, waveform=positive),
            VoltageSource(name="v_vss", positive=VSS, negative=GROUND, waveform=negative),
            CurrentSource(name="i_axon", source=AXON, sink=VSS, waveform=current),
            cells.place.unit_pmos("m_net", AXON, AXON, multiplicity=UNITS, note="output mirror, input"),
            Instance(
                name="x_driver", subcircuit=driver.name, connections={AXON: AXON, GATE: DRIVER, **rails}
            ),
            CurrentSource(name="i_entry", source=ENTRY, sink=VSS, waveform=current),
            Instance(name="x_entry", subcircuit=entry.name, connections={GATE: ENTRY, **rails}),
            *(
                cells.weight(f"x_{way}", gate=way.rpartition("_")[0], out=way, code=code, bits=BITS, each=1)
                for way, code in zip(ways, [*CODES.values()] * 2, strict=True)
            ),
            *(VoltageSource(name=f"v_{way}", positive=way, negative=GROUND, waveform=0.0) for way in ways),
        ),
        probes=(DRIVER, ENTRY),
        metered=tuple(f"v_{way}" for way in ways),
    )


def fit_coded(currents: Mapping[str, float], current: float) -> CodedFit:
    """Read the currents of the bench's sources, by their names, for the current in A that came in."""
    driver, entry = (
        tuple(abs(currents[f"v_{way}_{sign}"]) / current for sign in CODES) for way in (DRIVER, ENTRY)
    )
    return CodedFit(driver=(driver[0], driver[1]), entry=(entry[0], entry[1]))
