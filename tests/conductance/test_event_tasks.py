"""Tasks on spikes: drawn as published, read from files as they are, and refused where a file is damaged."""

import dataclasses
import gzip
import importlib
import inspect
import pkgutil
import struct

import h5py
import numpy as np
import pytest
import torch

import conductance.tasks
from conductance.events import EventError
from conductance.tasks import (
    EVENT_SPLITS,
    Digits,
    EventSplit,
    EventTask,
    Mnist,
    SpikeTiming,
    SpikingHeidelbergDigits,
    TaskError,
    YinYang,
    latency_code,
    options_of,
    read_idx,
)
from conductance.tasks.yin_yang import PUBLISHED_SEEDS


def write_idx(path, array, *, packed=False):
    head = struct.pack(">BBBB", 0, 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    content = head + array.astype(np.uint8).tobytes()
    path.with_name(path.name + ".gz").write_bytes(gzip.compress(content)) if packed else path.write_bytes(
        content
    )


def write_shd(path, trains, labels):
    with h5py.File(path, "w") as file:
        for name, kind, column in (("times", np.float32, 0), ("units", np.int64, 1)):
            values = file.create_dataset(f"spikes/{name}", len(trains), dtype=h5py.vlen_dtype(kind))
            for sample, train in enumerate(trains):
                values[sample] = np.array([spike[column] for spike in train], dtype=kind)
        file["labels"] = np.array(labels, dtype=np.int64)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """MNIST's and SHD's files with a few samples each."""
    path = tmp_path_factory.mktemp("data")
    random = np.random.default_rng(0)
    for part, size in (("train", 9), ("t10k", 4)):
        write_idx(
            path / f"{part}-images-idx3-ubyte", random.integers(0, 256, (size, 2, 3)), packed=part == "t10k"
        )
        write_idx(path / f"{part}-labels-idx1-ubyte", random.integers(0, 10, size))
    for part, size in (("train", 10), ("test", 3)):
        trains = [
            sorted(
                (float(t), int(u))
                for t, u in zip(random.random(5 + k), random.integers(0, 700, 5 + k), strict=True)
            )
            for k in range(size)
        ]
        write_shd(path / f"shd_{part}.h5", trains, random.integers(0, 20, size))
    return path


TASKS = [
    lambda folder: YinYang(train_samples=60, validation_samples=30, test_samples=30),
    lambda folder: Digits(),
    lambda folder: Mnist(folder=str(folder), validation_samples=3),
    lambda folder: SpikingHeidelbergDigits(folder=str(folder), merged_channels=7),
]
"""One small instance of each task on spikes."""


@pytest.fixture(params=TASKS, ids=["yin_yang", "digits", "mnist", "shd"])
def task(request, folder):
    return request.param(folder)


def test_the_list_holds_every_task_on_spikes(folder):
    """Each class that draws data and is no task on series has an instance here, and is exported."""
    found = set()
    for module in pkgutil.iter_modules(conductance.tasks.__path__, "conductance.tasks."):
        members = inspect.getmembers(importlib.import_module(module.name), inspect.isclass)
        found |= {cls for _, cls in members if hasattr(cls, "generate") and not hasattr(cls, "baselines")}
    assert found - {EventTask} == {type(make(folder)) for make in TASKS} | {SpikeTiming}
    assert {cls.__name__ for cls in found} <= set(conductance.tasks.__all__)
    assert set(conductance.tasks.EVENT_TASKS.values()) == {type(make(folder)) for make in TASKS}


def test_a_task_keeps_the_contract(task):
    """Options carry meaning and unit, splits are checked and distinct, and a seed gives the same data again."""
    assert isinstance(task, EventTask)
    assert all(option.meaning and option.unit for option in options_of(task).values())
    assert {field.name for field in dataclasses.fields(task)} - set(options_of(task)) <= {"folder"}
    data, again = task.generate(seed=3), task.generate(seed=3)
    assert tuple(data.splits) == EVENT_SPLITS
    trials = set()
    for name, split in data.splits.items():
        split.spikes.check()
        assert torch.equal(split.spikes.times, again.splits[name].spikes.times)
        assert torch.equal(split.labels, again.splits[name].labels)
        trials |= {
            (tuple(split.spikes.times[:, k].tolist()), tuple(split.spikes.neurons[:, k].tolist()))
            for k in range(split.trials)
        }
    assert len(trials) == sum(split.trials for split in data.splits.values())
    part = data.train.select([1, 0])
    assert part.labels.tolist() == [int(data.train.labels[1]), int(data.train.labels[0])]
    assert torch.equal(part.spikes.counts()[0], data.train.spikes.counts()[1])


def test_yin_yang_is_drawn_as_published():
    """Published geometry: the two dots, the two halves, points mirrored through the centre change yin and yang."""
    task = YinYang()
    assert [task.label(x, y) for x, y in ((0.75, 0.5), (0.25, 0.5), (0.5, 0.75), (0.5, 0.25))] == [2, 2, 1, 0]
    assert [task.label(x, y) for x, y in ((0.75, 0.65), (0.25, 0.35), (0.1, 0.5), (0.9, 0.5))] == [0, 1, 1, 0]
    # the first samples of the published generator: legacy numpy draws, rejection until the class is right
    points, labels = task.points(300, PUBLISHED_SEEDS["train"])
    random = np.random.RandomState(42)
    assert labels[0] == random.randint(3)
    assert all(np.hypot(x - 0.5, y - 0.5) <= 0.5 for x, y in points)
    assert all(task.label(x, y) == label for (x, y), label in zip(points, labels, strict=True))
    assert np.bincount(labels, minlength=3).min() > 70
    data = YinYang(train_samples=10, validation_samples=1, test_samples=1, early=0.5, late=1.5).generate()
    times, mask = data.train.spikes.by_neuron()
    assert bool(mask.all())
    assert torch.allclose(times[0, :, 0] + times[0, :, 2], torch.full((10,), 2.0, dtype=times.dtype))
    assert torch.allclose(times[0, :, :2], torch.from_numpy(0.5 + points[:10]))


def test_strong_inputs_spike_first_and_dark_ones_not_at_all():
    """latency_code: 1 at early, a value just above the limit near late, one at the limit silent."""
    spikes = latency_code(
        torch.tensor([[1.0, 0.0, 0.5, 0.2]]), early=0.5, late=2.5, end=3.0, silent_below=0.2
    )
    assert spikes.times[:, 0].tolist() == [0.5, 1.5]
    assert spikes.neurons[:, 0].tolist() == [0, 2]
    assert spikes.counts().tolist() == [[1, 0, 1, 0]]


def test_mnist_reads_pixels_in_their_order(folder):
    """A brighter pixel spikes earlier and every input is the pixel of the same place."""
    data = Mnist(folder=str(folder), validation_samples=3, dark=0.0, late=1.0, early=0.0).generate()
    images = read_idx(folder / "train-images-idx3-ubyte").reshape(9, -1)
    times, mask = data.train.spikes.by_neuron()
    assert data.validation.trials == 3 and data.test.trials == 4
    assert torch.equal(mask[0], torch.from_numpy(images[:6] > 0))
    assert torch.allclose(times[0][mask[0]], torch.from_numpy(1 - images[:6] / 255)[mask[0]])


def test_mnist_in_levels_has_one_spike_time_for_each(folder):
    """Two levels above dark = 0.5 are 0.625 and 0.875 of brightness."""
    data = Mnist(
        folder=str(folder), validation_samples=3, train_samples=4, dark=0.5, levels=2, late=1.0
    ).generate()
    images = read_idx(folder / "train-images-idx3-ubyte").reshape(9, -1) / 255
    times, mask = data.train.spikes.by_neuron()
    expected = torch.from_numpy(np.where(images[:4] >= 0.75, 0.125, 0.375))
    assert data.train.trials == 4 and torch.equal(mask[0], torch.from_numpy(images[:4] > 0.5))
    assert torch.allclose(times[0][mask[0]], expected[mask[0]])
    with pytest.raises(TaskError, match="train_samples = 7, but 6 are left"):
        Mnist(folder=str(folder), validation_samples=3, train_samples=7).generate()


def test_shd_keeps_every_spike(folder):
    """Times in ms over tau, channels merged by seven, no spike lost."""
    task = SpikingHeidelbergDigits(folder=str(folder), merged_channels=7, tau_ms=10.0)
    data = task.generate()
    with h5py.File(folder / "shd_test.h5") as file:
        for sample in range(3):
            count = int(data.test.spikes.mask[:, sample].sum())
            assert count == len(file["spikes/times"][sample])
            expected = np.asarray(file["spikes/times"][sample], dtype=float) * 100
            assert data.test.spikes.times[:count, sample].tolist() == pytest.approx(expected.tolist())
            assert (
                data.test.spikes.neurons[:count, sample].tolist()
                == (file["spikes/units"][sample] // 7).tolist()
            )
    assert data.inputs == 100 and data.end == 140.0


def test_damaged_files_are_named(folder, tmp_path):
    """Missing, truncated and foreign files: the error names the file and what is wrong."""
    with pytest.raises(TaskError, match=r"train-images-idx3-ubyte: there is no such file"):
        Mnist(folder=str(tmp_path)).generate()
    whole = (folder / "train-images-idx3-ubyte").read_bytes()
    (tmp_path / "short").write_bytes(whole[:-1])
    with pytest.raises(TaskError, match="53 values follow a head that promises 54"):
        read_idx(tmp_path / "short")
    (tmp_path / "head").write_bytes(whole[:6])
    with pytest.raises(TaskError, match="ends in its head"):
        read_idx(tmp_path / "head")
    (tmp_path / "text").write_text("hello")
    with pytest.raises(TaskError, match="not an IDX file"):
        read_idx(tmp_path / "text")
    (tmp_path / "packed.gz").write_bytes(b"no gzip")
    with pytest.raises(TaskError, match="cannot be read"):
        read_idx(tmp_path / "packed")
    with pytest.raises(TaskError, match="leaves nothing"):
        Mnist(folder=str(folder), validation_samples=9).generate()
    with pytest.raises(TaskError, match=r"shd_train\.h5 does not exist"):
        SpikingHeidelbergDigits(folder=str(tmp_path)).generate()
    (tmp_path / "shd_train.h5").write_text("no HDF5")
    with pytest.raises(TaskError, match="is not a file of this data set"):
        SpikingHeidelbergDigits(folder=str(tmp_path)).generate()
    with pytest.raises(EventError, match="before the trial's end, 10"):
        SpikingHeidelbergDigits(folder=str(folder), duration_ms=200.0).generate()


def test_impossible_options_are_refused():
    """Times out of order, targets that do not fit, values outside [0, 1], labels of no class."""
    with pytest.raises(TaskError, match="must hold"):
        YinYang(late=5.0)
    with pytest.raises(TaskError, match="half of radius"):
        YinYang(dot_radius=0.4)
    with pytest.raises(TaskError, match="do not fit"):
        SpikeTiming(targets=10, spacing=1.0)
    with pytest.raises(TaskError, match="must be in order"):
        Digits(late=5.0).generate()
    with pytest.raises(TaskError, match="scale them first"):
        latency_code(torch.tensor([[2.0]]), early=0.0, late=1.0, end=2.0)
    spikes = latency_code(torch.tensor([[0.5]]), early=0.0, late=1.0, end=2.0)
    with pytest.raises(TaskError, match="labels have shape"):
        EventSplit(spikes=spikes, labels=torch.tensor([0, 1]))
    with pytest.raises(TaskError, match="negative"):
        EventSplit(spikes=spikes, labels=torch.tensor([-1]))


def test_timing_targets_are_apart_and_inside():
    """Targets of a neuron are in order, at least `spacing` apart and from the trial's ends."""
    data = SpikeTiming(neurons=7, targets=4, spacing=0.6).generate(seed=1)
    gaps = torch.diff(data.targets, dim=0)
    assert data.targets.shape == (4, 1, 7)
    assert (
        bool((gaps >= 0.6).all()) and bool((data.targets >= 0.6).all()) and bool((data.targets <= 4.4).all())
    )
    data.spikes.check()
