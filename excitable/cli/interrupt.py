"""What stops a command: Ctrl-C, SIGTERM and a closed terminal are the same, and end all that the command started."""

import functools
import signal
import sys
from collections.abc import Callable
from types import FrameType

import typer

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
GOES_ON = frozenset({"demo", "train", "train_images", "retrain", "simulate", "sweep", "landscape"})
"""Commands that keep what they had when they are stopped."""

_received = [signal.SIGINT]


def listen() -> None:
    """Take these signals as an interrupt, but for those that whoever started us wants ignored (nohup, &)."""
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)


def _stop(number: int, _frame: FrameType | None) -> None:
    _received[0] = signal.Signals(number)
    # looked up, because a command that has started no program has not imported it either
    if processes := sys.modules.get("conductance.system.processes"):
        processes.stop_all()
    raise KeyboardInterrupt


def status() -> int:
    """The status with which a program ends that a signal has stopped, as a shell counts."""
    return 128 + int(_received[0])


def stoppable(command: Callable[..., None]) -> Callable[..., None]:
    """The command, ending with one sentence and the signal's status where it is stopped."""

    @functools.wraps(command)
    def run(*arguments: object, **named: object) -> None:
        try:
            command(*arguments, **named)
        except KeyboardInterrupt:
            from excitable.cli.console import messages

            goes_on = command.__name__ in GOES_ON
            messages().print("stopped; the same command goes on from there" if goes_on else "stopped")
            raise typer.Exit(status()) from None

    return run
