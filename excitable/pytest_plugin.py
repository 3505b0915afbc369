"""The pytest plugin that comes with excitable: the fixture `golden_waveforms` and the option `--update-golden`.

It is loaded with every pytest of the environment, so it imports nothing but pytest until a test asks for the fixture.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from netlists.waveforms.golden import Golden


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--update-golden`."""
    parser.getgroup("excitable").addoption(
        "--update-golden", action="store_true", default=False,
        help="write golden waveforms anew instead of comparing with them",
    )  # fmt: skip


@pytest.fixture
def golden_waveforms(request: pytest.FixtureRequest, tmp_path: Path) -> "Golden":
    """Golden waveforms of this test, kept in `golden/<test file>/<test>/` beside it; see `Golden.check`."""
    from netlists.waveforms.golden import Golden

    test = "".join(letter if letter.isalnum() or letter in "_-" else "_" for letter in request.node.name)
    folder = request.path.parent / "golden" / request.path.stem / test
    return Golden(folder=folder, figures=tmp_path, update=request.config.getoption("--update-golden"))
