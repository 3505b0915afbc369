"""Tasks: what a network is trained on, as data with train, validation, test and held-out splits."""

from conductance.tasks.base import SPLITS, Split, Standardisation, Task, TaskData
from conductance.tasks.mackey_glass import READINGS, HorizonReading, MackeyGlass
from conductance.tasks.metrics import nrmse
from conductance.tasks.options import Option, TaskError, options_of

__all__ = [
    "READINGS",
    "SPLITS",
    "HorizonReading",
    "MackeyGlass",
    "Option",
    "Split",
    "Standardisation",
    "Task",
    "TaskData",
    "TaskError",
    "nrmse",
    "options_of",
]
