"""What each command loads before it does its work: no time is asserted, the libraries that take it are."""

import ast
import os
import subprocess
import sys

import pytest

WATCHED = (
    "torch", "lightning", "sympy", "scipy", "numpy", "pydantic", "xarray", "matplotlib", "PySpice", "safetensors",
    "jinja2", "h5py", "sklearn", "schemdraw", "quantiphy",
)  # fmt: skip
"""Libraries that take a tenth of a second or more, or that a part of excitable alone needs."""
DECLARES = {"numpy", "pydantic", "sympy"}
"""What it takes to check a configuration of series: its sections, the tasks' options, and the neuron's declaration."""
COMMANDS = {
    "help": (["--help"], set()),
    "version": (["--version"], set()),
    "config": (["config"], DECLARES),
    "config of series": (["config", "demo"], DECLARES),
    "a wrong configuration": (["train", "wrong.toml"], DECLARES | {"quantiphy"}),
    "a run that is not there": (["report", "nowhere"], None),
}
"""By what a user types: what may be loaded when the command has ended; None: anything but what trains and simulates."""
PROGRAM = """
import sys, excitable.cli as cli
try:
    cli.main()
except SystemExit:
    pass
print([name for name in {watched} if name in sys.modules])
"""


@pytest.mark.parametrize("case", COMMANDS)
def test_a_command_loads_what_it_needs(tmp_path, case):
    """Torch and Lightning take seconds: whoever checks a file, or has a fault in one, does not wait for them."""
    arguments, allowed = COMMANDS[case]
    (tmp_path / "wrong.toml").write_text('name = "a"\nframes = 3\n[circuit]\ncapacitance = "1 V"\n')
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(watched=WATCHED), *arguments],
        cwd=tmp_path, capture_output=True, text=True, check=True, env=os.environ,
    )  # fmt: skip
    loaded = set(ast.literal_eval(done.stdout.splitlines()[-1]))
    if allowed is None:
        assert not loaded & {"lightning", "PySpice", "h5py", "sklearn", "schemdraw"}, loaded
    else:
        assert loaded <= allowed, loaded - allowed


FIRST_STEP = """
import gc, os, sys
import conductance
from torch.optim.optimizer import register_optimizer_step_post_hook

def stop(*_):
    print(([name for name in {watched} if name in sys.modules], gc.isenabled(), gc.get_freeze_count() > 100_000))
    sys.stdout.flush()
    os._exit(0)

register_optimizer_step_post_hook(stop)
import excitable.cli as cli
cli.main()
"""
SMALL = """
name = "small"
[task]
name = "mackey_glass"
series_samples = 100
warm_up = 20
train_series = 4
validation_series = 1
test_series = 1
held_out_samples = 100
[network]
hidden = 2
[training]
steps = 1
batch = 2
[simulation]
samples = 50
"""


def test_a_training_loads_what_its_first_step_needs(tmp_path):
    """Simulators, figures of ours and the report come later; what was loaded is not searched for garbage again."""
    (tmp_path / "small.toml").write_text(SMALL)
    done = subprocess.run(
        [sys.executable, "-c", FIRST_STEP.format(watched=WATCHED), "train", "small.toml"],
        cwd=tmp_path, capture_output=True, text=True, check=True, env=os.environ,
    )  # fmt: skip
    loaded, collecting, frozen = ast.literal_eval(done.stdout.splitlines()[-1])
    assert not set(loaded) & {"xarray", "PySpice", "jinja2", "h5py", "sklearn", "schemdraw"}
    assert collecting and frozen
