"""The written netlist as a value: texts of its files, what is analysed and what is observed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from conductance.files import StorageError, cannot_write, write_whole
from netlists.analyses import Analysis
from netlists.errors import NetlistError


@dataclass(frozen=True, kw_only=True)
class Netlist:
    """Files of one simulation: `bench` names the one that ngspice is given, the others are included by it.

    `dialect` says in which language they are written. `probes` maps each observed node path to the name by which the
    simulator knows that node, `metered` each voltage source whose current is observed, `inspected` each transistor
    whose operating point is.
    `voltages` (V) are the lowest and the highest that a probed node can have, `title` is what the simulator repeats.
    """

    name: str
    files: Mapping[str, str]
    bench: str
    analysis: Analysis
    probes: Mapping[str, str]
    metered: Mapping[str, str] = field(default_factory=dict)
    inspected: Mapping[str, str] = field(default_factory=dict)
    dialect: str = "ngspice"
    voltages: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    title: str = ""

    def write(self, folder: Path | str) -> Path:
        """Write all files into `folder`, each whole or not at all; the path of the bench is returned."""
        target = Path(folder)
        try:
            target.mkdir(parents=True, exist_ok=True)
            for name, text in self.files.items():
                write_whole(target / name, text.encode("ascii"))
        except (OSError, StorageError) as error:
            reason = cannot_write(target, error) if isinstance(error, OSError) else error
            raise NetlistError(f"netlist {self.name} cannot be written to {target}: {reason}") from error
        return target / self.bench
