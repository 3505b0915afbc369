"""Threads wait without spinning: OpenMP reads what the package sets, and what the user sets wins."""

import os
import re
import subprocess
import sys

import pytest

from conductance.loading.threads import ROUNDS, VARIABLES


def shown(program: str, **given: str) -> dict[str, str]:
    """The settings that GNU's OpenMP library says it runs with; empty where torch comes with another one."""
    kept = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    run = subprocess.run(
        [sys.executable, "-c", program], env={**kept, **given, "OMP_DISPLAY_ENV": "verbose"},
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return dict(re.findall(r"(GOMP_SPINCOUNT|OMP_WAIT_POLICY) = '(\w+)'", run.stderr))


@pytest.mark.parametrize(
    ("program", "given", "rounds"),
    [
        ("import conductance, torch", {}, str(ROUNDS)),
        ("from conductance import NeuronLayer", {}, str(ROUNDS)),
        ("import conductance, torch", {"GOMP_SPINCOUNT": "77"}, "77"),
        ("import conductance, torch", {"OMP_WAIT_POLICY": "passive"}, "0"),
    ],
)
def test_openmp_reads_what_is_set(program, given, rounds):
    """The library itself says for how many rounds its threads look before they sleep."""
    found = shown(program, **given)
    if not found:
        pytest.skip("torch does not come with GNU's OpenMP library here")
    assert found["GOMP_SPINCOUNT"] == rounds


def test_children_wait_alike():
    """A process that a search or a sweep starts finds the setting."""
    program = (
        "import subprocess, sys, conductance\n"
        "child = 'import os; print(os.environ[\"GOMP_SPINCOUNT\"])'\n"
        "print(subprocess.run([sys.executable, '-c', child], check=True, capture_output=True, text=True).stdout)\n"
    )
    kept = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    run = subprocess.run(
        [sys.executable, "-c", program], env=kept, check=True, capture_output=True, text=True
    )
    assert run.stdout.strip() == str(ROUNDS)
