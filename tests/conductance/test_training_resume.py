"""A training that was broken off and started again ends with the weights of one that was not, bit by bit."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from echo_task import Echo, small_network
from safetensors.torch import load_file, save_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from conductance.networks import Network
from conductance.storage import StorageError
from conductance.storage.checkpoints import CHECKPOINT
from conductance.training import TrainingError, TrainingOptions, read_metrics, train
from conductance.training.checkpoints import read_checkpoint, write_checkpoint
from conductance.training.metrics import METRICS, MetricsFile, Record

TASK = Echo(samples=40)
DATA = TASK.generate(0)
OPTIONS = TrainingOptions(steps=7, batch=4, learning_rate=0.05, evaluate_every=3)


class BrokenOffError(RuntimeError):
    """Stands for the kill of a process."""


def run(
    folder: Path, *, stop_at: int | None = None, options: TrainingOptions = OPTIONS, seed: int = 0
) -> Network:
    """Train in a folder, or break off when the record of a step is reported."""

    def report(record: Record) -> None:
        if record.split == "train" and record.step == stop_at:
            raise BrokenOffError

    network = small_network()
    train(network, TASK, DATA, options, seed=seed, folder=folder, report=report)
    return network


def same(left: Network, right: Network) -> bool:
    pairs = zip(left.state_dict().values(), right.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def without_time(rows: list[dict]) -> list[dict]:
    return [{key: value for key, value in row.items() if key != "seconds"} for row in rows]


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory) -> tuple[Network, list[dict]]:
    folder = tmp_path_factory.mktemp("unbroken")
    return run(folder), without_time(read_metrics(folder / METRICS))


@pytest.mark.parametrize("stops", [(1,), (4,), (5, 7), (7, 7, 7)])
def test_broken_training_ends_with_the_same_weights_and_records(tmp_path, unbroken, stops):
    """Wherever it is broken off, and however often, the end is the same, and no step is recorded twice."""
    for stop in stops:
        with pytest.raises(BrokenOffError):
            run(tmp_path, stop_at=stop)
    network = run(tmp_path)
    assert same(network, unbroken[0])
    assert without_time(read_metrics(tmp_path / METRICS)) == unbroken[1]


def test_a_finished_training_is_not_repeated(tmp_path, unbroken):
    """The same call on a finished folder gives the same weights and records without a step."""
    run(tmp_path)
    network = small_network()
    seen: list[Record] = []
    result = train(network, TASK, DATA, OPTIONS, folder=tmp_path, report=seen.append)
    assert [record.split for record in seen] == ["test"]
    assert result.resumed_at == OPTIONS.steps
    assert same(network, unbroken[0])
    assert without_time(read_metrics(tmp_path / METRICS)) == unbroken[1]


PROGRAM = """
import sys; sys.path.insert(0, sys.argv[1])
import torch; torch.set_num_threads(1)
from pathlib import Path
from conductance.training import TrainingOptions, train
from echo_task import Echo, small_network
task = Echo(samples=40)
options = TrainingOptions(steps=400, batch=4, learning_rate=0.01, evaluate_every=5)
train(small_network(), task, task.generate(0), options, folder=Path(sys.argv[2]))
"""


def test_kill_dash_nine_then_the_same_command(tmp_path):
    """SIGKILL in the middle of training leaves a folder from which the same call ends as if nothing had happened."""
    command = [sys.executable, "-c", PROGRAM, str(Path(__file__).parent), str(tmp_path)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    checkpoint = tmp_path / CHECKPOINT
    deadline = time.monotonic() + 120
    while not checkpoint.exists() or len(read_metrics(tmp_path / METRICS)) < 8:
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    reached = read_checkpoint(checkpoint)
    assert 0 < reached.step < 400
    # the long training is only killed; what it left is finished by a short one, whose steps begin alike
    options = TrainingOptions(steps=400, batch=4, learning_rate=0.01, evaluate_every=5)
    resumed, fresh = small_network(), small_network()
    stop = reached.step + 3

    class DoneError(RuntimeError):
        pass

    def until(record: Record) -> None:
        if record.split == "train" and record.step == stop:
            raise DoneError

    for network, folder in ((resumed, tmp_path), (fresh, None)):
        with pytest.raises(DoneError):
            train(network, TASK, DATA, options, folder=folder, report=until)
    assert same(resumed, fresh)
    steps = [row["step"] for row in read_metrics(tmp_path / METRICS) if row["split"] == "train"]
    assert steps == list(range(1, len(steps) + 1))


@pytest.fixture
def folder(tmp_path):
    with pytest.raises(BrokenOffError):
        run(tmp_path, stop_at=4)
    return tmp_path


def test_checkpoint_comes_back_whole(folder):
    """What is read is what was written, including the optimiser's state and the best weights."""
    path = folder / CHECKPOINT
    first = read_checkpoint(path)
    write_checkpoint(folder / "again.safetensors", first)
    second = read_checkpoint(folder / "again.safetensors")
    assert repr(first) == repr(second)
    assert first.step == 3
    assert set(first.optimiser["state"][0]) == {"step", "exp_avg", "exp_avg_sq"}
    assert first.optimiser["param_groups"][0]["betas"] == (0.9, 0.999)
    assert first.best is not None and first.best.weights.keys() == first.weights.keys()


def test_nan_in_the_checkpoint_is_one_clear_error(folder):
    """A checkpoint with NaN names file, number and fix, and is not trained on."""
    path = folder / CHECKPOINT
    tensors = load_file(path)
    with open(path, "rb") as opened:
        header = json.loads(opened.read(int.from_bytes(opened.read(8), "little")))["__metadata__"]
    tensors["weights.layers.hidden.raw_delta_s_plus"][2] = torch.nan
    save_file(tensors, path, metadata=header)
    with pytest.raises(
        TrainingError, match=r"last.safetensors: weights.layers.hidden.raw_delta_s_plus\[2\] is nan.*delete"
    ):
        run(folder)


@pytest.mark.parametrize("size", [0, 7, 400, -10])
def test_a_damaged_checkpoint_is_one_clear_error(folder, size):
    """A checkpoint cut short names the file and the fix."""
    path = folder / CHECKPOINT
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(TrainingError, match=r"last.safetensors: the checkpoint is damaged .* delete"):
        run(folder)


def test_a_foreign_safetensors_file_is_refused(folder):
    """A file of tensors that is no checkpoint is called damaged."""
    save_file({"weight": torch.zeros(2)}, folder / CHECKPOINT)
    with pytest.raises(TrainingError, match="checkpoint is damaged"):
        run(folder)


def test_a_checkpoint_of_another_training_is_refused(folder):
    """Other options, another seed or another network do not go on from a checkpoint; each difference is named."""
    other = TrainingOptions(steps=9, batch=4, learning_rate=0.04, evaluate_every=3)
    with pytest.raises(TrainingError, match=r"steps: 7 -> 9; learning_rate: 0.05 -> 0.04; seed: 0 -> 1"):
        run(folder, options=other, seed=1)
    with pytest.raises(TrainingError, match="the network's layers"):
        train(small_network("lif"), TASK, DATA, OPTIONS, folder=folder)


def test_a_loss_that_runs_away_keeps_the_last_checkpoint(folder):
    """When the loss stops being finite, the checkpoint of the last evaluation stays as it was."""
    before = (folder / CHECKPOINT).read_bytes()
    network = small_network()

    def poison(record: Record) -> None:
        if record.step == 5:
            with torch.no_grad():
                network.layers["readout"].bias[0] = torch.inf

    with pytest.raises(
        TrainingError, match=r"step 6 of 7: the loss is inf: layer readout .* checkpoint .* stays"
    ):
        train(network, TASK, DATA, OPTIONS, folder=folder, report=poison)
    assert (folder / CHECKPOINT).read_bytes() == before


RECORD = Record(
    step=3, split="train", loss=0.5, error=0.7, spikes=0.01, duty_cycle=0.2, silent_neurons=1, seconds=0.1
)


def test_metrics_cut_off_by_a_kill_are_read_and_mended(tmp_path):
    """A last line cut off is left out, and what came after the checkpoint is removed."""
    path = tmp_path / METRICS
    rows = [{"step": k, "split": "train", "loss": 1.0} for k in (1, 2, 3, 4)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + '{"step": 5, "spl')
    assert [row["step"] for row in read_metrics(path)] == [1, 2, 3, 4]
    mended = MetricsFile(path, step=2)
    mended.append(RECORD)
    mended.close()
    assert [row["step"] for row in read_metrics(path)] == [1, 2, 3]
    assert read_metrics(path)[-1]["silent_neurons"] == 1
    path.write_text('{"step": 1, "split": "train"}\nnonsense\n{"step": 2, "split": "train"}\n')
    with pytest.raises(StorageError, match="line 2"):
        read_metrics(path)


def test_metrics_on_a_full_disk_are_one_clear_error(tmp_path):
    """A line that does not fit is taken back, and the error says that the disk is full."""
    path = tmp_path / METRICS
    metrics = MetricsFile(path, step=None)
    metrics.append(RECORD)

    class Full:
        """A file on a disk with room for ten bytes."""

        def __init__(self, file) -> None:
            self.tell, self.truncate, self._file = file.tell, file.truncate, file

        def write(self, line: bytes) -> int:
            return self._file.write(line[:10])

    file, metrics._file = metrics._file, Full(metrics._file)
    with pytest.raises(StorageError, match="disk is full"):
        metrics.append(RECORD)
    file.close()
    assert path.read_bytes().endswith(b"}\n")
    assert len(read_metrics(path)) == 1


def test_tensorboard_shows_every_step_once(tmp_path):
    """TensorBoard's own reader finds each step once, also after a broken training, with the numbers of the records."""
    with pytest.raises(BrokenOffError):
        run(tmp_path, stop_at=5)
    run(tmp_path)
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    shown = {event.step: event.value for event in events.Scalars("error/train")}
    rows = [row for row in read_metrics(tmp_path / METRICS) if row["split"] == "train"]
    assert shown == pytest.approx({row["step"]: row["error"] for row in rows})
    assert len(events.Scalars("error/train")) == OPTIONS.steps
    assert [event.step for event in events.Scalars("spikes/validation")] == [0, 3, 6, 7]
