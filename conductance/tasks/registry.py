"""The exported tasks by their names, told apart by the kind of data that they draw."""

from collections.abc import Mapping
from dataclasses import is_dataclass
from types import MappingProxyType
from typing import Any, get_type_hints


def tasks_that_draw(data: type, exported: Mapping[str, Any]) -> Mapping[str, Any]:
    """The dataclasses whose `generate` returns `data`, by the `name` that each has as a class."""
    tasks: list[Any] = [
        value for value in exported.values() if is_dataclass(value) and hasattr(value, "generate")
    ]
    return MappingProxyType(
        {task.name: task for task in tasks if get_type_hints(task.generate)["return"] is data}
    )
