"""Runs of all kinds by their name, and what a command that does not serve a kind says instead."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from excitable.runs.events import EventRun
from excitable.runs.folder import RunError, RunFolder
from excitable.runs.images import ImageRun
from excitable.runs.series import SeriesRun

Run = SeriesRun | EventRun | ImageRun
RUNS_OF: Mapping[str, type[SeriesRun] | type[EventRun] | type[ImageRun]] = MappingProxyType(
    {"series": SeriesRun, "events": EventRun, "images": ImageRun}
)
"""The class of the runs of each kind."""

REFUSED: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        (command, kind): reason
        for kind in ("events", "images")
        for command, reason in {
            "shape": "the studio shows networks on series; `excitable report` shows this run",
            "retrain": "its circuit states the model's own laws, so there are none to learn from it; `excitable train` "
            "trains it with other options",
            "sweep": "virtual chips are drawn of networks on series; `excitable compare` says how far this run's "
            "circuit is from its model",
            "energy": "its circuit is made of sources, which take nothing from a supply; only networks on series have "
            "amplifiers yet",
            "export": "TODO",
            "simulate": "TODO",
            "compare": "TODO",
            "demo": "TODO",
        }.items()
    }
)
"""Why a command does not serve a kind of run, and what does instead, by (command, kind)."""


def opened(run: str | Path) -> Run:
    """The run of a name in `runs/`, or in a folder, as the kind that its configuration is of.

    Raises:
        RunError: there is none. ConfigurationError: its configuration has faults.
    """
    folder = RunFolder.find(run)
    return RUNS_OF[folder.configuration.kind](folder.path)


def on_series(command: str, run: str | Path) -> SeriesRun:
    """The run, for a command that takes those on series only.

    Raises:
        RunError: it is of another kind; the message says why that is not taken, and what does instead.
    """
    found = opened(run)
    if not isinstance(found, SeriesRun):
        raise refusal(command, found)
    return found


def refusal(command: str, run: Run) -> RunError:
    """What to tell of a run whose kind a command does not take."""
    kind = run.configuration.kind
    return RunError(
        f"{run.path}: `excitable {command}` does not take a run on {kind}: {REFUSED[command, kind]}"
    )
