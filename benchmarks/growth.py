"""How the kernel's time grows with length, width and batch; run as a module it reports its own peak memory."""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import torch

from benchmarks.forms import layer_of, runs
from benchmarks.measurement import Shape

AXES = {
    "steps, batch 8, 64 neurons": [
        Shape(steps=steps, batch=8, width=64) for steps in (5000, 20_000, 100_000)
    ],
    "neurons, 100 steps, batch 8": [
        Shape(steps=100, batch=8, width=width) for width in (5000, 20_000, 100_000)
    ],
    "batch, 100 steps, 256 neurons": [
        Shape(steps=100, batch=batch, width=256) for batch in (32, 128, 512)
    ],
}  # fmt: skip
SEGMENT = 32


def growth(repeats: int) -> dict[str, list[dict]]:
    """Training of MTC in ns per neuron-step along each axis; what is linear in the axis is constant here."""
    found: dict[str, list[dict]] = {}
    for name, shapes in AXES.items():
        key = name.split(",")[0]
        trainings = [runs(layer_of("MTC", shape.width, "c"), shape)[1] for shape in shapes]
        times: list[list[float]] = [[] for _ in shapes]
        for _ in range(repeats + 1):
            for training, durations in zip(trainings, times, strict=True):
                begin = time.perf_counter()
                training()
                durations.append(time.perf_counter() - begin)
        values = [{"steps": s.steps, "neurons": s.width, "batch": s.batch}[key] for s in shapes]
        found[name] = [
            {"value": value, "training": statistics.median(durations[1:]) * 1e9 / shape.neuron_steps}
            for value, shape, durations in zip(values, shapes, times, strict=True)
        ]
    return found


def peak_memory(shape: Shape) -> dict[str, float]:
    """Bytes that training MTC adds to a process at its peak, and their ratio to what the gradients need."""
    command = [
        sys.executable, "-m", "benchmarks.growth", "--steps", str(shape.steps), "--batch", str(shape.batch),
        "--width", str(shape.width),
    ]  # fmt: skip
    root = Path(__file__).resolve().parent.parent
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True, timeout=600)
    return json.loads(done.stdout)


def _own_peak(shape: Shape) -> dict[str, float]:
    small = Shape(steps=2, batch=2, width=shape.width)
    layer = layer_of("MTC", shape.width, "c")
    runs(layer, small)[1]()
    before = _peak()
    _, training = runs(layer, shape)
    for _ in range(3):
        training()
    states = len(layer.neuron.states)
    tensors = 4 * shape.neuron_steps * 4
    checkpoints = -(-shape.steps // SEGMENT) * states * shape.batch * shape.width * 4
    added = _peak() - before
    return {"bytes": added, "needed": tensors + checkpoints, "ratio": added / (tensors + checkpoints)}


def _peak() -> int:
    # getrusage's peak is inherited from the parent process on Linux; this one is of the process alone.
    try:
        lines = Path("/proc/self/status").read_text("utf-8").splitlines()
    except OSError:
        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return used if sys.platform == "darwin" else 1024 * used
    (line,) = [line for line in lines if line.startswith("VmHWM:")]
    return 1024 * int(line.split()[1])


def main() -> None:
    """Print the peak memory of one shape as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("steps", "batch", "width"):
        parser.add_argument(f"--{name}", type=int, required=True)
    options = parser.parse_args()
    torch.set_num_threads(2)
    print(json.dumps(_own_peak(Shape(steps=options.steps, batch=options.batch, width=options.width))))


if __name__ == "__main__":
    main()
