"""Real sequences: spiking networks and a GRU at equal numbers of trained parameters, and what the circuit decides.

    python -m benchmarks.sequences --runs FOLDER [--data FOLDER] [--seeds 5] [--only mtc,gru] [--circuits 40]

Every training is a run folder, so the program goes on where it was broken off. It writes `benchmarks/sequences.md`.
"""

import argparse
import json
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from conductance.files import write_whole
from conductance.tasks import TaskData
from conductance.tasks.decisions import evidence, labels
from conductance.tasks.published import DATASETS, write_dataset
from excitable.runs.series import SeriesRun, train_run

PAGE = Path(__file__).with_suffix(".md")
GRU = "gru"
CONFIGURATION = """name = "{name}"
seed = {seed}
[task]
name = "table"
path = "{path}"
label = "label"
sequence = "sequence"
split = "split"
steps_per_sample = {steps_per_sample}
[network]
neuron = "{neuron}"
hidden = {hidden}
dt = {dt}
[training]
steps = {steps}
batch = 32
learning_rate = 0.03
evaluate_every = 25
"""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A data set and how it is shown.

    Attributes:
        steps_per_sample: model steps for which a sample is held.
        dt: by neuron, the step in tau_m.
        hidden: by neuron, as many as have the GRU's number of trained parameters.
    """

    name: str
    steps_per_sample: dict[str, int]
    dt: dict[str, float]
    hidden: dict[str, int]
    steps: int = 150


PROBLEMS = (
    Problem(
        name="basic_motions",
        steps_per_sample={"mtc": 5, "lif": 2, "adlif": 2},
        dt={"mtc": 0.4, "lif": 1.0, "adlif": 1.0},
        hidden={"mtc": 64, "lif": 101, "adlif": 87, GRU: 16},
    ),
    Problem(
        name="japanese_vowels",
        steps_per_sample={"mtc": 10, "lif": 4, "adlif": 4},
        dt={"mtc": 0.4, "lif": 0.5, "adlif": 0.5},
        hidden={"mtc": 52, "lif": 68, "adlif": 63, GRU: 16},
        steps=300,
    ),
)


def train_one(problem: Problem, neuron: str, seed: int, data: Path, runs: Path) -> dict[str, object]:
    """Train one network, or read what it gave before."""
    name = f"{problem.name.replace('_', '-')}-{neuron}-{seed}"
    known = runs / name / "result.json"
    if known.is_file():
        return json.loads(known.read_text())
    path = data / f"{problem.name}.csv"
    if neuron == GRU:
        result = train_gru(problem, seed, path)
        (runs / name).mkdir(parents=True, exist_ok=True)
    else:
        text = CONFIGURATION.format(
            name=name, seed=seed, path=path, neuron=neuron, hidden=problem.hidden[neuron], dt=problem.dt[neuron],
            steps_per_sample=problem.steps_per_sample[neuron], steps=problem.steps,
        )  # fmt: skip
        with SeriesRun.begun(runs / name, text, source=name) as run:
            trained = train_run(run)
        result = {
            "wrong": trained.result.test.error,
            "spikes": trained.result.test.spikes,
            "parameters": sum(p.numel() for p in trained.network.parameters()),
        }
    result |= {"problem": problem.name, "neuron": neuron, "seed": seed}
    write_whole(known, json.dumps(result) + "\n")
    return result


def train_gru(problem: Problem, seed: int, path: Path) -> dict[str, object]:
    """A GRU layer and a linear readout on the samples themselves, the same loss, optimiser and number of updates."""
    from conductance.tasks import Table
    from conductance.training.batches import draw_batch

    torch.manual_seed(seed)
    task = Table(path=str(path), label="label", sequence="sequence", split="split")
    data: TaskData = task.generate(seed)
    width = problem.hidden[GRU]
    cell = torch.nn.GRU(len(data.input_names), width)
    readout = torch.nn.Linear(width, len(data.classes))
    both = torch.nn.ModuleList([cell, readout])
    adam = torch.optim.Adam(both.parameters(), lr=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(adam, problem.steps)
    best = (2.0, 2.0)

    def wrong(split: object) -> float:
        with torch.no_grad():
            return task.error(readout(cell(split.inputs)[0]), split)  # type: ignore[attr-defined, arg-type]

    for step in range(problem.steps):
        part = draw_batch(data.train, seed=seed, step=step, size=min(32, data.train.series))
        shown = evidence(readout(cell(part.inputs)[0]), part.mask, "mean")
        loss = torch.nn.functional.cross_entropy(shown, labels(part.targets, part.mask))
        adam.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(both.parameters(), 1.0)
        adam.step()
        schedule.step()
        if (step + 1) % 25 == 0:
            best = min(best, (wrong(data.validation), wrong(data.test)), key=lambda pair: pair[0])
    return {"wrong": best[1], "spikes": None, "parameters": sum(p.numel() for p in both.parameters())}


def results(seeds: int, only: list[str], data: Path, runs: Path) -> Iterator[dict[str, object]]:
    """All trainings, those that are there already first."""
    for seed in range(seeds):
        for problem in PROBLEMS:
            for neuron in problem.hidden:
                if not only or neuron in only:
                    yield train_one(problem, neuron, seed, data, runs)


def page(found: list[dict[str, object]], circuits: list[str]) -> str:
    """The tables in Markdown."""
    lines = [
        "# Real sequences",
        "",
        "Share of right decisions on the published test split in per cent: mean and standard deviation over seeds. "
        "The weights are those of the lowest validation error; the same number of updates for all, at a learning rate "
        "of 0.03 for spiking networks and 0.01 for the GRU, neither searched for. A sample lasts 5 or 10 steps for MTC "
        "and 2 or 4 for LIF and AdLIF. Written by `python -m benchmarks.sequences`.",
        "",
    ]
    for problem in PROBLEMS:
        rows = [one for one in found if one["problem"] == problem.name]
        lines += [f"## {problem.name}: {DATASETS[problem.name].meaning}", ""]
        lines += [
            "| network | trained parameters | right / % | seeds | spikes per neuron and step |",
            "|---|---|---|---|---|",
        ]
        for neuron in problem.hidden:
            own = [one for one in rows if one["neuron"] == neuron]
            if not own:
                continue
            right = [100 * (1 - float(str(one["wrong"]))) for one in own]
            spread = f" ± {statistics.stdev(right):.1f}" if len(right) > 1 else ""
            spikes = [float(str(one["spikes"])) for one in own if one["spikes"] is not None]
            rate = f"{statistics.mean(spikes):.4f}" if spikes else ""
            lines.append(
                f"| {neuron} | {own[0]['parameters']} | {statistics.mean(right):.1f}{spread} | {len(own)} | {rate} |"
            )
        lines.append("")
    if circuits:
        lines += ["## Circuits", "", *circuits, ""]
    return "\n".join(lines)


def main() -> None:
    """Train, simulate and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", default="")
    parser.add_argument(
        "--circuits", type=int, default=0, help="sequences of the test split, by the first seed's MTC"
    )
    asked = parser.parse_args()
    asked.runs.mkdir(parents=True, exist_ok=True)
    data = asked.data or asked.runs
    for problem in PROBLEMS:
        if not (data / f"{problem.name}.csv").is_file():
            write_dataset(problem.name, data)
    found = []
    for one in results(asked.seeds, [name for name in asked.only.split(",") if name], data, asked.runs):
        found.append(one)
        print(one, flush=True)
        write_whole(PAGE, page(found, []))
    circuits = []
    if asked.circuits:
        from excitable.runs.stages.decisions import decide_run, decisions_text

        for problem in PROBLEMS:
            run = SeriesRun(asked.runs / f"{problem.name.replace('_', '-')}-mtc-0")
            said = decisions_text(decide_run(run, "behavioural", sequences=asked.circuits))
            circuits.append(f"- {problem.name}, MTC, seed 0, behavioural: {said}")
            write_whole(PAGE, page(found, circuits))


if __name__ == "__main__":
    main()
