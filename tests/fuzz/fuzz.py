"""Feeds the readers with wrong files and questions, and writes a table of what became of them: `make fuzz`.

Every case must be refused in words, or be right: no traceback, nothing that takes over ten seconds of the processor,
no wrong waveform accepted. The seed in the table repeats a run.
"""

import argparse
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable
from pathlib import Path

import configurations
import places  # noqa: F401  # before what imports the tests' examples
import questions
import raw_files
import run_files
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import SearchStrategy
from outcomes import ACCEPTED, FAULTS, REFUSED, Outcomes

CASES = {"configurations": 1000, "run files": 300, "raw files": 200, "studio questions": 300}
HEADER = "| " + " | ".join(["target", "what was changed", ACCEPTED, REFUSED, *FAULTS]) + " |"


def drawn(cases: SearchStrategy, judge: Callable[[object], None], count: int, start: int) -> None:
    """Judge `count` cases, drawn from this seed; nothing is shrunk, since every case counts."""

    @seed(start)
    @settings(
        max_examples=count, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck), derandomize=False,
    )  # fmt: skip
    @given(cases)
    def run(case: object) -> None:
        judge(case)

    run()


def fuzz(counts: dict[str, int], start: int, work: Path) -> list[Outcomes]:
    """Judge so many cases of each target; files are made below `work`."""
    found = {name: Outcomes(name) for name in counts}
    if count := counts.get("configurations"):
        configurations.warm()
        outcomes = found["configurations"]
        drawn(configurations.changed(), lambda case: configurations.judge(outcomes, case), count, start)
    if count := counts.get("run files"):
        base, outcomes = run_files.make(work / "run"), found["run files"]
        drawn(
            run_files.changed(),
            lambda case: run_files.judge(outcomes, base, work / "spoiled", case),
            count,
            start,
        )
    if count := counts.get("raw files"):
        right, outcomes = raw_files.make(work / "raw"), found["raw files"]
        drawn(
            raw_files.changed(),
            lambda case: raw_files.judge(outcomes, right, work / "a.raw", case),
            count,
            start,
        )
    if count := counts.get("studio questions"):
        from excitable.studio import serve
        from excitable.studio.catalogue import catalogue

        server = serve(catalogue())
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        outcomes = found["studio questions"]
        try:
            drawn(questions.changed(), lambda case: questions.judge(outcomes, server, case), count, start)
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
    return list(found.values())


def table(found: list[Outcomes], start: int) -> str:
    """What was tried, and what became of it."""
    lines = [
        "# What was tried", "",
        f"Written by `make fuzz`, seed {start}. Each case is a right file or question with something changed; it must "
        f"be refused in words, or be right.", "",
        HEADER, "|" + "---|" * HEADER.count(" | ") + "---|",
    ]  # fmt: skip
    for outcomes in found:
        lines += outcomes.rows()
        sums = {
            name: sum(count[name] for count in outcomes.counts.values())
            for name in (ACCEPTED, REFUSED, *FAULTS)
        }
        lines.append(
            f"| **{outcomes.target}** | {outcomes.cases} cases | "
            + " | ".join(map(str, sums.values()))
            + " |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run all targets, write the table, and end with status 1 where there is a fault."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=list(CASES))
    parser.add_argument("--cases", type=int, help="of each target; its own number where not given")
    parser.add_argument("--table", type=Path)
    options = parser.parse_args()
    counts = {name: options.cases or count for name, count in CASES.items() if options.only in (None, name)}
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory(prefix="fuzz_") as work:
        found = fuzz(counts, options.seed, Path(work))
    text = table(found, options.seed)
    if options.table is not None:
        options.table.write_text(text)
    print(text)
    faults = [fault for outcomes in found for fault in outcomes.faults]
    print("\n\n".join(faults))
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
