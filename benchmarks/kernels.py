"""The cost of a neuron-step in every form, the peers' included: `python -m benchmarks.kernels --json FILE`.

All forms get the same float32 input, run in turns within one process (the peers each in their own) after a warm-up,
and are compared by medians. Every parameter of our neurons is trained unless a form says otherwise; compiling is told
apart.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from benchmarks.forms import FROZEN, candidates, layer_of, runs
from benchmarks.gpu import gpu, paragraph
from benchmarks.growth import growth, peak_memory
from benchmarks.measurement import Candidate, Measurement, Shape, as_row, failed, hold_threads, table
from benchmarks.peers import measure_peers
from conductance.kernels import cache, library
from excitable.runs.environment import environment

GOALS = {
    "MTC over the fastest peer's LIF": 0.6,
    "LIF over the fastest peer's, parameters frozen in both": 0.25,
    "QIF over the fastest peer's, parameters frozen in both": 0.25,
    "MTC over eager": 1 / 20,
    "MTC over torch.compile": 1 / 6,
    "MTC over the loop by hand": 1.25,
}
"""The most that training may cost, as a share of the other's."""


def measure_in_turns(forms: list[Candidate], shape: Shape, repeats: int) -> list[Measurement]:
    """Every form once per round, so that whatever else the machine does falls on all of them alike."""
    ready: list[tuple[Candidate, tuple[Callable, Callable], float]] = []
    found = []
    for form in forms:
        try:
            begin = time.perf_counter()
            forward, training = form.build(shape)
            forward()
            training()
            ready.append((form, (forward, training), time.perf_counter() - begin))
        except Exception as error:  # noqa: BLE001  # a form may fail in any way, and each is reported
            found.append(failed(form.name, form.neuron, error))
    times: list[tuple[list[float], list[float]]] = [([], []) for _ in ready]
    for _ in range(repeats):
        for (_, both, _), kept in zip(ready, times, strict=True):
            for run, durations in zip(both, kept, strict=True):
                run()
                durations.append(_seconds(run))
    scale = 1e9 / shape.neuron_steps
    for (form, _, first), kept in zip(ready, times, strict=True):
        forward_time, training_time = map(statistics.median, kept)
        found.append(
            Measurement(
                name=form.name, neuron=form.neuron, forward=forward_time * scale, training=training_time * scale,
                compiling=max(0.0, first - forward_time - training_time), repeats=repeats,
            )
        )  # fmt: skip
    return found


def _seconds(run: Callable[[], object]) -> float:
    begin = time.perf_counter()
    run()
    return time.perf_counter() - begin


def ratios(rows: list[Measurement]) -> dict[str, float]:
    """What our kernels cost for training over what the others do; a ratio without its measurements is left out."""
    ours = {row.neuron: row.training for row in rows if row.name == "generated C"}
    frozen = {row.neuron: row.training for row in rows if row.name == FROZEN}
    named = {row.name.split(",")[0]: row.training for row in rows if row.neuron == "MTC" and row.training}
    own = {"generated C", FROZEN, "C by hand, the limit", "eager torch"}
    peers = {
        neuron: min((r.training for r in rows if r.neuron == neuron and r.training and r.name not in own), default=None)
        for neuron in ("LIF", "QIF")
    }  # fmt: skip
    pairs = {
        "MTC over the fastest peer's LIF": (ours.get("MTC"), peers["LIF"]),
        "LIF over the fastest peer's, parameters frozen in both": (frozen.get("LIF"), peers["LIF"]),
        "QIF over the fastest peer's, parameters frozen in both": (frozen.get("QIF"), peers["QIF"]),
        "MTC over eager": (ours.get("MTC"), named.get("eager torch")),
        "MTC over torch.compile": (ours.get("MTC"), named.get("torch.compile")),
        "MTC over the loop by hand": (ours.get("MTC"), named.get("C by hand")),
    }
    return {name: one / other for name, (one, other) in pairs.items() if one and other}


def first_calls() -> dict[str, float]:
    """Seconds to the MTC kernel for training in float32: compiled, and loaded from the cache by a new process."""
    seconds = {}
    with _empty_cache():
        for name in ("compiled", "from the cache"):
            library.kernel.cache_clear()
            library.problem.cache_clear()
            layer = layer_of("MTC", 8, "c")
            seconds[name] = _seconds(lambda layer=layer: layer.backend_used)
    library.kernel.cache_clear()
    library.problem.cache_clear()
    return seconds


@contextmanager
def _empty_cache() -> Iterator[None]:
    before = os.environ.get(cache.VARIABLE)
    with tempfile.TemporaryDirectory() as place:
        os.environ[cache.VARIABLE] = place
        yield
        if before is None:
            del os.environ[cache.VARIABLE]
        else:
            os.environ[cache.VARIABLE] = before


def second_thread(shape: Shape, repeats: int) -> float:
    """How many times faster two threads train MTC than one."""
    _, training = runs(layer_of("MTC", shape.width, "c"), shape)
    times: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(repeats):
        for threads, durations in times.items():
            torch.set_num_threads(threads)
            training()
            durations.append(_seconds(training))
    return statistics.median(times[1]) / statistics.median(times[2])


def page(result: dict, rows: list[Measurement]) -> str:
    """Everything as Markdown."""
    shape, machine = result["shape"], result["environment"]["machine"]
    lines = [
        "# What a neuron-step costs", "", "Written by `make bench` (`python -m benchmarks.kernels --json FILE`).", "",
        f"T = {shape['steps']}, batch {shape['batch']}, {shape['width']} neurons, float32, {result['threads']} "
        f"threads; ns per neuron-step, medians of {result['repeats']}.",
        f"{machine['processor']}, {machine['cores']} cores, torch {result['environment']['packages']['torch']}; "
        f"load {result['load'][0]:.1f} before and {result['load'][1]:.1f} after.",
        "", table(rows),
        "| training costs | ratio | goal |", "|---|---:|---:|",
        *(f"| {name} | {value:.2f} | {GOALS[name]:.2f} |" for name, value in result["ratios"].items()),
        "", f"First kernel: {result['first_calls']['compiled']:.2f} s compiled (goal 2), "
        f"{1e3 * result['first_calls']['from the cache']:.0f} ms from the cache (goal 20).",
        f"Second thread: {result['second_thread']:.2f} times faster (goal 1.7).",
        f"Peak memory of training: {result['memory']['ratio']:.2f} times input, output, their gradients and the "
        f"checkpoints (goal 1.2).",
        "", paragraph(result["gpu"]),
    ]  # fmt: skip
    for name, points in result["growth"].items():
        lines += ["", f"| {name} | ns per neuron-step |", "|---:|---:|"]
        lines += [f"| {point['value']} | {point['training']:.2f} |" for point in points]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, print the page and write the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="file for all numbers; the page goes beside it as .md")
    parser.add_argument("--no-peers", action="store_true", help="leave the other libraries out")
    parser.add_argument("--no-compile", action="store_true", help="leave torch.compile of our own step out")
    for name, default in {"threads": 2, "repeats": 5, "steps": 500, "batch": 128, "width": 256}.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    hold_threads(options.threads)
    torch.set_num_threads(options.threads)
    shape = Shape(steps=options.steps, batch=options.batch, width=options.width)
    before = os.getloadavg()[0]
    rows = measure_in_turns(candidates(slow=not options.no_compile), shape, options.repeats)
    if not options.no_peers:
        rows += measure_peers(shape, threads=options.threads, repeats=options.repeats)
    result = {
        "shape": {"steps": shape.steps, "batch": shape.batch, "width": shape.width},
        "threads": options.threads, "repeats": options.repeats, "environment": environment(seed=0),
        "rows": [as_row(row) for row in rows], "ratios": ratios(rows), "first_calls": first_calls(),
        "second_thread": second_thread(shape, options.repeats), "memory": peak_memory(shape),
        "growth": growth(options.repeats), "gpu": gpu(options.repeats),
    }  # fmt: skip
    torch.set_num_threads(options.threads)
    result["load"] = [before, os.getloadavg()[0]]
    text = page(result, rows)
    print(text, end="")
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
        options.json.with_suffix(".md").write_text(text, "utf-8")


if __name__ == "__main__":
    main()
