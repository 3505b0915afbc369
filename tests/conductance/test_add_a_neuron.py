"""The page that says how to add a neuron, followed in a copy of the package by one that is unlike all others."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

FITZHUGH_NAGUMO = '''"""FitzHugh-Nagumo: a cubic membrane with a slow recovery."""

import sympy

from conductance.neurons.base import INPUT, Neuron, State
from conductance.parameter import Parameter

V = sympy.Symbol("v", real=True)
W = sympy.Symbol("w", real=True)
TAU = Parameter(
    name="tau_w", default=12.5, unit="tau_m", lower=0.0, lower_open=True, transform="log", meaning="of the recovery"
)
A = Parameter(name="a", default=0.7, unit="V0", meaning="offset of the recovery")
B = Parameter(name="b", default=0.8, lower=0.0, meaning="slope of the recovery")


def fitzhugh_nagumo() -> Neuron:
    """dv/dt = v - v^3/3 - w + I, tau_w dw/dt = v + a - b w."""
    membrane = State(
        name="membrane", symbol=V, meaning="voltage", currents={"cubic": V - V**3 / 3, "recovery": -W, "input": INPUT}
    )
    recovery = State(
        name="recovery", symbol=W, meaning="recovery", capacity=TAU.symbol, timescale="slow",
        currents={"voltage": V, "offset": A.symbol, "leak": -B.symbol * W},
    )
    return Neuron(
        name="fitzhugh_nagumo", meaning="FitzHugh-Nagumo oscillator", parameters=(TAU, A, B),
        states=(membrane, recovery), output=sympy.Min(1, sympy.Max(0, V)), source="FitzHugh, Biophys. J. 1(6), 1961",
    )
'''
TESTS = ("convergence", "copies", "gradients", "kernels", "latex", "layers", "neurons", "storage", "training")
"""Files of tests that go through the list of neurons."""


def replaced(path: Path, old: str, new: str) -> None:
    """Write `new` for the one place where a file says `old`."""
    text = path.read_text("utf-8")
    assert text.count(old) == 1, (path, old)
    path.write_text(text.replace(old, new), "utf-8")


@pytest.mark.slow
def test_a_neuron_added_as_the_page_says_passes_every_test(tmp_path):
    """File, export and entry; no parameter names the time constant of its membrane, and its rule can run away."""
    shutil.copytree(
        ROOT / "conductance", tmp_path / "conductance", ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copytree(ROOT / "tests" / "conductance", tmp_path / "tests" / "conductance")
    for name in ("docs/how-to/add-a-neuron.md", "tests/conftest.py", "pyproject.toml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "conductance" / "neurons" / "fitzhugh_nagumo.py").write_text(FITZHUGH_NAGUMO, "utf-8")
    export = "from conductance.neurons.fitzhugh_nagumo import fitzhugh_nagumo\n"
    front = tmp_path / "conductance" / "neurons" / "__init__.py"
    replaced(
        front,
        "from conductance.neurons.lif import lif\n",
        f"{export}from conductance.neurons.lif import lif\n",
    )
    replaced(front, '    "lif",\n', '    "fitzhugh_nagumo",\n    "lif",\n')
    entries = tmp_path / "tests" / "conductance" / "declared.py"
    replaced(entries, '    "lif": lif(),\n', '    "lif": lif(),\n    "fitzhugh_nagumo": fitzhugh_nagumo(),\n')
    replaced(entries, "import Neuron, accumulator,", "import Neuron, fitzhugh_nagumo, accumulator,")
    files = [f"tests/conductance/test_{name}.py" for name in TESTS]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "fitzhugh", *files],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout[-4000:]
    assert " passed" in run.stdout and int(run.stdout.split(" passed")[0].split()[-1]) >= 20
