"""Many simulations through any `concurrent.futures.Executor`."""

import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Executor, Future, ProcessPoolExecutor, as_completed
from contextlib import nullcontext
from pathlib import Path

from netlists.errors import SimulatorMissing
from netlists.netlist import Netlist
from netlists.runner import DEFAULT_TIME_LIMIT, Run, find_ngspice, simulate

Progress = Callable[[int, int, Run], None]


def available_cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def simulate_all(
    netlists: Sequence[Netlist],
    *,
    executor: Executor | None = None,
    time_limit: float = DEFAULT_TIME_LIMIT,
    keep: Path | str | None = None,
    progress: Progress | None = None,
) -> list[Run]:
    """Simulate all netlists; runs come back in the order of the netlists, failures among them as values.

    `time_limit` (s) holds for each simulation. `keep` receives one folder for each successful run, named like
    its netlist. `progress(done, total, run)` is called in this process after each run. Without an executor a
    pool of fresh processes, one for each core, lives for this call; a script that uses it needs the usual
    `if __name__ == "__main__":`. A single netlist, or a single core, is served in this process.
    """
    find_ngspice()
    workers = min(available_cores(), len(netlists))
    folders = [None if keep is None else Path(keep) / netlist.name for netlist in netlists]
    if executor is None and workers <= 1:
        runs = []
        for netlist, folder in zip(netlists, folders, strict=True):
            runs.append(simulate(netlist, time_limit=time_limit, keep=folder))
            _report(progress, len(runs), len(netlists), runs[-1])
        return runs
    with _fresh_processes(workers) if executor is None else nullcontext(executor) as pool:
        futures = [
            pool.submit(simulate, netlist, time_limit=time_limit, keep=folder)
            for netlist, folder in zip(netlists, folders, strict=True)
        ]
        return _collect(futures, netlists, progress)


def _fresh_processes(workers: int) -> Executor:
    """A pool that forks nothing: a fork of a process in which torch has started threads can hang."""
    return ProcessPoolExecutor(max_workers=workers, mp_context=multiprocessing.get_context("spawn"))


def _collect(
    futures: Sequence[Future[Run]], netlists: Sequence[Netlist], progress: Progress | None
) -> list[Run]:
    positions = {future: k for k, future in enumerate(futures)}
    runs: dict[int, Run] = {}
    try:
        for future in as_completed(futures):
            k = positions[future]
            runs[k] = _result(future, netlists[k])
            _report(progress, len(runs), len(netlists), runs[k])
    finally:
        for future in futures:
            future.cancel()
    return [runs[k] for k in range(len(netlists))]


def _result(future: Future[Run], netlist: Netlist) -> Run:
    """The run; a worker that died or has no ngspice is a failed run, too."""
    try:
        return future.result()
    except SimulatorMissing as error:
        return Run(name=netlist.name, ok=False, reason=f"the worker has no simulator: {error}")
    except (CancelledError, RuntimeError, OSError) as error:
        return Run(
            name=netlist.name, ok=False, reason=f"the worker was lost: {error or type(error).__name__}"
        )


def _report(progress: Progress | None, done: int, total: int, run: Run) -> None:
    if progress is not None:
        progress(done, total, run)
