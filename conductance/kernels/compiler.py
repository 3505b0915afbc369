"""C text to a loaded library, by the system's compiler."""

import ctypes
import hashlib
import os
import platform
import shlex
import shutil
from functools import cache
from pathlib import Path

import torch

from conductance.errors import ExcitableError
from conductance.kernels import cache as store
from conductance.system.processes import run_guarded
from conductance.system.scratch import scratch_folder

SECONDS = 20
"""A compilation that takes longer is given up; the largest kernels take about two seconds."""
_KEPT = 100_000
"""Bytes of a compiler's words that are read."""
FLAGS = (
    "-std=gnu11", "-O2", "-shared", "-fPIC", "-fno-math-errno", "-fno-trapping-math", "-fno-signed-zeros",
    "-ffp-contract=fast",
)  # fmt: skip
"""The vectors are written out, so that -O3 only takes longer. -ffast-math would let the compiler drop NaN and reorder
the range reductions of exp and tanh."""


class CompilerError(ExcitableError):
    """There is no compiler, or it fails."""


def find_compiler() -> tuple[str, ...]:
    """The command of the C compiler: $CC, or the first of cc, gcc and clang.

    Raises:
        CompilerError: none is installed.
    """
    given = os.environ.get("CC", "")
    try:
        command = shlex.split(given)
    except ValueError as error:
        raise CompilerError(f"CC = {given!r} is no command ({error}); correct or unset it") from None
    if command:
        if found := shutil.which(command[0]):
            return (found, *command[1:])
        raise CompilerError(
            f"CC names the compiler {command[0]!r}, which is not installed; install it or unset CC"
        )
    for name in ("cc", "gcc", "clang"):
        if found := shutil.which(name):
            return (found,)
    raise CompilerError(
        "no C compiler (cc, gcc, clang) is installed; on Debian: apt-get install gcc libc6-dev"
    )


def identity(command: tuple[str, ...]) -> str:
    """What a library depends on besides its source: compiler, options and, for -march=native, the processor."""
    try:
        real = Path(command[0]).resolve()
        status = real.stat()
    except (OSError, RuntimeError) as error:
        raise CompilerError(f"compiler {command[0]} cannot be read ({error}); set CC to another") from None
    parts = [
        str(real),
        str(status.st_size),
        str(status.st_mtime_ns),
        *command[1:],
        *map(str, _attempts()),
        _processor(),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def build(text: str, key: str) -> Path:
    """Compile `text` and put the library into the cache under `key`.

    Raises:
        CompilerError, CacheError: with the first lines of the compiler's message.
    """
    command = find_compiler()
    message = ""
    try:
        with scratch_folder(inside=store.folder()) as place:
            source, library, log = place / "kernel.c", place / "kernel.so", place / "log"
            source.write_text(text, "utf-8")
            for options, libraries in _attempts():
                call = [*command, *FLAGS, *options, "-o", str(library), str(source), *libraries, "-lm"]
                code = _compile(call, place, log)
                if code == 0 and library.is_file():
                    return store.put(key, library)
                message = message or log.read_bytes()[:_KEPT].decode(errors="replace")
    except OSError as error:
        raise CompilerError(
            f"the kernel cannot be built in {store.folder()} ({error.strerror or error}); make room there, or set "
            f"{store.VARIABLE} to a folder on another disk"
        ) from None
    lines = "\n".join(line[:160] for line in message.strip().splitlines()[:5])
    raise CompilerError(f"compiler {command[0]} failed; install a working one or set CC:\n{lines}")


def _compile(call: list[str], place: Path, log: Path) -> int:
    try:
        with log.open("wb") as words:
            code = run_guarded(call, folder=place, log=words, seconds=SECONDS)
    except OSError as error:
        raise CompilerError(f"compiler {call[0]} did not run: {error.strerror or error}") from None
    if code is None:
        raise CompilerError(
            f"compiler {call[0]} did not end within {SECONDS} s and was given up; set CC to one that works"
        )
    return code


def load(path: Path, *functions: str) -> ctypes.CDLL:
    """The library, opened; it has these functions.

    Raises:
        CompilerError: the system refuses it, as it does in a folder mounted noexec, or a function is missing.
    """
    try:
        library = ctypes.CDLL(str(path))
    except OSError as error:
        raise CompilerError(
            f"kernel {path} cannot be loaded ({error}); set {store.VARIABLE} to a folder on another file system"
        ) from None
    missing = [name for name in functions if not hasattr(library, name)]
    if missing:
        raise CompilerError(
            f"kernel {path} has no function {', '.join(missing)}: the compiler left it out; install a working one or "
            f"set CC, and delete that file"
        )
    return library


@cache
def _attempts() -> tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]:
    """Options and libraries, the fastest first; a compiler without OpenMP or -march=native gets the next."""
    native = "-mcpu=native" if platform.machine().lower() in ("arm64", "aarch64") else "-march=native"
    threads = _thread_library()
    return (
        ((native, "-fopenmp"), threads),
        ((native,), ()),
        (("-fopenmp",), threads),
        ((), ()),
    )


def _thread_library() -> tuple[str, ...]:
    # torch's wheels carry their own OpenMP library. A second one in the process would keep a second set of threads,
    # which wait in a loop and take the cores from the first.
    found = sorted((Path(torch.__file__).parent / "lib").glob("libgomp*.so*"))
    return (str(found[0]), "-Wl,--as-needed") if found else ()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return " ".join(platform.uname())
    wanted = ("model name", "flags", "Features", "CPU part")
    return "\n".join(sorted({line for line in lines if line.startswith(wanted)}))
