"""How long `excitable train` takes to its first step, against `import torch`: what a user waits for.

    python -m benchmarks.start [--configuration demo] [--repeats 7] [--json FILE]

Every start is a process. The clock begins before the process and stops when the optimiser's first step has ended, so
interpreter, imports, data, network, evaluation of the untrained network, and step all count. A first start, which is
not counted, compiles kernels and fills the caches of files. `import torch` and Lightning alone take turns with it;
ratios are of medians. Processor time stands beside the wall clock, which other work on the machine lengthens.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
TRAIN = """
import os, sys
import conductance
from torch.optim.optimizer import register_optimizer_step_post_hook

def stop(*_):
    print("first step")
    sys.stdout.flush()
    os._exit(0)

register_optimizer_step_post_hook(stop)
import excitable.cli
excitable.cli.main()
raise SystemExit("it ended before its first step")
"""
"""Importing conductance and torch first changes no sum: training needs both."""
PROGRAMS = {
    "import torch": "import torch",
    "Lightning alone": "import lightning.pytorch",
    "first step": TRAIN,
}


@dataclass(frozen=True, kw_only=True)
class Start:
    """Medians over the repeats, in s, and their ratios to `import torch`."""

    what: str
    wall: float
    processor: float
    wall_ratio: float
    processor_ratio: float


def started(program: str, arguments: list[str], folder: Path) -> tuple[float, float]:
    """Wall-clock and processor time of a process with its children, in s."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=folder, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False,
    )  # fmt: skip
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise RuntimeError(f"a start failed: {done.stdout}{done.stderr}")
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, used


def measured(configuration: str, repeats: int) -> list[Start]:
    """Each program's costs, in turns."""
    found: dict[str, list[tuple[float, float]]] = {what: [] for what in PROGRAMS}
    with tempfile.TemporaryDirectory() as place:
        for repeat in range(repeats + 1):
            for what, program in PROGRAMS.items():
                arguments = ["train", configuration, "--run", f"run{repeat}"] if program is TRAIN else []
                cost = started(program, arguments, Path(place))
                if repeat:
                    found[what].append(cost)
    costs = {what: tuple(map(median, zip(*rows, strict=True))) for what, rows in found.items()}
    wall, processor = costs["import torch"]
    return [
        Start(
            what=what, wall=own[0], processor=own[1], wall_ratio=own[0] / wall,
            processor_ratio=own[1] / processor,
        )
        for what, own in costs.items()
    ]  # fmt: skip


def table(starts: list[Start]) -> str:
    """The costs as a Markdown table."""
    lines = [
        "| | wall, s | over import torch | processor, s | over import torch |",
        "|---|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {s.what} | {s.wall:.2f} | {s.wall_ratio:.2f} | {s.processor:.2f} | {s.processor_ratio:.2f} |"
        for s in starts
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--configuration", default="demo")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    starts = measured(options.configuration, options.repeats)
    print(table(starts))
    if options.json:
        options.json.write_text(json.dumps([asdict(start) for start in starts], indent=1) + "\n")


if __name__ == "__main__":
    main()
