"""A search asks for the same trials again when it is broken off, trains none twice, and keeps the best."""

import json
import os
import signal
import tomllib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from dask_workers import dask_workers
from typer.testing import CliRunner

import excitable.search.trials as module
from excitable.chips.sweep import executor_of
from excitable.cli import app
from excitable.config import ConfigurationError, parse_configuration
from excitable.config.overrides import checked_values, with_values
from excitable.runs import series
from excitable.runs.series import SeriesRun
from excitable.search.page import search_page
from excitable.search.space import Dimension, SearchError, dimension
from excitable.search.trials import SearchPlan, Trial, best_of, search
from excitable.trials import TrialError, processes

optuna = pytest.importorskip("optuna")

TEXT = 'name = "tiny"\n[network]\nhidden = 3  # few\n'
SPACE = (
    dimension("training.learning_rate=0.001..0.1:log"),
    dimension("network.hidden=2..9"),
    dimension("network.neuron=mtc,lif"),
)


def plan(trials: int = 6, **more) -> SearchPlan:
    return SearchPlan(text=TEXT, dimensions=SPACE, trials=trials, width=2, **more)


@pytest.fixture
def trained(monkeypatch):
    """Instead of a training: an error that is known, lowest at a rate of 0.01 and nine lif neurons."""
    seen: list[str] = []

    def train(job):
        wanted = parse_configuration(job.text)
        seen.append(wanted.name)
        off = abs(wanted.training.learning_rate - 0.01) + 0.1 * (9 - wanted.network.hidden)
        return {"validation": off + (wanted.network.neuron == "mtc"), "test": off}

    monkeypatch.setattr(module, "train_trial", train)
    return seen


def test_a_search_that_is_broken_off_asks_for_the_same_and_trains_none_twice(tmp_path, trained):
    """Two results lost out of six: those two are trained again, and all six are those of one go."""
    (tmp_path / "a").mkdir(), (tmp_path / "b").mkdir()
    with ThreadPoolExecutor(2) as pool:
        whole = search(plan(), tmp_path / "a", executor=pool)
        search(plan(), tmp_path / "b", executor=pool)
        for number in (1, 4):
            (tmp_path / "b" / "results" / f"trial-{number:04}.json").unlink()
        trained.clear()
        again = search(plan(), tmp_path / "b", executor=pool)
    assert sorted(trained) == ["trial-0001", "trial-0004"]
    assert again == whole and [one.number for one in whole] == list(range(6))


def test_a_failed_trial_keeps_the_others(tmp_path, trained, monkeypatch):
    good = module.train_trial

    def fail(job):
        if "trial-0001" in job.text:
            raise OSError("the machine is gone")
        return good(job)

    monkeypatch.setattr(module, "train_trial", fail)
    with ThreadPoolExecutor(2) as pool:
        with pytest.raises(TrialError, match=r"1 of 2 runs failed.*\n.*the machine is gone"):
            search(plan(), tmp_path, executor=pool)
        monkeypatch.setattr(module, "train_trial", good)
        trained.clear()
        assert len(search(plan(), tmp_path, executor=pool)) == 6
    assert "trial-0000" not in trained


def test_the_sampler_learns_where_the_error_is_low(tmp_path, trained):
    """The second half of forty trials is better on average than the first, and the best is on the page."""
    with ThreadPoolExecutor(2) as pool:
        found = search(plan(40), tmp_path, executor=pool)
    early, late = (sum(one.validation for one in half) / 20 for half in (found[:20], found[20:]))
    assert late < early
    best = best_of(found)
    page = search_page(plan(40), found, "tiny")
    assert f"of trial {best.number}" in page and page.count("<tr") == 41 and "<svg" in page
    assert "http" not in page.replace("http://www.w3.org", "").replace("https://matplotlib", "").replace(
        "http://purl.org", ""
    ).replace("http://creativecommons", "")


def test_another_plan_in_the_same_folder_is_refused(tmp_path, trained):
    with ThreadPoolExecutor(1) as pool:
        search(plan(2), tmp_path, executor=pool)
        with pytest.raises(SearchError, match="another search is in it"):
            search(plan(2, seed=5), tmp_path, executor=pool)
        (tmp_path / "results" / "trial-0001.json").write_text("{}")
        with pytest.raises(
            SearchError, match=r"trial-0001\.json: the result is no validation and test error"
        ):
            search(plan(2), tmp_path, executor=pool)
        (tmp_path / "search.json").write_text("")
        with pytest.raises(SearchError, match=r"search\.json: the file is damaged"):
            search(plan(2), tmp_path, executor=pool)
        (tmp_path / "c").mkdir()
        wrong = SearchPlan(text=TEXT, dimensions=(dimension("network.hiden=2..3"),), trials=1, width=1)
        with pytest.raises(ConfigurationError, match="hiden: unknown key; did you mean hidden"):
            search(wrong, tmp_path / "c", executor=pool)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("network.hidden", "must be KEY=A,B,C"),
        ("network.hidden=5..2", "LOW below HIGH"),
        ("network.dt=0.1..inf", "LOW..HIGH, finite"),
        ("training.learning_rate=nan,1", "nan is no finite number; leave it out"),
        ("training.learning_rate=0..1:log", "LOW above 0 with :log"),
        ("network.neuron=mtc", "at least two different choices"),
    ],
)
def test_a_space_of_another_form_is_refused(text, message):
    with pytest.raises(SearchError, match=message):
        dimension(text)
    assert dimension("a.b=1,2") == Dimension(key="a.b", choices=(1, 2))


def test_keys_are_replaced_from_the_command_line_and_comments_stay():
    """Numbers, lists, texts and new tables; a path through a number or without = is refused."""
    text = with_values(
        TEXT, ["network.hidden=7", "task.horizon_steps=5", 'circuit.level=["behavioural"]'], source="x"
    )
    assert "hidden = 7  # few" in text
    checked = parse_configuration(text)
    assert (checked.network.hidden, checked.task.horizon_steps) == (7, 5)
    assert json.loads(json.dumps(checked.circuit.level)) == ["behavioural"]
    for assignment, message in (
        ("hidden", "must be key=value"),
        ("network.hidden.x=1", "network.hidden is no table"),
    ):
        with pytest.raises(ConfigurationError, match=message):
            with_values(TEXT, [assignment], source="x")


def test_tables_of_a_list_are_numbered_from_zero():
    """The last one is one below their number; one beyond, or a word in place of a number, is refused by its path."""
    text = "".join(f"[[part]]\nsize = {size}\n" for size in (1, 2, 3))
    for number in range(3):
        changed = tomllib.loads(with_values(text, [f"part.{number}.size=7"], source="x"))
        assert [one["size"] for one in changed["part"]] == [7 if k == number else k + 1 for k in range(3)]
    for place in ("3", "30", "first", "-1"):
        with pytest.raises(ConfigurationError, match=rf"part\.{place} is no table of the file"):
            with_values(text, [f"part.{place}.size=7"], source="x")


def test_a_trial_has_the_error_of_each_split(tmp_path, monkeypatch):
    """What the search minimises is the validation split's, what it reports the test split's."""
    run = SimpleNamespace(path=tmp_path)
    result = SimpleNamespace(validation=SimpleNamespace(error=0.25), test=SimpleNamespace(error=0.75))
    begun: list = []

    @contextmanager
    def begin(path, text, source):
        begun.append((path, text, source))
        yield run

    monkeypatch.setattr(SeriesRun, "begun", begin)
    monkeypatch.setattr(
        series, "train_run", lambda given: SimpleNamespace(result=result) if given is run else None
    )
    job = SimpleNamespace(folder=str(tmp_path / "one"), text=TEXT, source="file.toml")
    assert module.train_trial(job) == {"validation": 0.25, "test": 0.75}
    assert begun == [(tmp_path / "one", TEXT, "file.toml")]


def test_a_fault_of_a_replaced_key_has_no_line_of_the_file():
    """A line is that of the file as the user has it; what `--set` made is in none."""
    with pytest.raises(
        ConfigurationError, match=r"^x with --set 'training.stepz=3': training.stepz: unknown key"
    ):
        checked_values(TEXT, ["training.stepz=3"], source="x")
    with pytest.raises(ConfigurationError, match=r"line 3, network.hidden = 0"):
        checked_values(TEXT.replace("3 ", "0 "), ["training.steps=3"], source="x")
    assert parse_configuration(checked_values(TEXT, ["network.hidden=7"], source="x")).network.hidden == 7


def test_a_search_that_cannot_begin_leaves_its_folder_to_the_next(tmp_path, trained):
    wrong = SearchPlan(text=TEXT, dimensions=(dimension("training.lr=0.1..0.2"),), trials=2, width=2)
    with ThreadPoolExecutor(1) as pool:
        with pytest.raises(ConfigurationError, match=r"training.lr: unknown key"):
            search(wrong, tmp_path, executor=pool)
        assert len(search(plan(2), tmp_path, executor=pool)) == 2


def fall_once(job):
    """Instead of a training: the first process that meets trial 3 is killed in the midst of it."""
    folder = Path(job.folder)
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "begun", "a") as file:
        file.write("x")
    if folder.name == "trial-0003" and (folder / "begun").read_text() == "x":
        os.kill(os.getpid(), signal.SIGKILL)
    (folder / "ended").write_text("x" * (1 + (folder / "ended").is_file()))
    error = parse_configuration(job.text).training.learning_rate
    return {"validation": error, "test": error}


@pytest.mark.slow
def test_a_killed_process_costs_its_trials_and_the_search_goes_on(tmp_path, monkeypatch):
    """Six trials on two processes, one killed: said, and when the search goes on it has all, none ended twice."""
    monkeypatch.setattr(module, "train_trial", fall_once)
    with processes(2) as pool, pytest.raises(TrialError, match="trial-0003"):
        search(plan(), tmp_path, executor=pool)
    with processes(2) as pool:
        found = search(plan(), tmp_path, executor=pool)
    assert [one.number for one in found] == list(range(6))
    ended = [path.read_text() for path in (tmp_path / "runs").glob("*/ended")]
    assert len(ended) == 6
    assert (tmp_path / "runs" / "trial-0000" / "begun").read_text() == "x"


SMALL = """name = "small"
[task]
name = "mackey_glass"
series_samples = 120
warm_up = 20
train_series = 4
validation_series = 2
test_series = 2
held_out_samples = 60
[network]
hidden = 3
[training]
steps = 4
batch = 2
evaluate_every = 2
[simulation]
samples = 40
"""


@pytest.mark.slow
def test_24_trials_on_two_dask_workers_one_killed(tmp_path):
    """After twelve of 24 trainings a worker is killed: all results, no trial reported twice, and a page of 24."""
    pytest.importorskip("distributed")
    wanted = SearchPlan(text=SMALL, dimensions=SPACE, trials=24, width=6)
    done: list[int] = []
    with dask_workers(tmp_path) as (address, first):

        def tell(count, total):
            done.append(count)
            if count == 12:
                os.killpg(first.pid, signal.SIGKILL)

        with executor_of(address, None) as executor:
            found = search(wanted, tmp_path, executor=executor, progress=tell)
    assert first.poll() is not None
    assert done == list(range(1, 25))
    assert [one.number for one in found] == list(range(24))
    stored = sorted(path.stem for path in (tmp_path / "results").iterdir())
    assert stored == [f"trial-{number:04}" for number in range(24)]
    for run in (tmp_path / "runs").iterdir():
        steps = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
        trained = Counter(each["step"] for each in steps if each["split"] == "train")
        assert set(trained.values()) == {1} and len(trained) == 4, run
    assert search_page(wanted, found, "small").count("<tr") == 25


@pytest.mark.slow
def test_the_command_searches_over_processes(tmp_path, monkeypatch):
    """`excitable search`: a page, the best configuration, which trains as it is; a second call trains none."""
    monkeypatch.chdir(tmp_path)
    Path("small.toml").write_text(SMALL)
    words = ["search", "small.toml", "--over", "network.hidden=2,3", "--trials", "3", "--workers", "2"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    folder = Path("runs/small-search")
    assert "best of 3 trials" in result.output and (folder / "search.html").is_file()
    before = {path: path.stat().st_mtime_ns for path in folder.glob("results/*")}
    assert result.output.splitlines()[-3:] == CliRunner().invoke(app, words).output.splitlines()[-3:]
    assert {path: path.stat().st_mtime_ns for path in folder.glob("results/*")} == before
    assert CliRunner().invoke(app, ["train", str(folder / "best.toml")]).exit_code == 0


def test_the_best_trial_is_that_of_the_validation_split():
    """The test split decides nothing; of two alike the earlier one is taken."""
    trials = [
        Trial(number=n, parameters={}, validation=v, test=t)
        for n, v, t in ((0, 0.4, 0.1), (1, 0.2, 0.9), (2, 0.2, 0.3))
    ]
    assert best_of(trials).number == 1


def test_set_replaces_keys_of_every_trial(tmp_path, monkeypatch):
    """The plan and the best configuration have what `--set` gives; a fault of it is told and leaves no folder."""
    monkeypatch.chdir(tmp_path)
    Path("small.toml").write_text(SMALL)
    plans = []

    def planned(plan, folder, **_):
        plans.append(plan)
        return [Trial(number=0, parameters={"network.hidden": 2}, validation=0.1, test=0.1)]

    monkeypatch.setattr("excitable.search.trials.search", planned)
    words = ["search", "small.toml", "--over", "network.hidden=2,3", "--workers", "1", "--set"]
    refused = CliRunner().invoke(app, [*words, "training.stepz=2"])
    assert "stepz" in str(refused.exception or refused.output) and not Path("runs").exists()
    result = CliRunner().invoke(app, [*words, "training.steps=2"])
    assert result.exit_code == 0, result.output
    assert parse_configuration(plans[0].text).training.steps == 2
    best = parse_configuration(Path("runs/small-search/best.toml").read_text())
    assert (best.training.steps, best.network.hidden) == (2, 2)


def test_a_range_with_log_is_drawn_evenly_in_its_logarithm():
    """`:log` reaches the sampler, for whole numbers as for others; without it a range is even in the number."""
    for text, logarithmic in (("a=0.001..0.1:log", True), ("a=0.001..0.1", False), ("a=1..64:log", True)):
        assert dimension(text).distribution().log is logarithmic
