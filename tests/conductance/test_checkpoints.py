"""One form of checkpoint for every kind of training; files of the forms before it still open."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from echo_task import Echo, small_network
from safetensors.torch import load_file, save_file

from conductance.events import EventLayer, EventNetwork
from conductance.neurons import qif
from conductance.storage.checkpoints import (
    CHECKPOINT,
    KEY,
    KEYS_BEFORE,
    CheckpointError,
    read_checkpoint,
    write_checkpoint,
)
from conductance.tasks import YinYang
from conductance.training import TrainingOptions, train
from conductance.training.events import EventTraining, train_classifier

BEFORE = Path(__file__).parent / "old_checkpoints"
"""Written by the program before version 2: a training on a series after 3 of 7 steps, on events after 1 of 3 epochs."""
STATE = {"step": 3, "weights": {"a": torch.arange(3.0)}, "betas": (0.9, 0.999), "best": None}


@pytest.fixture
def before(tmp_path):
    """A folder with an old checkpoint."""

    def made(kind: str) -> Path:
        (tmp_path / CHECKPOINT).parent.mkdir()
        shutil.copy(BEFORE / f"{kind}.safetensors", tmp_path / CHECKPOINT)
        return tmp_path

    return made


def close(left: torch.nn.Module, right: torch.nn.Module) -> bool:
    """Equal up to the last bits, which the machine that wrote the file decides."""
    pairs = zip(left.state_dict().values(), right.state_dict().values(), strict=True)
    return all(torch.allclose(a, b, rtol=1e-4, atol=1e-6) for a, b in pairs)


def test_a_training_on_series_goes_on_from_an_old_file(before):
    """Resumed from a file of version 1 it ends where an unbroken training does."""
    task, options = Echo(samples=40), TrainingOptions(steps=7, batch=4, learning_rate=0.05, evaluate_every=3)
    data, whole, resumed = task.generate(0), small_network(), small_network()
    train(whole, task, data, options)
    result = train(resumed, task, data, options, folder=before("series"))
    assert result.resumed_at == 3
    assert close(whole, resumed)


def event_network() -> EventNetwork:
    random = torch.Generator().manual_seed(1)
    shared = {"generator": random, "sharpness": 1.0, "trainable": ("weight", "initial_voltage")}
    layers = {
        "hidden": EventLayer(qif(), 5, 6, mean=4.0, spread=4.0, **shared),
        "output": EventLayer(qif(), 6, 3, mean=5.0, spread=5.0, **shared),
    }
    return EventNetwork(layers)


def test_a_training_on_events_goes_on_from_an_old_file(before):
    """Resumed from a file of version 1 it ends where an unbroken training does."""
    torch.set_default_dtype(torch.float64)
    try:
        data = YinYang(train_samples=60, validation_samples=20, test_samples=1, end=5.0).generate()
        options, whole, resumed = EventTraining(epochs=3, batch=20), event_network(), event_network()
        records = train_classifier(whole, data, options)
        found = train_classifier(resumed, data, options, folder=before("events"))
    finally:
        torch.set_default_dtype(torch.float32)
    assert [record.loss for record in found] == pytest.approx([record.loss for record in records], rel=1e-4)
    assert close(whole, resumed)


def test_a_training_on_images_opens_an_old_file(tmp_path):
    """Version 1 had the same tree under its own name in the header."""
    path = tmp_path / "images.safetensors"
    coded = {"dict": [["step", 3], ["weights", {"dict": [["a", {"tensor": "checkpoint.weights.a"}]]}]]}
    (name,) = (name for name, kind in KEYS_BEFORE.items() if kind == "images")
    save_file({"checkpoint.weights.a": torch.arange(3.0)}, path, metadata={name: json.dumps(coded)})
    found = read_checkpoint(path, "images")
    assert found["step"] == 3
    assert torch.equal(found["weights"]["a"], torch.arange(3.0))


def test_a_state_comes_back_as_it_was(tmp_path):
    """Tuples stay tuples, None stays None, tensors keep their bits; the folder is made."""
    path = tmp_path / "new" / "one.safetensors"
    write_checkpoint(path, "series", STATE)
    assert repr(read_checkpoint(path, "series")) == repr(STATE)


@pytest.mark.parametrize(("wanted", "kind"), [("events", "series"), ("series", "events")])
def test_a_checkpoint_of_another_kind_is_refused(before, wanted, kind):
    """Also an old one: the two kinds are named, with the way out."""
    path = before(kind) / CHECKPOINT
    with pytest.raises(
        CheckpointError, match=rf"is of a training on {kind} and this one is on {wanted}; delete"
    ):
        read_checkpoint(path, wanted)


def test_a_version_to_come_is_refused(tmp_path):
    """The version found and those known are said."""
    path = tmp_path / "one.safetensors"
    write_checkpoint(path, "series", STATE)
    header = {KEY: json.dumps({"version": "3", "kind": "series", "state": {}})}
    save_file(load_file(path), path, metadata=header)
    with pytest.raises(CheckpointError, match="has version 3 and this program reads 1 and 2; delete"):
        read_checkpoint(path, "series")


@pytest.mark.parametrize("content", ["[]", "{", '{"version": "2", "kind": "series"}'])
def test_a_header_of_another_form_is_damage(tmp_path, content):
    """JSON that is none, no table, or without its state is one error with the fix."""
    path = tmp_path / "one.safetensors"
    save_file({"a": torch.zeros(1)}, path, metadata={KEY: content})
    with pytest.raises(CheckpointError, match=r"one.safetensors: the checkpoint is damaged .* delete"):
        read_checkpoint(path, "series")


def test_only_a_free_number_may_be_infinite(tmp_path):
    """A parameter on its lower bound has -inf as its free number; a weight that is infinite is refused by name."""
    path = tmp_path / "one.safetensors"
    infinite = torch.tensor([1.0, -torch.inf])
    write_checkpoint(path, "series", {"weights": {"layers.hidden.raw_a": infinite}})
    assert torch.equal(read_checkpoint(path, "series")["weights"]["layers.hidden.raw_a"], infinite)
    for value in (-torch.inf, torch.inf, torch.nan):
        write_checkpoint(path, "series", {"weights": {"layers.out.weight": torch.tensor([1.0, value])}})
        with pytest.raises(CheckpointError, match=r"out\.weight\[1\] is (-?inf|nan), but every number must"):
            read_checkpoint(path, "series")
