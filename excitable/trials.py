"""Many independent runs of one function: over any executor, resumable, each result a file of its own."""

import json
import multiprocessing
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, TypeVar

from conductance.errors import ExcitableError
from conductance.loading.threads import one_thread_each
from conductance.storage import write_whole
from netlists.simulation import available_cores

Settings = TypeVar("Settings")
Result = dict[str, Any]
Progress = Callable[[int, int, str], None]


class TrialError(ExcitableError):
    """Some runs failed, or a stored result cannot be read."""


@contextmanager
def processes(workers: int | None = None) -> Iterator[ProcessPoolExecutor]:
    """A pool of fresh processes of one thread each, one per core; what has not begun is dropped at an interrupt."""
    context = multiprocessing.get_context("spawn")  # a fork of a process with torch's threads can hang
    pool = ProcessPoolExecutor(workers or available_cores(), mp_context=context, initializer=one_thread_each)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def run_trials(
    trials: Mapping[str, Settings],
    work: Callable[[Settings], Result],
    *,
    folder: Path,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> dict[str, Result]:
    """Run `work` on every trial whose result is not in the folder yet, and return all results by name.

    Results are written whole as soon as they come, so a study that was killed repeats only what is missing. A
    failed trial does not stop the others.

    Args:
        trials: name, a legal file name, to settings; settings and results cross process borders.
        work: an importable function; its result must be JSON data.
        folder: receives `<name>.json`.
        executor: a pool of fresh processes, one per core, where none is given.
        progress: called with (done, all, name) after each trial.

    Raises:
        TrialError: after all others are done, naming those that failed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    results = {name: _stored(folder / f"{name}.json") for name in trials}
    waiting = [name for name, result in results.items() if result is None]
    done = len(trials) - len(waiting)
    failures: dict[str, str] = {}
    with nullcontext(executor) if executor else processes() as running:
        futures = {running.submit(work, trials[name]): name for name in waiting}
        for future in as_completed(futures):
            name = futures[future]
            error = future.exception()
            if error is not None:
                failures[name] = f"{type(error).__name__}: {error}"
            else:
                try:
                    text = json.dumps(future.result(), allow_nan=False, indent=1) + "\n"
                except (TypeError, ValueError) as fault:
                    failures[name] = f"its result is no JSON: {fault}"
                else:
                    results[name] = future.result()
                    write_whole(folder / f"{name}.json", text)
            done += 1
            if progress is not None:
                progress(done, len(trials), name)
    if failures:
        listed = "\n".join(f"  {name}: {reason}" for name, reason in failures.items())
        raise TrialError(
            f"{len(failures)} of {len(trials)} runs failed; run again to repeat only those:\n{listed}"
        )
    return {name: result for name, result in results.items() if result is not None}


def _stored(path: Path) -> Result | None:
    if not path.exists():
        return None
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TrialError(
            f"{path}: the stored result cannot be read ({error}); delete the file to repeat it"
        ) from None
    if not isinstance(result, dict):
        raise TrialError(f"{path}: the stored result is no JSON object; delete the file to repeat it")
    return result
