"""Measured numbers written into the text of a technology's file, everything else of it left as it is."""

import re
from collections.abc import Mapping

from circuits.technologies.base import TechnologyError


def with_numbers(text: str, tables: Mapping[str, Mapping[str, float]]) -> str:
    """The text of a file with these numbers in its tables.

    A line that gives a number already is replaced, its comment with it, since it said where the old number came from;
    what the table lacks is added after its header.

    Args:
        text: TOML.
        tables: numbers by the name of the table, such as `nmos`.

    Raises:
        TechnologyError: the file has no such table.
    """
    lines = text.splitlines()
    for table, numbers in tables.items():
        lines = _filled(lines, table, numbers)
    return "\n".join(lines) + "\n"


def _filled(lines: list[str], table: str, numbers: Mapping[str, float]) -> list[str]:
    header = re.compile(rf"\s*\[\s*{re.escape(table)}\s*\]\s*(#.*)?")
    start = next((index for index, line in enumerate(lines) if header.fullmatch(line)), None)
    if start is None:
        raise TechnologyError(
            f"the technology file has no table [{table}]; add it, with its model and length"
        )
    end = next(
        (index for index in range(start + 1, len(lines)) if lines[index].lstrip().startswith("[")), len(lines)
    )
    kept = [line for line in lines[start + 1 : end] if _key(line) not in numbers]
    made = [f"{key} = {value:.5g}" for key, value in numbers.items()]
    # new numbers before the empty lines that end a table
    filled = len(kept) - next((n for n, line in enumerate(reversed(kept)) if line.strip()), len(kept))
    return [*lines[: start + 1], *kept[:filled], *made, *kept[filled:], *lines[end:]]


def _key(line: str) -> str:
    found = re.match(r"\s*([A-Za-z_]\w*)\s*=", line)
    return found[1] if found else ""
