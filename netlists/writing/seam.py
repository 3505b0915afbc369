"""The seam of dialects: a circuit written for one of the tools that read netlists.

A dialect is a folder beside this file with a `dialect` module that holds one object, `DIALECT`, and one line in the
table here.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from types import MappingProxyType

from circuits.data.circuit import Circuit, CurrentSource, NoiseSource, Subcircuit, VoltageSource
from netlists.analyses import Analysis, DCSweep, Measure, Noise, Tolerances, Transient
from netlists.errors import NetlistError
from netlists.netlist import Netlist
from netlists.writing.voltages import possible_voltages

DIALECTS: Mapping[str, str] = MappingProxyType(
    {
        "ngspice": "netlists.ngspice.dialect",
        "verilog-a": "netlists.verilog_a.dialect",
        "vacask": "netlists.vacask.dialect",
        "xyce": "netlists.xyce.dialect",
        "ltspice": "netlists.ltspice.dialect",
        "lvs": "netlists.lvs.dialect",
        "xschem": "netlists.xschem.dialect",
    }
)
"""Where each dialect is; its module is loaded when it is first written."""


Writer = Callable[[Circuit, Analysis, Tolerances, tuple[Measure, ...]], Netlist]


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """A language of netlists.

    Attributes:
        name: by which it is chosen.
        reader: what reads it, in words.
        write: a circuit as the files of one simulation. It refuses, with `NetlistError` and all faults at once, the
            `faults` that all dialects share, and what its own language cannot say or would misread.
    """

    name: str
    reader: str
    write: Writer


def find_dialect(name: str) -> Dialect:
    """The dialect of that name, or `NetlistError` with the known ones."""
    if name not in DIALECTS:
        raise NetlistError(f"there is no dialect {name!r}; known are {', '.join(DIALECTS)}")
    found: Dialect = import_module(DIALECTS[name]).DIALECT
    return found


def write_netlist(
    circuit: Circuit,
    analysis: Analysis,
    tolerances: Tolerances,
    measures: Iterable[Measure] = (),
    *,
    dialect: str | Dialect = "ngspice",
) -> Netlist:
    """The circuit as a `Netlist`: the files of one simulation.

    Args:
        circuit: what is written.
        analysis: what is simulated.
        tolerances: how exactly.
        measures: what the simulator itself measures at the end, where the dialect can say it.
        dialect: a name of `DIALECTS`, or a dialect of one's own.

    Raises:
        NetlistError: the circuit cannot be written; all faults are named.
    """
    chosen = find_dialect(dialect) if isinstance(dialect, str) else dialect
    written = chosen.write(circuit, analysis, tolerances, tuple(measures))
    return replace(written, voltages=possible_voltages(circuit, tolerances))


def faults(circuit: Circuit, analysis: Analysis, measures: Iterable[Measure]) -> Iterator[str]:
    """What no dialect can write, in words: nothing observed, an unknown swept source, measurements of nothing."""
    if not circuit.probes:
        yield "it has no probes, so a simulation would keep nothing; name the nodes to observe"
    measures = tuple(measures)
    if measures and not isinstance(analysis, Transient):
        yield "spike times are measured in a transient analysis only"
    for name, count in Counter(measure.name for measure in measures).items():
        if count > 1:
            yield f"two measurements are named {name}; rename one"
    for measure in measures:
        if measure.node not in circuit.probes:
            yield f"measurement {measure.name} reads node {measure.node}; add it to the probes"
    if isinstance(analysis, DCSweep | Noise):
        what = "DC sweep" if isinstance(analysis, DCSweep) else "noise analysis"
        sources = {d.name: d for d in circuit.devices if isinstance(d, VoltageSource | CurrentSource)}
        if analysis.source not in sources:
            known = ", ".join(sources) or "none"
            yield f"the {what} names source {analysis.source}; known are {known}"
        elif isinstance(analysis, Noise) and not sources[analysis.source].small_signal:
            yield f"the noise analysis refers to source {analysis.source}, which has no small_signal amplitude"
    if isinstance(analysis, Noise) and not circuit.has_node(analysis.node):
        yield f"the noise analysis reads node {analysis.node}, which is no node of the circuit"


def inspection_faults(circuit: Circuit, reader: str) -> Iterator[str]:
    """What a dialect says of transistors whose operating point it cannot keep."""
    if circuit.inspected:
        yield f"operating points of transistors are kept by ngspice only, not by {reader}"


def noise_faults(circuit: Circuit, analysis: Analysis, reader: str) -> Iterator[str]:
    """What a dialect without noise says of it."""
    if isinstance(analysis, Noise):
        yield f"noise is analysed by ngspice only, not by {reader}"
    scopes: tuple[Circuit | Subcircuit, ...] = (circuit, *circuit.subcircuits)
    for scope in scopes:
        for device in scope.devices:
            if isinstance(device, NoiseSource):
                yield f"{device.label}: noise in time is drawn by ngspice only, not by {reader}"
