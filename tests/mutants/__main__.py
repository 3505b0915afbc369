"""`python -m tests.mutants [ROOM ...]`: judge what is not killed yet and write the page; status 1 where one survives.

A killed mutation stays so while it and its file are the same; `--fresh` asks again, as where tests were taken away.

Options: `--workers N`, `--fresh` to judge all anew, `--name TEXT` for those whose name holds it, `--page PATH`.
"""

import argparse
import json
import multiprocessing
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.mutants import page as pages
from tests.mutants.runner import (
    KILLED,
    SURVIVED,
    UNJUDGED,
    Mutation,
    Verdict,
    confirm,
    copy_of,
    first_survivors,
    judge,
    keep,
    kept_verdict,
    preload,
    read_mutations,
)

ROOT = Path(__file__).resolve().parents[2]
LISTS = Path(__file__).parent
HERE = ROOT / "build" / "mutants"
RESULTS = HERE / "results"


@contextmanager
def copied() -> Iterator[Path]:
    """A copy of the repository, of this process alone, that is deleted at the end."""
    copy = HERE / f"copy-{os.getpid()}"
    try:
        yield copy_of(ROOT, copy)
    finally:
        shutil.rmtree(copy, ignore_errors=True)


def work(mutations: list[Mutation]) -> None:
    """A worker's share, in its own copy."""
    with copied() as copy:
        for mutation in mutations:
            verdict = judge(mutation, ROOT, copy)
            keep(verdict, RESULTS)
            print(
                f"{verdict.outcome:9} {verdict.seconds:6.1f} s  {mutation.room}: {mutation.name}  {verdict.by}",
                flush=True,
            )


def main() -> int:
    """Judge and write."""
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("rooms", nargs="*")
    parser.add_argument("--name", default="")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--fresh", action="store_true")
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "mutants.md")
    asked = parser.parse_args()
    everything = read_mutations(LISTS)
    chosen = [m for m in everything if (not asked.rooms or m.room in asked.rooms) and asked.name in m.name]
    waiting = [m for m in chosen if asked.fresh or kept_verdict(m, ROOT, RESULTS) is None]
    preload()
    context = multiprocessing.get_context("fork")
    workers = [
        context.Process(target=work, args=(waiting[number :: asked.workers],))
        for number in range(min(asked.workers, len(waiting)))
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    known = [_verdict(mutation) for mutation in chosen]
    fresh = [verdict for verdict in known if verdict.outcome == KILLED and not verdict.confirmed]
    if fresh:
        with copied() as copy:
            for verdict in confirm(fresh, copy):
                keep(verdict, RESULTS)
    verdicts = [_verdict(mutation) for mutation in everything]
    if not asked.rooms and not asked.name:
        asked.page.write_text(pages.page(everything, verdicts, first_survivors(LISTS)), "utf-8")
        print(f"page: {asked.page}")
    mine = [v for m, v in zip(everything, verdicts, strict=True) if m in chosen]
    holes = [
        v
        for m, v in zip(everything, verdicts, strict=True)
        if m in chosen and v.outcome == SURVIVED and not m.reason
    ]
    print(
        json.dumps(
            {outcome: sum(v.outcome == outcome for v in mine) for outcome in {v.outcome for v in mine}}
        )
    )
    return int(bool(holes) or any(v.outcome not in (KILLED, SURVIVED) for v in mine))


def _verdict(mutation: Mutation) -> Verdict:
    path = RESULTS / f"{mutation.room}-{mutation.name}.json"
    if path.exists():
        verdict = Verdict(**json.loads(path.read_text("utf-8")))
        if verdict.digest == mutation.digest(ROOT):
            return verdict
    return Verdict(
        room=mutation.room,
        name=mutation.name,
        digest="",
        outcome=UNJUDGED,
        by="not run since it changed",
        seconds=0,
    )


if __name__ == "__main__":
    sys.exit(main())
