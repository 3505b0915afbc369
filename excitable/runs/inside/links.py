"""What lies inside a run folder: links that lead out of it are refused, what a killed process left is removed."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from conductance.errors import ExcitableError
from conductance.files import OURS
from conductance.system.scratch import PREFIX, sweep


class OutsideError(ExcitableError):
    """Something inside a run folder leads out of it."""


def check_links(folder: Path) -> None:
    """Refuse links inside a run folder that lead out of it; the folder itself may be a link.

    A run may come from elsewhere. Through a link in the place of a file or folder of it, others' files would be
    overwritten, or end in a report that is handed on.

    Raises:
        OutsideError: naming the link and where it leads.
    """
    home = folder.resolve()
    for path in _entries(home):
        if path.is_symlink():
            goal = path.resolve()
            if home not in goal.parents:
                raise OutsideError(
                    f"{folder / path.relative_to(home)} is a link that leads out of the run, to {goal}; replace it by "
                    f"what it leads to, or remove it"
                )


def tidy(folder: Path) -> None:
    """Remove unfinished files of ours and temporary folders of dead processes, at any depth; nothing else."""
    home = folder.resolve()
    for path in _entries(home):
        if re.fullmatch(OURS, path.name) and path.is_file() and not path.is_symlink():
            path.unlink(missing_ok=True)
        elif path.name.startswith(PREFIX):
            sweep(path.parent)


def _entries(home: Path) -> Iterator[Path]:
    """All files, folders and links below a folder; links are not followed."""
    for place, folders, files in os.walk(home):
        yield from (Path(place) / name for name in (*folders, *files))
