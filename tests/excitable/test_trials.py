"""Studies: runs are resumable, failures lose nothing, the verdict follows the numbers."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from conductance.networks.recipes import RECIPES
from excitable.trials import TrialError, hold_budget, run_trials
from studies.mackey_glass import (
    BUDGETS,
    MODELS,
    StudyResult,
    Trial,
    best_of,
    equal_width,
    network_of,
    run_trial,
    trained_parameters,
    variants,
)
from studies.mackey_glass_page import MEASURES, page, verdict


def squared(number):
    """The work of a trial; three is not liked."""
    if number == 3:
        raise ValueError("three")
    return {"square": number**2}


def run(folder, numbers, work=squared):
    """Run trials named by their number in threads of this process."""
    with ThreadPoolExecutor(2) as executor:
        return run_trials({f"n{n}": n for n in numbers}, work, folder=folder, executor=executor)


def test_results_are_kept_and_only_the_missing_ones_run(tmp_path):
    """The second call works on what is new, and gives all."""
    assert run(tmp_path, [1, 2]) == {"n1": {"square": 1}, "n2": {"square": 4}}
    seen = []

    def noting(number):
        seen.append(number)
        return squared(number)

    found = run(tmp_path, [1, 2, 4], noting)
    assert seen == [4] and found["n4"] == {"square": 16} and found["n1"] == {"square": 1}


def test_a_failure_stops_no_other_and_is_named(tmp_path):
    """All others are stored; the error names the run and its reason."""
    with pytest.raises(TrialError, match=r"1 of 3 runs failed.*\n.*n3: ValueError: three"):
        run(tmp_path, [1, 3, 5])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["n1.json", "n5.json"]


def test_a_damaged_result_is_named(tmp_path):
    """It is not silently repeated: it may be somebody's file."""
    (tmp_path / "n1.json").write_text('{"square": ')
    with pytest.raises(TrialError, match=r"n1\.json.*delete the file"):
        run(tmp_path, [1])


@pytest.mark.parametrize("model", MODELS)
def test_equal_width_gives_equal_numbers_of_trained_parameters(model):
    """To within half of what one neuron has."""
    budget = BUDGETS["reduced"]

    def count(name, width):
        return trained_parameters(
            network_of(
                Trial(
                    model=name,
                    reading="paper_steps",
                    width=width,
                    learning_rate=0.01,
                    input_gain=1.0,
                    seed=0,
                    budget=budget,
                )
            )
        )

    per_neuron = count(model, 2) - count(model, 1)
    difference = count(model, equal_width(model, budget)) - count("mtc", budget.width)
    assert abs(difference) <= per_neuron / 2


def test_variants_change_one_thing():
    """Without an element the neuron lacks its parameters; with trained time constants it trains two more."""
    found = variants()
    assert set(MODELS) < set(found)
    lost = {p.name for p in RECIPES["mtc"].neuron.parameters} - {
        p.name for p in found["mtc_no_s_minus"].neuron.parameters
    }
    assert lost == {"alpha_s_minus", "delta_s_minus"}
    assert set(found["mtc_tau_trained"].trainable) - set(found["mtc"].trainable) == {"tau_s", "tau_us"}


def test_a_trial_trains_and_gives_json():
    """One training at the smoke budget: finite numbers that JSON takes."""
    trial = Trial(
        model="mtc", reading="paper_steps", width=3, learning_rate=0.01, input_gain=1.0, seed=1,
        budget=BUDGETS["smoke"],
    )  # fmt: skip
    result = run_trial(trial)
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert result["model"] == "mtc" and result["error"] > 0


def results(better: float) -> list[dict]:
    """Made-up trainings in which MTC's measures are `better` times the others'."""
    rng = np.random.default_rng(0)
    rows = []
    for model in MODELS:
        for seed in range(1, 6):
            scale = better if model == "mtc" else 1.0
            row = {measure: float(scale * rng.normal(1.0, 0.02)) for measure in MEASURES}
            rows.append(
                row
                | {"reading": "paper_steps", "model": model, "width": 64, "seed": seed, "parameters": 10, "mse": 1.0,
                   "silent_neurons": 0, "seconds": 1.0, "learning_rate": 0.01, "input_gain": 1.0,
                   "validation": row["error"]}
            )  # fmt: skip
    return rows


@pytest.mark.parametrize(("better", "word"), [(0.5, "holds"), (1.0, "fails"), (1.5, "fails")])
def test_verdict_follows_the_numbers(better, word):
    """The claim holds where every measure is clearly lower, and fails where none is."""
    rows = tuple(results(better))
    study = StudyResult(budget=BUDGETS["reduced"], search=rows, comparison=rows, ablation=rows)
    assert f"**{word}**" in verdict(study, "paper_steps")
    assert "paper_steps" in page(study)


def test_best_setting_is_chosen_on_the_validation_split():
    """The lowest validation error wins, whatever the test error is."""
    first, second = results(1.0)[:2]
    found = best_of([first | {"validation": 0.3, "error": 9.0}, second | {"validation": 0.4, "error": 0.1}])
    assert found["paper_steps", "mtc", 64]["error"] == 9.0


def test_results_of_two_budgets_are_not_mixed(tmp_path):
    """A folder keeps what its results were made with; another budget is refused, the same one goes on."""
    budget = BUDGETS["smoke"]
    hold_budget(tmp_path, budget)
    hold_budget(tmp_path, budget)
    with pytest.raises(TrialError, match=r"another budget.*--results"):
        hold_budget(tmp_path, replace(budget, steps=budget.steps + 1))


def test_a_result_that_is_no_json_is_that_trials_failure(tmp_path):
    """NaN in one result: it is named, and the others are kept."""

    def work(number):
        return {"value": float("nan") if number == 2 else number}

    with pytest.raises(TrialError, match=r"1 of 3 runs failed.*\n.*n2: its result is no JSON"):
        run(tmp_path, [1, 2, 3], work)
    assert {path.name for path in tmp_path.glob("*.json")} == {"n1.json", "n3.json"}


def test_results_without_a_budget_are_not_adopted(tmp_path):
    """A folder of an older version, which noted no budget, is refused instead of mixed."""
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(TrialError, match="did not note it"):
        hold_budget(tmp_path, BUDGETS["smoke"])
