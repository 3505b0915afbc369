"""ngspice as a simulator: found, told how to start, read.

PySpice's own runners are not used: with a netlist that does not load, its shared library silently returns the
waveforms of the previous circuit, and its subprocess mode does not read the output of current ngspice.
"""

import re
import shutil
import subprocess
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from netlists.errors import SimulatorMissing
from netlists.netlist import Netlist
from netlists.simulation.base import Program, Simulator
from netlists.waveforms.raw import read_raw

OLDEST_VERSION = 36

_INSTALL = (
    "install ngspice: `apt install ngspice` (Debian, Ubuntu), `dnf install ngspice` (Fedora), "
    "`brew install ngspice` (macOS) or `conda install -c conda-forge ngspice`"
)
# One thread: a small circuit gains nothing from more, and two processes would fight for the cores.
# ng_nomodcheck: ngspice repeats its check of model cards for every instance.
_SPICEINIT = "set num_threads=1\nset ng_nomodcheck\nset filetype=binary\n"
_RAW = "output.raw"
_KLU = "Using KLU as Direct Linear Solver"


def find() -> Program:
    """The ngspice on the search path; `SimulatorMissing` says how to install one."""
    path = shutil.which("ngspice")
    if path is None:
        raise SimulatorMissing(f"there is no ngspice on the search path; {_INSTALL}")
    version = _version(path)
    if version < OLDEST_VERSION:
        raise SimulatorMissing(
            f"{path} is ngspice {version}; version {OLDEST_VERSION} or later is needed; {_INSTALL}"
        )
    return Program(path=path, version=str(version))


@lru_cache(maxsize=8)
def _version(path: str) -> int:
    try:
        answer = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SimulatorMissing(f"{path} does not start: {error}; {_INSTALL}") from error
    found = re.search(r"ngspice-(\d+)", answer.stdout + answer.stderr)
    if not found:
        raise SimulatorMissing(f"{path} does not say that it is ngspice; {_INSTALL}")
    return int(found[1])


def prepare(folder: Path, netlist: Netlist, program: Program) -> list[str]:
    """ngspice's start-up file, and its command in batch mode."""
    (folder / ".spiceinit").write_text(_SPICEINIT, encoding="ascii")
    return [program.path, "-b", "-r", _RAW, netlist.bench]


def describe(log: str) -> Mapping[str, str]:
    """Which linear solver was used."""
    return {"solver": "KLU" if _KLU in log else "sparse"}


SIMULATOR = Simulator(
    name="ngspice", dialect="ngspice", find=find, prepare=prepare, raw=_RAW, read=read_raw, describe=describe
)
