"""What a simulator is, and what became of one simulation; both are values."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import xarray as xr

from netlists.errors import SimulationFailed
from netlists.netlist import Netlist
from netlists.waveforms.raw import Plot


@dataclass(frozen=True, kw_only=True)
class Program:
    """A simulator that answers on this machine: where it is, and its version."""

    path: str
    version: str


@dataclass(frozen=True, kw_only=True)
class Simulator:
    """A program that simulates netlists of one dialect.

    Attributes:
        name: by which it is chosen.
        dialect: of the netlists that it reads.
        find: the program on this machine; `SimulatorMissing` says how to get it.
        prepare: writes settings of the program beside the netlist and gives the command that is run in that folder.
        raw: name of the file that the command leaves waveforms in.
        read: its plots, in which node n is called `v(n)` and the current of source s `i(s)`.
        describe: what the waveforms should say of how they were made, from the program's words.
    """

    name: str
    dialect: str
    find: Callable[[], Program]
    prepare: Callable[[Path, Netlist, Program], list[str]]
    raw: str
    read: Callable[[Path], list[Plot]]
    describe: Callable[[str], Mapping[str, str]]

    @property
    def log(self) -> str:
        """Name of the file with the program's words."""
        return f"{self.name}.log"


@dataclass(frozen=True, kw_only=True)
class Run:
    """What became of one simulation.

    `reason` is empty where it succeeded; `log` has the simulator's words; `waveforms` are whole or None;
    `seconds` of wall-clock time were spent.
    """

    name: str
    ok: bool
    reason: str = ""
    log: str = ""
    waveforms: xr.Dataset | None = None
    seconds: float = 0.0

    def require(self) -> xr.Dataset:
        """The waveforms, or `SimulationFailed` with the reason and the simulator's words."""
        if self.waveforms is None:
            raise SimulationFailed(f"simulation {self.name}: {self.reason}")
        return self.waveforms
