"""A program run in a folder with a time limit, its words in a file; it and what it started end with it."""

import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

from conductance.system.processes import run_guarded

_KEPT_LOG = 200_000


def execute(folder: Path, command: Sequence[str], time_limit: float, *, name: str, log: str) -> str:
    """Run the command in the folder with its words in the file `log`; empty, or why it failed.

    `name` is what the program is called in the reason.
    """
    try:
        with (folder / log).open("wb") as words:
            code = run_guarded(
                command, folder=folder, log=words, seconds=time_limit, environment=variables(folder)
            )
    except OSError as error:
        return f"{command[0]} cannot be started: {error.strerror or error}"
    return why_it_failed(code, name, time_limit)


def variables(folder: Path) -> Mapping[str, str]:
    """The environment of a simulator in a folder: without the user's settings for one."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("SPICE", "SIM_"))} | {
        "LC_ALL": "C"
    }
    # ngspice 39 looks for its start-up file at home, and dies by SIGSEGV where HOME is not set
    environment.setdefault("HOME", str(folder))
    return environment


def why_it_failed(code: int | None, name: str, time_limit: float) -> str:
    """What the code of a program means that ran with a time limit (s); empty where it succeeded."""
    if code is None:
        return f"{name} did not end within the time limit of {time_limit:g} s"
    if code < 0:
        return f"{name} was killed by {_signal_name(-code)}"
    return f"{name} ended with code {code}" if code else ""


def _signal_name(number: int) -> str:
    try:
        return f"{signal.Signals(number).name} (signal {number})"
    except ValueError:
        return f"signal {number}"


def read_log(path: Path) -> str:
    """The words of a program; of a very long log, its beginning and its end."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        if size <= _KEPT_LOG:
            data = file.read()
        else:
            head = file.read(_KEPT_LOG // 2)
            file.seek(-_KEPT_LOG // 2, os.SEEK_END)
            data = head + b"\n[...]\n" + file.read()
    return data.decode("utf-8", errors="replace").replace("\r", "\n")
