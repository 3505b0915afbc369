"""Measures one peer in the peers' environment, one line of JSON per form."""

import argparse
import importlib
import json
import statistics
import sys
import time
from dataclasses import asdict
from pathlib import Path

from benchmarks.event_peers import Epoch
from benchmarks.measurement import hold_threads


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    hold_threads(options.threads)

    import numpy as np

    with np.load(options.data) as file:
        data = {name: file[name] for name in file.files}
    forms = importlib.import_module(f"benchmarks.event_peers.{options.name}_adapter").forms()
    for (name, neuron), build in forms.items():
        try:
            row = _measured(name, neuron, build(data), options.repeats)
        except Exception as error:  # noqa: BLE001  # a peer may fail in any way, and each is reported
            lines = str(error).strip().splitlines()
            text = f"{type(error).__name__}: {lines[0] if lines else ''}"
            row = Epoch(name=name, neuron=neuron, problem=text[:200])
        print(json.dumps(asdict(row)), flush=True)


def _measured(name: str, neuron: str, run, repeats: int) -> Epoch:  # type: ignore[no-untyped-def]
    durations = []
    losses = []
    for _ in range(repeats + 1):
        begin = time.perf_counter()
        losses.append(float(run()))
        durations.append(time.perf_counter() - begin)
        print(f"{name}: {durations[-1]:.3f} s, loss {losses[-1]:.4f}", file=sys.stderr, flush=True)
    median = statistics.median(durations[1:])
    return Epoch(
        name=name, neuron=neuron, seconds=median, compiling=max(0.0, durations[0] - median), loss=losses[0],
        repeats=repeats,
    )  # fmt: skip


if __name__ == "__main__":
    main()
