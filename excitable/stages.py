"""What is done to a trained run: export, simulate, compare. Each stage leaves its files in the folder."""

import shutil
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import xarray as xr

from conductance.storage import StorageError
from conductance.storage.files import whole_file
from conductance.tasks import Split
from excitable.loop import export, held_out, ladder, simulate
from excitable.rungs import Waveforms, continuous_rung, discrete_rung, load_waveforms, save_waveforms
from excitable.runs import COMPARISON, NETLISTS, WAVEFORMS, RunError, RunFolder
from netlists.comparison import Ladder
from netlists.execute import available_cores

TASK_GROUP = "task"
Progress = Callable[[str, int, int], None]
"""Called with the name of a piece of work, how much of it is done, and all of it."""


def export_run(run: RunFolder) -> Path:
    """Write the network's netlist and its test bench into the run's `netlists/`; the bench's path is returned."""
    configuration, split = run.configuration, _split(run)
    netlist = export(
        run.network(),
        split.inputs[:, 0].numpy(),
        dt=configuration.network.dt,
        options=configuration.circuit_options(),
        provenance=_provenance(run),
    )
    return netlist.write(run.file(NETLISTS))


def simulate_run(run: RunFolder, progress: Progress | None = None) -> list[Waveforms]:
    """Run the model, its continuous equation and its netlist on the held-out series, and keep their waveforms.

    Raises:
        SimulatorMissing, SimulationFailed: there is no ngspice, or it failed; nothing is changed then.
        CircuitError, ContinuousError: the network has no circuit, or no continuous equation.
    """
    configuration, split, network = run.configuration, _split(run), run.network()
    inputs, dt = split.inputs[:, 0].numpy(), configuration.network.dt
    tell = progress or (lambda *_: None)
    workers = configuration.simulation.workers or available_cores()
    with tempfile.TemporaryDirectory(prefix="excitable_") as parts, ThreadPoolExecutor(workers) as executor:
        circuit = simulate(
            network,
            inputs,
            dt=dt,
            options=configuration.circuit_options(),
            executor=executor,
            keep=Path(parts),
            progress=lambda done, total: tell("netlists in ngspice", done, total),
        )
        rungs = [
            discrete_rung(network, inputs, dt=dt),
            continuous_rung(
                network, inputs, dt=dt, progress=lambda done, total: tell("continuous equation", done, total)
            ),
            circuit,
        ]
        with whole_file(run.file(WAVEFORMS)) as part:
            save_waveforms(rungs, part)
            _task_dataset(run, split).to_netcdf(part, mode="a", group=TASK_GROUP, engine="h5netcdf")
        _keep_parts(Path(parts), run.path / NETLISTS / "parts")
    return rungs


def compare_run(run: RunFolder) -> Ladder:
    """Climb the ladder with the waveforms of the run, and write `comparison.json`.

    Raises:
        RunError: nothing has been simulated.
    """
    path = run.path / WAVEFORMS
    if not path.is_file():
        raise RunError(f"{run.path}: nothing is simulated yet; `excitable simulate {run.path}` does it")
    try:
        rungs = load_waveforms(path)
    except (OSError, KeyError, ValueError) as error:
        raise StorageError(
            f"{path}: it cannot be read ({error}); `excitable simulate {run.path}` makes it anew"
        ) from None
    dt = run.configuration.network.dt
    split = held_out(run.data.held_out, round(float(rungs[0].time[-1]) / dt))
    found = ladder(run.network(), rungs, split, run.task, dt=dt)
    run.write(COMPARISON, found.to_json())
    return found


def _split(run: RunFolder) -> Split:
    return held_out(run.data.held_out, run.configuration.simulation.samples)


def _provenance(run: RunFolder) -> Mapping[str, str]:
    configuration = run.configuration
    return {
        "run": configuration.name,
        "seed": str(configuration.seed),
        "input": f"{configuration.simulation.samples} samples of the held-out {configuration.task.name} series, "
        f"each held for {configuration.network.dt:g} tau_m",
    }


def _task_dataset(run: RunFolder, split: Split) -> xr.Dataset:
    """The held-out series beside the waveforms, one entry per model step."""
    ends = run.configuration.network.dt * np.arange(1, split.samples + 1)
    data = run.data
    return xr.Dataset(
        {
            "input": (("step", "feature"), split.inputs[:, 0].numpy()),
            "target": (("step", "feature"), split.targets[:, 0].numpy()),
            "mask": (("step",), split.mask[:, 0].numpy().astype(np.int8)),
        },
        coords={"time": ("step", ends, {"unit": "tau_m"})},
        attrs={
            "name": data.name, "sample": data.sample, "input": ", ".join(data.input_names),
            "target": ", ".join(data.target_names), "sample_step": data.sample_step, "time_unit": data.time_unit,
        },
    )  # fmt: skip


def _keep_parts(source: Path, target: Path) -> None:
    """Keep the netlists that were simulated, without the raw files: their waveforms are in `waveforms.nc`."""
    fresh = target.with_name(".parts.part")
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        shutil.copytree(source, fresh, ignore=shutil.ignore_patterns("*.raw"))
        shutil.rmtree(target, ignore_errors=True)
        fresh.replace(target)
    except OSError as error:
        shutil.rmtree(fresh, ignore_errors=True)
        raise StorageError(
            f"{target}: it cannot be written ({error.strerror}); make room and simulate again"
        ) from None
