"""What the passes hand to one another: the circuit, the task, and the lines written so far."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from circuits.data.circuit import Circuit
from netlists.analyses import Analysis, Measure, Tolerances


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A netlist in the making. `sections` holds finished lines by the name of their section, `files` data by file."""

    circuit: Circuit
    analysis: Analysis
    tolerances: Tolerances
    measures: tuple[Measure, ...] = ()
    sections: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)

    def with_section(self, name: str, lines: Iterable[str]) -> "Draft":
        """A copy with one more section."""
        return replace(self, sections={**self.sections, name: tuple(lines)})

    def with_files(self, files: Mapping[str, str]) -> "Draft":
        """A copy with more data files beside the netlist."""
        return replace(self, files={**self.files, **files})


Pass = Callable[[Draft], Draft]
