"""Sections of the configuration made from option classes, so that each option is declared once."""

import dataclasses
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, get_type_hints

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    create_model,
)

from conductance.errors import nearest
from conductance.tasks.options import MEANING, Option, options_of

OWN = r"\.py:[A-Za-z_][A-Za-z0-9_]*$"
"""How a name in a file of the user's ends: FILE.py:NAME."""


def is_own(name: str) -> bool:
    """Whether a name has the form FILE.py:NAME."""
    return re.search(OWN, name) is not None


class Section(BaseModel):
    """Base of all sections: only known keys, no conversion between types, no change afterwards."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


@dataclass(frozen=True, eq=False)
class OneOf:
    """Annotation of a text that must be one of the names that a registry has; the registry is the only list.

    Attributes:
        known: the names.
        elsewhere: name -> what it is used by instead, for names that belong into another file.
        own: whether FILE.py:NAME is allowed, too.
    """

    known: Collection[str]
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    own: bool = False

    def check(self, name: str) -> str:
        """The name itself, or `ValueError` with the known ones."""
        if name in self.known or (self.own and is_own(name)):
            return name
        allowed = ", ".join(self.known) + (", or FILE.py:NAME" if self.own else "")
        if name in self.elsewhere:
            raise ValueError(f"is trained {self.elsewhere[name]}; here it may be {allowed}")
        near = nearest(name, (*self.known, *self.elsewhere))
        others = f"; other kinds of run know {', '.join(self.elsewhere)}" if self.elsewhere else ""
        raise ValueError(f"is unknown; {near}allowed are {allowed}{others}")

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> Any:
        return AfterValidator(self.check).__get_pydantic_core_schema__(source, handler)

    def __get_pydantic_json_schema__(self, schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        names = {**handler(schema), "enum": list(self.known)}
        return {"anyOf": [names, {"type": "string", "pattern": OWN}]} if self.own else names


Kind = TypeVar("Kind", bound=Section)


def section_of(options: Any, base: type[Kind], meanings: dict[str, str] | None = None) -> type[Kind]:
    """A section with the fields of a dataclass of options, their defaults, bounds and meanings.

    A field that `base` declares itself stays as it is there. `meanings` describes the fields that are no `Option` and
    do not carry their meaning themselves.
    """
    declared, hints = options_of(options), get_type_hints(options)
    fields: dict[str, Any] = {}
    for own in dataclasses.fields(options):
        if own.name in base.model_fields:
            continue
        if own.name in declared:
            details = _details(declared[own.name])
        else:
            details = {"description": own.metadata.get(MEANING) or (meanings or {})[own.name]}
        default = {} if own.default is dataclasses.MISSING else {"default": own.default}
        fields[own.name] = (hints[own.name], Field(**default, **details))
    return create_model(f"{options.__name__}Section", __base__=base, __doc__=base.__doc__, **fields)


def _details(option: Option) -> dict[str, Any]:
    unit = "" if option.unit == "1" else f" [{option.unit}]"
    source = f" ({option.source})" if option.source else ""
    lower = {"gt" if option.lower_open else "ge": option.lower} if option.lower > -float("inf") else {}
    upper = {"le": option.upper} if option.upper < float("inf") else {}
    return {"description": f"{option.meaning}{unit}{source}", **lower, **upper}
