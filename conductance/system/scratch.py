"""Temporary folders that are gone when their process is: those of a killed one are removed by the next."""

import fcntl
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

PREFIX = "excitable_"
_YOUNG = 1.0
"""Seconds within which a folder may not be locked yet by the process that has just made it."""


@contextmanager
def scratch_folder(inside: Path | None = None) -> Iterator[Path]:
    """A private folder for the block, in the system's folder for temporary files or `inside` another.

    It is locked while its process lives. Folders of dead processes beside it are removed first, once per process.
    """
    beside = Path(tempfile.gettempdir()) if inside is None else inside
    _sweep_once(beside)
    place = Path(tempfile.mkdtemp(prefix=PREFIX, dir=beside))
    handle = os.open(place, os.O_RDONLY)
    try:
        with suppress(OSError):  # a file system without locks: then the folder is never swept either
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)
        os.close(handle)


def sweep(folder: Path | None = None) -> None:
    """Remove the temporary folders of processes that are dead; those of others and of living ones stay."""
    place = Path(tempfile.gettempdir()) if folder is None else folder
    with suppress(OSError):
        for path in place.glob(f"{PREFIX}*"):
            if _is_ours(path):
                _remove_dead(path)


@cache
def _sweep_once(folder: Path) -> None:
    sweep(folder)


def _is_ours(path: Path) -> bool:
    try:
        status = path.lstat()
    except OSError:
        return False
    return (
        stat.S_ISDIR(status.st_mode)
        and status.st_uid == os.getuid()
        and time.time() - status.st_mtime > _YOUNG
    )


def _remove_dead(path: Path) -> None:
    with suppress(OSError):
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path, ignore_errors=True)
        finally:
            os.close(handle)
