"""Files of a finished run: one of them changed, and what the commands that read it do."""

import json
import shutil
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st
from outcomes import Outcomes

from excitable.ladder.calibration import read_fits
from excitable.report.evidence import read_run
from excitable.runs.series import SeriesRun, train_run
from excitable.runs.stages.series import compare_run

DEEP = 100_000


def make(folder: Path) -> Path:
    """A finished run: configuration, network, checkpoint, metrics, waveforms, comparison."""
    from report_examples import whole_run

    whole_run(folder)
    return folder


FILES = ("config.toml", "model.json", "model.safetensors", "checkpoints/last.safetensors", "metrics.jsonl",
         "waveforms.nc", "comparison.json", "calibration.json")  # fmt: skip
CHANGES = ("bytes", "cut", "empty", "grown", "noise", "JSON value", "deep", "folder", "another's")


@st.composite
def changed(draw: st.DrawFn) -> tuple[str, str, int]:
    """A file, a change of it, and a seed of the change's random numbers."""
    return draw(st.sampled_from(FILES)), draw(st.sampled_from(CHANGES)), draw(st.integers(0, 2**32 - 1))


def spoil(path: Path, change: str, seed: int) -> None:
    """Change a file of a run."""
    rng = np.random.default_rng(seed)
    data = path.read_bytes() if path.is_file() else b"{}"
    match change:
        case "bytes":
            spoiled = bytearray(data)
            for place in rng.integers(len(data), size=rng.integers(1, 4)):
                spoiled[place] ^= 1 << rng.integers(8)
            path.write_bytes(bytes(spoiled))
        case "cut":
            path.write_bytes(data[: rng.integers(len(data))])
        case "empty":
            path.write_bytes(b"")
        case "grown":
            path.write_bytes(data + rng.bytes(rng.integers(1, 100)))
        case "noise":
            path.write_bytes(rng.bytes(len(data)))
        case "JSON value":
            path.write_bytes(_other_value(data, rng))
        case "deep":
            path.write_text("[" * DEEP + "]" * DEEP)
        case "folder":
            path.unlink(missing_ok=True)
            path.mkdir()
        case "another's":
            path.write_bytes(b'{"format": "excitable model", "version": 1, "dtype": "float32", "layers": []}')


HOSTILE = [
    ["^", 10, 10**9],
    ["^", ["^", 10, 10**6], 10**6],
    -1,
    0,
    1e308,
    None,
    "x",
    [],
    {},
    10**30,
    True,
    "\x00",
]


def _other_value(data: bytes, rng: np.random.Generator) -> bytes:
    """One value of a JSON file replaced; other files get a changed byte."""
    if data[8:9] == b"{":
        length = int.from_bytes(data[:8], "little")
        header = json.loads(data[8 : 8 + length])
        inside = header.get("__metadata__", {})
        for key in inside:
            inside[key] = _other_value(inside[key].encode(), rng).decode()
        text = (
            json.dumps(header) if inside else _other_value(json.dumps(header).encode(), rng).decode()
        ).encode()
        return len(text).to_bytes(8, "little") + text + data[8 + length :]
    try:
        content = json.loads(data)
    except ValueError:
        spoiled = bytearray(data)
        spoiled[rng.integers(len(data))] = rng.integers(256)
        return bytes(spoiled)
    places: list[tuple[Any, Any]] = []
    pending = [content]
    while pending:
        node = pending.pop()
        keys = node.keys() if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
        for key in keys:
            places.append((node, key))
            pending.append(node[key])
    if isinstance(content, dict):
        content.pop("digest", None)  # so that the reader behind it is reached
    if places:
        node, key = places[rng.integers(len(places))]
        node[key] = deepcopy(HOSTILE[rng.integers(len(HOSTILE))])
    return json.dumps(content).encode()


def use(folder: Path, name: str) -> None:
    """What the commands do with the file."""
    run = SeriesRun.find(folder)
    if name == "calibration.json":
        read_fits(folder / name)
    elif name == "comparison.json":
        read_run(folder)
    elif name == "checkpoints/last.safetensors":
        with SeriesRun.begun(folder, (folder / "config.toml").read_text(), source="config.toml") as begun:
            train_run(begun)
    elif name == "metrics.jsonl":
        read_run(folder)
    else:
        run.network()
        compare_run(run)
        read_run(folder)


def judge(outcomes: Outcomes, base: Path, work: Path, case: tuple[str, str, int]) -> None:
    """One case."""
    name, change, seed = case
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(base, work)
    spoil(work / name, change, seed)
    outcomes.judge(f"{name}: {change}", (name, change, seed), lambda: use(work, name))
