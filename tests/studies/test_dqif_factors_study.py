"""DQIF and its leaky twin with one thing changed: what is changed, and a verdict that follows the numbers."""

import pytest
import torch

from conductance.deep.networks import digits_network
from conductance.neurons import dqif, mtc
from conductance.neurons.base import DeclarationError
from studies.dqif_factors.page import page, verdict
from studies.dqif_factors.run import BUDGETS, StudyResult, trials
from studies.dqif_factors.variants import VARIANTS, with_reset_gradient


def example(dqif_accuracy: float, others: float) -> StudyResult:
    """Results as the study would have them, with chosen numbers."""
    rows = [
        {
            "variant": trial.variant, "seed": trial.seed, "epochs_to_target": 3, "seconds": 50.0,
            "accuracy": (dqif_accuracy if trial.variant == "dqif" else others) + 0.001 * trial.seed,
        }
        for trial in trials(BUDGETS["full"])
    ]  # fmt: skip
    return StudyResult(budget=BUDGETS["full"], trainings=tuple(rows))


def test_the_verdict_follows_the_numbers():
    """A difference of many seeds is told with its interval; changes that make none are not."""
    text = verdict(example(0.97, 0.98))
    assert "both as usual: -0.0100" in text and "DQIF, fixed window 0.5" in text
    assert "Not settled" not in text
    assert "nan" not in page(example(0.97, 0.98))


def test_a_reset_with_a_gradient_steps_alike_and_learns_otherwise():
    """The same spikes forwards; another gradient backwards, since the spike's slope acts through the reset too."""
    torch.manual_seed(0)
    plain = digits_network(VARIANTS["dqif"].options)
    changed = digits_network(VARIANTS["dqif-reset"].options)
    changed.load_state_dict(plain.state_dict())
    images = torch.randn(6, 1, 8, 8)
    answers = [network(images) for network in (plain, changed)]
    assert torch.equal(*answers)
    gradients = []
    for network, answer in zip((plain, changed), answers, strict=True):
        answer.square().sum().backward()
        gradients.append(next(network.parameters()).grad)
    assert not torch.allclose(*gradients)
    with pytest.raises(DeclarationError, match="it has no spike"):
        with_reset_gradient(mtc())
    assert with_reset_gradient(dqif()).event.reset_gradient
