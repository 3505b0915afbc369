"""Other libraries' neurons at the same shape, each in its own adapter file, in an environment of their own.

`make bench-peers-environment` makes the environment in build/peers; `python -m benchmarks.peers` measures.
"""

import sys
from pathlib import Path

from benchmarks.isolated import ROOT, rows_of
from benchmarks.measurement import Measurement, Shape

PYTHON = ROOT / "build" / "peers" / "bin" / "python"
ADAPTERS = ("snntorch", "norse", "spikingjelly", "spyx")
"""Peers, each with an adapter `<name>_adapter.py` whose `candidates()` lists its forms."""
SECONDS = 1800
"""A peer that takes longer is given up and reported."""


def measure_peers(
    shape: Shape, *, threads: int = 2, repeats: int = 5, adapters: tuple[str, ...] = ADAPTERS, python: Path = PYTHON
) -> list[Measurement]:  # fmt: skip
    """Every peer's forms, measured one after another in the peers' environment; none is left out."""
    if not python.exists():
        problem = f"no environment at {python}; run: make bench-peers-environment"
        return [Measurement(name=name, neuron="LIF", problem=problem) for name in adapters]
    found = []
    for name in adapters:
        print(f"measuring {name}", file=sys.stderr, flush=True)
        found += _measure(name, shape, threads, repeats, python)
    return found


def _measure(name: str, shape: Shape, threads: int, repeats: int, python: Path) -> list[Measurement]:
    arguments = [
        "-m", "benchmarks.peers.adapter", name, "--threads", str(threads), "--repeats", str(repeats),
        "--steps", str(shape.steps), "--batch", str(shape.batch), "--width", str(shape.width),
    ]  # fmt: skip
    found, problem = rows_of(python, arguments, seconds=SECONDS)
    rows = [Measurement(**row) for row in found]
    if problem:
        rows.append(Measurement(name=name, neuron="LIF", problem=problem))
    return rows
