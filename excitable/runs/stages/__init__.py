"""What is done to a trained run of any kind: export, simulate, compare. Each stage leaves its files in the folder."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from excitable.runs.kinds import Run
from excitable.runs.stages.base import NGSPICE, Progress, Simulated, ngspice_only

if TYPE_CHECKING:
    from excitable.ladder.decisions import DecisionLadder
    from netlists.comparison import Ladder

__all__ = ["Progress", "Simulated", "compare_run", "export_run", "simulate_run"]


def export_run(run: Run, rungs: Sequence[str] = (), dialect: str = NGSPICE) -> list[Path]:
    """Write the run's circuit into its `netlists/`; the test benches are returned.

    Args:
        run: a trained run.
        rungs: levels of the circuit; those of the configuration where none are given.
        dialect: a name of `netlists.writing.DIALECTS`, for runs on series.
    """
    if run.configuration.kind == "series":
        return _of(run).export_run(run, rungs, dialect)
    ngspice_only(run, "--dialect", dialect)
    return _of(run).export_run(run, rungs)


def simulate_run(run: Run, rungs: Sequence[str] = (), progress: Progress | None = None) -> Simulated:
    """Run model, equation and circuits on data that training did not see, and keep what they did.

    Args:
        run: a trained run.
        rungs: levels of the circuit; those of the configuration where none are given.
        progress: called with the name of a piece of work, how much of it is done, and all of it.
    """
    return _of(run).simulate_run(run, rungs, progress)


def compare_run(
    run: Run, rungs: Sequence[str] = (), witness: str | None = None, progress: Progress | None = None
) -> "Ladder | DecisionLadder":
    """Compare the rungs of a simulated run with each other, and write `comparison.json`.

    Args:
        run: a simulated run.
        rungs: levels of the circuit; all that are simulated where none are given.
        witness: a second simulator, for runs on series, see `series.compare_run`.
        progress: called with the name of a piece of work, how much of it is done, and all of it.
    """
    if run.configuration.kind == "series":
        return _of(run).compare_run(run, rungs, witness, progress)
    ngspice_only(run, "--witness", NGSPICE if witness is None else witness)
    return _of(run).compare_run(run, rungs)


def _of(run: Run) -> Any:
    """The stages of the run's kind, which load with it."""
    if run.configuration.kind == "events":
        from excitable.runs.stages import events

        return events
    if run.configuration.kind == "images":
        from excitable.runs.stages import images

        return images
    from excitable.runs.stages import series

    return series
