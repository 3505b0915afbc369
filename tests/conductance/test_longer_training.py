"""Experiments: more steps for a finished training, callbacks and loggers of Lightning, and the records as CSV."""

import csv
import json
import math

import pytest
import torch
from echo_task import Echo, small_network
from lightning.pytorch.callbacks import EarlyStopping, LearningRateMonitor
from lightning.pytorch.loggers import CSVLogger

from conductance.training import TrainingError, TrainingOptions, read_metrics, train
from conductance.training.metrics import METRICS, TABLE

TASK = Echo(samples=40)
DATA = TASK.generate(0)


def options(**changes) -> TrainingOptions:
    return TrainingOptions(**({"steps": 4, "batch": 4, "learning_rate": 0.05, "evaluate_every": 2} | changes))


def trained(folder, report=None, **changes):
    network = small_network()
    return network, train(network, TASK, DATA, options(**changes), folder=folder, report=report)


class BrokenOffError(RuntimeError):
    """Stands for the kill of a process."""


def test_a_finished_training_goes_on_with_more_steps(tmp_path):
    """Four steps, then eight in all: no step twice, the rate of the longer annealing; broken off it ends alike."""
    for name in ("whole", "broken"):
        (tmp_path / name).mkdir()
        trained(tmp_path / name)
    one, result = trained(tmp_path / "whole", steps=8)
    assert result.resumed_at == 4
    rows = [row for row in read_metrics(tmp_path / "whole" / METRICS) if row["split"] == "train"]
    assert [row["step"] for row in rows] == list(range(1, 9))
    expected = [0.05 * (1 + math.cos(math.pi * k / 8)) / 2 for k in (4, 5, 6, 7)]
    assert [row["learning_rate"] for row in rows[4:]] == pytest.approx(expected)

    def stop(record):
        if record.split == "train" and record.step == 7:
            raise BrokenOffError

    with pytest.raises(BrokenOffError):
        trained(tmp_path / "broken", steps=8, report=stop)
    other, _ = trained(tmp_path / "broken", steps=8)
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    assert all(torch.equal(ours, theirs) for ours, theirs in pairs)
    for changes, message in (({"steps": 6}, "steps: 8 -> 6"), ({"steps": 9, "batch": 3}, "batch: 4 -> 3")):
        with pytest.raises(TrainingError, match=message):
            trained(tmp_path / "whole", **changes)


def test_the_records_are_a_table_too(tmp_path):
    """A row for each record, with the same numbers; what a record does not have is empty."""
    trained(tmp_path)
    with open(tmp_path / TABLE, newline="") as file:
        rows = list(csv.DictReader(file))
    known = read_metrics(tmp_path / METRICS)
    assert len(rows) == len(known)
    for row, record in zip(rows, known, strict=True):
        assert {key: value for key, value in row.items() if value} == {
            key: str(value) for key, value in record.items()
        }


def test_callbacks_and_loggers_of_lightning_work(tmp_path):
    """One ends the training where the validation error gets no lower by 10, one is told every record's numbers."""
    network, logger = small_network(), CSVLogger(tmp_path, name="log")
    result = train(
        network, TASK, DATA, options(steps=40, keep="last"),
        callbacks=[
            EarlyStopping("error/validation", min_delta=10.0, patience=2), LearningRateMonitor(),
        ],
        loggers=[logger],
    )  # fmt: skip
    assert result.step < 40
    with open(tmp_path / "log" / "version_0" / "metrics.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    errors = [float(row["error/validation"]) for row in rows if row["error/validation"]]
    assert len(errors) == result.step / 2 + 1  # the untrained network's first
    assert json.dumps(errors) and any(row["loss/train"] for row in rows)
