"""What a run was made with: versions, seed and machine, without names of people, hosts or folders."""

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

VERSION = version("excitable")
PACKAGES = (
    "excitable", "torch", "lightning", "numpy", "scipy", "sympy", "safetensors", "pydantic", "PySpice", "xarray",
)  # fmt: skip
"""The packages whose versions may change a result or a file."""


def environment(*, seed: int, folder: Path | None = None) -> dict[str, Any]:
    """The content of `environment.json`.

    Args:
        seed: of the run.
        folder: of the run, where there is one: a training that goes on takes its checkpoint's number of threads.
    """
    import torch

    from conductance.storage.checkpoints import CHECKPOINT, recorded_threads

    places = [] if folder is None else [folder / CHECKPOINT, folder / CHECKPOINT.name]
    recorded = map(recorded_threads, places)

    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "seed": seed,
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
        "commit": commit(),
        "machine": {
            "system": platform.system(),
            "architecture": platform.machine(),
            "processor": _processor(),
            "cores": os.cpu_count(),
            "threads": next(filter(None, recorded), torch.get_num_threads()),
        },
    }


def commit() -> str | None:
    """The git commit of the source that runs, with a + if it was changed since; None for an installed package."""
    source = Path(__file__).resolve().parent.parent
    if not (source / ".git").exists():
        return None
    name = _git(source, "rev-parse", "HEAD")
    changed = _git(source, "status", "--porcelain", "--untracked-files=no")
    return None if name is None else name + ("+" if changed else "")


def _git(source: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(source), *arguments], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    """The processor's model, as the system calls it."""
    if sys.platform == "linux":
        try:
            lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        except OSError:
            lines = []
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
        if names:
            return names[0]
    return platform.processor()
