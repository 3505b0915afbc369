"""Reservoirs on Mackey-Glass: what is trained, what is read, and a verdict that follows the numbers."""

import itertools
import json
from dataclasses import replace

import pytest
import torch

from conductance.tasks import READINGS
from studies.mackey_glass_reservoir.models import (
    ESN,
    GRU,
    KINDS,
    MTC,
    SPIKING,
    UNCOUPLED,
    Gated,
    echo_states,
    mtc_reservoir,
)
from studies.mackey_glass_reservoir.page import MEANINGS, page
from studies.mackey_glass_reservoir.run import BUDGETS, FINAL, Found, Trial, run_trial, search_trials

ALL = replace(BUDGETS["reduced"], kinds=tuple(MEANINGS))

SETTING = {"spectral radius": 0.4, "input gain": 2.0, "slow gain": 3.0}


def test_an_echo_state_network_without_memory_is_its_tanh():
    """leak = 1 and no recurrence: x = tanh(w u + b), so equal inputs give equal states, whatever came before."""
    inputs = torch.tensor([0.3, -1.0, 0.3])[:, None, None]
    states = echo_states(inputs, {"spectral radius": 0.0, "input gain": 1.0, "leak": 1.0}, units=5, seed=0)
    assert torch.equal(states[0], states[2]) and not torch.equal(states[0], states[1])
    halved = echo_states(inputs, {"spectral radius": 0.0, "input gain": 1.0, "leak": 0.5}, units=5, seed=0)
    torch.testing.assert_close(halved[0], states[0] / 2)


@pytest.mark.parametrize("kind", [MTC, SPIKING])
def test_a_reservoir_is_read_at_its_slow_voltages(kind):
    """What the readout sees is the state that the layer ends with; reading elsewhere changes no voltage."""
    inputs = torch.sin(torch.arange(50.0) / 5)[:, None, None]
    network = mtc_reservoir(kind, SETTING, neurons=6, seed=3)
    other = mtc_reservoir(kind, SETTING, neurons=6, seed=3, state="um")
    current = network.chain["encoder"](inputs)[0]
    read, states = network.chain["hidden"](current)
    place = [one.name for one in other.chain["hidden"].neuron.states].index("us")
    torch.testing.assert_close(read[-1], states[place])
    torch.testing.assert_close(other.chain["hidden"](current)[1][place], states[place])


def test_without_recurrent_weights_neurons_do_not_hear_each_other():
    """A neuron's slow voltage does not depend on what drives another; with the weights it does."""
    for kind, alone in ((UNCOUPLED, True), (MTC, False)):
        layer = mtc_reservoir(kind, SETTING, neurons=4, seed=1).chain["hidden"]
        current = torch.zeros(30, 1, 4)
        pushed = current.clone()
        pushed[:, :, 0] = 3.0
        same = torch.equal(layer(current)[0][..., 1:], layer(pushed)[0][..., 1:])
        assert same == alone


def test_a_gru_of_14_units_has_687_parameters_to_train():
    """Three gates with 14 x (1 + 14) weights and one bias each, and a readout of 15."""
    network = Gated(14, seed=0)
    assert (
        sum(p.numel() for p in network.parameters() if p.requires_grad) == 3 * 14 * (1 + 14 + 1) + 15 == 687
    )


def test_the_budget_of_trained_parameters_is_kept():
    """At most 705, and every kind has as many settings to choose from as another or, where each is dear, fewer."""
    assert BUDGETS["reduced"].units + 1 <= 705
    counts = {kind: len([t for t in search_trials(ALL) if t.kind == kind]) / len(READINGS) for kind in KINDS}
    assert counts[MTC] == counts[SPIKING] == counts[ESN] == 18 and counts[GRU] == 2


@pytest.mark.parametrize("kind", [MTC, ESN, GRU])
def test_a_trial_gives_json(kind):
    """One at the smoke budget: finite numbers that JSON takes; test is not looked at in the search."""
    setting = tuple(values[0] for values in KINDS[kind].grid.values())
    for part in ("search", FINAL):
        result = run_trial(
            Trial(
                kind=kind, reading="paper_steps", part=part, setting=setting, seed=1, budget=BUDGETS["smoke"]
            )
        )
        text = json.loads(json.dumps(result, allow_nan=False))
        assert ("error" in text) == (part == FINAL)


def found(error: float) -> Found:
    """Made-up results in which the MTC reservoir has this error and all others 0.2."""
    budget = ALL
    search = [
        {
            "kind": t.kind,
            "reading": t.reading,
            "setting": list(t.setting),
            "validation": 1 / (1 + sum(t.setting)),
        }
        for t in search_trials(budget)
    ]
    final = [
        {
            "kind": kind, "reading": reading, "seed": seed, "parameters": 705, "seconds": 1.0, "ridge": 1e-6,
            "error": (error if kind == MTC else 0.2) * (1 + 0.01 * seed), "noisy_error": None, "spikes": None,
            "silent": None,
        }
        for kind, reading, seed in itertools.product(MEANINGS, READINGS, range(5))
    ]  # fmt: skip
    return Found(budget=budget, search=tuple(search), final=tuple(final))


@pytest.mark.parametrize(("error", "words"), [(0.01, ("reaches", "lower")), (0.5, ("misses", "higher"))])
def test_the_verdict_follows_the_numbers(error, words):
    """Reached where the whole interval lies below what was asked for; the best settings are told to be at the edge."""
    text = page(found(error))
    assert text.count(f"**{words[0]}**") == 2 and f"esn of this study it is {words[1]}" in text
    assert "| paper_steps | esn | spectral radius 1.2, input gain 2, leak 0.1 |" in text
