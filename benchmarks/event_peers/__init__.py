"""Public codes with exact gradients through spike times, each in its own process, on the data of our own run.

`make bench-event-peers-environment` makes their environment in build/event-peers. An adapter `<name>_adapter.py` lists
forms; a form builds a function that runs one epoch. What does not run is reported in its own words.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.isolated import ROOT, rows_of

PYTHON = ROOT / "build" / "event-peers" / "bin" / "python"
ADAPTERS = ("scan", "jaxsnn", "eventax")
ABSENT = {
    "spikegd": "it is on no package index, only a repository; its loop is measured as the scan in JAX",
}
"""Codes that cannot be installed, and why."""
SECONDS = 1500
"""A peer that takes longer is given up and reported."""


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """What an epoch of training costs.

    Attributes:
        name: code, version and form.
        neuron: what it trains.
        seconds: per epoch, median; None where it was not measured.
        compiling: seconds that the first epoch took beyond a later one.
        loss: mean loss of the first epoch, each code's own.
        repeats: epochs that the median is of.
        problem: why it was not measured; empty where it was.
    """

    name: str
    neuron: str
    seconds: float | None = None
    compiling: float | None = None
    loss: float | None = None
    repeats: int = 0
    problem: str = ""


def measure_peers(data: Path, *, threads: int, repeats: int, python: Path = PYTHON) -> list[Epoch]:
    """Every peer, one after another in the peers' environment; none is left out."""
    absent = [Epoch(name=name, neuron="QIF", problem=problem) for name, problem in ABSENT.items()]
    if not python.exists():
        problem = "there is no environment; run: make bench-event-peers-environment"
        return [Epoch(name=name, neuron="", problem=problem) for name in ADAPTERS] + absent
    found = []
    for name in ADAPTERS:
        print(f"measuring {name}", file=sys.stderr, flush=True)
        found += _measure(name, data, threads, repeats, python)
    return found + absent


def _measure(name: str, data: Path, threads: int, repeats: int, python: Path) -> list[Epoch]:
    arguments = [
        "-m", "benchmarks.event_peers.adapter", name, "--data", str(data), "--threads", str(threads),
        "--repeats", str(repeats),
    ]  # fmt: skip
    found, problem = rows_of(python, arguments, seconds=SECONDS)
    rows = [Epoch(**row) for row in found]
    if problem:
        rows.append(Epoch(name=name, neuron="", problem=problem))
    return rows
