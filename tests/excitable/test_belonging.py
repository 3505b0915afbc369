"""What lies in a run belongs together: configuration, network, checkpoint and waveforms of another run are refused."""

import os
import re
import shutil

import numpy as np
import pytest
import xarray as xr
from report_examples import CONFIGURATION, trained_run, whole_run
from test_config import SMALL

from conductance.networks import RECIPES, series_network
from conductance.storage import StorageError, load_network, save_network
from excitable.ladder.rungs import load_waveforms
from excitable.report import read_run, write_report
from excitable.runs.folder import COMPARISON, WAVEFORMS, WEIGHTS, RunError
from excitable.runs.series import SeriesRun, train_run
from excitable.runs.stages.belonging import StaleWarning, note_weights, stale_results
from excitable.runs.stages.series import compare_run, export_run, simulate_run


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run trained by the command's own function."""
    folder = tmp_path_factory.mktemp("belonging") / "small"
    with SeriesRun.begun(folder, SMALL, source="small.toml") as run:
        train_run(run)
    return folder


@pytest.fixture
def run(trained, tmp_path):
    """A copy of it."""
    shutil.copytree(trained, tmp_path / "small")
    return SeriesRun(tmp_path / "small")


@pytest.fixture(scope="module")
def simulated(trained, tmp_path_factory):
    """The same, simulated."""
    folder = tmp_path_factory.mktemp("simulated") / "small"
    shutil.copytree(trained, folder)
    simulate_run(SeriesRun(folder))
    return folder


def edit(folder, old: str, new: str) -> SeriesRun:
    """Change the configuration of a run by hand."""
    path = folder / "config.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    return SeriesRun(folder)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("seed = 3", "seed = 4", "seed: 3 -> 4"),
        ("dt = 1.0", "dt = 0.1", "network.dt: 1.0 -> 0.1"),
        ('neuron = "mtc"', 'neuron = "lif"', "network.neuron: mtc -> lif"),
        ("hidden = 5", "hidden = 13", "network.hidden: 5 -> 13"),
        ("horizon = 20.0", "horizon = 10.0", "task.horizon: 20.0 -> 10.0"),
        ("steps = 2", "steps = 3", "training.steps: 2 -> 3"),
    ],
)
def test_a_changed_configuration_is_refused_by_every_stage(run, old, new, words):
    """As `train` does it, with the key and both values; undone, the run works again."""
    changed = edit(run.path, old, new)
    for use in (lambda: changed.configuration, changed.network, lambda: export_run(changed)):
        with pytest.raises(RunError) as caught:
            use()
        assert words in str(caught.value)
        assert "trained.toml" in str(caught.value)
    assert edit(run.path, new, old).network() is not None


def test_what_training_does_not_rest_on_may_change(run):
    """Another circuit and another number of samples are no other network."""
    assert edit(run.path, "samples = 50", "samples = 40").network() is not None


@pytest.mark.parametrize(("neuron", "hidden"), [("lif", 5), ("mtc", 13)])
def test_another_s_network_is_refused(run, neuron, hidden):
    """A model copied in from another run, where its configuration says nothing of it."""
    other = series_network(RECIPES[neuron], inputs=1, hidden=hidden, outputs=1, dt=1.0, low_pass_tau=2.0)
    save_network(other, run.path)
    with pytest.raises(RunError, match=r"does not belong to model\.json"):
        run.network()


def test_a_run_from_before_is_held_to_its_network(tmp_path):
    """Without trained.toml, the size in the configuration must be that of the model."""
    trained_run(tmp_path / "small")
    (tmp_path / "small" / "config.toml").write_text(CONFIGURATION.replace("hidden = 5", "hidden = 6"))
    with pytest.raises(RunError, match=r"hidden has neurons: 5, the configuration says 6"):
        SeriesRun(tmp_path / "small").network()


@pytest.mark.parametrize("name", ["model.safetensors", "model.json"])
def test_one_bit_of_a_network_is_found(run, name):
    """Anywhere in either file: a number of the weights, a bound of the declaration."""
    path = run.path / name
    right = path.read_bytes()
    rng = np.random.default_rng(0)
    for place in rng.integers(len(right), size=20):
        spoiled = bytearray(right)
        spoiled[place] ^= 1 << rng.integers(8)
        if name == "model.json" and bytes(spoiled).split() == right.split():
            continue
        path.write_bytes(bytes(spoiled))
        with pytest.raises(StorageError):
            load_network(run.path)
    path.write_bytes(right)
    load_network(run.path)


def test_weights_of_another_training_do_not_pass_as_this_one_s(run, tmp_path):
    """Of the same structure, so that only the digest tells them apart."""
    with SeriesRun.begun(tmp_path / "other", SMALL.replace("seed = 3", "seed = 4"), source="x") as other:
        train_run(other)
    shutil.copy(tmp_path / "other" / "model.safetensors", run.path / "model.safetensors")
    with pytest.raises(StorageError, match="do not belong together"):
        load_network(run.path)


@pytest.mark.simulator
def test_waveforms_of_another_network_input_or_circuit_are_refused(simulated, tmp_path):
    """The model retrained, or the circuit's units changed, after the simulation; what does not matter may change."""
    for name, old, new, refused in (
        ("samples", "samples = 50", "samples = 40", False),
        ("circuit", "samples = 50", 'samples = 50\n[circuit]\ncapacitance = "2 pF"', True),
    ):
        shutil.copytree(simulated, tmp_path / name)
        changed = edit(tmp_path / name, old, new)
        if refused:
            with pytest.raises(RunError, match=r"rung behavioural are of another .*excitable simulate"):
                compare_run(changed)
        else:
            assert compare_run(changed).rungs
    shutil.copytree(simulated, tmp_path / "model")
    run = SeriesRun(tmp_path / "model")
    network = run.network()
    network.layers["encoder"].weight.data += 0.1
    run.save_network(network)
    with pytest.raises(RunError, match="rung discrete are of another network or input"):
        compare_run(run)


def test_results_of_other_weights_are_left_out_of_the_report_and_said(tmp_path):
    """Trained on after the comparison: nothing of the old ladder stands in the page, which names what renews it."""
    folder = tmp_path / "small"
    whole_run(folder)
    run = SeriesRun(folder)
    for command, name in (
        ("export", "netlists/network_bench.cir"),
        ("simulate", WAVEFORMS),
        ("compare", COMPARISON),
    ):
        assert (folder / name).is_file()
        note_weights(run, command, folder / name)
    before = read_run(folder)
    assert before.ladder is not None and before.rungs and before.netlists and not before.stale
    network = load_network(folder)
    network.layers["encoder"].weight.data += 0.1
    save_network(network, folder)
    after = read_run(folder)
    assert (after.ladder, after.rungs, after.task, after.netlists) == (None, (), None, {})
    with pytest.warns(StaleWarning, match="of other weights than") as told:
        page = write_report(folder).read_text(encoding="utf-8")
    (sentence,) = [str(one.message) for one in told if one.category is StaleWarning]
    for verb in ("export", "simulate", "compare"):
        assert re.search(rf"`excitable {verb} \S*small`", sentence)
        assert re.search(rf"<code>excitable {verb} \S*small</code>", page)
    assert "waveforms.nc and comparison.json are of other weights" in page and "<svg" in page
    assert 'id="prediction-' not in page and "causes most of it" not in page
    assert stale_results(folder).names and "comparison.json" in stale_results(folder).names
    note_weights(run, "simulate", folder / WAVEFORMS)
    assert WAVEFORMS not in stale_results(folder).names and COMPARISON in stale_results(folder).names


def test_a_result_of_a_time_before_notes_is_stale_where_it_is_older_than_the_weights(tmp_path):
    """Made before results were noted: its date decides, and times of one copy are no order."""
    folder = tmp_path / "small"
    whole_run(folder)
    (folder / "belonging.json").unlink(missing_ok=True)
    weights = (folder / WEIGHTS).stat().st_mtime
    for name, earlier in ((WAVEFORMS, 60.0), (COMPARISON, 1.0)):
        os.utime(folder / name, (weights - earlier, weights - earlier))
    stale = stale_results(folder, "small")
    assert stale.names == (WAVEFORMS,) and stale.commands == ("excitable simulate small",)
    note_weights(SeriesRun(folder), "simulate", folder / WAVEFORMS)
    assert stale_results(folder).names == ()


@pytest.mark.simulator
def test_one_bit_of_a_waveform_is_found(simulated, tmp_path):
    """A changed number in the file is a damaged file, in words."""
    shutil.copytree(simulated, tmp_path / "small")
    path = tmp_path / "small" / "waveforms.nc"
    import h5py

    with h5py.File(path, "r+") as file:
        values = file["behavioural/membrane"]
        word = values[7, 2].view(np.uint32) ^ np.uint32(1)
        values[7, 2] = word.view(np.float32)
    with pytest.raises(StorageError, match="not those that were written"):
        load_waveforms(path)
    with pytest.raises(StorageError, match="not those that were written"):
        compare_run(SeriesRun(tmp_path / "small"))
    with xr.open_dataset(simulated / "waveforms.nc", group="behavioural", engine="h5netcdf") as data:
        assert len(data.attrs["digest"]) == 64
