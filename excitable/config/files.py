"""Configuration files: read and checked, and an example with every key."""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import reduce
from importlib.resources import files
from operator import or_
from pathlib import Path
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from conductance.errors import nearest
from conductance.networks import Spread
from excitable.config.base import Configuration
from excitable.config.declared import Section
from excitable.config.faults import ConfigurationError, Fault, faults_of, line_numbers, line_of
from excitable.config.kinds import KINDS, SHORTEST, model_for, models
from excitable.config.own import CODE, Code

CHARACTERS = 1_000_000
"""Of a file; the longest that comes with excitable has 2000."""
DEPTH = 8
"""Tables inside tables."""
ENTRIES = 10_000
"""Of a list or table."""
DIGITS = 15
"""Of a whole number: larger ones are not exact as floating point, and no option has a larger bound."""
TEXT = 4000
"""Characters of a text: paths are the longest."""

# begins where a word does and gives nothing back, so that a long word is read once
_DOTTED = re.compile(rf"(?<![A-Za-z0-9_\"'-])(?:[A-Za-z0-9_\"'-]++[ \t]*+\.[ \t]*+){{{10 * DEPTH},}}")


def parse_configuration(
    text: str, *, source: str = "configuration", code: Code | None = None
) -> Configuration:
    """The configuration that a TOML text describes, of whatever kind.

    Args:
        text: TOML.
        source: name of the file, for errors.
        code: whether the Python files that it names are run, and which; those it names where not given.

    Raises:
        ConfigurationError: with every fault.
    """
    data = _read(text.removeprefix("\ufeff"), source)
    model = model_for(data)
    try:
        return model.model_validate(data, context={CODE: code})
    except ValidationError as error:
        raise ConfigurationError(source, faults_of(error, model, data, text)) from None


def _read(text: str, source: str) -> dict[str, Any]:
    """A TOML text as data of a size that a configuration can have."""
    if why := _oversize(text) or _too_deep(text):
        raise ConfigurationError(source, [Fault(message=why)])
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(source, [Fault(message=f"is no TOML: {error}")]) from None
    except (ValueError, RecursionError) as error:  # a number of more digits than Python reads
        raise ConfigurationError(source, [Fault(message=f"cannot be read: {error}")]) from None
    if found := list(_unreadable(data)):
        lines = line_numbers(text)
        faults = [Fault(key=".".join(path), line=line_of(path, lines), message=why) for path, why in found]
        raise ConfigurationError(source, faults)
    return data


def _oversize(text: str) -> str:
    """Why a file is too long to be read; empty where it is not."""
    if len(text) <= CHARACTERS:
        return ""
    return f"has {len(text)} characters; at most {CHARACTERS} are read"


def _too_deep(text: str) -> str:
    """Why a file is nested too deep for any reader; empty where it is not."""
    if _DOTTED.search(text):
        return f"has a key of more than {10 * DEPTH} parts"
    deepest = depth = 0
    for character in text:
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(character, 0)
        depth = 0 if character == "\n" and depth < 0 else depth
        deepest = max(deepest, depth)
    return f"has brackets {deepest} deep; at most {10 * DEPTH} are read" if deepest > 10 * DEPTH else ""


def _unreadable(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Path and words of everything below `value` that no option can mean."""
    if len(path) > DEPTH:
        yield path, f"lies {len(path)} tables deep; at most {DEPTH} are read"
    elif isinstance(value, Mapping):
        if len(value) > ENTRIES:
            yield path, f"has {len(value)} entries; at most {ENTRIES} are read"
            return
        for key, part in value.items():
            yield from _unreadable(part, (*path, str(key)))
    elif isinstance(value, list):
        if len(value) > ENTRIES:
            yield path, f"has {len(value)} entries; at most {ENTRIES} are read"
            return
        for index, part in enumerate(value):
            yield from _unreadable(part, (*path, str(index)))
    elif isinstance(value, int) and abs(value) >= 10**DIGITS:
        yield path, f"has more than {DIGITS} digits; the largest whole number of any option is 1e9"
    elif isinstance(value, str) and len(value) > TEXT:
        yield path, f"has {len(value)} characters; at most {TEXT} are read"


def read_configuration_text(path: str | Path) -> tuple[str, str]:
    """The text of a configuration file and its name; a bare name without a file is one that comes with excitable.

    Raises:
        ConfigurationError: there is no such file, or it is no text.
    """
    shipped = shipped_configurations()
    if not Path(path).exists() and str(path) in shipped:
        return shipped[str(path)], f"{path}.toml (shipped)"
    try:
        # an editor's byte-order mark is no part of the text
        return Path(path).read_text(encoding="utf-8-sig"), str(path)
    except OSError as error:
        hint = f"; names that come with excitable: {', '.join(shipped)}"
        raise ConfigurationError(
            str(path), [Fault(message=f"cannot be read ({error.strerror}){hint}")]
        ) from None
    except UnicodeDecodeError:
        raise ConfigurationError(
            str(path), [Fault(message="is no text in UTF-8; save it as UTF-8")]
        ) from None


def read_configuration(path: str | Path, *, code: Code | None = None) -> Configuration:
    """The configuration of a file, see `read_configuration_text`.

    Raises:
        ConfigurationError: with every fault.
    """
    text, source = read_configuration_text(path)
    return parse_configuration(text, source=source, code=code)


def shipped_configurations(kind: str | None = None) -> dict[str, str]:
    """The configurations that come with excitable, of one kind or of all: name to TOML text."""
    folder = files("excitable") / "configs"
    found = [
        (entry.name.removesuffix(".toml"), entry.read_text(encoding="utf-8"))
        for each in (KINDS if kind is None else (kind,))
        for entry in sorted((folder / each).iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(".toml")
    ]
    return dict(found)


def shipped_text(name: str) -> str:
    """The text of a configuration that comes with excitable.

    Raises:
        ConfigurationError: there is none of that name.
    """
    shipped = shipped_configurations()
    if name not in shipped:
        known = f"{nearest(name, shipped)}known are {', '.join(shipped)}"
        raise ConfigurationError(
            name, [Fault(message=f"no such configuration comes with excitable; {known}")]
        )
    return shipped[name]


def example(kind: str = "series") -> str:
    """A configuration file of a kind with every key, at its default where it has one, and what each means."""
    shortest = {"name": "example", **SHORTEST[kind]}
    shown = model_for(shortest).model_validate(shortest)
    lines, sections = [], []
    for name, field in type(shown).model_fields.items():
        value = getattr(shown, name)
        if isinstance(value, Section):
            sections += ["", f"# {_first_line(type(value))}", f"[{name}]"]
            sections += [
                _example_line(key, getattr(value, key), own) for key, own in type(value).model_fields.items()
            ]
        else:
            lines.append(_example_line(name, value, field))
    return "\n".join([*lines, *sections]) + "\n"


def configuration_text(configuration: Configuration) -> str:
    """A configuration as a file with every key; what has no value is left out."""
    lines = []
    for name in type(configuration).model_fields:
        value = getattr(configuration, name)
        if isinstance(value, Section):
            given = {key: getattr(value, key) for key in type(value).model_fields}
            if given.get("layers"):
                # a list of layers replaces the short form, whose keys then say nothing
                given = {key: part for key, part in given.items() if key in value.model_fields_set}
            keys = ((key, part) for key, part in given.items() if part is not None)
            lines += ["", f"[{name}]", *(f"{key} = {_toml(part)}" for key, part in keys)]
        else:
            lines.append(f"{name} = {_toml(value)}")
    return "\n".join(lines) + "\n"


def schema() -> dict[str, Any]:
    """The JSON schema of configuration files."""
    return TypeAdapter(reduce(or_, models())).json_schema()


def _first_line(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").strip().splitlines()[0]


def _example_line(name: str, value: Any, field: FieldInfo) -> str:
    if value is None:
        return f"# {name} =   # {field.description}"
    if isinstance(value, Mapping):
        return "\n".join(f"# {name}.{example}   # {field.description}" for example in field.examples or ())
    return f"{name} = {_toml(value)}  # {field.description}"


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(key)} = {_toml(part)}" for key, part in value.items()) + "}"
    if isinstance(value, Spread):
        return _toml([value.lower, value.upper])
    if isinstance(value, Section):
        own = {key: getattr(value, key) for key in type(value).model_fields}
        return _toml({key: part for key, part in own.items() if part is not None})
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value) if isinstance(value, str) else repr(value)
