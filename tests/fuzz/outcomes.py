"""What became of each case of a fuzzed reader, counted by its kind."""

import signal
import traceback
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from conductance.errors import ExcitableError

SECONDS = 10.0
"""A case that takes more of the processor's time hangs; a clock would blame it for what else runs on the machine."""
WALL = 12.0
"""So many times as long a case may take by the clock, for one that sleeps for ever, or waits for a simulator."""
ACCEPTED, REFUSED, WRONG, TRACEBACK, HANG = "accepted", "refused", "wrong and accepted", "traceback", "hang"
FAULTS = (WRONG, TRACEBACK, HANG)


class Hang(BaseException):
    """A case took too long; no handler of errors may take it for one."""


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Break the block off after this time."""

    def end(_number: int, _frame: object) -> None:
        raise Hang

    timers = (
        (signal.SIGPROF, signal.ITIMER_PROF, seconds),
        (signal.SIGALRM, signal.ITIMER_REAL, WALL * seconds),
    )
    before = {number: signal.signal(number, end) for number, _, _ in timers}
    for _, timer, limit in timers:
        signal.setitimer(timer, limit)
    try:
        yield
    finally:
        for number, timer, _ in timers:
            signal.setitimer(timer, 0)
            signal.signal(number, before[number])


@dataclass
class Outcomes:
    """The counts of one target, and the faults with what caused them."""

    target: str
    counts: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    faults: list[str] = field(default_factory=list)

    def judge(self, kind: str, what: object, case: Callable[[], object], *, wrong: bool = False) -> None:
        """Run one case: `wrong` ones must be refused; an error that is not ours is a traceback."""
        try:
            with limited(SECONDS):
                case()
            found = WRONG if wrong else ACCEPTED
            words = ""
        except ExcitableError:
            found, words = REFUSED, ""
        except Hang:
            found, words = HANG, traceback.format_exc()
        except Exception:  # noqa: BLE001  # whatever it is, a user would see it
            found, words = TRACEBACK, traceback.format_exc()
        self.counts[kind][found] += 1
        if found in FAULTS:
            self.faults.append(f"{self.target}, {kind}: {found}\n{str(what)[:600]}\n{words[-1500:]}")

    @property
    def cases(self) -> int:
        """How many cases were run."""
        return sum(sum(each.values()) for each in self.counts.values())

    def rows(self) -> list[str]:
        """The table of this target, a line per kind."""
        columns = (ACCEPTED, REFUSED, *FAULTS)
        return [
            f"| {self.target} | {kind} | " + " | ".join(str(count[column]) for column in columns) + " |"
            for kind, count in sorted(self.counts.items())
        ]
