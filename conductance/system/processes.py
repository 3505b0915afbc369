"""Programs run for us: they end in time, with all they started, and never outlive the process that started them.

A shell stands between us and the program and holds the reading end of a pipe, whose writing end only this process
has. However this process ends, by kill -9 too, the pipe is closed, and the shell ends the program's whole group. A
signal asked of the system (PR_SET_PDEATHSIG) would be tied to the thread that started the program, and macOS has none.
"""

import contextlib
import os
import select
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

_GUARD = """exec 3<&0 </dev/null
"$@" 3<&- &
program=$!
{ read -r _ <&3; kill -9 0; } >/dev/null 2>&1 &
guard=$!
exec 3<&-
wait "$program"
code=$?
kill -9 "$guard"
wait "$guard" 2>/dev/null
exit "$code"
"""
_SIGNALLED = 128
"""A shell reports the end by signal N as the code 128 + N."""
_LONGEST_POLL = 1e6
"""Seconds; the system counts milliseconds in 31 bits."""

_running: set[subprocess.Popen[bytes]] = set()
_stopped: list[str] = []


def run_guarded(
    command: Sequence[str],
    *,
    folder: Path,
    log: IO[bytes],
    seconds: float,
    environment: Mapping[str, str] | None = None,
) -> int | None:
    """Run a program to its end, and give its code: negative for the signal that ended it, None where it took too long.

    Args:
        command: the program's path and its arguments.
        folder: in which it runs.
        log: receives what it says.
        seconds: of wall-clock time after which it is ended, with all it started.
        environment: of the program; this process's where none is given.

    Raises:
        OSError: it cannot be started.
        KeyboardInterrupt: the process is being stopped, see `stop_all`.
    """
    process = start_guarded(command, folder=folder, log=log, environment=environment)
    return end_guarded(process, seconds)


def start_guarded(
    command: Sequence[str], *, folder: Path, log: IO[bytes], environment: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start a program as `run_guarded` does, for `end_guarded` or `drop_guarded`: what is given is its guard.

    Raises:
        OSError: it cannot be started.
    """
    if not os.access(command[0], os.X_OK):
        raise PermissionError(13, "it may not be executed", command[0])
    process = subprocess.Popen(
        ["/bin/sh", "-c", _GUARD, "sh", *command],
        cwd=folder, env=None if environment is None else dict(environment),
        stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    _running.add(process)
    return process


def end_guarded(process: subprocess.Popen[bytes], seconds: float) -> int | None:
    """The code of a program that has been started, as `run_guarded` gives it.

    Raises:
        KeyboardInterrupt: the process is being stopped, see `stop_all`.
    """
    try:
        code = None if _stopped else _wait(process, seconds)
    except subprocess.TimeoutExpired:
        code = None
    finally:
        drop_guarded(process)
    if _stopped:
        raise KeyboardInterrupt
    return _SIGNALLED - code if code is not None and code > _SIGNALLED else code


def drop_guarded(process: subprocess.Popen[bytes]) -> None:
    """End a program that has been started, and all it started, where it still runs."""
    _end(process)
    _running.discard(process)
    if process.stdin is not None:
        process.stdin.close()


def _wait(process: subprocess.Popen[bytes], seconds: float) -> int:
    """Its code as soon as it ends; `TimeoutExpired` where it does not in time.

    `Popen.wait` with a limit looks again after pauses that grow to 50 ms, longer than a short simulation takes.
    """
    with contextlib.suppress(AttributeError, OSError):  # where the system has no such handle
        handle = os.pidfd_open(process.pid)
        try:
            ended = select.poll()
            ended.register(handle, select.POLLIN)
            most = min(seconds, _LONGEST_POLL)
            ended.poll(1000 * most)
            seconds -= most
        finally:
            os.close(handle)
    return process.wait(timeout=seconds)


def end_all() -> None:
    """End the programs that run now; whoever waits for one finds it killed."""
    for process in list(_running):
        _kill(process)


def stop_all() -> None:
    """End the programs that run, and let none begin any more: this process is about to end."""
    _stopped.append("stopped")
    end_all()


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the program and what it started, also when Python itself is interrupted."""
    if process.poll() is None:
        _kill(process)
        process.wait()
