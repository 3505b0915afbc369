"""The pytest plugin that comes with excitable: the fixture `golden_waveforms` and the option `--update-golden`.

It is loaded with every pytest of the environment, so it imports nothing but pytest until a test asks for the fixture.
"""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from netlists.waveforms.golden import Golden

LONGEST = 100
"""Characters of a folder's name."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--update-golden`."""
    parser.getgroup("excitable").addoption(
        "--update-golden", action="store_true", default=False,
        help="write golden waveforms anew instead of comparing with them",
    )  # fmt: skip


@pytest.fixture
def golden_waveforms(request: pytest.FixtureRequest, tmp_path: Path) -> "Golden":
    """Golden waveforms of this test, kept in `golden/<test file>/<class>/<test>/` beside it; see `Golden.check`."""
    from netlists.waveforms.golden import Golden

    _, *names = _split(request.node.nodeid)
    folder = request.path.parent.joinpath("golden", request.path.stem, *map(_folder, names))
    return Golden(folder=folder, figures=tmp_path, update=request.config.getoption("--update-golden"))


def _split(nodeid: str) -> list[str]:
    """The parts of a test's name; colons inside the brackets of a parameter belong to it."""
    head, bracket, parameters = nodeid.partition("[")
    *outer, test = head.split("::")
    return [*outer, test + bracket + parameters]


def _folder(name: str) -> str:
    """A name as a folder: what a file system may not take becomes _, and a digest keeps two such names apart."""
    clean = "".join(
        letter if letter.isascii() and (letter.isalnum() or letter in "_-") else "_" for letter in name
    )
    if clean == name and len(name) <= LONGEST:
        return name
    return f"{clean[:LONGEST]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
