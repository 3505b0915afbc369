"""Options of a task: frozen dataclass fields that carry unit, bounds, meaning and source on their line."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

from conductance.errors import ExcitableError

KEY = "option"
"""Key of the `Option` in the metadata of a dataclass field."""
MEANING = "meaning"
"""Key of the meaning of a field that is no `Option`."""


class TaskError(ExcitableError):
    """A task was given options, data or a prediction that it cannot use."""


LARGEST = 1e9
"""Upper bound of every option that has none of its own: beyond it no memory and no time suffices."""


@dataclass(frozen=True, kw_only=True)
class Option:
    """What a field of a task may hold. `whole`: integers only; `optional`: None is allowed."""

    meaning: str
    unit: str = "1"
    lower: float = -math.inf
    upper: float = LARGEST
    lower_open: bool = False
    whole: bool = False
    optional: bool = False
    source: str = ""

    @property
    def allowed(self) -> str:
        """The allowed values as text, e.g. `a number in (0, inf)`."""
        left = "(" if self.lower_open or self.lower == -math.inf else "["
        right = ")" if self.upper == math.inf else "]"
        kind = "a whole number" if self.whole else "a number"
        none = ", or none" if self.optional else ""
        return f"{kind} in {left}{self.lower:g}, {self.upper:g}{right}{none}"

    def allows(self, value: object) -> bool:
        """Whether the value has the right kind and lies inside the bounds; NaN and bools never do."""
        if value is None:
            return self.optional
        if isinstance(value, bool) or not isinstance(value, int if self.whole else (int, float)):
            return False
        above = value > self.lower if self.lower_open else value >= self.lower
        return math.isfinite(value) and above and value <= self.upper


def option(default: Any, **declaration: Any) -> Any:
    """A dataclass field with its default and its `Option`."""
    return dataclasses.field(default=default, metadata={KEY: Option(**declaration)})


def required(meaning: str) -> Any:
    """A dataclass field that has no default and no bounds, as the name of a folder, with its meaning."""
    return dataclasses.field(metadata={MEANING: meaning})


def described(default: Any, meaning: str) -> Any:
    """A dataclass field that is no number, as a name or a list of names, with its default and its meaning."""
    return dataclasses.field(default=default, metadata={MEANING: meaning})


def options_of(task: Any) -> dict[str, Option]:
    """The declared options of a task (class or object), by field name."""
    return {field.name: field.metadata[KEY] for field in dataclasses.fields(task) if KEY in field.metadata}


def check_options(task: Any) -> None:
    """Raise one `TaskError` that lists every option outside its bounds."""
    faults = [
        f"{name} = {getattr(task, name)!r}: {declared.meaning} [{declared.unit}] must be {declared.allowed}"
        for name, declared in options_of(task).items()
        if not declared.allows(getattr(task, name))
    ]
    if faults:
        raise TaskError(f"task {type(task).__name__}: " + "; ".join(faults) + ".")
