"""Where the training of an event-based network stands, in one safetensors file; nothing is unpickled."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as bytes_of_tensors

from conductance.storage.files import StorageError, cannot_write, write_whole
from conductance.storage.trees import decode_tree, encode_tree

CHECKPOINT = Path("checkpoints") / "last.safetensors"
"""Where training keeps its checkpoint, below its folder."""
KEY = "excitable event checkpoint"
"""Name of the header's entry that holds the JSON."""


@dataclass(frozen=True, kw_only=True)
class EventCheckpoint:
    """All that decides how training goes on, as plain data and tensors.

    Attributes:
        options: of the training.
        weights: the network's numbers.
        optimiser: state of Adam.
        schedule: state of the cosine annealing.
        records: one per finished epoch.
    """

    options: dict[str, Any]
    weights: dict[str, torch.Tensor]
    optimiser: dict[str, Any]
    schedule: dict[str, Any]
    records: list[dict[str, Any]]


def write_checkpoint(folder: Path, checkpoint: EventCheckpoint) -> None:
    """Write a checkpoint so that the file is either the old one or the new one.

    Raises:
        StorageError: the file cannot be written.
    """
    tensors: dict[str, torch.Tensor] = {}
    tree = {name: encode_tree(value, name, tensors) for name, value in vars(checkpoint).items()}
    path = folder / CHECKPOINT
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(path.parent, error) from error
    write_whole(path, bytes_of_tensors(tensors, metadata={KEY: json.dumps(tree)}))


def read_checkpoint(folder: Path) -> EventCheckpoint | None:
    """The folder's checkpoint; None where there is none.

    Raises:
        StorageError: the file is damaged, or holds a number that is not finite.
    """
    path = folder / CHECKPOINT
    if not path.exists():
        return None
    fix = f"delete {path} to train from the beginning"
    try:
        with safe_open(path, framework="pt") as opened:
            tree = json.loads((opened.metadata() or {})[KEY])
            tensors = {name: opened.get_tensor(name).clone() for name in opened.keys()}  # noqa: SIM118
        found = EventCheckpoint(**{name: decode_tree(value, tensors) for name, value in tree.items()})
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise StorageError(f"{path}: the checkpoint is damaged ({error}); {fix}") from None
    for name, tensor in tensors.items():
        if not bool(torch.isfinite(tensor).all()):
            raise StorageError(f"{path}: {name} has a number that is not finite; {fix}")
    return found
