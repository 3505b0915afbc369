"""What the configurations of all kinds of run have in common."""

from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

from pydantic import Field, create_model

from excitable.config.declared import Section, section_of

NAME = r"^[a-z0-9][a-z0-9_-]{0,63}$"
"""Names of runs: they become folders and parts of netlist names."""


class Configuration(Section):
    """A whole configuration file; what else it has depends on its kind."""

    kind: ClassVar[str]
    trained: ClassVar[tuple[str, ...]] = ("name", "seed", "task", "network", "training")
    """What decides the trained network; the circuit and its simulation do not."""

    name: str = Field(
        pattern=NAME, description="name of the run: lower-case letters, digits, - and _; at most 64"
    )
    seed: int = Field(
        default=0, ge=0, lt=2**32, description="decides all random numbers: data, weights, batches"
    )

    def continued_by(self, other: "Configuration") -> bool:
        """Whether another configuration only trains what this one trained for longer; not, where not said otherwise."""
        return False

    def training_differences(self, other: "Configuration") -> list[str]:
        """What differs from another configuration and needs the network to be trained anew, as `key: own -> other`."""
        if self.kind != other.kind:
            return [f"a run on {self.kind} -> a run on {other.kind}"]
        found = []
        for section in self.trained:
            own, others = getattr(self, section), getattr(other, section)
            if not isinstance(own, Section):
                pairs = {section: (own, others)}
            else:
                names = {**type(own).model_fields, **type(others).model_fields}
                pairs = {
                    f"{section}.{name}": (getattr(own, name, None), getattr(others, name, None))
                    for name in names
                }
            for key, (ours, theirs) in pairs.items():
                found += _differences(key, ours, theirs)
        return found


def _differences(key: str, ours: object, theirs: object) -> list[str]:
    """What differs between two values of a key, down to the keys of sections and of lists of sections."""
    if ours == theirs:
        return []
    if isinstance(ours, Section) and isinstance(theirs, Section):
        names = {**type(ours).model_fields, **type(theirs).model_fields}
        pairs = {name: (getattr(ours, name, None), getattr(theirs, name, None)) for name in names}
    elif isinstance(ours, list) and isinstance(theirs, list) and _of_sections(ours) and _of_sections(theirs):
        if len(ours) != len(theirs):
            return [f"{key}: {len(ours)} -> {len(theirs)} of them"]
        pairs = {str(index): pair for index, pair in enumerate(zip(ours, theirs, strict=True))}
    else:
        return [f"{key}: {_shown(ours)} -> {_shown(theirs)}"]
    return [one for name, pair in pairs.items() for one in _differences(f"{key}.{name}", *pair)]


def _of_sections(values: list) -> bool:
    return all(isinstance(value, Section) for value in values)


def _shown(value: object) -> str:
    """A value as a message has it: of a section the keys that were given."""
    return str(value.model_dump(exclude_unset=True)) if isinstance(value, Section) else str(value)


Kind = TypeVar("Kind", bound=Configuration)


def with_task(base: type[Kind], tasks: Mapping[str, Any], section: type[Section]) -> dict[str, type[Kind]]:
    """For each task by name, the configuration whose section `task` has the options of that task."""
    return {
        name: create_model(
            f"{options.__name__}Configuration", __base__=base, __doc__=base.__doc__,
            task=(section_of(options, section), ...),
        )
        for name, options in tasks.items()
    }  # fmt: skip
