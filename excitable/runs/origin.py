"""Where a retrained run comes from, and what it learnt with its circuit in the loop: the files that say so."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from circuits.calibration.laws import LayerLaw
from conductance.storage import StorageError

ORIGIN = "origin.json"
BEFORE = "before.json"
"""The parent's comparison at the moment of retraining."""
UPDATES = "loop.jsonl"


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a retrained run comes from.

    Attributes:
        parent: the run that was retrained, as it was named.
        level: of the circuit whose laws it was given.
        technology: of that circuit.
        voltage_unit: V0 in V, found by calibration.
        laws: what each layer was given.
        on: what stepped the network in training: `model`, or `measured`, the measured law.
    """

    parent: str
    level: str
    technology: str
    voltage_unit: float
    laws: tuple[LayerLaw, ...]
    on: str = "model"


@dataclass(frozen=True, kw_only=True)
class Update:
    """One simulation of the circuit and what was learnt from it.

    Attributes:
        update: its number, from 1.
        circuit_error: the task's error of the circuit before the update.
        model_error: the task's error of the model on the same series before the update.
        expected_error: what the linearised model expects of the circuit after the update.
        seconds: of simulation, summed over its parts.
    """

    update: int
    circuit_error: float
    model_error: float
    expected_error: float
    seconds: float


def read_origin(folder: Path) -> Origin | None:
    """The origin of a run; None of one that was trained from the beginning.

    Raises:
        StorageError: the file is damaged.
    """
    path = folder / ORIGIN
    if not path.is_file():
        return None
    try:
        data: dict[str, Any] = json.loads(path.read_bytes())
        laws = tuple(LayerLaw(**{**law, "tabulated": tuple(law["tabulated"])}) for law in data.pop("laws"))
        return Origin(**data, laws=laws)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise StorageError(
            f"{path}: it cannot be read ({error}); delete the run and retrain it again"
        ) from None


def read_updates(folder: Path) -> list[Update]:
    """The updates that a run has had with its circuit in the loop.

    Raises:
        StorageError: the file is damaged.
    """
    path = folder / UPDATES
    if not path.is_file():
        return []
    try:
        return [Update(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]
    except (ValueError, TypeError) as error:
        raise StorageError(
            f"{path}: it cannot be read ({error}); delete it to begin the updates anew"
        ) from None
