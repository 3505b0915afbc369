"""Compiled kernels on disk: private to their user, whole or absent, checked before they are loaded.

A file is named `<key>-<digest>.so`: the key says what it was built from, the digest is the SHA-256 of its content.
One rename puts file and digest in place together, so two processes may build the same kernel at once.
"""

import hashlib
import os
import stat
from contextlib import suppress
from pathlib import Path

from platformdirs import user_cache_dir

from conductance.errors import ExcitableError

VARIABLE = "EXCITABLE_CACHE"


class CacheError(ExcitableError):
    """The cache folder cannot be used."""


def folder() -> Path:
    """The folder of compiled kernels, made if missing: `kernels` in the user's cache folder or in EXCITABLE_CACHE.

    Raises:
        CacheError: it cannot be made or written, is another user's, or others may write to it.
    """
    base = os.environ.get(VARIABLE)
    path = Path(base or user_cache_dir("excitable")) / "kernels"
    mend = f"set {VARIABLE} to a folder of your own"
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = path.lstat()
    except OSError as error:
        raise CacheError(f"cache folder {path} cannot be made ({error.strerror}); {mend}") from None
    if not stat.S_ISDIR(status.st_mode):
        raise CacheError(f"cache folder {path} is a link or a file; {mend}")
    if hasattr(os, "getuid") and status.st_uid != os.getuid():
        raise CacheError(
            f"cache folder {path} belongs to user {status.st_uid}, you are {os.getuid()}; {mend}"
        )
    if os.name == "posix" and status.st_mode & 0o077:
        raise CacheError(
            f"cache folder {path} is open to others (mode {status.st_mode & 0o777:o}); run: chmod 700 '{path}'"
        )
    if not os.access(path, os.W_OK | os.X_OK):
        raise CacheError(f"cache folder {path} is not writable; {mend}")
    return path


def find(key: str) -> Path | None:
    """The library built for `key`, or None; files whose content is not what their name says are removed."""
    for path in sorted(folder().glob(f"{key}-*.so")):
        if path.stem.removeprefix(f"{key}-") == _digest(path):
            return path
        with suppress(
            OSError
        ):  # a folder, or a file that may not be removed: it is not loaded, that is enough
            path.unlink(missing_ok=True)
    return None


def put(key: str, built: Path) -> Path:
    """Move a library, built in a subfolder of `folder()`, to its place."""
    built.chmod(0o600)
    path = folder() / f"{key}-{_digest(built)}.so"
    built.replace(path)
    return path


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()[:32]
    except OSError:
        return ""
