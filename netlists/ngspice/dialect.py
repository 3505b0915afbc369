"""ngspice's dialect: the passes in their order, and the files made of their sections."""

from circuits.data.circuit import Circuit
from netlists.analyses import Analysis, Measure, Tolerances
from netlists.netlist import Netlist
from netlists.ngspice.draft import Draft
from netlists.ngspice.names import spice_node, spice_sources, spice_transistors
from netlists.ngspice.passes import PASSES
from netlists.writing import Dialect


def write(
    circuit: Circuit, analysis: Analysis, tolerances: Tolerances, measures: tuple[Measure, ...]
) -> Netlist:
    """The circuit as a `Netlist` of these files.

    * `<name>.lib`: the library, in a section named after the corner (`tt` is typical): parameters and subcircuits;
    * `<name>.cir`: the circuit without its sources, to be included anywhere;
    * `<name>_bench.cir`: the test bench, which `ngspice <name>_bench.cir` runs;
    * `<name>_<source>.txt`: the values of each input of more than 1000 holds.

    Raises `NetlistError`, naming all faults, where the circuit cannot be written.
    """
    draft = Draft(circuit=circuit, analysis=analysis, tolerances=tolerances, measures=measures)
    for apply in PASSES:
        draft = apply(draft)
    name, corner, sections = circuit.name, circuit.corner, draft.sections
    library = [
        *sections["header"],
        f'* library at the corner {corner}; use it as: .lib "{name}.lib" {corner}',
        "",
        f".lib {corner}",
        *sections["parameters"],
        *sections["models"],
        *sections["subcircuits"],
        "",
        f".endl {corner}",
    ]
    body = [
        *sections["header"],
        "* circuit without its sources",
        "",
        f'.lib "{name}.lib" {corner}',
        "",
        *sections["devices"],
    ]
    bench = [*sections["header"], "* test bench", "", f'.include "{name}.cir"']
    for section in ("sources", "initial", "options", "saves", "measures", "analysis", "control"):
        bench += ["", *sections[section]] if sections[section] else []
    files = {f"{name}.lib": library, f"{name}.cir": body, f"{name}_bench.cir": [*bench, "", ".end"]}
    return Netlist(
        name=name,
        files={file: "\n".join(lines) + "\n" for file, lines in files.items()} | dict(draft.files),
        dialect=DIALECT.name,
        bench=f"{name}_bench.cir",
        analysis=analysis,
        probes={probe: spice_node(circuit, probe) for probe in circuit.probes},
        metered=spice_sources(circuit),
        inspected=spice_transistors(circuit),
        title=bench[0],
    )


DIALECT = Dialect(name="ngspice", reader="ngspice 36 and later", write=write)
