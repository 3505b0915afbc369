"""How the modules are loaded, as comments at the head of their file: one instance, in the words of each tool.

The lines for VACASK are run by a test, those for ngspice were in ngspice 46; those for Spectre and Xyce are their
manuals'.
"""

from collections.abc import Iterator, Mapping

from circuits.data.circuit import Circuit, Instance
from netlists.verilog_a.expressions import print_expression
from netlists.verilog_a.module import Module


def usage(circuit: Circuit, modules: Mapping[str, Module]) -> Iterator[str]:
    """Lines of text, without their mark; none where there are no modules."""
    if not modules:
        return
    module, nodes, values = _example(circuit, modules)
    name, file = module.name, circuit.name
    given = "".join(f" {key}={value}" for key, value in values.items())
    yield "how to load it, with one instance as an example; parameters that are not given have their defaults:"
    yield "  ngspice 43 and later, and VACASK, load it compiled:"
    yield f"    openvaf-r {file}.va -o {file}.osdi"
    yield "  ngspice, in a netlist:"
    yield f"    .model {name}_model {name}"
    yield f"    n1 {' '.join(nodes)} {name}_model{given}"
    yield "    .control"
    yield f"    pre_osdi {file}.osdi"
    yield "    run"
    yield "    .endc"
    yield "  VACASK, in a netlist:"
    yield f'    load "{file}.osdi"'
    yield f"    model {name} {name}"
    yield f"    n1 ({' '.join(nodes)}) {name}{given}"
    yield "  Spectre, in a netlist, not run by us:"
    yield f'    ahdl_include "{file}.va"'
    yield f"    n1 ({' '.join(nodes)}) {name}{given}"
    yield f"  Xyce, in a netlist, with the plugin that `buildxyceplugin {file}.va .` makes of it, not run by us:"
    yield f"    y{name} n1 {' '.join(nodes)}{given}"


def _example(
    circuit: Circuit, modules: Mapping[str, Module]
) -> tuple[Module, tuple[str, ...], dict[str, str]]:
    """A module, the nodes of an instance and its parameters: the circuit's first, or without one the module's pins."""
    for device in circuit.devices:
        made = modules.get(device.subcircuit) if isinstance(device, Instance) else None
        if isinstance(device, Instance) and made is not None and made.name == device.subcircuit:
            values = {key: print_expression(value) for key, value in device.parameters.items()}
            return made, tuple(device.connections[pin.name] for pin in made.pins), values
    made = next(iter(modules.values()))
    return made, tuple(pin.name for pin in made.pins), {}
