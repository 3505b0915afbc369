"""One VACASK started ahead of its question.

More than half of the time of a short simulation goes into VACASK's start, most of it into linking its libraries. It
looks whether its netlist is there, reads its settings, and only then the netlist: where the settings are a named pipe,
it waits until somebody writes. A process that waits so answers one question, whose netlist is put in place before the
pipe is opened.
"""

import os
import subprocess
import threading
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from conductance.system.processes import drop_guarded, end_guarded, start_guarded
from conductance.system.scratch import scratch_folder
from netlists.errors import SimulatorMissing
from netlists.netlist import Netlist
from netlists.simulation.base import Program, Run
from netlists.simulation.choice import reader_of
from netlists.simulation.process import variables, why_it_failed
from netlists.simulation.run import DEFAULT_TIME_LIMIT, outcome_in, simulate, timed, write_files
from netlists.vacask.simulator import SETTINGS, SIMULATOR, command, lay_modules

_GLANCE = 5e-4
"""Seconds between two looks whether a process that has just been started waits already."""


@dataclass(frozen=True, kw_only=True)
class _Waiting:
    """A process by its guard, in its folder, for a netlist whose file has that name; `stack` ends and removes both."""

    process: subprocess.Popen[bytes]
    folder: Path
    program: Program
    bench: str
    stack: ExitStack


class Ahead:
    """Simulates as `netlists.simulation.simulate` does, in a process that waits where there is one.

    `start` begins the process that waits for the next question, `simulate` uses it up. A question is simulated in a
    process of its own where none waits, where that has died, and where it waits for a file of another name. `close`
    ends what waits; the end of this process does, too, however it comes.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: _Waiting | None = None
        self._bench = ""
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def guard(self) -> int | None:
        """The number of the process group of what waits; None where nothing does."""
        return None if self._waiting is None else self._waiting.process.pid

    def start(self) -> None:
        """Let a process wait for a question like the last one; where none can, the next question says why."""
        with self._lock:
            if self._bench and self._waiting is None and not self._closed:
                with suppress(OSError, SimulatorMissing):
                    self._waiting = _start(SIMULATOR.find(), self._bench)

    def simulate(self, netlist: Netlist, *, time_limit: float = DEFAULT_TIME_LIMIT) -> Run:
        """As `netlists.simulation.simulate`, with its errors; the limit (s) counts from the question."""
        reader_of(netlist, SIMULATOR)
        program, waiting = SIMULATOR.find(), self._taken(netlist.bench)

        def run() -> Run:
            if waiting is not None:
                with waiting.stack:
                    if (waiting.program, waiting.bench) == (program, netlist.bench):
                        found = _answer(waiting, netlist, time_limit)
                        if found is not None:
                            return found
            return simulate(netlist, simulator=SIMULATOR, time_limit=time_limit)

        return timed(run, netlist)

    def close(self) -> None:
        """End the process that waits, remove its folder, and start none any more."""
        self._closed = True
        waiting = self._taken("")
        if waiting is not None:
            waiting.stack.close()

    def _taken(self, bench: str) -> _Waiting | None:
        with self._lock:
            waiting, self._waiting, self._bench = self._waiting, None, bench
        return waiting


def _start(program: Program, bench: str) -> _Waiting:
    with ExitStack() as stack:
        folder = stack.enter_context(scratch_folder())
        (folder / bench).touch()
        os.mkfifo(folder / SETTINGS, 0o600)
        with (folder / SIMULATOR.log).open("wb") as words:
            process = start_guarded(
                command(program, bench), folder=folder, log=words, environment=variables(folder)
            )
        stack.callback(drop_guarded, process)
        return _Waiting(process=process, folder=folder, program=program, bench=bench, stack=stack.pop_all())


def _answer(waiting: _Waiting, netlist: Netlist, time_limit: float) -> Run | None:
    """What the process makes of a netlist; None where it never came to read it."""
    end = time.monotonic() + time_limit
    try:
        write_files(waiting.folder, netlist)
        lay_modules(waiting.folder, netlist, waiting.program)
    except OSError:
        return None
    if not _let_go(waiting, end):
        return None
    code = end_guarded(waiting.process, max(end - time.monotonic(), 0.0))
    failure = why_it_failed(code, SIMULATOR.name, time_limit)
    return outcome_in(waiting.folder, SIMULATOR, waiting.program, netlist, failure)


def _let_go(waiting: _Waiting, end: float) -> bool:
    """Open and close the pipe, which ends the settings; False where nobody waits there any more, or has until `end`."""
    while waiting.process.poll() is None:
        with suppress(OSError):  # as long as nobody reads
            os.close(os.open(waiting.folder / SETTINGS, os.O_WRONLY | os.O_NONBLOCK))
            return True
        if time.monotonic() > end:
            return True
        time.sleep(_GLANCE)
    return False
