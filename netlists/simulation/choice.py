"""The seam of simulators.

A simulator is a module `simulator` in a dialect's folder that holds one object, `SIMULATOR`, and one line in the table
here.
"""

from collections.abc import Iterable, Mapping
from importlib import import_module
from types import MappingProxyType

from netlists.errors import NetlistError, SimulatorMissing
from netlists.netlist import Netlist
from netlists.simulation.base import Program, Simulator

SIMULATORS: Mapping[str, str] = MappingProxyType(
    {
        "ngspice": "netlists.ngspice.simulator",
        "vacask": "netlists.vacask.simulator",
    }
)
"""Where each simulator is."""
COMPILED_NGSPICE = "ngspice-osdi"
"""What one might ask for: an ngspice with compiled modules, which no code here writes netlists for."""


def known_simulator(name: str) -> Simulator:
    """The simulator of that name, installed or not; `NetlistError` with the known ones."""
    if name not in SIMULATORS:
        raise NetlistError(no_such_simulator(name, SIMULATORS))
    found: Simulator = import_module(SIMULATORS[name]).SIMULATOR
    return found


def no_such_simulator(name: str, known: Iterable[str]) -> str:
    """What to say of a name that is none of a simulator's; of `ngspice-osdi`, what there is instead."""
    words = f"there is no simulator {name!r}; known are {', '.join(known)}"
    if name != COMPILED_NGSPICE:
        return words
    try:
        found = f"ngspice {find_simulator('ngspice').version} is here"
    except SimulatorMissing:
        found = "no ngspice is here"
    return (
        f"{words}. ngspice has read compiled modules (OSDI) since version 43, and {found}, but netlists for it have "
        "laws as sources; take vacask, which runs the same modules, or write them: excitable export --dialect verilog-a"
    )


def find_simulator(name: str) -> Program:
    """The program on this machine; `SimulatorMissing` says how to get it."""
    return known_simulator(name).find()


def reader_of(netlist: Netlist, simulator: str | Simulator | None) -> Simulator:
    """The simulator that is asked for, or where none is, the first that reads the netlist's dialect.

    Raises:
        NetlistError: no simulator reads that dialect, or the one that is asked for does not.
    """
    if simulator is None:
        for name in SIMULATORS:
            if known_simulator(name).dialect == netlist.dialect:
                return known_simulator(name)
        raise NetlistError(
            f"netlist {netlist.name} is written in the dialect {netlist.dialect}, which no simulator here reads; "
            f"write it in one of {', '.join(known_simulator(name).dialect for name in SIMULATORS)}"
        )
    chosen = known_simulator(simulator) if isinstance(simulator, str) else simulator
    if chosen.dialect != netlist.dialect:
        raise NetlistError(
            f"netlist {netlist.name} is written in the dialect {netlist.dialect}; {chosen.name} reads "
            f'{chosen.dialect}: write_netlist(…, dialect="{chosen.dialect}")'
        )
    return chosen
