"""The writer of SPICE for other tools: one file that holds circuit and test bench."""

from collections import Counter
from collections.abc import Iterator

from circuits.data.circuit import Circuit, CurrentSource, Subcircuit, Switch, VoltageSource
from netlists.analyses import (
    Analysis,
    DCSweep,
    Measure,
    Noise,
    OperatingPoint,
    SmallSignal,
    Tolerances,
    Transient,
)
from netlists.errors import NetlistError
from netlists.netlist import Netlist
from netlists.spice.cards import card, model_lines, subcircuit_lines
from netlists.spice.tongue import Tongue
from netlists.writing.expressions import print_number, print_rounded
from netlists.writing.header import provenance
from netlists.writing.initial import initial_voltages
from netlists.writing.names import card_name, node_path
from netlists.writing.seam import Dialect, faults, inspection_faults, noise_faults

_KINDS = {Transient: "tran", DCSweep: "dc", OperatingPoint: "op", SmallSignal: "ac"}


def dialect_of(tongue: Tongue) -> Dialect:
    """The dialect that a table describes."""

    def write(
        circuit: Circuit, analysis: Analysis, tolerances: Tolerances, measures: tuple[Measure, ...]
    ) -> Netlist:
        said = (
            *faults(circuit, analysis, measures),
            *noise_faults(circuit, analysis, tongue.reader),
            *inspection_faults(circuit, tongue.reader),
        )
        found = list(dict.fromkeys([*said, *_faults(circuit, tongue)]))
        if found:
            raise NetlistError(f"circuit {circuit.name}: " + "; ".join(found))
        bench = f"{circuit.name}.cir"
        lines = list(_lines(circuit, analysis, tolerances, tongue))
        return Netlist(
            name=circuit.name,
            dialect=tongue.name,
            files={bench: "\n".join(lines) + "\n"},
            bench=bench,
            analysis=analysis,
            probes={probe: _node(circuit, probe) for probe in circuit.probes},
            metered={name: _source(circuit, name) for name in circuit.metered},
            title=lines[0],
        )

    return Dialect(name=tongue.name, reader=tongue.reader, write=write)


def _faults(circuit: Circuit, tongue: Tongue) -> Iterator[str]:
    scopes: tuple[Circuit | Subcircuit, ...] = (circuit, *circuit.subcircuits)
    for scope in scopes:
        where = f" in subcircuit {scope.name}" if isinstance(scope, Subcircuit) else ""
        names = [(f"parameter {p.name}", p.name) for p in scope.parameters]
        names += [(f"node {node}", node) for node in sorted(scope.nodes)]
        for what, name in names:
            if name in tongue.reserved:
                yield f"{what}{where} has a name that {tongue.reader} keeps for itself; rename it"
        for name, count in Counter(card_name(device) for device in scope.devices).items():
            if count > 1:
                same = " and ".join(d.name for d in scope.devices if card_name(d) == name)
                yield f"devices {same}{where} would share the card {name}; rename one"
        for device in scope.devices:
            if isinstance(device, Switch) and not tongue.hysteresis:
                yield f"{device.label}{where} remembers, and the switch of {tongue.reader} does not; use ngspice"
    for model in circuit.models:
        if model.level not in tongue.levels:
            known = ", ".join(map(str, tongue.levels))
            yield f"model {model.name} has level {model.level}; {tongue.reader} has {known}"


def _lines(circuit: Circuit, analysis: Analysis, tolerances: Tolerances, tongue: Tongue) -> Iterator[str]:
    yield from (f"* {line}" for line in provenance(circuit))
    yield f"* for {tongue.reader}; not run by the tests of excitable"
    yield ""
    yield from (f".param {p.name}={print_number(p.value)}" for p in circuit.parameters)
    yield from model_lines(circuit, tongue)
    for subcircuit in circuit.subcircuits:
        yield ""
        yield from subcircuit_lines(subcircuit, circuit, tongue)
    yield ""
    for device in circuit.devices:
        yield from card(device, circuit, tongue)
    yield ""
    if isinstance(analysis, Transient):
        for node, value in initial_voltages(circuit).items():
            yield f".ic v({node.replace('.', ':')})={print_rounded(value)}"
    yield from tongue.options(tolerances, circuit.temperature)
    nodes = list(dict.fromkeys(_node(circuit, probe) for probe in circuit.probes))
    yield from tongue.saves(
        _KINDS[type(analysis)], nodes, [_source(circuit, name) for name in circuit.metered]
    )
    yield _analysis(analysis, circuit)
    yield ".end"


def _analysis(analysis: Analysis, circuit: Circuit) -> str:
    match analysis:
        case OperatingPoint():
            return ".op"
        case Transient():
            step = analysis.max_step if analysis.step is None else analysis.step
            numbers = (step, analysis.stop, analysis.start_save, analysis.max_step)
            return f".tran {' '.join(print_rounded(number) for number in numbers)}"
        case DCSweep():
            ends = (analysis.start, analysis.stop, analysis.step)
            return f".dc {_source(circuit, analysis.source)} {' '.join(print_number(v) for v in ends)}"
        case SmallSignal():
            return f".ac dec {analysis.points} {print_number(analysis.start)} {print_number(analysis.stop)}"
        case Noise():
            raise NetlistError(f"circuit {circuit.name}: this dialect has no noise analysis")


def _node(circuit: Circuit, path: str) -> str:
    return ":".join(node_path(circuit, path))


def _source(circuit: Circuit, name: str) -> str:
    sources = (device for device in circuit.devices if isinstance(device, VoltageSource | CurrentSource))
    return next(card_name(device) for device in sources if device.name == name)
