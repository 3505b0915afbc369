"""Calibration of coded weights: what the mirrors on a current's way to its weight multiply it by, from one DC solution.

A mirror's output is strong where its drain is farther from its source than its input's. Two mirrors and a converter
make 8 to 16 % of it; the number of units at the weights' mirror undoes the mean of both signs.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from circuits.data.circuit import GROUND, Circuit, CurrentSource, Device, Instance, VoltageSource
from circuits.realisations.cells.cell import VDD, VSS, Trim
from circuits.realisations.cells.coded import AXON, DRIVER, ENTRY, GATE, CodedCells
from circuits.realisations.cells.generator import SINK, SOURCE, gate_cell, placed_gate
from circuits.realisations.cells.units import UNITS
from circuits.technologies import Technology

BITS = 6
INTO = 2 ** (BITS - 1) - 1
"""The bench's largest code is a weight of one."""
GENERATED = (f"v_{SINK}_in", "v_sourced")
"""Sources that observe a generated current: into the diode of sinks, and out of a source."""
CODES = {"positive": INTO, "negative": -INTO}


@dataclass(frozen=True, kw_only=True)
class CodedFit:
    """Currents of weights of plus and minus one over the current that came in, by a driver and by an entry.

    `generated` are those of a bias generator's setting of one, as a sink and as a source.
    """

    driver: tuple[float, float]
    entry: tuple[float, float]
    generated: tuple[float, float] = (1.0, 1.0)

    @property
    def trims(self) -> dict[str, Trim]:
        """The trims that undo the mean of both signs, by the names of the ways."""
        sink, source = self.generated
        return {
            DRIVER: Trim(gain=sum(self.driver) / 2),
            ENTRY: Trim(gain=sum(self.entry) / 2),
            f"bias_{SINK}": Trim(gain=sink),
            f"bias_{SOURCE}": Trim(gain=source),
        }


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
    gates = tuple(gate_cell(cells.place, way) for way in (SINK, SOURCE))
    return Circuit(
        name=name,
        title="weights of plus and minus one",
        subcircuits=(driver, entry, synapse, *gates),
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
            *_settings(cells),
        ),
        probes=(DRIVER, ENTRY),
        metered=(*(f"v_{way}" for way in ways), *GENERATED),
    )


def _settings(cells: CodedCells) -> Iterator[Device]:
    """The same current by a bias generator: into the diode of its sinks, and out of a source midway."""
    for way in (SINK, SOURCE):
        entry = f"{way}_in"
        yield cells.weight(f"x_{way}_current", gate=DRIVER, out=way, code=INTO, bits=BITS, each=1)
        yield VoltageSource(name=f"v_{way}_in", positive=way, negative=entry, waveform=0.0)
        yield placed_gate(f"x_{way}", way, entry, f"{way}_gate")
    yield cells.place.pmos("m_source", "sourced", f"{SOURCE}_gate")
    yield VoltageSource(name="v_sourced", positive="sourced", negative=GROUND, waveform=0.0)


def fit_coded(currents: Mapping[str, float], current: float) -> CodedFit:
    """Read the currents of the bench's sources, by their names, for the current in A that came in."""
    driver, entry = (
        tuple(abs(currents[f"v_{way}_{sign}"]) / current for sign in CODES) for way in (DRIVER, ENTRY)
    )
    sink, source = (abs(currents[name]) / current for name in GENERATED)
    return CodedFit(driver=(driver[0], driver[1]), entry=(entry[0], entry[1]), generated=(sink, source))
