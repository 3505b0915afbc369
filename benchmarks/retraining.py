"""What retraining on the circuit brings: the ladder of a network before and after, and its updates in the loop.

    python -m benchmarks.retraining RUN [RUN ...] [--output benchmarks/retraining.md]

Each run is one that `excitable retrain` made, simulated and compared. Nothing is trained or simulated here.
"""

import argparse
import platform
from collections.abc import Iterator, Sequence
from pathlib import Path

from excitable.report.circuits import RungChange, changes
from excitable.report.evidence import Evidence, read_run
from excitable.runs.origin import Origin, Update
from netlists.comparison import Ladder

OUTPUT = Path("benchmarks/retraining.md")


def number(value: float | None, digits: int = 3) -> str:
    """A number with so many decimals; empty where there is none."""
    return "" if value is None else f"{value:.{digits}f}"


def laws(origin: Origin) -> str:
    """The laws that a network was trained on, in a sentence."""
    found = []
    for law in origin.laws:
        parts = {
            "filter_limit": law.filter_limit,
            "leak_limit": law.leak_limit,
            "clamp at": law.clamp_voltage,
        }
        said = ", ".join(f"{name} {value:g} V0" for name, value in parts.items() if value is not None)
        tables = f"; measured curves of {', '.join(law.tabulated)}" if law.tabulated else ""
        found.append(f"layer {law.layer}: {said}{tables}")
    level = f"the {origin.level} level in {origin.technology}"
    return f"Retrained from {origin.parent} on the laws of {level}: {'; '.join(found)}."


def ladder_rows(found: Sequence[RungChange]) -> Iterator[str]:
    """The errors of each rung, and each over that of the model itself."""
    yield "| rung | error before | over the model's | error after | over the model's |"
    yield "|---|---|---|---|---|"
    for one in found:
        cells = number(one.before), number(one.ratio_before, 2), number(one.after), number(one.ratio_after, 2)
        yield f"| {one.rung} | {' | '.join(cells)} |"


def step_rows(ladders: Sequence[tuple[str, Ladder]]) -> Iterator[str]:
    """What each step of each ladder costs."""
    yield "| ladder | step | worst rms / V0 | matched | missing | extra |"
    yield "|---|---|---|---|---|---|"
    for when, ladder in ladders:
        for step in ladder.adjacent:
            counts = f"{step.matched} | {step.missing} | {step.extra}"
            yield f"| {when} | {step.reference} to {step.candidate} | {step.worst_rms_v0:.3g} | {counts} |"


def update_rows(updates: Sequence[Update]) -> Iterator[str]:
    """What each update in the loop found and expected."""
    yield "| update | error of the circuit | of the model | expected of the circuit after it | s of simulation |"
    yield "|---|---|---|---|---|"
    for one in updates:
        errors = " | ".join(map(number, (one.circuit_error, one.model_error, one.expected_error)))
        yield f"| {one.update} | {errors} | {one.seconds:.0f} |"


def section(evidence: Evidence) -> Iterator[str]:
    """One run."""
    if evidence.origin is None or evidence.ladder is None:
        raise SystemExit(
            f"{evidence.name}: no retrained run, or not compared yet; `excitable compare` does it"
        )
    yield f"## What retraining brings: {evidence.name}\n"
    samples = "" if evidence.task is None else f", on {len(evidence.task.time)} held-out samples"
    yield f"{laws(evidence.origin)} Errors are {evidence.ladder.task_error_name}{samples}.\n"
    yield from ladder_rows(changes(evidence))
    yield ""
    ladders = [("before", evidence.before), ("after", evidence.ladder)]
    yield from step_rows([(when, ladder) for when, ladder in ladders if ladder is not None])
    if evidence.updates:
        yield "\nWith the circuit in the loop:\n"
        yield from update_rows(evidence.updates)
    yield ""


def page(found: Sequence[Evidence]) -> str:
    """The whole file."""
    head = f"Written by `python -m benchmarks.retraining`; {platform.system()}, {platform.machine()}.\n"
    return "\n".join(
        ["# Retraining on the circuit\n", head, *(line for one in found for line in section(one))]
    )


def main() -> None:
    """Read the runs and write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", nargs="+", type=Path, help="folders of retrained runs")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    arguments = parser.parse_args()
    arguments.output.write_text(page([read_run(run) for run in arguments.runs]), encoding="utf-8")
    print(arguments.output)


if __name__ == "__main__":
    main()
