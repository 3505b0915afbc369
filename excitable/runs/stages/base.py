"""What the stages of all kinds of run share."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from conductance.files import typed
from excitable.runs.environment import VERSION
from excitable.runs.folder import WEIGHTS, RunError, RunFolder

PARTS = "parts"
"""Below the netlists: those of the simulated parts, a folder for each level."""
BEHAVIOURAL = "behavioural"
NGSPICE = "ngspice"
Progress = Callable[[str, int, int], None]
"""Called with the name of a piece of work, how much of it is done, and all of it."""


@dataclass(frozen=True, kw_only=True)
class Simulated:
    """What a simulation left: a file, what is in it, and of which rungs."""

    path: Path
    what: str
    rungs: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.what} ({', '.join(self.rungs)}): {self.path}"


def behavioural_only(run: RunFolder, levels: Sequence[str]) -> None:
    """Raise `RunError` where a level is asked for that the circuits of a kind of run do not have."""
    others = [level for level in levels if level != BEHAVIOURAL]
    if others:
        raise RunError(
            f"{run.path}: level {others[0]!r}: the circuit of a run on {run.configuration.kind} has the level "
            f"{BEHAVIOURAL} only; leave --level out"
        )


def ngspice_only(run: RunFolder, option: str, value: str) -> None:
    """Raise `RunError` where another dialect or simulator is asked for than the circuits of a kind of run have."""
    if value != NGSPICE:
        raise RunError(
            f"{run.path}: {option} {value}: the circuit of a run on {run.configuration.kind} is written for and "
            f"simulated in {NGSPICE} only; leave {option} out"
        )


def not_simulated(run: RunFolder, name: str) -> RunError:
    """What to tell of a run without simulation, or with one of another network or other options in file `name`."""
    found = (
        f"{name} is of another network or other options than the run has now"
        if (run.path / name).exists()
        else "nothing is simulated yet"
    )
    return RunError(f"{run.path}: {found}; `excitable simulate {typed(run.path)}` makes it")


def basis_of(run: RunFolder, *decisive: object) -> str:
    """A digest of a run's weights and of all else that decides what its rungs do."""
    digest = hashlib.sha256(VERSION.encode() + (run.path / WEIGHTS).read_bytes())
    digest.update(repr(decisive).encode())
    return digest.hexdigest()
