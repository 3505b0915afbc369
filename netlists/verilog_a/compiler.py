"""The compiler of Verilog-A, openvaf-r, and the cache of what it made."""

import hashlib
import os
import re
import subprocess
import threading
from pathlib import Path

from platformdirs import user_cache_path

from conductance.files import whole_file
from netlists.errors import NetlistError

TIME_LIMIT = 120.0
_KEPT_WORDS = 12
_DEFAULT = re.compile(r"(parameter real \w+ = )\S+")
_compiling = threading.Lock()


def compiled(text: str, *, compiler: Path, version: str, folder: Path, name: str) -> Path:
    """A file of modules compiled for OSDI; one that was compiled before is taken from the user's cache.

    Defaults of parameters do not count, so that other values need no other compilation (150 ms): whoever takes a
    compiled module gives each of its parameters a value.

    Args:
        text: the file of modules; comments do not count either.
        compiler: openvaf-r.
        version: of the compiler, part of what the cache is asked for.
        folder: where the compiler works.
        name: of the file, for errors.

    Raises:
        NetlistError: it does not compile; the message has the compiler's words.
    """
    code = "\n".join(_DEFAULT.sub(r"\1", line.split("//")[0].rstrip()) for line in text.splitlines())
    key = hashlib.sha256(f"{version}\n{code}".encode()).hexdigest()[:32]
    target = cache_folder() / f"{key}.osdi"
    with _compiling:
        if not target.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(target) as part:
                _compile(text, compiler, folder, name, part)
    return target


def cache_folder() -> Path:
    """Where compiled modules are kept."""
    return user_cache_path("excitable") / "verilog_a"


def _compile(text: str, compiler: Path, folder: Path, name: str, target: Path) -> None:
    source = folder / name
    source.write_text(text, encoding="ascii")
    try:
        done = subprocess.run(
            [str(compiler), source.name, "-o", str(target)],
            cwd=folder,
            env={**os.environ, "LC_ALL": "C", "NO_COLOR": "1", "TMPDIR": str(folder)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIME_LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise NetlistError(f"{name}: {compiler.name} did not end within {TIME_LIMIT:g} s") from error
    except OSError as error:
        raise NetlistError(f"{name}: {compiler} cannot be started: {error.strerror or error}") from error
    if done.returncode or not target.is_file():
        words = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        raise NetlistError(
            f"{name} does not compile; {compiler.name} says: " + " | ".join(words[:_KEPT_WORDS])
        )
