"""Exported netlists of amplifiers need nothing but ngspice: the files alone give what the package simulates."""

import os
import shutil
import subprocess

import numpy as np
import pytest
from network_examples import DT, INPUTS, two_neurons

from circuits.technologies import technology
from excitable.ladder.options import CircuitOptions
from excitable.ladder.series import export
from netlists.simulation import simulate
from netlists.waveforms import label, resample
from netlists.waveforms.raw import read_raw


@pytest.mark.simulator
@pytest.mark.parametrize("level", ["macromodel", "transistor"])
def test_exported_amplifiers_run_outside_the_package(tmp_path, level):
    """Copied elsewhere, named by a relative path from another folder, with nothing but HOME in the environment,
    `ngspice -b` gives the waveforms of the package's own run.
    """
    chosen = technology("generic_180nm")
    options = CircuitOptions(scaling=chosen.scaling(), levels=level, technology=chosen, relative=1e-4)
    netlist = export(two_neurons(), INPUTS, dt=DT, options=options)
    inside = simulate(netlist).require()
    netlist.write(tmp_path / "export")
    shutil.move(tmp_path / "export", tmp_path / "received")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    done = subprocess.run(
        [shutil.which("ngspice"), "-b", os.path.join("..", "received", netlist.bench)],
        cwd=elsewhere, env={"HOME": str(elsewhere)}, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    (raw,) = elsewhere.glob("*.raw")
    outside = resample(label(read_raw(raw)[-1], netlist.probes), inside["time"].to_numpy())
    membranes = [node for node in netlist.probes if node.startswith("hidden_")]
    assert (
        len(membranes) == 2 and np.ptp(inside["voltage"].sel(node=membranes).to_numpy(), axis=0).min() > 0.01
    )
    np.testing.assert_allclose(outside["voltage"], inside["voltage"], atol=1e-6)
