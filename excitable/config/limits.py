"""What a configuration file may hold at all, before it is read as one: sizes that its reader can take."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

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


_DOTTED = re.compile(rf"(?:[A-Za-z0-9_\"'-]+[ \t]*\.[ \t]*){{{10 * DEPTH},}}")


def oversize(text: str) -> str:
    """Why a file is too long to be read; empty where it is not."""
    if len(text) <= CHARACTERS:
        return ""
    return f"has {len(text)} characters; at most {CHARACTERS} are read"


def too_deep(text: str) -> str:
    """Why a file is nested too deep for any reader; empty where it is not."""
    if _DOTTED.search(text):
        return f"has a key of more than {10 * DEPTH} parts"
    deepest = depth = 0
    for character in text:
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(character, 0)
        depth = 0 if character == "\n" and depth < 0 else depth
        deepest = max(deepest, depth)
    return f"has brackets {deepest} deep; at most {10 * DEPTH} are read" if deepest > 10 * DEPTH else ""


def unreadable(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Path and words of everything below `value` that no option can mean."""
    if len(path) > DEPTH:
        yield path, f"lies {len(path)} tables deep; at most {DEPTH} are read"
    elif isinstance(value, Mapping):
        if len(value) > ENTRIES:
            yield path, f"has {len(value)} entries; at most {ENTRIES} are read"
            return
        for key, part in value.items():
            yield from unreadable(part, (*path, str(key)))
    elif isinstance(value, list):
        if len(value) > ENTRIES:
            yield path, f"has {len(value)} entries; at most {ENTRIES} are read"
            return
        for index, part in enumerate(value):
            yield from unreadable(part, (*path, str(index)))
    elif isinstance(value, int) and abs(value) >= 10**DIGITS:
        yield path, f"has more than {DIGITS} digits; the largest whole number of any option is 1e9"
    elif isinstance(value, str) and len(value) > TEXT:
        yield path, f"has {len(value)} characters; at most {TEXT} are read"
