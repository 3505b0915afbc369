"""Every task keeps the contract of `conductance.tasks.base`, and the data types refuse what they must."""

import dataclasses
import importlib
import inspect
import pkgutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import conductance.tasks
from conductance.tasks import (
    SPLITS,
    FreeRun,
    MackeyGlass,
    Split,
    Standardisation,
    Task,
    TaskError,
    nrmse,
    options_of,
)
from conductance.tasks.arrays import Given
from conductance.tasks.options import MEANING
from conductance.tasks.table import Table


def _folder_of_series() -> str:
    """Twenty sequences of two random columns, one file each."""
    folder = tempfile.mkdtemp()
    for k in range(20):
        np.save(Path(folder) / f"{k:02}.npy", np.random.default_rng(k).normal(size=(200, 2)))
    return folder


TASKS = [
    Table(path=_folder_of_series(), inputs=["0"], targets=["1"], validation=0.3, test=0.3),
    FreeRun(held_out_samples=100),
    MackeyGlass(
        sample_step=0.5, horizon=10.0, series_samples=120, warm_up=20, train_series=4, validation_series=2,
        test_series=3, held_out_samples=200,
    ),
]  # fmt: skip
"""One small instance of each task."""
LEARNT = [task for task in TASKS if not isinstance(task, FreeRun)]
"""Those with series to learn."""


@pytest.fixture(scope="module", params=LEARNT, ids=lambda task: task.name)
def task(request):
    return request.param


@pytest.fixture(scope="module")
def data(task):
    return task.generate(seed=7)


def test_the_list_holds_every_task():
    """Each task on series has an instance in the list, and is exported; tasks on spikes have a list of their own."""
    found = set()
    for module in pkgutil.iter_modules(conductance.tasks.__path__, "conductance.tasks."):
        members = inspect.getmembers(importlib.import_module(module.name), inspect.isclass)
        found |= {cls for _, cls in members if hasattr(cls, "baselines") and cls not in (Task, Given)}
    assert found == {type(task) for task in TASKS}
    assert {cls.__name__ for cls in found} <= set(conductance.tasks.__all__)
    assert set(conductance.tasks.SERIES_TASKS.values()) == found


def test_a_free_run_has_a_constant_input_and_nothing_to_give():
    """The level in every step of the one series; the error of an output is its rms, and silence has none."""
    run = FreeRun(held_out_samples=40, level=0.5)
    data = run.generate()
    assert data.held_out.samples == 40 and bool((data.held_out.inputs == 0.5).all())
    assert run.error(torch.full((40, 1, 1), -3.0), data.test) == 3.0
    assert run.error(data.test.targets, data.test) == 0 and not run.baselines(data, data.test)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_a_task_is_a_frozen_value_with_declared_options(task):
    """Tasks satisfy the protocol; every field carries meaning, unit and bounds, and cannot be changed."""
    assert isinstance(task, Task)
    fields = {field.name for field in dataclasses.fields(task)}
    described = {field.name for field in dataclasses.fields(task) if field.metadata.get(MEANING)}
    assert set(options_of(task)) | described == fields
    assert type(task).name == task.name
    assert all(option.meaning and option.unit for option in options_of(task).values())
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(task, fields.pop(), 1)


def test_the_same_seed_gives_the_same_data_and_another_does_not(task, data):
    """Data is a pure function of options and seed."""
    again, other = task.generate(seed=7), task.generate(seed=8)
    for name in SPLITS:
        assert torch.equal(again.splits[name].inputs, data.splits[name].inputs)
        assert not torch.equal(other.splits[name].inputs, data.splits[name].inputs)


def test_splits_are_time_batch_feature_and_distinct(task, data):
    """Features are named, held_out has batch 1, and no input series of one split is in another."""
    assert tuple(data.splits) == SPLITS
    assert data.held_out.series == 1
    series = [split.inputs[:, k, 0] for split in data.splits.values() for k in range(split.series)]
    length = min(len(x) for x in series)
    assert len({tuple(x[:length].tolist()) for x in series}) == len(series)
    for split in data.splits.values():
        assert split.inputs.shape == (split.samples, split.series, len(data.input_names))
        assert split.targets.shape == (split.samples, split.series, len(data.target_names))


def test_error_is_zero_for_the_truth_and_baselines_are_finite(task, data):
    """The error is 0 for the target itself, worse for something else, and defined for every baseline."""
    assert task.error(data.test.targets, data.test) == 0
    assert task.error(data.test.targets + 1, data.test) > 0
    baselines = task.baselines(data, data.test)
    assert baselines
    assert all(0 < error < float("inf") for error in baselines.values())


def test_select_takes_series_by_index():
    """A mini-batch keeps time and feature whole and takes the batch members asked for, in that order."""
    inputs = torch.arange(2 * 3, dtype=torch.float32).reshape(2, 3, 1)
    split = Split(inputs=inputs, targets=inputs + 10, mask=torch.tensor([[True, False, True]] * 2))
    chosen = split.select([2, 0])
    assert chosen.inputs[:, :, 0].tolist() == [[2, 0], [5, 3]]
    assert chosen.targets[:, :, 0].tolist() == [[12, 10], [15, 13]]
    assert chosen.mask.tolist() == [[True, True]] * 2
    assert split.select(torch.tensor([1, 2])).mask.tolist() == [[False, True]] * 2


def test_a_split_names_all_its_faults():
    """Wrong rank, wrong dtype, NaN and a mask of the wrong shape are each named."""
    good = torch.zeros(4, 2, 1)
    with pytest.raises(TaskError) as caught:
        Split(inputs=good.squeeze(-1), targets=good * float("nan"), mask=torch.ones(2, 4, dtype=torch.bool))
    for word in ("inputs", "targets", "mask", "(4, 2)", "not finite"):
        assert word in str(caught.value)
    with pytest.raises(TaskError, match="no sample that counts"):
        Split(inputs=good, targets=good, mask=torch.zeros(4, 2, dtype=torch.bool))


@pytest.mark.parametrize(("mean", "std"), [(0.0, 0.0), (0.0, -1.0), (float("nan"), 1.0), (0.0, float("inf"))])
def test_a_standardisation_needs_a_scale(mean, std):
    """A zero, negative or non-finite scale is refused."""
    with pytest.raises(TaskError):
        Standardisation(mean=mean, std=std)


def test_nrmse_of_known_errors():
    """An offset of one standard deviation is 1, a mask hides what it must, and the mean has 1."""
    target = torch.tensor([0.0, 2.0, 4.0, 100.0]).reshape(4, 1, 1)
    mask = torch.tensor([True, True, True, False]).reshape(4, 1)
    assert nrmse(torch.full_like(target, 2.0), target, mask) == pytest.approx(1)
    spread = (8 / 3) ** 0.5
    assert nrmse(target + spread, target, mask) == pytest.approx(1)
    assert nrmse(target + torch.tensor([0.0, 0, 0, 9]).reshape(4, 1, 1), target, mask) == 0


@given(scale=st.floats(0.01, 100), offset=st.floats(-10, 10), seed=st.integers(0, 1000))
def test_nrmse_does_not_depend_on_the_unit(scale, offset, seed):
    """The same affine change of prediction and target leaves it unchanged, up to rounding."""
    generator = torch.Generator().manual_seed(seed)
    target, prediction = torch.randn(2, 9, 2, 1, dtype=torch.float64, generator=generator)
    expected = nrmse(prediction, target)
    assert nrmse(scale * prediction + offset, scale * target + offset) == pytest.approx(expected, rel=1e-9)


def test_nrmse_refuses_what_has_no_meaning():
    """Other shapes, an empty mask and a constant target are errors that say what was received."""
    target = torch.randn(5, 2, 1)
    with pytest.raises(TaskError, match=r"\(5, 1, 1\)"):
        nrmse(target[:, :1], target)
    with pytest.raises(TaskError, match="constant"):
        nrmse(target, torch.ones_like(target))
    with pytest.raises(TaskError, match="no sample"):
        nrmse(target, target, torch.zeros(5, 2, dtype=torch.bool))
    with pytest.raises(TaskError, match="mask"):
        nrmse(target, target, torch.ones(5, 2))
