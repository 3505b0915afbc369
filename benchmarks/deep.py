"""Neurons of deep networks, fused, beside the peers' multi-step modes: `python -m benchmarks.deep --json FILE`.

Few steps and many neurons, as in ResNet-19: every form gets the same float32 input and the backward pass goes down to
it. Memory is what the forward run keeps for the backward one.
"""

import argparse
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import torch

from benchmarks.kept import kept_bytes
from benchmarks.measurement import Candidate, Measurement, Shape, as_row, hold_threads, measure, table
from benchmarks.peers import PYTHON, ROOT, measure_peers
from benchmarks.peers.loops import runs
from conductance.deep.neurons import ImageNeurons, NeuronOptions
from conductance.neurons import dlif
from excitable.runs.environment import environment

PEERS = ("spikingjelly", "snntorch")
OURS = "excitable, fused"
GOAL = 3.0
"""How many times faster training has to be than the fastest peer's multi-step mode."""
FORMS = {
    ("DQIF", OURS): NeuronOptions(backend="c"),
    ("DQIF", "excitable, fused, a u1 u2 trained"): NeuronOptions(backend="c", trainable=("a", "u1", "u2")),
    ("DQIF", "excitable, eager"): NeuronOptions(backend="eager"),
    ("leaky", OURS): NeuronOptions(neuron=dlif(), window="fixed", backend="c"),
}


def candidates() -> list[Candidate]:
    """Our forms."""
    return [
        Candidate(name=name, neuron=neuron, build=lambda shape, options=options: _build(options, shape))
        for (neuron, name), options in FORMS.items()
    ]


def _build(options: NeuronOptions, shape: Shape) -> tuple[Callable, Callable]:
    return runs(ImageNeurons(shape.width, options), shape)


def kept(shape: Shape) -> list[dict]:
    """Bytes per neuron-step that each form keeps for its backward run, the peers' in their environment."""
    rows = [
        {"name": name, "neuron": neuron, "bytes": kept_bytes(_build(options, shape)[1])}
        for (neuron, name), options in FORMS.items()
    ]
    for peer in PEERS if PYTHON.exists() else ():
        command = [str(PYTHON), "-m", "benchmarks.kept", peer]
        for name in ("steps", "batch", "width"):
            command += [f"--{name}", str(getattr(shape, name))]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
        found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        rows += [{**row, "name": f"{peer}, {row['name']}"} for row in found]
    return [{**row, "per_neuron_step": row["bytes"] / shape.neuron_steps} for row in rows]


def ratios(rows: list[Measurement]) -> dict[str, float]:
    """The fastest peer's time over ours for DQIF; empty where one side was not measured."""
    ours = next(row for row in rows if (row.neuron, row.name) == ("DQIF", OURS))
    peers = [row for row in rows if not row.name.startswith("excitable") and row.training and row.forward]
    multi_step = [row for row in peers if "compiled" not in row.name]
    found = {}
    for label, others in (
        ("multi-step mode", multi_step),
        ("compiled in chunks", [r for r in peers if r not in multi_step]),
    ):
        if others and ours.training and ours.forward:
            found[f"training, fastest peer's {label} over ours"] = (
                min(r.training for r in others) / ours.training
            )  # type: ignore[type-var]
            found[f"forward, fastest peer's {label} over ours"] = (
                min(r.forward for r in others) / ours.forward
            )  # type: ignore[type-var]
    return found


def page(result: dict, rows: list[Measurement]) -> str:
    """Everything as Markdown."""
    shape, machine = result["shape"], result["environment"]["machine"]
    lines = [
        "# What a neuron-step of a deep network costs",
        "",
        "Written by `make bench` (`python -m benchmarks.deep --json FILE`).",
        "",
        f"T = {shape['steps']}, batch {shape['batch']}, {shape['width']} neurons, float32, "
        f"{result['threads']} threads; ns per neuron-step, medians of {result['repeats']}. "
        f"{machine['processor']}, {machine['cores']} cores.",
        "",
        table(rows),
        f"| ratio (goal of the first: {GOAL:g}) | |",
        "|---|---:|",
        *(f"| {name} | {value:.2f} |" for name, value in result["ratios"].items()),
        "",
        "| form | neuron | bytes kept per neuron-step |",
        "|---|---|---:|",
        *(f"| {row['name']} | {row['neuron']} | {row['per_neuron_step']:.1f} |" for row in result["kept"]),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, print the page and write the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="file for all numbers; the page goes beside it as .md")
    for name, default in {"threads": 2, "repeats": 5, "steps": 4, "batch": 32, "width": 32768}.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    hold_threads(options.threads)
    torch.set_num_threads(options.threads)
    shape = Shape(steps=options.steps, batch=options.batch, width=options.width)
    rows = [measure(candidate, shape, options.repeats) for candidate in candidates()]
    rows += measure_peers(shape, threads=options.threads, repeats=options.repeats, adapters=PEERS)
    result = {
        "shape": {"steps": shape.steps, "batch": shape.batch, "width": shape.width},
        "threads": options.threads,
        "repeats": options.repeats,
        "environment": environment(seed=0),
        "rows": [as_row(row) for row in rows],
        "ratios": ratios(rows),
        "kept": kept(shape),
    }
    text = page(result, rows)
    print(text, end="")
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
        options.json.with_suffix(".md").write_text(text, "utf-8")


if __name__ == "__main__":
    main()
