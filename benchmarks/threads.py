"""What a training costs alone and beside others like it, by how its threads wait for each other.

    python -m benchmarks.threads --json benchmarks/results/threads.json

Every training is a process: an MTC layer of 64 neurons between two projections, 32 series of 200 steps. Each is
warmed up, then all begin together. Ways of waiting take turns, so that what else the machine does hits all of them
alike; medians are over the repeats. Processor time shows spinning also where the wall clock is disturbed. Other
numbers of rounds are measured beside what conductance sets, to show what the choice gains and loses.
"""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType

from benchmarks.command import arguments
from conductance.files import write_whole
from conductance.loading.threads import ROUNDS

ROOT = Path(__file__).resolve().parent.parent
WAYS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "one thread each": {"OMP_NUM_THREADS": "1"},
        "never spinning": {"OMP_WAIT_POLICY": "passive"},
        "as conductance sets it": {},
        "3000 rounds": {"GOMP_SPINCOUNT": "3000"},
        "10000 rounds": {"GOMP_SPINCOUNT": "10000"},
        "30000 rounds": {"GOMP_SPINCOUNT": "30000"},
        "spinning, libgomp's default": {"GOMP_SPINCOUNT": "300000"},
    }
)
"""Ways of waiting by name: what is added to the environment, which wins over what the package sets."""
OURS, SINGLE, BEFORE = "as conductance sets it", "one thread each", "spinning, libgomp's default"
VARIABLES = ("OMP_NUM_THREADS", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
REPEATS, STEPS, TRAININGS = 5, 100, 4
ASKED = (1.05, 1.15)
"""Largest ratios that are asked for: alone to spinning, and together to one thread each."""

TRAINING = """
import sys, time
from conductance import Network, NeuronLayer, Projection, mtc
import torch
steps = int(sys.argv[1])
torch.manual_seed(0)
hidden = NeuronLayer(mtc(), 64, dt=0.2, trainable=("tau_s",))
network = Network({"in": Projection(4, 64), "hidden": hidden, "out": Projection(64, 4)})
inputs, wanted = torch.randn(200, 32, 4), torch.randn(200, 32, 4)
adam = torch.optim.Adam(network.parameters(), 1e-3)
def step():
    adam.zero_grad()
    (network(inputs)[0] - wanted).square().mean().backward()
    adam.step()
for _ in range(10):
    step()
print("ready", flush=True)
sys.stdin.readline()
begin, used = time.perf_counter(), time.process_time()
for _ in range(steps):
    step()
print(time.perf_counter() - begin, time.process_time() - used)
"""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Medians over the repeats, in s: of the last training to end, and of the processor time of each."""

    way: str
    trainings: int
    wall: float
    processor: float


def environment(way: str) -> dict[str, str]:
    """The surroundings of a training that waits in this way."""
    kept = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    return {**kept, "PYTHONPATH": str(ROOT), **WAYS[way]}


def together(way: str, trainings: int, steps: int) -> tuple[float, float]:
    """Wall-clock time of the slowest and mean processor time of trainings that begin together, in s."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", TRAINING, str(steps)], env=environment(way), cwd=ROOT, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )
        for _ in range(trainings)
    ]  # fmt: skip
    for process in processes:
        if process.stdout is None or process.stdout.readline().strip() != "ready":
            raise RuntimeError(f"a training that waits {way!r} did not begin")
    for process in processes:
        if process.stdin is not None:
            process.stdin.write("go\n")
            process.stdin.flush()
    rows = [tuple(map(float, process.communicate()[0].split())) for process in processes]
    return max(wall for wall, _ in rows), statistics.fmean(used for _, used in rows)


def measured(trainings: int, steps: int, repeats: int) -> list[Cost]:
    """The costs of every way, alone and together."""
    found: dict[tuple[str, int], list[tuple[float, float]]] = {}
    for _ in range(repeats):
        for number in (1, trainings):
            for way in WAYS:
                found.setdefault((way, number), []).append(together(way, number, steps))
    return [
        Cost(
            way=way, trainings=number, wall=statistics.median(wall for wall, _ in rows),
            processor=statistics.median(used for _, used in rows),
        )
        for (way, number), rows in found.items()
    ]  # fmt: skip


def page(costs: list[Cost]) -> str:
    """The costs as a Markdown page: wall-clock time over that of spinning alone, and of one thread each together."""
    wall = {(cost.way, cost.trainings): cost.wall for cost in costs}
    used = {(cost.way, cost.trainings): cost.processor for cost in costs}
    most = max(cost.trainings for cost in costs)
    lines = [
        "# Threads that wait for each other",
        "",
        f"A training of 64 MTC neurons, 32 series of 200 steps, {STEPS} updates, on {os.cpu_count()} cores; medians of "
        f"{REPEATS} in turns. Alone: over threads that spin as GNU's OpenMP does by itself. {most} at once: over one "
        f"thread each. Conductance lets a thread look {ROUNDS} rounds before it sleeps; `GOMP_SPINCOUNT` and "
        "`OMP_WAIT_POLICY` win over it. Searches and sweeps give each of their processes one thread.",
        "",
        f"| waiting | alone | {most} at once | processor time of each, alone, s | {most} at once, s |",
        "|---|---:|---:|---:|---:|",
    ]
    ratios = {way: (wall[way, 1] / wall[BEFORE, 1], wall[way, most] / wall[SINGLE, most]) for way in WAYS}
    for way, (alone, beside) in ratios.items():
        lines.append(f"| {way} | {alone:.2f} | {beside:.2f} | {used[way, 1]:.2f} | {used[way, most]:.2f} |")
    reaching = [
        way
        for way, both in ratios.items()
        if all(ratio <= limit for ratio, limit in zip(both, ASKED, strict=True))
    ]
    lines += [
        "",
        f"Asked for are at most {ASKED[0]:g} alone and {ASKED[1]:g} together. Reached by: "
        f"{', '.join(reaching) or 'none of these'}. Fewer rounds spare the neighbours, more spare the single training.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, print, and write the numbers and the page."""
    given = arguments(__doc__).parse_args()
    costs = measured(TRAININGS, STEPS, REPEATS)
    write_whole(given.json, json.dumps([asdict(cost) for cost in costs], indent=1) + "\n")
    write_whole(given.json.with_suffix(".md"), page(costs))
    print(page(costs))


if __name__ == "__main__":
    main()
