"""Keys of a configuration replaced from the command line: `--set training.steps=500`."""

import tomllib
from collections.abc import MutableMapping, Sequence
from dataclasses import replace

from conductance.errors import extra
from excitable.config.faults import ConfigurationError, Fault, line_numbers, line_of
from excitable.config.files import parse_configuration

with extra("training"):
    import tomlkit
    from tomlkit.exceptions import ParseError


def with_values(text: str, assignments: Sequence[str], *, source: str) -> str:
    r"""A configuration's text with some keys replaced or added, its comments kept.

    Args:
        text: TOML.
        assignments: `key=value`, the key dotted (a number names a table of a list, from 0), the value as in TOML; what
            is no value of TOML is a text.
        source: name of the file, for errors.

    Raises:
        ConfigurationError: no TOML, an assignment without `=`, or a key below something that is no table.

    >>> print(with_values("[training]\nsteps = 3  # few", ["training.steps=5", "network.neuron=lif"], source="x"))
    [training]
    steps = 5  # few
    [network]
    neuron = "lif"
    <BLANKLINE>
    """
    try:
        document = tomlkit.parse(text)
    except ParseError as error:
        raise ConfigurationError(source, [Fault(message=f"is no TOML: {error}")]) from None
    for assignment in assignments:
        key, separator, value = assignment.partition("=")
        path = [part.strip() for part in key.split(".")]
        if not separator or not all(path):
            raise ConfigurationError(
                source, [Fault(message=f"--set {assignment!r} must be key=value, as in training.steps=500")]
            )
        _put(document, path, value_of(value.strip()), assignment, source)
    return tomlkit.dumps(document)


def checked_values(text: str, assignments: Sequence[str], *, source: str) -> str:
    """The same as `with_values`, checked; a fault has the line of the file as it is, and none where `--set` made it."""
    changed = with_values(text, assignments, source=source)
    try:
        parse_configuration(changed, source=source)
    except ConfigurationError as error:
        made = [tuple(part.strip() for part in one.partition("=")[0].split(".")) for one in assignments]
        lines, faults = line_numbers(text), []
        for fault in error.faults:
            path = tuple(fault.key.split("."))
            ours = any(path[: len(key)] == key[: len(path)] for key in made)
            faults.append(replace(fault, line=None if ours or fault.line is None else line_of(path, lines)))
        given = " ".join(f"--set {assignment!r}" for assignment in assignments)
        raise ConfigurationError(f"{source} with {given}", faults) from None
    return changed


def _put(table: MutableMapping, path: Sequence[str], value: object, assignment: str, source: str) -> None:
    place: object = table
    for part in path[:-1]:
        if isinstance(place, list) and part.isdecimal() and int(part) < len(place):
            place = place[int(part)]
        elif isinstance(place, MutableMapping):
            if part not in place:
                place[part] = tomlkit.table()
            place = place[part]
        else:
            place = None
    if not isinstance(place, MutableMapping):
        raise ConfigurationError(
            source, [Fault(message=f"--set {assignment!r}: {'.'.join(path[:-1])} is no table of the file")]
        )
    place[path[-1]] = value


def value_of(text: str) -> object:
    """A value as TOML reads it; a text where it is none."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
