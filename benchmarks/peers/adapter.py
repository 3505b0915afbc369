"""Measures one peer and prints one JSON line for each of its forms; runs in the peers' environment."""

import argparse
import importlib
import json
from dataclasses import replace
from importlib.metadata import version

from benchmarks.measurement import Shape, as_row, failed, hold_threads, measure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("peer")
    for name, default in {"threads": 2, "repeats": 5, "steps": 500, "batch": 128, "width": 256}.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    hold_threads(options.threads)
    shape = Shape(steps=options.steps, batch=options.batch, width=options.width)
    for measurement in measured(options.peer, shape, options.repeats):
        print(json.dumps(as_row(measurement)), flush=True)


def measured(peer: str, shape: Shape, repeats: int):
    """A measurement for each form of the peer; a peer that cannot be imported has one that says so."""
    try:
        label = f"{peer} {version(peer)}"
        candidates = importlib.import_module(f"benchmarks.peers.{peer}_adapter").candidates()
    except Exception as error:  # noqa: BLE001  # an import may fail in any way
        yield failed(peer, "LIF", error)
        return
    for candidate in candidates:
        yield measure(replace(candidate, name=f"{label}, {candidate.name}"), shape, repeats)


if __name__ == "__main__":
    main()
