"""Sweeps kept in files by the digest of all that decides them, so that a circuit is swept once."""

import hashlib
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from circuits.data.scaling import Scaling
from circuits.measured.sweeps import (
    COARSE,
    OUTPUTS,
    RADIAN,
    SLOW,
    VOLTAGES,
    Element,
    Fixed,
    Follower,
    Line,
    MeasureError,
    Slow,
    Swept,
)
from circuits.realisations import Realisation
from conductance.files import whole_file
from conductance.neurons.base import Neuron

DIGEST = "digest"


def digest_of(scaling: Scaling, *swept: tuple[Neuron, Realisation], simulator: str = "ngspice") -> str:
    """Of neurons and circuits, cells, cards, corner, temperature, units, the grids that are swept, and who sweeps."""
    digest = hashlib.sha256()
    for grid in (VOLTAGES, COARSE, SLOW, OUTPUTS, RADIAN):
        digest.update(grid.tobytes())
    digest.update(repr((scaling, simulator)).encode())
    for neuron, built in swept:
        parts = (built.subcircuit, built.cells, built.models, built.temperature, built.corner, built.supplies)
        digest.update(f"{neuron!r}{parts!r}".encode())
    return digest.hexdigest()


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A folder with the sweeps of layers, one file each."""

    folder: Path

    def get(self, label: str, digest: str, sweep: Callable[[], Swept]) -> Swept:
        """The sweeps of a layer: those kept where they are of this digest, else made anew and kept.

        Raises:
            MeasureError: the file is damaged.
        """
        path = self.folder / f"{label}.npz"
        found = read_swept(path, digest)
        if found is None:
            found = sweep()
            self.folder.mkdir(parents=True, exist_ok=True)
            with whole_file(path) as part, part.open("wb") as file:
                arrays: dict[str, Any] = {DIGEST: np.array(digest), **dict(_arrays(found))}
                np.savez_compressed(file, **arrays)
        return found


def read_swept(path: Path, digest: str) -> Swept | None:
    """The sweeps of a file; None where there is none, or one of another circuit.

    Raises:
        MeasureError: it is damaged.
    """
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = dict(file)
        return None if str(arrays.pop(DIGEST)) != digest else _swept(arrays)
    except (OSError, KeyError, ValueError, EOFError, BadZipFile, zlib.error) as error:
        raise MeasureError(
            f"{path}: the sweeps cannot be read ({error}); delete the file, and they are made anew"
        ) from None


def _arrays(swept: Swept) -> Iterator[tuple[str, np.ndarray]]:
    yield "fixed/current", swept.fixed.current
    yield "fixed/output", swept.fixed.output
    yield "admittance", swept.admittance
    for key in ("lag", "corner", "left_out"):
        yield key, np.array(getattr(swept, key))
    for name, element in swept.elements.items():
        for key in ("reads", "gains", "base", "slope", "residual"):
            yield f"elements/{name}/{key}", np.array(getattr(element, key))
    for name, slow in swept.slow.items():
        yield f"slow/{name}/gates", slow.gates
        yield f"slow/{name}/transfer", slow.transfer
        if slow.follower is not None:
            yield f"followers/{name}/admittance", slow.follower.admittance
            for key in ("base", "slope", "residual"):
                yield f"followers/{name}/{key}", np.array(getattr(slow.follower.current, key))


def _swept(arrays: Mapping[str, np.ndarray]) -> Swept:
    followers = {
        name: Follower(
            current=_line(arrays, f"followers/{name}"), admittance=arrays[f"followers/{name}/admittance"]
        )
        for name in _names(arrays, "followers")
    }
    return Swept(
        fixed=Fixed(current=arrays["fixed/current"], output=arrays["fixed/output"]),
        elements={
            name: Element(
                reads=str(arrays[f"elements/{name}/reads"]), gains=arrays[f"elements/{name}/gains"],
                **vars(_line(arrays, f"elements/{name}")),
            )
            for name in _names(arrays, "elements")
        },
        slow={
            name: Slow(
                gates=arrays[f"slow/{name}/gates"], transfer=arrays[f"slow/{name}/transfer"],
                follower=followers.get(name),
            )
            for name in _names(arrays, "slow")
        },
        admittance=arrays["admittance"],
        lag=float(arrays["lag"]),
        corner=float(arrays["corner"]),
        left_out=float(arrays["left_out"]),
    )  # fmt: skip


def _line(arrays: Mapping[str, np.ndarray], place: str) -> Line:
    return Line(
        base=arrays[f"{place}/base"],
        slope=arrays[f"{place}/slope"],
        residual=float(arrays[f"{place}/residual"]),
    )


def _names(arrays: Mapping[str, np.ndarray], kind: str) -> list[str]:
    """Names in the order in which they were written."""
    return list(dict.fromkeys(key.split("/")[1] for key in arrays if key.startswith(f"{kind}/")))
