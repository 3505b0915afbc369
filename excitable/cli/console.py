"""How the command line writes: results to the standard output, errors and progress to the standard error."""

import warnings
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

_pythons = warnings.showwarning


@cache
def results() -> "Console":
    """The console for what a command was asked for."""
    from rich.console import Console

    return Console(highlight=False, markup=False, emoji=False, soft_wrap=True)


@cache
def messages() -> "Console":
    """The console for progress and errors."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True)


def fail(message: str) -> None:
    """Write an error message."""
    console = messages()
    console.print("error: ", style="bold red", end="")
    console.print(message)


def warn(message: str) -> None:
    """Write a warning; nothing where there is none."""
    if message:
        console = messages()
        console.print("warning: ", style="bold yellow", end="")
        console.print(message)


def show_warning(message: Warning | str, category: type[Warning], *where: object, **named: object) -> None:
    """Write a warning of ours as one sentence, anybody else's as Python does: in place of `warnings.showwarning`."""
    if category.__module__.partition(".")[0] in ("conductance", "circuits", "netlists", "excitable"):
        warn(str(message))
    else:
        _pythons(message, category, *where, **named)  # type: ignore[arg-type]
