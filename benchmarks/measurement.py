"""One measured cost, shared by our own benchmark and by that of the peers.

The file needs the standard library alone: peers import it in an environment without excitable.
"""

import os
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What every form of a neuron is stepped through: float32 input (steps, batch, width)."""

    steps: int = 500
    batch: int = 128
    width: int = 256

    @property
    def neuron_steps(self) -> int:
        """Steps of single neurons in one run."""
        return self.steps * self.batch * self.width


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """What a neuron-step costs in one form, or why that is not known.

    Attributes:
        name: library, version and form.
        neuron: LIF, QIF, AdLIF or MTC.
        forward: ns per neuron-step, median; None where it was not measured.
        training: the same for forward and backward, the backward down to the input's gradient.
        compiling: seconds that the first calls took beyond a later one; building and compiling, none of it above.
        repeats: runs that the medians are of.
        problem: why it was not measured, in the library's words; empty where it was.
    """

    name: str
    neuron: str
    forward: float | None = None
    training: float | None = None
    compiling: float | None = None
    repeats: int = 0
    problem: str = ""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A form to measure: `build` returns a forward run and a forward and backward run, both without arguments."""

    name: str
    neuron: str
    build: Callable[[Shape], tuple[Callable[[], object], Callable[[], object]]]


WARM_UP = 0.3
"""Seconds for which a form runs before it is timed."""


def measure(candidate: Candidate, shape: Shape, repeats: int = 5) -> Measurement:
    """Build, warm up and time a candidate; whatever it raises becomes `problem`."""
    try:
        begin = time.perf_counter()
        forward, training = candidate.build(shape)
        forward()
        training()
        first = time.perf_counter() - begin
        medians = [_median(run, repeats) for run in (forward, training)]
    except Exception as error:  # noqa: BLE001  # a peer may fail in any way, and each is reported
        return failed(candidate.name, candidate.neuron, error)
    scale = 1e9 / shape.neuron_steps
    return Measurement(
        name=candidate.name, neuron=candidate.neuron, forward=medians[0] * scale, training=medians[1] * scale,
        compiling=max(0.0, first - sum(medians)), repeats=repeats,
    )  # fmt: skip


def failed(name: str, neuron: str, error: BaseException) -> Measurement:
    """The measurement that says why there is none."""
    lines = str(error).strip().splitlines()
    text = f"{type(error).__name__}: {lines[0] if lines else ''}"
    return Measurement(name=name, neuron=neuron, problem=text[:200])


def _median(run: Callable[[], object], repeats: int) -> float:
    # the first form of a process would else be measured while clock and memory still settle
    begin = time.perf_counter()
    while time.perf_counter() - begin < WARM_UP:
        run()
    durations = []
    for _ in range(repeats):
        begin = time.perf_counter()
        run()
        durations.append(time.perf_counter() - begin)
    return statistics.median(durations)


def hold_threads(threads: int) -> None:
    """Keep this process on `threads` cores; call it before a library starts its own threads."""
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = str(threads)
    if sys.platform == "linux":
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


def table(measurements: Iterable[Measurement]) -> str:
    """A Markdown table, the cheapest training first and what failed last, each with its reason."""
    lines = [
        "| neuron | form | forward, ns | forward and backward, ns | compiling, s |",
        "|---|---|---:|---:|---:|",
    ]
    ordered = sorted(measurements, key=lambda m: (m.neuron, m.training is None, m.training or 0.0, m.name))
    for m in ordered:
        if m.training is None or m.forward is None or m.compiling is None:
            lines.append(f"| {m.neuron} | {m.name} | not measured: {m.problem.replace('|', '/')} | | |")
        else:
            lines.append(
                f"| {m.neuron} | {m.name} | {m.forward:.2f} | {m.training:.2f} | {m.compiling:.1f} |"
            )
    return "\n".join(lines) + "\n"


def as_row(measurement: Measurement) -> dict:
    """The measurement as a row of JSON."""
    return asdict(measurement)
