"""VACASK's dialect: the netlist with its control block, and the Verilog-A of its behavioural parts."""

from collections.abc import Iterator, Mapping

from circuits.data.circuit import Capacitor, Circuit, Device, Resistor, Subcircuit
from netlists.analyses import Analysis, Measure, Tolerances, Transient
from netlists.errors import NetlistError
from netlists.netlist import Netlist
from netlists.vacask.cards import card, subcircuit_lines
from netlists.vacask.control import control_lines
from netlists.vacask.models import model_lines, module
from netlists.verilog_a.dialect import modules, modules_text
from netlists.verilog_a.loose import with_modules
from netlists.verilog_a.module import Module
from netlists.writing.expressions import print_number
from netlists.writing.header import provenance
from netlists.writing.names import card_name, node_path
from netlists.writing.seam import Dialect, faults, inspection_faults, noise_faults

_WORDS = """
analysis control embed endc ends endsection global ground include load model parameters save section subckt sweep
body capacitor resistor vsource isource vccs
"""
RESERVED = frozenset(_WORDS.split())
"""Words that begin a statement, and names that this dialect gives itself."""
SWITCHING = 1e-4
"""Time constant of switches, as a share of the largest step."""
_LINEAR: Mapping[type[Device], str] = {Capacitor: "capacitor", Resistor: "resistor"}


def write(
    circuit: Circuit, analysis: Analysis, tolerances: Tolerances, measures: tuple[Measure, ...]
) -> Netlist:
    """Two files: `<name>.sim`, which VACASK is given, and `<name>.va`, which is compiled and loaded first.

    `measures` are checked and left out: VACASK has no such statement.

    Raises:
        NetlistError: what VACASK or Verilog-A cannot say, all at once.
    """
    said = (
        *faults(circuit, analysis, measures),
        *noise_faults(circuit, analysis, "VACASK"),
        *inspection_faults(circuit, "VACASK"),
    )
    found = list(dict.fromkeys([*said, *_faults(circuit)]))
    if found:
        raise NetlistError(f"circuit {circuit.name}: " + "; ".join(found))
    circuit = with_modules(circuit)
    made = modules(circuit)
    files = {f"{circuit.name}.sim": "\n".join(_lines(circuit, analysis, tolerances, made)) + "\n"}
    if made:
        files[f"{circuit.name}.va"] = modules_text(circuit)
    cards = {device.name: card_name(device) for device in circuit.devices}
    return Netlist(
        name=circuit.name,
        dialect=DIALECT.name,
        files=files,
        bench=f"{circuit.name}.sim",
        analysis=analysis,
        probes={probe: ":".join(node_path(circuit, probe)) for probe in circuit.probes},
        metered={name: cards[name] for name in circuit.metered},
        title=circuit.name,
    )


def _faults(circuit: Circuit) -> Iterator[str]:
    scopes: tuple[Circuit | Subcircuit, ...] = (circuit, *circuit.subcircuits)
    for scope in scopes:
        where = f" in subcircuit {scope.name}" if isinstance(scope, Subcircuit) else ""
        names = {card_name(device): f"device {device.name}" for device in scope.devices}
        names |= {parameter.name: f"parameter {parameter.name}" for parameter in scope.parameters}
        for name, what in names.items():
            if name in RESERVED:
                yield f"{what}{where} has a name that VACASK or this dialect keeps for itself; rename it"
    for subcircuit in circuit.subcircuits:
        if subcircuit.name in RESERVED:
            yield f"subcircuit {subcircuit.name} has a name that VACASK or this dialect keeps for itself; rename it"
    for model in circuit.models:
        try:
            module(model)
        except NetlistError as error:
            yield str(error)


def _lines(
    circuit: Circuit, analysis: Analysis, tolerances: Tolerances, made: Mapping[str, Module]
) -> Iterator[str]:
    switching = SWITCHING * analysis.max_step if isinstance(analysis, Transient) else SWITCHING
    yield circuit.name
    yield from (f"// {line}" for line in provenance(circuit))
    yield "ground 0"
    yield from (f'load "{file}"' for file in dict.fromkeys(module(model)[0] for model in circuit.models))
    if made:
        yield f'load "{circuit.name}.osdi"'
    linear = {kind for kind, name in _LINEAR.items() for d in circuit.devices if isinstance(d, kind)}
    yield from (f'load "{_LINEAR[kind]}.osdi"' for kind in _LINEAR if kind in linear)
    used = ["vsource", "isource", "vccs", *(_LINEAR[kind] for kind in _LINEAR if kind in linear)]
    yield from (f"model {name} {name}" for name in [*used, *(each.name for each in made.values())])
    if circuit.parameters:
        yield "parameters " + " ".join(f"{p.name}={print_number(p.value)}" for p in circuit.parameters)
    yield from model_lines(circuit)
    for subcircuit in circuit.subcircuits:
        yield from subcircuit_lines(subcircuit, circuit, made, switching)
    yield ""
    yield from (card(device, circuit, made, switching) for device in circuit.devices)
    yield ""
    yield "control"
    yield from (f"  {line}" for line in control_lines(circuit, analysis, tolerances, made))
    yield "endc"


DIALECT = Dialect(name="vacask", reader="VACASK 0.3.4 and later", write=write)
