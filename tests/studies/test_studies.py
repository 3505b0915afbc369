"""Every study: complete, refused in words where it is asked wrongly, and its page is the one of the documentation."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from conductance.errors import ExcitableError
from excitable.trials import TrialError
from studies import STUDIES, Study, study
from studies.base import hold_budget
from studies.mackey_glass.run import BUDGETS

ROOT = Path(__file__).resolve().parents[2]


def test_results_of_two_budgets_are_not_mixed(tmp_path):
    """A folder keeps what its results were made with; another budget is refused, the same one goes on."""
    budget = BUDGETS["smoke"]
    hold_budget(tmp_path, budget)
    hold_budget(tmp_path, budget)
    with pytest.raises(TrialError, match=r"another budget.*--results"):
        hold_budget(tmp_path, replace(budget, steps=budget.steps + 1))


def test_results_without_a_budget_are_not_adopted(tmp_path):
    """A folder of an older version, which noted no budget, is refused instead of mixed."""
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(TrialError, match="did not note it"):
        hold_budget(tmp_path, BUDGETS["smoke"])


@dataclass(frozen=True, kw_only=True)
class Squares:
    """The budget of a study of squares."""

    upto: int


@dataclass(frozen=True, kw_only=True)
class Square:
    """One of its trials."""

    number: int

    @property
    def name(self) -> str:
        """Its file."""
        return f"n{self.number}"


def squares(seen):
    """A small study that notes which trials it works on."""

    def work(trial):
        seen.append(trial.number)
        return {"square": trial.number**2}

    return Study(
        name="squares",
        title="Squares",
        budgets={"smoke": Squares(upto=2)},
        work=lambda budget, runner: runner.run(
            "numbers", [Square(number=n) for n in range(budget.upto)], work
        ),
        page=lambda found: f"Their sum is {sum(result['square'] for result in found.values())}.",
        figures=lambda _: {"squares": Figure()},
    )


def test_a_study_runs_what_is_missing_and_writes_its_page(tmp_path):
    """The second run works on nothing; the page says by which command it was written; progress counts to the end."""
    seen, told = [], []
    chosen = squares(seen)

    def progress(stage):
        return lambda done, total, name: told.append((stage, done, total, name))

    with ThreadPoolExecutor(1) as one:
        found = chosen.run(Squares(upto=3), tmp_path / "run", executor=one, progress=progress)
        again = chosen.run(Squares(upto=3), tmp_path / "run", executor=one)
        with pytest.raises(TrialError, match="another budget"):
            chosen.run(Squares(upto=4), tmp_path / "run", executor=one)
    assert found == again and seen == [0, 1, 2]
    assert told[-1] == ("numbers", 3, 3, "n2")
    page = chosen.write(found, tmp_path / "docs")
    assert page.read_text("utf-8") == (
        "# Squares\n\nThis page is written by `make study NAME=squares`; nothing in it is typed by hand.\n\n"
        "Their sum is 5.\n"
    )
    assert {path.name for path in page.parent.iterdir()} == {"squares.md", "squares.svg", "squares.png"}


def test_every_folder_is_a_study_and_every_study_has_a_folder():
    """A folder without a name in the list would never run."""
    folders = {path.parent.name for path in (ROOT / "studies").glob("*/__init__.py")}
    assert folders == {name.replace("-", "_") for name in STUDIES}


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_is_complete(name):
    """Its own name, a smoke budget beside a real one; its page in the documentation begins as it would be written."""
    chosen = study(name)
    assert chosen.name == name
    assert {"smoke", "reduced"} <= set(chosen.budgets)
    page = (ROOT / "docs" / f"{name}.md").read_text("utf-8")
    assert page.startswith(replace(chosen, page=lambda _: "").markdown(None).rstrip())


def test_a_study_that_does_not_exist_is_refused():
    """With the nearest name, and all that there are."""
    with pytest.raises(ExcitableError, match=r"'mackey-glas' is unknown.*mackey-glass.*allowed are"):
        study("mackey-glas")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nothing"], "study 'nothing' is unknown"),
        pytest.param(["dqif", "--budget", "huge"], "dqif has reduced, smoke", marks=pytest.mark.slow),
    ],
)
def test_the_command_refuses_in_one_line(words, said, tmp_path):
    """A wrong name or budget ends with what is allowed, and makes no folder."""
    done = subprocess.run(
        [sys.executable, "-m", "studies", *words], cwd=tmp_path, capture_output=True, text=True, check=False,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
    )  # fmt: skip
    assert done.returncode == 2
    assert said in done.stderr and "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_command_lists_the_studies(tmp_path):
    """Asked for none, it names all and runs nothing."""
    done = subprocess.run(
        [sys.executable, "-m", "studies"], cwd=tmp_path, capture_output=True, text=True, check=True,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
    )  # fmt: skip
    assert done.stdout.split() == list(STUDIES)
