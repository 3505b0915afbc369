"""The page of what retraining brings says what the run folders hold."""

from types import SimpleNamespace

import pytest

from benchmarks.retraining import page
from circuits.calibration.laws import LayerLaw
from excitable.runs.origin import Origin, Update
from netlists.comparison import Rung, compare

ORIGIN = Origin(
    parent="parent", level="transistor", technology="generic_180nm", voltage_unit=0.07,
    laws=(LayerLaw(layer="hidden", filter_limit=1.0, leak_limit=5.0, tabulated=(), clamp_voltage=8.0),),
)  # fmt: skip
UPDATE = Update(update=1, circuit_error=0.3, model_error=0.2, expected_error=0.25, seconds=12.0)


def ladder(**errors):
    """A ladder whose rungs have these task errors and silent membranes."""
    return compare(
        [
            Rung(name=name, time=[0.0, 1.0, 2.0], voltage=[[0.0], [1.0], [0.0]], neurons=("a_0",), task_error=error)
            for name, error in errors.items()
        ],
        window=2.0, step=0.2,
    )  # fmt: skip


def evidence(**changes):
    """What a retrained and compared run holds, as far as the page reads it."""
    given = {
        "name": "again", "origin": ORIGIN, "task": None, "updates": (UPDATE,),
        "before": ladder(discrete=0.1, transistor=0.2), "ladder": ladder(discrete=0.2, transistor=0.22),
    }  # fmt: skip
    return SimpleNamespace(**given | changes)


def test_each_error_stands_beside_its_share_of_its_own_model():
    """0.2 over 0.1 before, 0.22 over 0.2 after; laws and updates in words and numbers."""
    text = page([evidence()])
    assert "| transistor | 0.200 | 2.00 | 0.220 | 1.10 |" in text
    assert "| 1 | 0.300 | 0.200 | 0.250 | 12 |" in text
    assert "filter_limit 1 V0, leak_limit 5 V0, clamp at 8 V0" in text


def test_a_run_that_was_not_compared_is_refused():
    """The message says which command is missing."""
    with pytest.raises(SystemExit, match="excitable compare"):
        page([evidence(ladder=None)])
