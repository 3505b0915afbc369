"""The whole loop on a small network, by its own commands: train, export, simulate, compare, report."""

import io
import json
import os
import shutil
import stat
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace

import numpy as np
import pytest

from excitable.cli import main
from excitable.cli.compare import gate
from excitable.ladder.rungs import load_waveforms, save_waveforms
from netlists.comparison import Ladder, Rung, compare

pytestmark = pytest.mark.simulator

CONFIGURATION = """
name = "small"
[task]
sample_step = 1.0
horizon = 20.0
series_samples = 120
warm_up = 40
train_series = 8
validation_series = 4
test_series = 4
held_out_samples = 200
transient = 200.0
[network]
neuron = "mtc"
hidden = 5
dt = 0.2
method = "heun"
[training]
steps = 4
batch = 4
evaluate_every = 2
[simulation]
samples = 150
"""


@dataclass(frozen=True)
class Finished:
    """How the program ended, and its words."""

    returncode: int
    stdout: str
    stderr: str


def excitable(*arguments, cwd, **environment):
    """Run the program's main function in a folder; an error that is no message of its own is raised here."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.chdir(cwd)
        patch.setattr(sys, "argv", ["excitable", *map(str, arguments)])
        for name, value in environment.items():
            patch.setenv(name, value)
        try:
            main()
            status = 0
        except SystemExit as end:
            status = end.code or 0
    return Finished(status, out.getvalue(), err.getvalue())


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder in which `runs/small` is trained."""
    folder = tmp_path_factory.mktemp("loop")
    (folder / "small.toml").write_text(CONFIGURATION)
    done = excitable("train", "small.toml", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def simulated(trained):
    """The same, simulated and compared."""
    for command in ("export", "simulate", "compare", "report"):
        done = excitable(command, "small", cwd=trained)
        assert done.returncode == 0, done.stderr
    return trained / "runs" / "small"


def test_netlist_follows_the_continuous_equation(simulated):
    """Every neuron within 0.02 V0 rms, no spike missing or extra, task errors within 1 % of each other."""
    ladder = Ladder.from_json((simulated / "comparison.json").read_text())
    step = ladder.between("continuous", "behavioural")
    assert step.worst_rms_v0 < 0.02 and step.missing == step.extra == 0
    assert abs(ladder.task_error_change("continuous", "behavioural")) < 0.01


def test_run_folder_has_every_file_of_the_design(simulated):
    """Nothing is missing, nothing is half-written."""
    expected = {
        "config.toml", "environment.json", "model.safetensors", "model.json", "metrics.jsonl", "netlists",
        "waveforms.nc", "comparison.json", "report.html", "figures",
    }  # fmt: skip
    present = {path.name for path in simulated.iterdir()}
    assert expected <= present
    assert not [path for path in simulated.rglob("*part*") if path.name.startswith(".")]
    environment = json.loads((simulated / "environment.json").read_text())
    assert str(simulated) not in json.dumps(environment)


def test_exported_bench_runs_in_plain_ngspice(simulated, tmp_path):
    """The files alone are enough, with a plain `ngspice -b`, and the raw file appears."""
    folder = shutil.copytree(simulated / "netlists", tmp_path / "netlists")
    done = subprocess.run(
        ["ngspice", "-b", "network_bench.cir"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (folder / "network.raw").stat().st_size > 1000


def test_waveforms_of_all_rungs_start_alike(simulated):
    """Three rungs with the same neurons, from the same initial voltages."""
    rungs = load_waveforms(simulated / "waveforms.nc")
    assert [rung.rung for rung in rungs] == ["discrete", "continuous", "behavioural"]
    assert len({rung.neurons for rung in rungs}) == 1
    for rung in rungs:
        assert rung.membrane[0] == pytest.approx(rungs[0].membrane[0], abs=1e-6)


def test_a_monolithic_netlist_gives_the_same_waveforms(simulated, trained):
    """The sum of the parts is the whole: outputs and membranes agree to ngspice's tolerance."""
    whole = trained / "runs" / "whole"
    shutil.copytree(simulated, whole)
    text = (whole / "config.toml").read_text()
    (whole / "config.toml").write_text(text + "monolithic = true\n")
    done = excitable("simulate", "whole", cwd=trained)
    assert done.returncode == 0, done.stderr
    parts, one = (load_waveforms(folder / "waveforms.nc")[-1] for folder in (simulated, whole))
    assert parts.output == pytest.approx(one.output, abs=2e-3)
    assert parts.membrane == pytest.approx(one.membrane, abs=0.02)


def test_compare_ends_with_a_status_for_ci(simulated, trained):
    """A generous limit passes, an impossible one fails; both name the neuron, its error and the limit."""
    generous = excitable("compare", "small", "--max-nrmse", "0.5", cwd=trained)
    assert generous.returncode == 0 and "is within --max-nrmse 0.5" in generous.stderr
    strict = excitable("compare", "small", "--max-nrmse", "1e-12", cwd=trained)
    assert strict.returncode == 1 and "of hidden_" in strict.stderr
    assert "is above --max-nrmse 1e-12" in strict.stderr
    assert excitable("compare", "small", "--max-nrmse", "nan", cwd=trained).returncode == 2


def test_every_netlist_is_held_to_the_equation(simulated, trained):
    """A behavioural netlist that is far off fails the gate, though the transistors after it match the equation."""
    gated = trained / "runs" / "gated"
    shutil.copytree(simulated, gated)
    discrete, continuous, behavioural = load_waveforms(simulated / "waveforms.nc")
    rungs = [
        discrete, continuous, replace(behavioural, membrane=-behavioural.membrane),
        replace(continuous, rung="transistor", basis=""),
    ]  # fmt: skip
    (gated / "waveforms.nc").unlink()
    save_waveforms(rungs, gated / "waveforms.nc")
    levels = ("--level", "behavioural", "--level", "transistor")
    done = excitable("compare", "gated", *levels, "--max-nrmse", "0.1", cwd=trained)
    assert done.returncode == 1
    assert "continuous -> behavioural: largest nrmse" in done.stderr and "is above" in done.stderr
    assert "continuous -> transistor: largest nrmse 0, " in done.stderr


def test_a_neuron_without_an_error_does_not_pass():
    """A neuron that rests in the equation has no normalised error: the gate refuses it by name."""
    time = np.arange(9.0)
    voltage = np.stack([np.sin(time), np.zeros(9)], axis=1)
    rungs = [
        Rung(name=name, time=time, voltage=voltage + shift, neurons=("moving", "resting"))
        for name, shift in (("continuous", 0.0), ("behavioural", 1e-3))
    ]
    (step,) = compare(rungs, window=1.0, step=1.0).comparisons
    found = gate(step, 10.0)
    assert not found.holds and "no nrmse of resting can keep" in found.words


def test_the_limit_itself_is_within_it():
    """The worst error is held to the limit: equal passes, the next smaller limit does not."""
    time = np.linspace(0.0, 9.0, 40)
    rungs = [
        Rung(name=name, time=time, voltage=np.sin(time)[:, None] + shift, neurons=("one",))
        for name, shift in (("continuous", 0.0), ("behavioural", 1e-3))
    ]
    (step,) = compare(rungs, window=1.0, step=1.0).comparisons
    worst = step.neurons[0].nrmse
    below = np.nextafter(worst, 0.0)
    assert gate(step, worst).holds and "is within" in gate(step, worst).words
    assert not gate(step, below).holds and "is above" in gate(step, below).words


def test_without_ngspice_nothing_is_done(trained):
    """One clear error that names the package; no waveforms appear."""
    bare = trained / "bare"
    shutil.copytree(trained / "runs" / "small", bare, ignore=shutil.ignore_patterns("waveforms.nc"))
    done = excitable("simulate", "bare", cwd=trained, PATH="/nonexistent")
    assert done.returncode == 2 and "ngspice" in done.stderr and "apt" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (bare / "waveforms.nc").exists()
    assert excitable("demo", "small.toml", cwd=trained, PATH="/nonexistent").returncode == 2


def test_ngspice_killed_half_way_leaves_the_old_waveforms(simulated, trained, tmp_path):
    """The error names the signal, and what was there before is untouched."""
    real = shutil.which("ngspice")
    fake = tmp_path / "ngspice"
    fake.write_text(f'#!/bin/sh\ncase "$1" in --version) exec {real} --version;; esac\nkill -9 $$\n')
    fake.chmod(fake.stat().st_mode | stat.S_IXUSR)
    before = (simulated / "waveforms.nc").read_bytes()
    done = excitable("simulate", "small", cwd=trained, PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert done.returncode == 2 and "SIGKILL" in done.stderr and "Traceback" not in done.stderr
    assert (simulated / "waveforms.nc").read_bytes() == before


def test_compare_before_simulate_says_what_to_do(trained):
    """The error names the command that is missing."""
    bare = trained / "unsimulated"
    shutil.copytree(
        trained / "runs" / "small", bare, ignore=shutil.ignore_patterns("waveforms.nc", "comparison.json")
    )
    done = excitable("compare", "unsimulated", cwd=trained)
    assert done.returncode == 2 and "excitable simulate" in done.stderr


@pytest.mark.parametrize("neuron", ["lif", "adlif"])
def test_one_changed_line_trains_another_neuron(trained, neuron):
    """The same file with another neuron trains; its export is refused in words."""
    text = CONFIGURATION.replace('neuron = "mtc"', f'neuron = "{neuron}"').replace('method = "heun"\n', "")
    (trained / f"{neuron}.toml").write_text(text.replace('"small"', f'"{neuron}"'))
    assert excitable("train", f"{neuron}.toml", cwd=trained).returncode == 0
    refused = excitable("export", neuron, cwd=trained)
    assert refused.returncode == 2 and neuron in refused.stderr and "Traceback" not in refused.stderr
