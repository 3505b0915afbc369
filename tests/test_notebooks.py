"""Every notebook runs from top to bottom."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).resolve().parent.parent / "notebooks").glob("*.py"))
QUICK = {"one_declaration"}
"""What the others do, other tests do too: they run with `make test-all`."""


def test_there_are_notebooks():
    """The list that the next test runs over is not empty."""
    assert NOTEBOOKS


@pytest.mark.simulator
@pytest.mark.parametrize(
    "notebook",
    [pytest.param(path, marks=pytest.mark.slow if path.stem not in QUICK else ()) for path in NOTEBOOKS],
    ids=[path.stem for path in NOTEBOOKS],
)
def test_notebook_runs(notebook, tmp_path):
    """Executed as a script, away from the source tree, without an error."""
    done = subprocess.run(
        [sys.executable, str(notebook)],
        cwd=tmp_path,
        env={**os.environ, "MPLBACKEND": "agg"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
