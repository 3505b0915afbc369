"""Technologies as data: one TOML file each; a designer adds one by writing a file."""

import tomllib
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from circuits.technologies.base import Sizing, Technology, TechnologyError, Transistor
from conductance.errors import nearest

__all__ = [
    "Sizing",
    "Technology",
    "TechnologyError",
    "Transistor",
    "chosen_technology",
    "default_technology",
    "read_technology",
    "technology",
    "technology_names",
    "technology_text",
]

_FOLDER = Path(__file__).parent


def technology_names() -> tuple[str, ...]:
    """Names of the technologies that come with the package."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.toml")))


def technology(name: str) -> Technology:
    """A technology by its name, or by the path of a designer's own TOML file.

    Raises:
        TechnologyError: there is no such technology, or its file has faults.
    """
    if name in technology_names():
        return read_technology(_FOLDER / f"{name}.toml")
    if name.endswith(".toml"):
        return read_technology(Path(name))
    known = ", ".join(technology_names())
    raise TechnologyError(
        f"technology {name!r} is unknown; {nearest(name, technology_names())}known are {known}, "
        f"or give the path of a .toml file"
    )


def technology_text(name: str) -> str:
    """The text of the file of a technology, by its name or path."""
    technology(name)
    return (_FOLDER / f"{name}.toml" if name in technology_names() else Path(name)).read_text(
        encoding="utf-8"
    )


def read_technology(path: Path) -> Technology:
    """Read and check one file; `TechnologyError` names the file and all its faults by their keys."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise TechnologyError(f"technology file {path}: {error.strerror or error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TechnologyError(f"technology file {path} is no TOML: {error}") from None
    for polarity in ("nmos", "pmos"):
        kind = content.get(polarity)
        library = kind.get("library") if isinstance(kind, dict) else None
        if isinstance(library, dict) and not library.get("package"):
            for key in {"file", "parameters", "mismatch"} & set(library):
                library[key] = str(path.absolute().parent / str(library[key]))
    try:
        return Technology.model_validate(content)
    except ValidationError as error:
        raise TechnologyError(f"technology file {path}: " + "; ".join(_faults(error))) from None


def _faults(error: ValidationError) -> Iterator[str]:
    for fault in error.errors():
        key = ".".join(str(part) for part in fault["loc"]) or "the file"
        if fault["type"] == "missing":
            yield f"{key} is missing; add it"
        elif fault["type"] == "extra_forbidden":
            yield f"{key} is no known key; remove it or correct its spelling"
        elif isinstance(fault["input"], dict):
            yield f"{key}: {fault['msg'].removeprefix('Value error, ')}"
        else:
            yield f"{key} = {fault['input']!r}: {fault['msg']}"


def default_technology(*levels: str) -> Technology:
    """What is taken where no technology is given: `generic_180nm` for transistors, which `ideal` does not have."""
    return technology("generic_180nm" if "transistor" in levels else "ideal")


def chosen_technology(given: object, *levels: str) -> Technology:
    """The technology that is given, or the default of the levels where none is.

    Raises:
        TechnologyError: something else, as its name.
    """
    if given is None:
        return default_technology(*levels)
    if not isinstance(given, Technology):
        raise TechnologyError(
            f"technology is {given!r}, a {type(given).__name__}; give a Technology, as "
            f'circuits.technologies.technology("generic_180nm")'
        )
    return given
