"""What every test shares: one thread per worker, fixed seeds, and what to do without ngspice."""

import os

# Before numpy and torch are imported: two workers on two cores, and sums in one order on every machine.
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[variable] = "1"
os.environ.setdefault("MPLBACKEND", "agg")

import random
import shutil

import numpy as np
import pytest
import torch
from hypothesis import settings

torch.set_num_threads(1)

# Examples are drawn from the test's own name, so a run can be repeated; the machine's speed is no property.
settings.register_profile("excitable", derandomize=True, deadline=None)
settings.load_profile("excitable")

NO_NGSPICE = "ngspice is missing: `make ngspice` installs it, or names the package to install"


@pytest.fixture(autouse=True)
def fixed_seeds() -> None:
    """Every test starts from the same random numbers, whatever ran before it."""
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002  # libraries still draw from it
    torch.manual_seed(0)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without ngspice, skip the tests that need it; in continuous integration, let them fail."""
    if shutil.which("ngspice") is not None or os.environ.get("CI") == "true":
        return
    for item in items:
        if item.get_closest_marker("simulator"):
            item.add_marker(pytest.mark.skip(reason=NO_NGSPICE))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A missing simulator is never reported as success in continuous integration."""
    if item.get_closest_marker("simulator") and shutil.which("ngspice") is None:
        pytest.fail(NO_NGSPICE, pytrace=False)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One clear line when the simulator's tests were skipped."""
    skipped = sum(NO_NGSPICE in str(report.longrepr) for report in terminalreporter.stats.get("skipped", []))
    if skipped:
        terminalreporter.write_line(f"{skipped} tests were skipped: {NO_NGSPICE}", yellow=True)
