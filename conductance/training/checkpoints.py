"""Where training stands, in one safetensors file: tensors as tensors, the rest as JSON in the file's header."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as bytes_of_tensors
from torch import Tensor

from conductance.storage.files import cannot_write, write_whole
from conductance.storage.trees import decode_tree, encode_tree
from conductance.training.options import TrainingError, TrainingOptions

CHECKPOINT = Path("checkpoints") / "last.safetensors"
"""Where training keeps its checkpoint, below its folder."""
VERSION = "1"
KEY = "excitable checkpoint"
"""Name of the header's entry that holds the JSON."""

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
    tensors: dict[str, Tensor] = {}
    best = checkpoint.best
    tree = {
        "version": VERSION,
        "step": checkpoint.step,
        "options": asdict(checkpoint.options),
        "seed": checkpoint.seed,
        "structure": checkpoint.structure,
        "weights": encode_tree(checkpoint.weights, "weights", tensors),
        "optimiser": encode_tree(checkpoint.optimiser, "optimiser", tensors),
        "schedule": encode_tree(checkpoint.schedule, "schedule", tensors),
        "best": best
        and {"step": best.step, "error": best.error, "weights": encode_tree(best.weights, "best", tensors)},
    }
    header = {KEY: json.dumps(tree, allow_nan=False)}
    try:
        path.parent.mkdir(exist_ok=True)
    except OSError as error:
        raise cannot_write(path.parent, error) from error
    write_whole(path, bytes_of_tensors(tensors, metadata=header))


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        TrainingError: the file is damaged, of another version, or holds a number that is not finite.
    """
    fix = f"delete {path} to train from the beginning, or put a copy in its place"
    try:
        with safe_open(path, framework="pt") as opened:
            tree = json.loads((opened.metadata() or {})[KEY])
            tensors = {name: opened.get_tensor(name).clone() for name in opened.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise TrainingError(f"{path}: the checkpoint is damaged ({error}); {fix}") from None
    if tree.get("version") != VERSION:
        raise TrainingError(
            f"{path}: the checkpoint has version {tree.get('version')} and this program reads {VERSION}; {fix}"
        )
    for name, tensor in tensors.items():
        # the free number of a neuron's parameter is -inf where its value lies on the lower bound
        legal = torch.isfinite(tensor) | (tensor == -torch.inf if ".raw_" in name else False)
        if not bool(legal.all()):
            place = (~legal).nonzero()[0].tolist()
            raise TrainingError(
                f"{path}: {name}{place} is {float(tensor[tuple(place)])}, but every number must be finite; {fix}"
            )
    try:
        return _checkpoint(tree, tensors)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise TrainingError(f"{path}: the checkpoint is damaged ({error!r}); {fix}") from None


def _checkpoint(tree: dict[str, Any], tensors: dict[str, Tensor]) -> Checkpoint:
    best = tree["best"]
    return Checkpoint(
        step=int(tree["step"]),
        options=TrainingOptions(**tree["options"]),
        seed=int(tree["seed"]),
        structure=tree["structure"],
        weights=decode_tree(tree["weights"], tensors),
        optimiser=decode_tree(tree["optimiser"], tensors),
        schedule=decode_tree(tree["schedule"], tensors),
        best=best
        and Best(
            step=int(best["step"]), error=float(best["error"]), weights=decode_tree(best["weights"], tensors)
        ),
    )
