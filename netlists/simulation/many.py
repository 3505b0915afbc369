"""Many simulations through any `concurrent.futures.Executor`."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Executor, Future, ThreadPoolExecutor, as_completed, wait
from contextlib import nullcontext
from pathlib import Path

from conductance.errors import refuse_truth_values
from conductance.system.processes import end_all
from netlists.errors import SimulatorMissing
from netlists.netlist import Netlist
from netlists.simulation.base import Run, Simulator
from netlists.simulation.choice import reader_of
from netlists.simulation.run import DEFAULT_TIME_LIMIT, kept_run, simulate

_PATIENCE = 100
"""Twentieths of a second to wait for what runs in other processes, which this one cannot end."""
Progress = Callable[[int, int, Run], None]


def available_cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def simulate_all(
    netlists: Sequence[Netlist],
    *,
    simulator: str | Simulator | None = None,
    executor: Executor | None = None,
    time_limit: float = DEFAULT_TIME_LIMIT,
    keep: Path | str | None = None,
    resume: bool = False,
    progress: Progress | None = None,
) -> list[Run]:
    """Simulate all netlists; runs come back in the order of the netlists, failures among them as values.

    `simulator` is chosen as in `simulate`. `time_limit` (s) holds for each simulation. `keep` receives one folder for
    each successful run, named like its netlist; with `resume`, a netlist whose run lies there already is not simulated
    again. `progress(done, total, run)` is called in this process after each run. Without an executor one thread per
    core waits for its simulation: the work is done in the simulator's own processes.
    """
    refuse_truth_values("simulations", time_limit=time_limit)
    for reader in {netlist.dialect: reader_of(netlist, simulator) for netlist in netlists}.values():
        reader.find()
    workers = min(available_cores(), len(netlists))
    folders = [None if keep is None else Path(keep) / netlist.name for netlist in netlists]
    task = _resumed if resume else _anew
    # Worker processes would only wait for the simulator, too, and cost 5 to 10 s to start beside torch.
    with ThreadPoolExecutor(max(1, workers)) if executor is None else nullcontext(executor) as pool:
        futures = [
            pool.submit(task, netlist, simulator, time_limit, folder)
            for netlist, folder in zip(netlists, folders, strict=True)
        ]
        return _collect(futures, netlists, progress)


def _anew(netlist: Netlist, simulator: str | Simulator | None, time_limit: float, folder: Path | None) -> Run:
    return simulate(netlist, simulator=simulator, time_limit=time_limit, keep=folder)


def _resumed(
    netlist: Netlist, simulator: str | Simulator | None, time_limit: float, folder: Path | None
) -> Run:
    found = None if folder is None else kept_run(netlist, folder, simulator=simulator)
    return _anew(netlist, simulator, time_limit, folder) if found is None else found


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
    except BaseException:
        _abandon(futures)
        raise
    return [runs[k] for k in range(len(netlists))]


def _abandon(futures: Sequence[Future[Run]]) -> None:
    """Begin no simulation any more, and end those that run: whoever broke this off shall not wait for them."""
    for future in futures:
        future.cancel()
    for _ in range(_PATIENCE):
        if not wait(futures, timeout=0.05).not_done:
            return
        end_all()


def _result(future: Future[Run], netlist: Netlist) -> Run:
    """The run; a worker that died or has no simulator is a failed run, too."""
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
