"""Runs of all kinds: opened, exported, simulated, compared; what a command says of a kind that it does not take."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

from excitable.runs.folder import RunError, RunFolder
from excitable.runs.stages.base import NGSPICE, Progress, Simulated

if TYPE_CHECKING:
    from excitable.ladder.decisions import DecisionLadder
    from excitable.runs.events import EventRun
    from excitable.runs.images import ImageRun
    from excitable.runs.series import SeriesRun
    from netlists.comparison import Ladder

Run: TypeAlias = "SeriesRun | EventRun | ImageRun"
_SHAPE = "the studio shows networks on series; `excitable report` shows this run"
_RETRAIN = (
    "its circuit states the model's own laws, so there are none to learn from it; `excitable train` trains it with "
    "other options"
)
_SWEEP = "virtual chips are drawn of networks on series; `excitable compare` says how far its circuit is from its model"
_DECIDE = "its circuit decides in `excitable simulate`, and `excitable compare` counts its classes beside the model's"
_ENERGY = (
    "its circuit is made of sources, which take nothing from a supply; `excitable compare` counts its spikes"
)
_RANK = "transistors are ranked of networks on series; `excitable compare` says how far its circuit is from its model"
_PLAN = "its neurons have no slow filters; `excitable compare` says how far its circuit is from its model"
_CHECK = "its circuit is made of sources and has no transistors; `excitable compare` says how far it is from its model"
_CONDITIONS = (
    "its circuit is made of sources, which no corner or supply moves; `excitable compare` says how far it is from its "
    "model"
)
REFUSED: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        **dict.fromkeys((("shape", "events"), ("shape", "images")), _SHAPE),
        **dict.fromkeys((("retrain", "events"), ("retrain", "images")), _RETRAIN),
        **dict.fromkeys((("sweep", "events"), ("sweep", "images")), _SWEEP),
        **dict.fromkeys((("decide", "events"), ("decide", "images")), _DECIDE),
        **dict.fromkeys((("rank", "events"), ("rank", "images")), _RANK),
        **dict.fromkeys((("plan", "events"), ("plan", "images")), _PLAN),
        **dict.fromkeys((("check", "events"), ("check", "images")), _CHECK),
        **dict.fromkeys((("conditions", "events"), ("conditions", "images")), _CONDITIONS),
        ("energy", "events"): _ENERGY,
    }
)
"""Why a command does not take a kind of run, and what does instead, by (command, kind); it takes all others."""


def opened(run: str | Path, *, trust: bool = False) -> Run:
    """The run of a name in `runs/`, or in a folder, as the kind that its configuration is of.

    Args:
        run: the name or folder.
        trust: whether code is run that its configuration names.

    Raises:
        RunError: there is none. ConfigurationError: its configuration has faults.
    """
    folder = RunFolder.find(run, trust=trust)
    kind = folder.configuration.kind
    # what a kind is trained with takes seconds to import, and a run that is not there needs none of it
    if kind == "events":
        from excitable.runs.events import EventRun

        return EventRun(folder.path, trust=trust)
    if kind == "images":
        from excitable.runs.images import ImageRun

        return ImageRun(folder.path, trust=trust)
    from excitable.runs.series import SeriesRun

    return SeriesRun(folder.path, trust=trust)


def on_series(command: str, run: str | Path, *, trust: bool = False) -> "SeriesRun":
    """The run, for a command that takes those on series only.

    Raises:
        RunError: it is of another kind; the message says why that is not taken, and what does instead.
    """
    found = opened(run, trust=trust)
    if (command, found.configuration.kind) in REFUSED:
        raise refusal(command, found)

    from excitable.runs.series import SeriesRun

    return SeriesRun(found.path, trust=trust)


def refusal(command: str, run: Run) -> RunError:
    """What to tell of a run whose kind a command does not take."""
    kind = run.configuration.kind
    return RunError(
        f"{run.path}: `excitable {command}` does not take a run on {kind}: {REFUSED[command, kind]}"
    )


def export_run(run: Run, levels: Sequence[str] = (), dialect: str = NGSPICE) -> list[Path]:
    """Write the run's circuit into its `netlists/`; the test benches are returned.

    Args:
        run: a trained run.
        levels: of the circuit; those of the configuration where none are given.
        dialect: a name of `netlists.writing.DIALECTS`; only runs on series have another than ngspice's.
    """
    benches: list[Path] = _stages(run).export_run(run, levels, dialect)
    return benches


def simulate_run(run: Run, levels: Sequence[str] = (), progress: Progress | None = None) -> Simulated:
    """Run model, equation and circuits on data that training did not see, and keep what they did.

    Args:
        run: a trained run.
        levels: of the circuit; those of the configuration where none are given.
        progress: called with the name of a piece of work, how much of it is done, and all of it.
    """
    left: Simulated = _stages(run).simulate_run(run, levels, progress)
    return left


def compare_run(
    run: Run, levels: Sequence[str] = (), witness: str | None = None, progress: Progress | None = None
) -> "Ladder | DecisionLadder":
    """Compare the rungs of a simulated run with each other, and write `comparison.json`.

    Args:
        run: a simulated run.
        levels: of the circuit; all that are simulated where none are given.
        witness: a second simulator; only runs on series have one, see `stages.series.compare_run`.
        progress: called with the name of a piece of work, how much of it is done, and all of it.
    """
    ladder: Ladder | DecisionLadder = _stages(run).compare_run(run, levels, witness, progress)
    return ladder


def _stages(run: Run) -> Any:
    """The module in which a kind's stages stand, which takes seconds to import."""
    return import_module(f"excitable.runs.stages.{run.configuration.kind}")
