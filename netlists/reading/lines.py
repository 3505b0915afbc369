"""Lines of SPICE as words and numbers: comments gone, continued lines joined, names made ours."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from circuits.data.values import GROUND
from netlists.errors import NetlistError

_NUMBER = re.compile(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)(meg|mil|[tgkmunpfa])?[a-z]*")
_POWERS = {"t": 1e12, "g": 1e9, "meg": 1e6, "k": 1e3, "m": 1e-3, "mil": 25.4e-6, "u": 1e-6, "n": 1e-9, "p": 1e-12,
           "f": 1e-15, "a": 1e-18}  # fmt: skip
_NOT_OURS = re.compile(r"[^a-z0-9_]+")


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line without its comment, as words; `row` is its first in the file."""

    file: Path
    row: int
    words: tuple[str, ...]

    def fault(self, what: str) -> NetlistError:
        """An error that names the line."""
        return NetlistError(f"extracted netlist {self.file}, line {self.row}: {what}")


def lines(file: Path, text: str) -> Iterator[Line]:
    """All lines that say something."""
    row, kept = 0, ""
    for count, raw in enumerate([*text.splitlines(), ""], start=1):
        bare = re.split(r"\s\$|;", raw, maxsplit=1)[0].strip()
        if bare.startswith("+"):
            kept += " " + bare[1:]
            continue
        if kept.split():
            yield Line(file=file, row=row, words=tuple(kept.split()))
        row, kept = count, "" if bare.startswith(("*", "$")) else bare


def fields(line: Line) -> tuple[list[str], dict[str, str]]:
    """Words before the first `key=value`, and those pairs by key in small letters; each key once."""
    text = re.sub(r"\s*=\s*", "=", " ".join(line.words))
    words = [word for word in text.split() if "=" not in word]
    pairs = [word.split("=", 1) for word in text.split() if "=" in word]
    found = {key.lower(): value for key, value in pairs}
    if len(found) < len(pairs) or not all(found) or not all(found.values()):
        raise line.fault("a key twice, or a key without its value")
    return words, found


def number(text: str, line: Line) -> float:
    """A number with SPICE's power of ten and unit, such as 1.5k or 2fF."""
    found = _NUMBER.fullmatch(text.strip("{}'").lower())
    value = float(found[1]) * _POWERS.get(found[2] or "", 1.0) if found else math.nan
    if not math.isfinite(value):
        raise line.fault(f"{text} is no number")
    return value


@dataclass(kw_only=True)
class Names:
    """Names of a file as ours, each from one name of the file alone."""

    known: dict[str, str] = field(default_factory=dict)

    def of(self, given: str, line: Line) -> str:
        """In small letters, other signs as `_`, a letter in front; ground stays ground."""
        if given == GROUND:
            return GROUND
        plain = _NOT_OURS.sub("_", given.lower())
        made = plain if plain[:1].isalpha() else f"n_{plain.strip('_')}"
        before = self.known.setdefault(made, given.lower())
        if before != given.lower():
            raise line.fault(f"{given} and {before} would both be called {made}; rename one")
        return made
