"""Mutations: a small wrong change of one file, and the tests that must fail with it.

A mutation runs in a copy of the repository. Its tests run in a fork of a process that has loaded the libraries but
nothing of ours, which saves most of the time that a fresh interpreter would take.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
import tomllib
import traceback
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import pytest

KILLED, SURVIVED, STALE, UNJUDGED = "killed", "survived", "stale", "unjudged"
LIBRARIES = (
    "torch",
    "numpy",
    "scipy.integrate",
    "scipy.optimize",
    "sympy",
    "matplotlib.figure",
    "xarray",
    "pydantic",
)
LONGEST = 600.0
"""Seconds after which a run says nothing: a loaded machine takes long, too."""


@dataclass(frozen=True, kw_only=True)
class Mutation:
    """One wrong change.

    Attributes:
        room: the list that it stands in.
        name: of the change, unique in its room.
        file: that is changed.
        before: text that occurs once in it.
        after: what stands there instead.
        tests: files or single tests, as pytest names them.
        reason: why it may survive; empty where it must not.
    """

    room: str
    name: str
    file: str
    before: str
    after: str
    tests: tuple[str, ...]
    reason: str = ""

    def digest(self, root: Path) -> str:
        """Of the change and of the file that it changes; tests that are added or sharpened keep a verdict."""
        told = json.dumps([self.file, self.before, self.after]) + (root / self.file).read_text("utf-8")
        return hashlib.sha256(told.encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What became of a mutation.

    Attributes:
        room, name: of the mutation.
        digest: of the mutation.
        outcome: killed, survived, stale (its text is gone), unjudged.
        by: the first test that failed, or why there is no verdict.
        seconds: it took.
        confirmed: whether that test was seen to pass without the mutation.
    """

    room: str
    name: str
    digest: str
    outcome: str
    by: str
    seconds: float
    confirmed: bool = False


def read_mutations(folder: Path) -> list[Mutation]:
    """All lists of a folder, `ROOM.toml`.

    Raises:
        ValueError: two mutations of a room have one name.
    """
    found = []
    for path in sorted(folder.glob("*.toml")):
        rows = tomllib.loads(path.read_text("utf-8"))["mutation"]
        mine = [Mutation(room=path.stem, **{**row, "tests": tuple(row["tests"])}) for row in rows]
        names = [mutation.name for mutation in mine]
        if len(set(names)) < len(names):
            raise ValueError(f"{path}: a name occurs twice")
        found += mine
    return found


def copy_of(root: Path, copy: Path) -> Path:
    """A copy of the files that git knows, as they are now, and of those that are new."""
    listing = subprocess.run(
        ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    shutil.rmtree(copy, ignore_errors=True)
    for name in listing.stdout.split("\0"):
        if name and (root / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, copy / name)
    return copy


def first_survivors(folder: Path) -> dict[str, tuple[int, int]]:
    """By list that says so, how many mutations survived (`slept`) of those judged before a test was written for it."""
    lists = {path.stem: tomllib.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.toml"))}
    return {room: (rows["slept"], rows["judged_first"]) for room, rows in lists.items() if "slept" in rows}


class Outcomes:
    """A pytest plugin that keeps the name of each test that failed, and in a file that of the one under way."""

    def __init__(self, under_way: Path) -> None:
        self.failed: list[str] = []
        self.under_way = under_way

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """A mutation may end the process in it."""
        self.under_way.write_text(nodeid, "utf-8")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Every phase of a test counts."""
        if report.failed:
            self.failed.append(report.nodeid)


def preload() -> None:
    """Load the libraries once, for all forks."""
    for name in LIBRARIES:
        __import__(name)


def run_tests(
    copy: Path, tests: Iterable[str], *, stop: bool, longest: float = LONGEST
) -> tuple[int, list[str], str]:
    """Run tests of a copy in a fork: pytest's exit status (-1: too long), the tests that failed, and what was said.

    A process that dies in a test, by a segmentation fault as from a wrong kernel, has failed it.
    """
    log, kept, under_way = (copy / f".mutant.{kind}" for kind in ("log", "json", "test"))
    for path in (kept, under_way):
        path.unlink(missing_ok=True)
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        _in_fork(copy, list(tests), stop, log, kept, under_way)
    began = time.monotonic()
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            break
        if time.monotonic() - began > longest:
            os.killpg(child, 9)
            os.waitpid(child, 0)
            return -1, [], "it took too long"
        time.sleep(0.05)
    said = log.read_text("utf-8", "replace")
    if os.WIFSIGNALED(status) and under_way.exists():
        return int(pytest.ExitCode.TESTS_FAILED), [under_way.read_text("utf-8")], said
    failed = json.loads(kept.read_text("utf-8")) if kept.exists() else []
    return os.waitstatus_to_exitcode(status), failed, said


def _in_fork(copy: Path, tests: list[str], stop: bool, log: Path, kept: Path, under_way: Path) -> None:
    """The fork's whole life; it never returns."""
    try:
        os.setsid()
        handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(handle, 1)
        os.dup2(handle, 2)
        os.chdir(copy)
        os.environ["PYTHONPATH"] = str(copy)
        sys.path.insert(0, str(copy))
        outcomes = Outcomes(under_way)
        options = [
            "-q",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:xdist",
            "-m",
            "not slow",
            *(["-x"] if stop else []),
        ]
        status = int(pytest.main([*options, *tests], plugins=[outcomes]))
        kept.write_text(json.dumps(outcomes.failed), "utf-8")
        sys.stdout.flush()
        os._exit(status)
    except BaseException:
        # what it died of goes where the tests speak, not into the copy of the runner that the fork is
        log.write_text(traceback.format_exc(), "utf-8")
        raise
    finally:
        os._exit(99)


def judge(mutation: Mutation, root: Path, copy: Path) -> Verdict:
    """Change the copy of the repository `root`, run the tests, change it back."""
    path, began = copy / mutation.file, time.monotonic()

    def verdict(outcome: str, by: str) -> Verdict:
        return Verdict(
            room=mutation.room, name=mutation.name, digest=mutation.digest(root), outcome=outcome, by=by,
            seconds=round(time.monotonic() - began, 1),
        )  # fmt: skip

    text = path.read_text("utf-8") if path.is_file() else ""
    if text.count(mutation.before) != 1:
        return verdict(STALE, f"its text occurs {text.count(mutation.before)} times in {mutation.file}")
    stat = path.stat()
    try:
        path.write_text(text.replace(mutation.before, mutation.after), "utf-8")
        # a compiled module is taken for up to date by its second and size
        os.utime(path, (stat.st_atime, int(time.time()) + hash(mutation.name) % 10_000))
        status, failed, said = run_tests(copy, mutation.tests, stop=True)
    finally:
        path.write_text(text, "utf-8")
        os.utime(path, (stat.st_atime, stat.st_mtime))
    if status == pytest.ExitCode.TESTS_FAILED and failed:
        return verdict(KILLED, failed[0])
    if status == pytest.ExitCode.OK:
        return verdict(SURVIVED, "")
    return verdict(UNJUDGED, said.strip().splitlines()[-1][:200] if said.strip() else f"status {status}")


def confirm(verdicts: Iterable[Verdict], copy: Path) -> list[Verdict]:
    """The verdicts of killed mutations again, after their tests ran in an unchanged copy, all in one process."""
    waiting = list(verdicts)
    status, failed, said = run_tests(copy, sorted({v.by for v in waiting}), stop=False, longest=6 * LONGEST)
    if status not in (0, 1):
        raise RuntimeError(f"the tests do not run without a mutation: {said[-3000:]}")
    return [
        replace(v, outcome=UNJUDGED, by=f"fails without it: {v.by}")
        if v.by in failed
        else replace(v, confirmed=True)
        for v in waiting
    ]


def kept_verdict(mutation: Mutation, root: Path, results: Path) -> Verdict | None:
    """That it was killed, by an earlier run, where change and file are the same; a survivor is always tried again."""
    path = results / f"{mutation.room}-{mutation.name}.json"
    if not path.exists():
        return None
    verdict = Verdict(**json.loads(path.read_text("utf-8")))
    return verdict if verdict.digest == mutation.digest(root) and verdict.outcome == KILLED else None


def keep(verdict: Verdict, results: Path) -> None:
    """Write a verdict, whole."""
    results.mkdir(parents=True, exist_ok=True)
    part = results / f".{verdict.room}-{verdict.name}.part"
    part.write_text(json.dumps(asdict(verdict), indent=1) + "\n", "utf-8")
    part.replace(results / f"{verdict.room}-{verdict.name}.json")
