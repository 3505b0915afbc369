"""The event-training study: what it trains, keeps and writes."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from conductance.events import EventNetwork
from conductance.tasks import Digits
from studies.event_training import STUDY
from studies.event_training.run import BUDGETS, classifier


def test_the_study_runs_and_is_not_trained_twice(tmp_path):
    """The smoke budget: one file per training, read again by the next run; the page judges every task."""
    kept = torch.get_num_threads()
    with ThreadPoolExecutor(1) as one:
        found = STUDY.run(BUDGETS["smoke"], tmp_path / "run", executor=one)
        stamps = {path: path.stat().st_mtime_ns for path in (tmp_path / "run").iterdir()}
        again = STUDY.run(BUDGETS["smoke"], tmp_path / "run", executor=one)
    torch.set_num_threads(kept)
    assert again == found and len(stamps) == 3
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "run").iterdir()} == stamps
    text = STUDY.write(found, tmp_path / "docs").read_text()
    assert "Yin-Yang" in text and "**not reached**" in text and "recurrent neurons" in text


def test_networks_of_unlike_seeds_differ():
    """A seed decides the weights, and nothing else does."""
    one, same, other = (classifier(5, 30, 3, drive=4.0, seed=seed) for seed in (0, 0, 1))
    assert isinstance(one, EventNetwork)
    weights = [network.layers["hidden"].weight for network in (one, same, other)]
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])


def test_noisy_copies_keep_every_spike_and_label():
    """Copies of the train split follow it: as many spikes, moved by the jitter; the other splits are as before."""
    plain, noisy = Digits(end=5.0).generate(), Digits(end=5.0, copies=2, jitter=0.1).generate()
    size = plain.train.trials
    assert noisy.train.trials == 3 * size
    assert torch.equal(noisy.train.labels[size : 2 * size], plain.train.labels)
    counts = noisy.train.spikes.counts()
    assert torch.equal(counts[:size], counts[size : 2 * size]) and torch.equal(
        counts[:size], counts[2 * size :]
    )
    there = counts[:size] > 0
    first = noisy.train.spikes.first()
    moved = (first[size : 2 * size] - first[:size])[there & (first[:size] > 0.5)]
    assert float(moved.std()) == pytest.approx(0.1, rel=0.02)
    assert torch.equal(noisy.test.spikes.times, plain.test.spikes.times)
