"""Studies: many runs that answer one question, with a page of tables, figures and verdicts written by the program.

A study is a folder whose `STUDY` says what it is, and a name here.
"""

from importlib import import_module
from typing import Any

from conductance.errors import ExcitableError, nearest
from studies.base import Runner, Study

STUDIES = (
    "half-centre", "ecg", "mackey-glass", "mackey-glass-reservoir", "sequences", "event-circuit", "event-training",
    "dqif", "dqif-factors", "dqif-circuit", "qif-lif", "mismatch", "bits", "noise",
    "neurobench-mackey-glass", "energy", "claims",
)  # fmt: skip
"""By the names of their pages; the folder of `dqif-circuit` is `dqif_circuit`."""

__all__ = ["STUDIES", "Runner", "Study", "study"]


def study(name: str) -> Study[Any, Any]:
    """The study of that name.

    Raises:
        ExcitableError: there is none.
    """
    if name not in STUDIES:
        raise ExcitableError(
            f"study {name!r} is unknown; {nearest(name, STUDIES)}allowed are {', '.join(STUDIES)}"
        )
    found: Study[Any, Any] = import_module(f"studies.{name.replace('-', '_')}").STUDY
    return found
