"""Verilog-A as a dialect: all behavioural subcircuits of a circuit in one file of modules, for tools that read such."""

from collections.abc import Iterator

from circuits.data.circuit import Circuit, Device, Instance, Mosfet, Subcircuit, Value
from netlists.analyses import Analysis, Measure, Tolerances
from netlists.errors import NetlistError
from netlists.netlist import Netlist
from netlists.verilog_a.expressions import print_expression
from netlists.verilog_a.loose import with_modules
from netlists.verilog_a.module import Module, behavioural_part
from netlists.verilog_a.usage import usage
from netlists.writing.comments import comment
from netlists.writing.header import provenance
from netlists.writing.names import node_path
from netlists.writing.seam import Dialect, faults, noise_faults

_HEADER = '`include "constants.vams"\n`include "disciplines.vams"\n'


def modules(circuit: Circuit) -> dict[str, Module]:
    """The modules of a circuit's subcircuits, by the subcircuits' names.

    Raises:
        NetlistError: names that Verilog-A cannot have; all are named.
    """
    found: dict[str, Module] = {}
    wrong: list[str] = []
    for subcircuit in circuit.subcircuits:
        try:
            made, _ = behavioural_part(subcircuit)
        except NetlistError as error:
            wrong.append(str(error))
            continue
        if made is not None:
            found[subcircuit.name] = made
    taken = {subcircuit.name for subcircuit in circuit.subcircuits}
    for name, made in found.items():
        if made.name != name and made.name in taken:
            wrong.append(
                f"subcircuit {name}: its module {made.name} has the name of a subcircuit; rename that"
            )
    if wrong:
        raise NetlistError(f"circuit {circuit.name}: " + "; ".join(wrong))
    return found


def modules_text(circuit: Circuit) -> str:
    """All modules of a circuit as one file."""
    header = [f"// {line}" for line in provenance(circuit)]
    body = [made.text for made in modules(circuit).values()]
    return "\n".join(["\n".join(header), _HEADER, *body])


def write(
    circuit: Circuit, analysis: Analysis, tolerances: Tolerances, measures: tuple[Measure, ...]
) -> Netlist:
    """One file, `<name>.va`, with a module for the behavioural part of each subcircuit.

    It begins with how each tool loads it. What is left, instances and transistors, is listed in comments: this dialect
    has no test bench.
    """
    found = [*faults(circuit, analysis, measures), *noise_faults(circuit, analysis, "Verilog-A")]
    if found:
        raise NetlistError(f"circuit {circuit.name}: " + "; ".join(found))
    circuit = with_modules(circuit)
    file = f"{circuit.name}.va"
    head = "".join(f"// {line}\n" for line in usage(circuit, modules(circuit)))
    text = head + modules_text(circuit) + "".join(f"{line}\n" for line in _left(circuit))
    return Netlist(
        name=circuit.name,
        dialect=DIALECT.name,
        files={file: text},
        bench=file,
        analysis=analysis,
        probes={probe: ".".join(node_path(circuit, probe)) for probe in circuit.probes},
    )


def _left(circuit: Circuit) -> Iterator[str]:
    """What is in no module, as comments."""
    scopes: tuple[Circuit | Subcircuit, ...] = (*circuit.subcircuits, circuit)
    for scope in scopes:
        if isinstance(scope, Subcircuit):
            left = behavioural_part(scope)[1]
        else:
            left = tuple(device for device in scope.devices if isinstance(device, Instance))
        if left:
            yield f"// not in a module, of {scope.name}:"
            for device in left:
                what = device.subcircuit if isinstance(device, Instance) else type(device).__name__
                values = "".join(f" {key}={print_expression(value)}" for key, value in _values(device))
                yield f"//   {device.name} ({' '.join(device.terminals)}) {comment(what)}{values}"


def _values(device: Device) -> Iterator[tuple[str, Value]]:
    """What an instance or a transistor is given, by name."""
    if isinstance(device, Instance):
        yield from device.parameters.items()
    elif isinstance(device, Mosfet):
        yield from (("w", device.width), ("l", device.length), ("m", device.multiplicity))


DIALECT = Dialect(
    name="verilog-a", reader="simulators that compile Verilog-A: Spectre, Xyce, VACASK, ngspice", write=write
)
