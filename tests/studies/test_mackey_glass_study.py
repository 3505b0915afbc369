"""The Mackey-Glass study: equal conditions, one thing changed at a time, and a verdict that follows the numbers."""

import json

import numpy as np
import pytest

from conductance.networks.recipes import RECIPES
from studies.mackey_glass.page import MEASURES, page, verdict
from studies.mackey_glass.run import (
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
