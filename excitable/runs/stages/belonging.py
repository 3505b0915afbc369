"""Of which weights each result of a run is, so that a result that a later training left behind is known as stale."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conductance.files import typed
from conductance.storage.networks import read_json
from excitable.runs.folder import COMPARISON, MODEL, NETLISTS, WAVEFORMS, WEIGHTS, RunFolder

BELONGING = "belonging.json"
"""In the run folder: each result, the digest of the weights that it is of, and the command that makes it."""
MADE_BY = {
    NETLISTS: "export",
    WAVEFORMS: "simulate",
    COMPARISON: "compare",
    "sweep.json": "sweep",
    "energy.json": "energy",
}
"""The command that makes each result, for those of a time before it was noted."""
COPIED = 10.0
"""Seconds by which the times of files may lie apart that were copied together."""


class StaleWarning(UserWarning):
    """Results of a run that are of other weights than it has now."""


@dataclass(frozen=True, kw_only=True)
class Stale:
    """Results that are of other weights than the run has now.

    Attributes:
        names: their places in the run folder.
        commands: what makes them anew, in the order of the loop.
    """

    names: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()

    def __str__(self) -> str:
        if not self.names:
            return ""
        shown = [name for name in self.names if "/" not in name]
        folders = sorted({name.partition("/")[0] + "/" for name in self.names if "/" in name})
        renewed = _joined([f"`{command}`" for command in self.commands])
        return (
            f"{_joined([*folders, *shown])} {'is' if len(folders + shown) == 1 else 'are'} of other weights than "
            f"{WEIGHTS} has now, and left out; {renewed} renew{'s' if len(self.commands) == 1 else ''} what is missing"
        )


def note_weights(run: RunFolder, command: str, *results: Path) -> None:
    """Keep of which weights results are.

    Args:
        run: whose results they are; the caller holds its lock.
        command: of excitable that makes them, without the run, as `simulate` or `export --level mixed`.
        results: files in the run folder.
    """
    verb, _, options = command.partition(" ")
    entry = {"weights": weights_digest(run.path), "command": verb, "options": options}
    names = [path.relative_to(run.path).as_posix() for path in results]
    run.write_json(BELONGING, _known(run.path) | dict.fromkeys(names, entry))


def stale_results(folder: Path, shown: str = "") -> Stale:
    """The results in a run folder that are of other weights than those beside them.

    A result of which no weights were noted is of others where it is older than those beside it.

    Args:
        folder: of the run.
        shown: what a user types for it; its path where not given.
    """
    if not (folder / WEIGHTS).is_file():
        return Stale()
    known, now = _known(folder), weights_digest(folder)
    known = _older(folder, known) | known
    found = {
        name: entry for name, entry in known.items() if entry["weights"] != now and (folder / name).exists()
    }
    order = ("export", "simulate", "compare")
    entries = sorted(
        found.values(),
        key=lambda entry: order.index(entry["command"]) if entry["command"] in order else len(order),
    )
    commands = [
        " ".join(filter(None, ("excitable", entry["command"], shown or typed(folder), entry["options"])))
        for entry in entries
    ]
    return Stale(names=tuple(found), commands=tuple(dict.fromkeys(commands)))


def weights_digest(folder: Path) -> str:
    """A digest of a run's network: its declaration, where it has one beside its weights, and its weights."""
    paths = [folder / name for name in (MODEL, WEIGHTS)]
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths if path.is_file())).hexdigest()


def _known(folder: Path) -> dict[str, Any]:
    path = folder / BELONGING
    return dict(read_json(path)) if path.is_file() else {}


def _older(folder: Path, known: Mapping[str, Any]) -> dict[str, Any]:
    """As noted of no weights: the results that nothing is noted of and that are older than the weights."""
    weights = (folder / WEIGHTS).stat().st_mtime
    found: dict[str, Any] = {}
    for place, command in MADE_BY.items():
        path = folder / place
        files = sorted(path.rglob("*.cir")) if path.is_dir() else [path]
        for name in (file.relative_to(folder).as_posix() for file in files if file.is_file()):
            if name not in known and (folder / name).stat().st_mtime < weights - COPIED:
                found[name] = {"weights": "", "command": command, "options": ""}
    return found


def _joined(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))
