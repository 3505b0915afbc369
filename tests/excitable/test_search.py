"""A search asks for the same trials again when it is broken off, trains none twice, and keeps the best."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

import excitable.search.trials as module
from excitable.config import ConfigurationError, parse_configuration
from excitable.config.overrides import with_values
from excitable.search.page import search_page
from excitable.search.space import Dimension, SearchError, dimension
from excitable.search.trials import SearchPlan, best_of, search
from excitable.trials import TrialError

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
        (tmp_path / "c").mkdir()
        wrong = SearchPlan(text=TEXT, dimensions=(dimension("network.hiden=2..3"),), trials=1, width=1)
        with pytest.raises(ConfigurationError, match="hiden: unknown key; did you mean hidden"):
            search(wrong, tmp_path / "c", executor=pool)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("network.hidden", "must be KEY=A,B,C"),
        ("network.hidden=5..2", "LOW below HIGH"),
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
