"""Run files that say something impossible: each is one sentence that names the file, and nothing takes for ever."""

import json

import numpy as np
import pytest
import xarray as xr
from report_examples import TASK, save_run_waveforms, trained_run

from conductance.errors import ExcitableError
from conductance.storage import StorageError, load_network
from conductance.storage.checkpoints import CHECKPOINT, read_checkpoint, write_checkpoint
from conductance.training import TrainingError, TrainingOptions, train
from excitable.ladder.rungs import discrete_rung
from excitable.report.evidence import ReportError, read_run

KIND = "series"
DT = 0.2


@pytest.fixture
def run(tmp_path):
    """A trained run, with its network and data."""
    folder = tmp_path / "small"
    return folder, *trained_run(folder)


@pytest.mark.parametrize("opening", ["[", '{"layers":'])
def test_a_network_nested_without_end_is_damage(run, opening):
    """100 000 brackets: Python's own reader gives up, and that is said."""
    folder, *_ = run
    closing = {"[": "]", '{"layers":': "}"}[opening]
    (folder / "model.json").write_text(opening * 100_000 + closing * 100_000)
    with pytest.raises(StorageError, match=r"model\.json"):
        load_network(folder)


@pytest.mark.parametrize(
    "tree",
    [["^", 10, 10**9], ["^", ["^", 10, 10**6], 10**6], ["^", ["/", 1, 3], 10**30], ["exp", ["exp", 1e9]]],
)
def test_a_power_without_end_is_not_computed(run, tree):
    """10^(10^9) has a billion digits; it is refused, and at once."""
    folder, *_ = run
    data = json.loads((folder / "model.json").read_text())
    (hidden,) = [layer for layer in data["layers"] if layer["name"] == "hidden"]
    hidden["neuron"]["output"] = tree
    (folder / "model.json").write_text(json.dumps(data))
    with pytest.raises(ExcitableError, match=r"model\.json|digest"):
        load_network(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda state: state.update(step=-1), lambda state: state.update(step=10**9),
        lambda state: state.update(step=1.5), lambda state: state.update(weights={}),
        lambda state: state.pop("weights"), lambda state: state.update(seed=None),
        lambda state: state.update(step=2, optimiser={}, best=None),
        lambda state: state.update(step=2, schedule={}, best=None), lambda state: state["best"].update(weights={}),
    ],
)  # fmt: skip
def test_a_checkpoint_that_no_training_left_is_damage(run, change):
    """A step before the first or after the last, no weights: the error says to delete the file."""
    folder, network, data = run
    path = folder / CHECKPOINT
    state = read_checkpoint(path, KIND)
    change(state)
    write_checkpoint(path, KIND, state)
    with pytest.raises(TrainingError, match=r"checkpoint.*delete"):
        train(network, TASK, data, TrainingOptions(steps=4, batch=2, evaluate_every=2), folder=folder)


def changed_series(folder, name, value):
    """Replace the numbers of a task's series beside the waveforms."""
    with xr.open_dataset(folder / "waveforms.nc", group="task", engine="h5netcdf") as found:
        series = found.load()
    series[name] = (series[name].dims, np.full_like(series[name].to_numpy(), value))
    series.to_netcdf(folder / "waveforms.nc", mode="a", group="task", engine="h5netcdf")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [("target", np.nan, "'target' is not finite"), ("input", np.inf, "'input' is not finite"),
     ("time", np.nan, "'time' is not finite"), ("mask", 0, "its mask leaves no sample")],
)  # fmt: skip
def test_series_that_nothing_can_be_measured_on_are_damage(run, name, value, words):
    """NaN among the targets, a mask of zeros."""
    folder, network, data = run
    rung = discrete_rung(network, data.held_out.inputs[:, 0].numpy(), dt=DT)
    save_run_waveforms(folder, [rung], data, {})
    changed_series(folder, name, value)
    with pytest.raises(ReportError, match=words):
        read_run(folder)


@pytest.mark.parametrize("end", ["", "{", '{"step": 6, "split": "tr'])
def test_metrics_that_end_within_a_line_are_read_to_there(run, end):
    """What a kill left of a last line counts for nothing; one without its newline is whole."""
    folder, *_ = run
    path = folder / "metrics.jsonl"
    whole = read_run(folder).metrics
    path.write_text(path.read_text().rstrip("\n") + ("\n" + end if end else ""))
    assert read_run(folder).metrics == whole


@pytest.mark.parametrize("line", ['{"step": -1}', "[]", "nonsense", '{"step": 1}'])
def test_a_line_of_metrics_that_is_none_is_damage(run, line):
    """Within the file, the error names it."""
    folder, *_ = run
    path = folder / "metrics.jsonl"
    path.write_text(line + "\n" + path.read_text())
    with pytest.raises(ExcitableError, match=r"metrics\.jsonl"):
        read_run(folder)
