"""Run folders that the tests of the report share, made of real objects: a small network, its rungs, its netlist."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import xarray as xr

from circuits.data.scaling import Scaling
from conductance.networks import RECIPES, Network, series_network
from conductance.storage import save_network
from conductance.tasks import MackeyGlass, TaskData
from conductance.training import TrainingOptions, train
from excitable.ladder.options import CircuitOptions
from excitable.ladder.rungs import Waveforms, continuous_rung, discrete_rung, save_waveforms
from excitable.ladder.series import export, ladder
from netlists.comparison import Ladder

DT = 0.2
TASK = MackeyGlass(
    sample_step=1.0, horizon=20.0, series_samples=160, warm_up=60, train_series=4, validation_series=2,
    test_series=2, held_out_samples=700, transient=100.0,
)  # fmt: skip
CONFIGURATION = """\
name = "small"

[task]
sample_step = 1.0
horizon = 20.0
series_samples = 160
warm_up = 60
train_series = 4
held_out_samples = 700

[network]
hidden = 5

[training]
steps = 4
batch = 2

[simulation]
samples = 700
"""


def network_of(neuron: str, hidden: int = 5) -> Network:
    """An untrained network of a neuron; with this seed, some of the MTC neurons spike on the held-out series."""
    generator = torch.Generator().manual_seed(1)
    recipe = RECIPES[neuron]
    return series_network(
        recipe, inputs=1, hidden=hidden, outputs=1, dt=DT, low_pass_tau=2.0, generator=generator
    )


def trained_run(folder: Path, neuron: str = "mtc") -> tuple[Network, TaskData]:
    """A folder as `excitable train` leaves it: four steps of training."""
    folder.mkdir(parents=True)
    data = TASK.generate(0)
    network = network_of(neuron)
    train(network, TASK, data, TrainingOptions(steps=4, batch=2, evaluate_every=2), folder=folder)
    save_network(network, folder)
    (folder / "config.toml").write_text(CONFIGURATION)
    (folder / "environment.json").write_text(
        json.dumps({"seed": 0, "packages": {"torch": torch.__version__}})
    )
    return network, data


def rungs_of(network: Network, data: TaskData, *, delay: float = 0.05) -> list[Waveforms]:
    """Model and equation as they are, and for the circuit the equation's waveforms, late by `delay` tau_m."""
    inputs = data.held_out.inputs[:, 0].numpy()
    model = discrete_rung(network, inputs, dt=DT)
    equation = continuous_rung(network, inputs, dt=DT)
    late = [
        np.stack([np.interp(equation.time - delay, equation.time, column) for column in values.T], axis=1)
        for values in (equation.membrane, equation.output)
    ]
    return [model, equation, replace(equation, rung="behavioural", membrane=late[0], output=late[1])]


def save_run_waveforms(folder: Path, rungs: list[Waveforms], data: TaskData, about: dict[str, str]) -> None:
    """The waveforms with the task's series beside them, as `excitable simulate` leaves them, and words about it."""
    split = data.held_out
    save_waveforms(rungs, folder / "waveforms.nc")
    series = xr.Dataset(
        {
            "input": (("step", "feature"), split.inputs[:, 0].numpy()),
            "target": (("step", "feature"), split.targets[:, 0].numpy()),
            "mask": (("step",), split.mask[:, 0].numpy().astype(np.int8)),
        },
        coords={"time": ("step", DT * np.arange(1, split.samples + 1))},
        attrs=about,
    )
    series.to_netcdf(folder / "waveforms.nc", mode="a", group="task", engine="h5netcdf")


def whole_run(folder: Path) -> Ladder:
    """A folder as the whole loop leaves it."""
    network, data = trained_run(folder)
    rungs = rungs_of(network, data)
    inputs = data.held_out.inputs[:50, 0].numpy()
    export(network, inputs, dt=DT, options=CircuitOptions(scaling=Scaling())).write(folder / "netlists")
    words = {"input": data.input_names[0], "target": data.target_names[0], "sample": data.sample}
    save_run_waveforms(folder, rungs, data, words)
    found = ladder(network, rungs, data.held_out, TASK, dt=DT)
    (folder / "comparison.json").write_text(found.to_json())
    return found
