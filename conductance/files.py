"""Files that appear whole: written beside their place, made durable, then renamed."""

import errno
import json
import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

from conductance.errors import ExcitableError

OURS = r"\..+\.[0-9]+_[0-9]+\.part(\.[^.]+)?"
"""Regular expression of the names under which files are written, and which a killed process may leave in a folder:
the number of the process and a counter tell them from the unfinished files of other programs."""

_numbers = count()


class StorageError(ExcitableError):
    """A file cannot be written, or does not hold what it should."""


def typed(path: Path | str) -> str:
    """A path as it is typed into a shell: with quotes where it needs them.

    >>> typed("my runs/small")
    "'my runs/small'"
    """
    return shlex.quote(str(path))


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A temporary path to write to; on leaving, its file replaces `path` in one step.

    If the body fails, nothing is left behind and an older file at `path` stays as it was. The temporary path has
    the suffix of `path`, because some writers choose their format by it.

    Raises:
        StorageError: the file cannot be written (full disk, no permission).
    """
    path = Path(path)
    part = path.with_name(f".{path.stem}.{os.getpid()}_{next(_numbers)}.part{path.suffix}")
    try:
        yield part
        with open(part, "rb") as written:
            os.fsync(written.fileno())
        os.replace(part, path)
        _make_durable(path.parent)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def write_whole(path: Path, data: bytes | str) -> None:
    """Write bytes, or text as UTF-8, so that the file at `path` is either the old or the new one.

    Raises:
        StorageError: the file cannot be written (full disk, no permission).
    """
    with whole_file(path) as part:
        part.write_bytes(data.encode() if isinstance(data, str) else data)


def readable_json(data: Any, indent: str = "") -> str:
    """JSON with one line per key, and lists of plain values on one line.

    >>> print(readable_json({"a": [1, ["b", 2.5]]}))
    {
      "a": [1, ["b", 2.5]]
    }
    """
    deeper = indent + "  "
    if isinstance(data, dict) and data:
        entries = [
            f"{deeper}{json.dumps(str(key))}: {readable_json(value, deeper)}" for key, value in data.items()
        ]
        return "{\n" + ",\n".join(entries) + f"\n{indent}}}"
    if isinstance(data, list | tuple) and any(isinstance(entry, dict) for entry in data):
        return "[\n" + ",\n".join(deeper + readable_json(entry, deeper) for entry in data) + f"\n{indent}]"
    return json.dumps(data, ensure_ascii=False, allow_nan=False)


def cannot_write(path: Path, error: OSError) -> StorageError:
    """The error to raise for a failed write, in words."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageError(
            f"{path}: the disk is full, so the file was not written and nothing half-written is left; "
            f"free some space there and run the same command again"
        )
    return StorageError(
        f"{path}: the file cannot be written ({error.strerror or error}); "
        f"check that the folder exists and may be written to"
    )


def _make_durable(folder: Path) -> None:
    """Make a rename survive a power cut, where the file system can."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)
