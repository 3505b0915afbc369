"""The three kinds of run, and which of them a configuration file describes; what a kind is made of loads with it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from conductance.tasks import EVENT_TASKS, SERIES_TASKS
from excitable.config.base import Configuration
from excitable.config.declared import is_own

KINDS: Mapping[str, str] = MappingProxyType(
    {
        "series": "a network that predicts series, in steps of a time grid",
        "events": "a classifier of spikes, by events",
        "images": "a deep network on images",
    }
)
"""What each kind of run trains."""
SHORTEST: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "series": {},
        "events": {"task": {"name": "yin_yang"}},
        "images": {"data": {"name": "digits"}, "network": {"name": "digits"}},
    }
)
"""The keys without a default, as an example has them."""


def kind_of(data: Mapping[str, Any]) -> str:
    """The kind of run that a configuration describes: with a table `data` images, with a task on spikes events."""
    if "data" in data:
        return "images"
    return "events" if _task(data) in EVENT_TASKS else "series"


def model_of(kind: str, task: str = "") -> type[Configuration]:
    """The configuration class of a kind, with the options of the task of that name."""
    if kind == "images":
        from excitable.config import images

        return images.ImageConfiguration
    if kind == "events":
        from excitable.config import events

        return events.CONFIGURATIONS[task or next(iter(EVENT_TASKS))]
    from excitable.config import series

    if is_own(task):
        return series.OwnTaskConfiguration
    return series.CONFIGURATIONS.get(task, series.SeriesConfiguration)


def models() -> list[type[Configuration]]:
    """All configuration classes."""
    tasks = [*(("series", name) for name in SERIES_TASKS), *(("events", name) for name in EVENT_TASKS)]
    return [model_of(*each) for each in [*tasks, ("images",)]]


def model_for(data: Mapping[str, Any]) -> type[Configuration]:
    """The configuration class of what a file holds."""
    return model_of(kind_of(data), _task(data))


def _task(data: Mapping[str, Any]) -> str:
    """The name of the task that a file names; empty where it names none."""
    task = data.get("task")
    name = task.get("name") if isinstance(task, Mapping) else None
    return name if isinstance(name, str) else ""
