"""Where a training stands, in one safetensors file: tensors as tensors, the rest as JSON in the file's header.

One form serves every kind of training; files of the forms before it are read as well.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as bytes_of_tensors
from torch import Tensor

from conductance.errors import ExcitableError
from conductance.files import StorageError, cannot_write, write_whole
from conductance.storage.trees import decode_tree, encode_tree

CHECKPOINT = Path("checkpoints") / "last.safetensors"
"""Where training keeps its checkpoint, below its folder."""
VERSION = "2"
KEY = "excitable checkpoint"
"""Name of the header's entry that holds the JSON."""
KEYS_BEFORE = MappingProxyType({"excitable event checkpoint": "events", "excitable image training": "images"})
"""Names of that entry before version 2, where series had `KEY`, and the kind of training each meant."""


MOST_THREADS = 4096
"""More were recorded by no machine."""


class CheckpointError(StorageError):
    """A checkpoint is damaged, of another kind of training, or of another version."""


def write_checkpoint(path: Path, kind: str, state: Mapping[str, Any]) -> None:
    """Write all that decides how a training goes on, so that the file is either the old one or the new one.

    Args:
        path: the file; its folder is made where it is missing.
        kind: of the training, as series, events or images.
        state: nested plain data and tensors.

    Raises:
        StorageError: the file cannot be written.
        TypeError: a value that is neither plain nor a tensor.
    """
    tensors: dict[str, Tensor] = {}
    entries = {name: encode_tree(value, name, tensors) for name, value in state.items()}
    tree = {"version": VERSION, "kind": kind, "threads": torch.get_num_threads(), "state": entries}
    owned = {name: tensor.clone() for name, tensor in tensors.items()}  # parameters may share memory
    header = {KEY: json.dumps(tree, allow_nan=False)}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(path.parent, error) from error
    write_whole(path, bytes_of_tensors(owned, metadata=header))


@contextmanager
def threads_of(path: Path | None) -> Iterator[None]:
    """As many threads of torch inside as the checkpoint was made with; as they are where there is none.

    torch's sums over several threads differ in their last bits from those over one, so a training that goes on with
    another number would end with other weights. The generated kernels give the same bits for any number.
    """
    before, recorded = torch.get_num_threads(), None if path is None else recorded_threads(path)
    if recorded is not None and recorded != before:
        torch.set_num_threads(recorded)
    try:
        yield
    finally:
        if torch.get_num_threads() != before:
            torch.set_num_threads(before)


def recorded_threads(path: Path) -> int | None:
    """The number of threads in a checkpoint's header; None where it has none, or is no checkpoint."""
    try:
        with safe_open(path, framework="pt") as opened:
            count = json.loads((opened.metadata() or {})[KEY])["threads"]
    except (OSError, SafetensorError, KeyError, TypeError, ValueError):
        return None
    return count if isinstance(count, int) and 0 < count <= MOST_THREADS else None


def damaged(where: Path | str, why: object) -> CheckpointError:
    """What to tell of a checkpoint that no training left."""
    return CheckpointError(
        f"{where}: the checkpoint is damaged ({why}); delete it to train from the beginning"
    )


def put(where: Path | str, own: Any, state: Any) -> None:
    """Load a state out of a checkpoint into a module, an optimiser or a schedule.

    Args:
        where: the file, for errors.
        own: what has `state_dict` and `load_state_dict`.
        state: what the checkpoint has for it.

    Raises:
        CheckpointError: it is not of the form of `own`'s. Optimisers and schedules take such states without a word.
    """
    try:
        # other entries come and go with torch's versions
        if missing := {"param_groups", "last_epoch"} & set(own.state_dict()) - set(state):
            raise ValueError(f"there is no {missing.pop()} of {type(own).__name__}")
        own.load_state_dict(state)
        if isinstance(own, torch.optim.Optimizer):
            for parameter, moments in own.state.items():
                shapes = {
                    tuple(each.shape)
                    for each in moments.values()
                    if isinstance(each, torch.Tensor) and each.ndim
                }
                if shapes - {tuple(parameter.shape)}:
                    raise ValueError(f"moments of shape {shapes} for a parameter of {tuple(parameter.shape)}")
    except ExcitableError:
        raise
    except (KeyError, TypeError, ValueError, RuntimeError, AttributeError, IndexError) as error:
        raise damaged(where, str(error).splitlines()[-1].strip()) from None


def read_checkpoint(path: Path, kind: str) -> dict[str, Any]:
    """The state that `write_checkpoint` was given.

    Raises:
        CheckpointError: the file is damaged, of another kind or version, or holds a number that is not finite.
    """
    fix = f"delete {path} to train from the beginning, or put a copy in its place"
    try:
        with safe_open(path, framework="pt") as opened:
            header = opened.metadata() or {}
            tensors = {name: opened.get_tensor(name).clone() for name in opened.keys()}  # noqa: SIM118
        key = next(name for name in (KEY, *KEYS_BEFORE) if name in header)
        tree = json.loads(header[key])
        version, found = tree.get("version", "1"), KEYS_BEFORE.get(key) or tree.get("kind", "series")
    except (OSError, SafetensorError, StopIteration, AttributeError, ValueError) as error:
        reason = "it names no training" if isinstance(error, StopIteration) else str(error)
        raise CheckpointError(f"{path}: the checkpoint is damaged ({reason}); {fix}") from None
    if version not in ("1", VERSION):
        raise CheckpointError(
            f"{path}: the checkpoint has version {version} and this program reads 1 and {VERSION}; {fix}"
        )
    if found != kind:
        raise CheckpointError(
            f"{path}: the checkpoint is of a training on {found} and this one is on {kind}; {fix}"
        )
    _check_finite(path, tensors, fix)
    try:
        return _entries(tree["state"], tensors) if version == VERSION else _before[kind](tree, tensors)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise CheckpointError(f"{path}: the checkpoint is damaged ({error!r}); {fix}") from None


def _check_finite(path: Path, tensors: Mapping[str, Tensor], fix: str) -> None:
    for name, tensor in tensors.items():
        # the free number of a neuron's parameter is -inf where its value lies on the lower bound
        legal = torch.isfinite(tensor) | (tensor == -torch.inf if ".raw_" in name else False)
        if not bool(legal.all()):
            place = (~legal).nonzero()[0].tolist()
            number = float(tensor[tuple(place)])
            raise CheckpointError(
                f"{path}: {name}{place} is {number}, but every number must be finite; {fix}"
            )


def _series_before(tree: dict[str, Any], tensors: dict[str, Tensor]) -> dict[str, Any]:
    """Of version 1: what is plain stood in the JSON as it was."""
    plain = {name: tree[name] for name in ("step", "options", "seed", "structure")}
    coded = {name: decode_tree(tree[name], tensors) for name in ("weights", "optimiser", "schedule")}
    best = tree["best"] and {**tree["best"], "weights": decode_tree(tree["best"]["weights"], tensors)}
    return {**plain, **coded, "best": best}


def _entries(tree: dict[str, Any], tensors: dict[str, Tensor]) -> dict[str, Any]:
    return {name: decode_tree(value, tensors) for name, value in tree.items()}


_before = MappingProxyType({"series": _series_before, "events": _entries, "images": decode_tree})
