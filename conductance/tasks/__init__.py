"""Tasks: what a network is trained on, as data with train, validation and test splits; series or spikes."""

from collections.abc import Mapping

from conductance.tasks.base import Task, TaskData
from conductance.tasks.digits import Digits
from conductance.tasks.events import EVENT_SPLITS, EventData, EventSplit, EventTask, latency_code
from conductance.tasks.free_run import FreeRun
from conductance.tasks.mackey_glass import READINGS, HorizonReading, MackeyGlass
from conductance.tasks.metrics import nrmse
from conductance.tasks.mnist import Mnist, read_idx
from conductance.tasks.options import Option, TaskError, options_of
from conductance.tasks.registry import tasks_that_draw
from conductance.tasks.shd import SpikingHeidelbergDigits
from conductance.tasks.spike_timing import SpikeTiming, TimingData
from conductance.tasks.splits import SPLITS, Split, Standardisation
from conductance.tasks.table import Table
from conductance.tasks.yin_yang import YinYang

__all__ = [
    "EVENT_SPLITS",
    "EVENT_TASKS",
    "READINGS",
    "SERIES_TASKS",
    "SPLITS",
    "Digits",
    "EventData",
    "EventSplit",
    "EventTask",
    "FreeRun",
    "HorizonReading",
    "MackeyGlass",
    "Mnist",
    "Option",
    "SpikeTiming",
    "SpikingHeidelbergDigits",
    "Split",
    "Standardisation",
    "Task",
    "TaskData",
    "Table",
    "TaskError",
    "TimingData",
    "YinYang",
    "latency_code",
    "nrmse",
    "options_of",
    "read_idx",
]

SERIES_TASKS: Mapping[str, type[Task]] = tasks_that_draw(TaskData, globals())
"""The tasks on series by name."""
EVENT_TASKS: Mapping[str, type[EventTask]] = tasks_that_draw(EventData, globals())
"""The tasks on spikes by name."""
