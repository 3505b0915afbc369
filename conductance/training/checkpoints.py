"""Where the training on a series stands."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from conductance.storage import checkpoints as storage
from conductance.storage.checkpoints import CheckpointError, damaged
from conductance.training.options import TrainingError, TrainingOptions

KIND = "series"
Weights = dict[str, Tensor]


@dataclass(frozen=True, kw_only=True)
class Best:
    """The evaluation with the lowest validation error so far, and the weights it was made with."""

    step: int
    error: float
    weights: Weights


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """All that decides how training goes on.

    Attributes:
        step: number of updates done.
        options: what the training was asked for.
        seed: of the run.
        structure: what the network is, as `network_document` gives it.
        weights: the network's numbers.
        optimiser: state of Adam.
        schedule: state of the cosine annealing.
        best: None before the first evaluation.
    """

    step: int
    options: TrainingOptions
    seed: int
    structure: dict[str, Any]
    weights: Weights
    optimiser: dict[str, Any]
    schedule: dict[str, Any]
    best: Best | None


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint so that the file is either the old one or the new one.

    Raises:
        StorageError: the file cannot be written.
    """
    best = checkpoint.best
    state = {**vars(checkpoint), "options": asdict(checkpoint.options), "best": best and vars(best)}
    storage.write_checkpoint(path, KIND, state)


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        TrainingError: the file is damaged, of another kind or version, or holds a number that is not finite.
    """
    try:
        state = storage.read_checkpoint(path, KIND)
        best = state["best"]
        options = TrainingOptions(**state["options"])
        return Checkpoint(**{**state, "options": options, "best": best and Best(**best)})
    except CheckpointError as error:
        raise TrainingError(str(error)) from None
    except (KeyError, TypeError) as error:
        raise TrainingError(
            f"{path}: the checkpoint is damaged ({error!r}); delete it to train from the beginning"
        ) from None


def check_step(path: Path, checkpoint: Checkpoint) -> None:
    """Raise `TrainingError` where a checkpoint stands before the first step of its training, or after the last."""
    best, last = checkpoint.best, checkpoint.options.steps
    for step, end in (
        (checkpoint.step, last),
        *(((best.step, checkpoint.step),) if best is not None else ()),
    ):
        if type(step) is not int or not 0 <= step <= end:
            raise TrainingError(str(damaged(path, f"step {step!r} is not from 0 to {end!r}")))
