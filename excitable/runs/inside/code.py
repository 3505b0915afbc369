"""Code that a run's configuration names: copied into the run when it is trained, and run from there where it may be."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from conductance.files import StorageError, readable_json, write_whole
from excitable.config.own import Code

KEPT = "code.json"
"""For each file as the configuration names it: the name of its copy, and its digest."""
FOLDER = "code"
"""Where the copies are."""


def run_code(folder: Path, *, trust: bool) -> Code:
    """The code of a run: its copies, which are run only where the user said so, or has just trained it."""
    return Code(find=lambda named: kept_file(folder, named), trusted=trust)


def kept_file(folder: Path, named: str) -> Path:
    """The copy of a file that the configuration names; of a run that keeps none, the file itself.

    Raises:
        StorageError: the copy is not what was trained with.
    """
    entry = _entries(folder).get(named)
    if entry is None:
        return Path(named)
    path = folder / FOLDER / entry[0]
    if _digest(path) != entry[1]:
        raise StorageError(
            f"{path}: this is not the code that the run was trained with, whose digest is in {folder / KEPT}; take it "
            f"from a copy, or train again"
        )
    return path


def keep_code(folder: Path, files: Iterable[str], code: Code) -> None:
    """Copy the files that a configuration names into a run, with their digests; what was kept before goes.

    Raises:
        StorageError: a file cannot be read or written.
    """
    entries: dict[str, dict[str, str]] = {}
    for named in dict.fromkeys(files):
        content = _content(code.find(named))
        stem, taken = Path(named).stem, {entry["copy"] for entry in entries.values()}
        names = (
            f"{stem}.py" if number == 1 else f"{stem}-{number}.py" for number in range(1, len(taken) + 2)
        )
        copy = next(name for name in names if name not in taken)
        (folder / FOLDER).mkdir(exist_ok=True)
        write_whole(folder / FOLDER / copy, content)
        entries[named] = {"copy": copy, "sha256": hashlib.sha256(content).hexdigest()}
    if entries:
        write_whole(folder / KEPT, readable_json(entries) + "\n")
    else:
        (folder / KEPT).unlink(missing_ok=True)


def other_code(folder: Path, files: Iterable[str], code: Code) -> list[str]:
    """Which of these files are others than those a run was trained with, in words; none of a run that kept none."""
    entries = _entries(folder)
    return [
        f"{named} was changed"
        for named in dict.fromkeys(files)
        if named in entries and _digest(code.find(named)) != entries[named][1]
    ]


def changed_since(folder: Path) -> Iterator[str]:
    """A sentence for every file that lies where the configuration names it and is another than its copy."""
    for named, (copy, digest) in _entries(folder).items():
        if Path(named).is_file() and _digest(Path(named)) != digest:
            yield (
                f"{named} has changed since {folder} was trained with it, and is not what the run goes by; that is "
                f"{folder / FOLDER / copy}"
            )


def _entries(folder: Path) -> dict[str, tuple[str, str]]:
    """Copy and digest of each file by its name in the configuration."""
    path = folder / KEPT
    if not path.is_file():
        return {}
    try:
        found = {
            named: (entry["copy"], entry["sha256"]) for named, entry in json.loads(path.read_bytes()).items()
        }
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise StorageError(
            f"{path}: it cannot be read ({error}); take it from a copy, or train again"
        ) from None
    for copy, _ in found.values():
        if not isinstance(copy, str) or Path(copy).name != copy:
            raise StorageError(
                f"{path}: {copy!r} is no file of {FOLDER}/; take it from a copy, or train again"
            )
    return found


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise StorageError(
            f"{path}: the file cannot be read ({error.strerror}), and the run rests on it; put it back"
        ) from None


def _digest(path: Path) -> str:
    return hashlib.sha256(_content(path)).hexdigest()
