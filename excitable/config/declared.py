"""Sections of the configuration made from option classes, so that each option is declared once."""

import dataclasses
from typing import Any, TypeVar, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, create_model

from conductance.tasks.options import Option, options_of


class Section(BaseModel):
    """Base of all sections: only known keys, no conversion between types, no change afterwards."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


Kind = TypeVar("Kind", bound=Section)


def section_of(options: type, base: type[Kind], meanings: dict[str, str] | None = None) -> type[Kind]:
    """A section with the fields of a dataclass of options, their defaults, bounds and meanings.

    `meanings` describes the fields that are no `Option`.
    """
    declared, hints = options_of(options), get_type_hints(options)
    fields: dict[str, Any] = {}
    for field in dataclasses.fields(options):
        if field.name in declared:
            details = _details(declared[field.name])
        else:
            details = {"description": (meanings or {})[field.name]}
        fields[field.name] = (hints[field.name], Field(default=field.default, **details))
    return create_model(f"{options.__name__}Section", __base__=base, __doc__=base.__doc__, **fields)


def _details(option: Option) -> dict[str, Any]:
    unit = "" if option.unit == "1" else f" [{option.unit}]"
    source = f" ({option.source})" if option.source else ""
    lower = {"gt" if option.lower_open else "ge": option.lower} if option.lower > -float("inf") else {}
    upper = {"le": option.upper} if option.upper < float("inf") else {}
    return {"description": f"{option.meaning}{unit}{source}", **lower, **upper}
