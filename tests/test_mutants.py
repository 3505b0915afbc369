"""The runner of mutations, on a project of three lines: what it sees, keeps and says."""

import subprocess
from pathlib import Path

import pytest

from tests.mutants.page import page
from tests.mutants.runner import (
    KILLED,
    STALE,
    SURVIVED,
    UNJUDGED,
    Mutation,
    confirm,
    copy_of,
    judge,
    keep,
    kept_verdict,
    read_mutations,
)

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A function with an edge, a test that looks at one side of it, and one that always fails."""
    root = tmp_path / "project"
    root.mkdir()
    (root / "edge_of_project.py").write_text("def above(x):\n    return x > 0\n")
    (root / "test_edge.py").write_text(
        "from edge_of_project import above\n\n\ndef test_it():\n    assert above(1) and not above(-1)\n"
    )
    (root / "test_sick.py").write_text("def test_sick():\n    assert False\n")
    for command in (["init", "-q"], ["add", "-A"]):
        subprocess.run(["git", "-C", str(root), *command], check=True)
    return root


def mutation(after: str, *tests: str, before: str = "x > 0") -> Mutation:
    """A change of the comparison."""
    return Mutation(
        room="toy",
        name="edge",
        file="edge_of_project.py",
        before=before,
        after=after,
        tests=tests or ("test_edge.py",),
    )


@pytest.mark.parametrize(
    ("change", "outcome", "by"),
    [
        (mutation("x < 0"), KILLED, "test_edge.py::test_it"),
        (mutation("x >= 0"), SURVIVED, ""),
        (mutation("x", before="y"), STALE, "occurs 0 times"),
        (mutation("x ??? 0"), UNJUDGED, ""),
    ],
    ids=["killed", "survived", "stale", "broken"],
)
def test_each_outcome(project: Path, tmp_path: Path, change: Mutation, outcome: str, by: str) -> None:
    """A failing test kills; none that fails survives; a text that is gone or that does not load judges nothing."""
    copy = copy_of(project, tmp_path / "copy")
    found = judge(change, project, copy)
    assert found.outcome == outcome and by in found.by
    assert (copy / "edge_of_project.py").read_text() == (project / "edge_of_project.py").read_text()


def test_a_process_that_dies_in_a_test_has_failed_it(project: Path, tmp_path: Path) -> None:
    """As a wrong kernel does that writes where it must not."""
    copy = copy_of(project, tmp_path / "copy")
    found = judge(mutation("__import__('os').kill(__import__('os').getpid(), 11)"), project, copy)
    assert (found.outcome, found.by) == (KILLED, "test_edge.py::test_it")


@pytest.mark.slow
def test_a_test_that_fails_anyhow_kills_nothing(project: Path, tmp_path: Path) -> None:
    """Killers are run again without the mutation, and the verdict of one that fails then is withdrawn."""
    copy = copy_of(project, tmp_path / "copy")
    killed = [judge(mutation("x < 0", test), project, copy) for test in ("test_edge.py", "test_sick.py")]
    assert [verdict.outcome for verdict in killed] == [KILLED, KILLED]
    real, false = confirm(killed, copy)
    assert (real.outcome, real.confirmed) == (KILLED, True)
    assert false.outcome == UNJUDGED and "fails without it" in false.by


def test_a_verdict_is_kept_until_its_file_changes(project: Path, tmp_path: Path) -> None:
    """A killed mutation is not run again until its file is another; a survivor always is."""
    change, survivor, results = mutation("x < 0"), mutation("x >= 0"), tmp_path / "results"
    copy = copy_of(project, tmp_path / "copy")
    keep(judge(change, project, copy), results)
    assert kept_verdict(change, project, results).outcome == KILLED
    (project / "edge_of_project.py").write_text("def above(x):\n    return x > 0  # strictly\n")
    assert kept_verdict(change, project, results) is None
    keep(judge(survivor, project, copy), results)
    assert kept_verdict(survivor, project, results) is None


@pytest.mark.slow
def test_the_page_counts_and_names_survivors(project: Path, tmp_path: Path) -> None:
    """A survivor without a reason is called a hole."""
    copy = copy_of(project, tmp_path / "copy")
    changes = [mutation("x < 0"), mutation("x >= 0")]
    text = page(changes, [judge(change, project, copy) for change in changes], {"toy": (1, 2)})
    assert "| toy | 2 | 1 | 1 | 0 | 1 of 2 (50%) |" in text
    assert "1 killed, 1 survived (50.0%)" in text and "**not reached**" in text
    assert "a hole in the tests" in text


def test_the_lists_are_whole() -> None:
    """At least a hundred, over all four packages, each of an existing file and existing tests."""
    found = read_mutations(ROOT / "tests" / "mutants")
    assert len(found) >= 100
    assert {m.file.partition("/")[0] for m in found} >= {"conductance", "circuits", "netlists", "excitable"}
    missing = [
        m.name for m in found for name in (m.file, *m.tests) if not (ROOT / name.partition("::")[0]).is_file()
    ]
    assert missing == []


@pytest.mark.slow
def test_every_mutation_still_has_its_text() -> None:
    """One that has lost it is written anew, or goes."""
    found = read_mutations(ROOT / "tests" / "mutants")
    assert [m.name for m in found if (ROOT / m.file).read_text("utf-8").count(m.before) != 1] == []
