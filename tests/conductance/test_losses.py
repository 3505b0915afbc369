"""Losses and penalties against closed forms, own losses in training, and options that do not fit."""

import math

import pytest
import torch
from echo_task import Echo, small_network

from conductance.networks import RECIPES, series_network
from conductance.neurons import lif, mtc
from conductance.tasks import Split, TaskData
from conductance.tasks.decisions import evidence, labels
from conductance.tasks.metrics import classification_score
from conductance.training import TrainingError, TrainingOptions, train
from conductance.training.losses import balanced_weights, cross_entropy, loss_of, penalty, rates, van_rossum

TASK = Echo()
DATA = TASK.generate(0)


def two_tones(seed: int = 0) -> TaskData:
    """Slow and fast sines in unequal numbers: two classes."""
    random = torch.Generator().manual_seed(seed)
    kinds = (torch.arange(36) % 3 == 0).long()
    phase = 6.3 * torch.rand(36, generator=random)
    time = torch.arange(60.0)[:, None]
    wave = 1.5 * torch.sin((0.15 + 0.35 * kinds) * time + phase)
    return TaskData.from_arrays(wave.unsqueeze(-1), kinds, seed=seed, warm_up=5)


def split_of(output: torch.Tensor, column: int, mask: torch.Tensor) -> Split:
    targets = torch.zeros_like(output)
    targets[:, :, column] = 1.0
    return Split(inputs=output, targets=targets, mask=mask)


@pytest.mark.parametrize(
    ("decision", "shown"), [("mean", (1, 0)), ("last", (3, -1)), ("max", (3, 1)), ("count", (3, 0))]
)
def test_cross_entropy_is_that_of_the_evidence(decision, shown):
    """-log softmax of mean, last, largest or summed output over the samples that count; the last one here does not."""
    output = torch.tensor([[[0.0, 1.0]], [[0.0, 0.0]], [[3.0, -1.0]], [[50.0, 90.0]]])
    mask = torch.tensor([True, True, True, False]).unsqueeze(1)
    expected = math.log(1 + math.exp(shown[1] - shown[0]))
    assert float(cross_entropy(decision)(output, split_of(output, 0, mask))) == pytest.approx(
        expected, rel=1e-5
    )


def test_class_weights_make_every_class_count_the_same():
    """Weights are inverse to the classes' numbers and their mean over the series is 1."""
    data = two_tones()
    weights = balanced_weights(data.train)
    counts = torch.bincount(labels(data.train.targets, data.train.mask)).float()
    torch.testing.assert_close(weights * counts, torch.full_like(counts, data.train.series / 2))
    balanced = loss_of(TrainingOptions(class_weights="balanced"), data)
    prediction = torch.randn(data.train.targets.shape, generator=torch.Generator().manual_seed(1))
    assert float(balanced(prediction, data.train)) != float(
        loss_of(TrainingOptions(), data)(prediction, data.train)
    )


def test_van_rossum_of_one_spike_is_a_half_and_two_spikes_far_apart_add_up():
    """Closed forms: one against none 1/2 (1 - O(1/tau)), two at a distance d: 1 - exp(-d/tau)."""
    tau, steps = 20.0, 2000
    loss = van_rossum(tau)

    def trains(*times):
        train = torch.zeros(steps, 1, 1, dtype=torch.float64)
        train[list(times)] = 1.0
        return train

    mask = torch.ones(steps, 1, dtype=torch.bool)

    def distance(prediction, target):
        return float(loss(prediction, Split(inputs=target, targets=target, mask=mask)))

    one = distance(trains(100), trains())
    assert one == pytest.approx(1 / (tau * (1 - math.exp(-2 / tau))), rel=1e-6)
    assert one == pytest.approx(0.5, abs=1 / tau)
    apart = distance(trains(100), trains(130))
    assert apart == pytest.approx(2 * one * (1 - math.exp(-30 / tau)), rel=1e-6)
    assert distance(trains(100), trains(100)) == 0.0


def test_penalties_measure_rates_and_silence():
    """A spike of an event neuron and a whole rise of a graded one count 1; a silent neuron costs 1, a fast one 0."""
    events = torch.zeros(10, 1, 2)
    events[[2, 5, 7], :, 0] = 1.0
    mask = torch.ones(10, 1, dtype=torch.bool)
    torch.testing.assert_close(rates(lif(), events, mask), torch.tensor([0.3, 0.0]))
    graded = torch.tensor([0, 0.5, 1, 1, 0.2, 0, 1, 0]).reshape(8, 1, 1)
    torch.testing.assert_close(
        rates(mtc(), graded, torch.ones(8, 1, dtype=torch.bool)), torch.tensor([2 / 8])
    )
    found = penalty(
        TrainingOptions(silence_penalty=2.0, silence_below=0.1), {"a": lif()}, {"a": events}, mask
    )
    assert float(found) == pytest.approx(2.0 * (0 + 1) / 2)
    found = penalty(TrainingOptions(rate_penalty=1.0, rate_target=0.05), {"a": lif()}, {"a": events}, mask)
    assert float(found) == pytest.approx((0.15 - 0.05) ** 2)
    found = penalty(TrainingOptions(duty_penalty=3.0), {"a": lif()}, {"a": events}, mask)
    assert float(found) == pytest.approx(3 * 0.15)
    assert penalty(TrainingOptions(), {"a": lif()}, {"a": events}, mask) is None


def test_a_duty_penalty_makes_neurons_quieter():
    """The same training with a penalty on the duty cycle ends with a lower one."""
    found = {}
    for weight in (0.0, 3.0):
        records: list = []
        options = TrainingOptions(
            steps=30, batch=4, evaluate_every=30, keep="last", duty_penalty=weight, learning_rate=0.05
        )
        train(small_network(), TASK, DATA, options, report=records.append)
        found[weight] = records[-1].duty_cycle
    assert found[3.0] < 0.9 * found[0.0]


def test_classes_are_learnt_from_the_mean_output():
    """Two tones are told apart better than by their frequencies, and the result has a confusion matrix."""
    data = two_tones()
    network = series_network(
        RECIPES["mtc"], inputs=1, hidden=12, outputs=2, dt=0.5, low_pass_tau=1.0,
        generator=torch.Generator().manual_seed(0),
    )  # fmt: skip
    options = TrainingOptions(
        steps=40, batch=12, learning_rate=0.05, evaluate_every=10, class_weights="balanced"
    )
    result = train(network, data.task(), data, options)
    shown = evidence(network(data.train.inputs)[0], data.train.mask, data.decision)
    score = classification_score(shown, labels(data.train.targets, data.train.mask))
    assert score.accuracy > 0.9
    assert sum(map(sum, score.confusion)) == data.train.series and 0 <= score.calibration <= 1
    assert result.test.error <= 0.34


def test_an_own_loss_is_what_training_makes_small():
    """A loss that wants the output at 0.7 everywhere moves it there, whatever the targets are."""
    network = small_network()
    train(
        network, TASK, DATA, TrainingOptions(steps=60, batch=4, evaluate_every=60, keep="last", learning_rate=0.05),
        loss=lambda prediction, split: (prediction - 0.7)[split.mask].square().mean(),
    )  # fmt: skip
    output = network(DATA.test.inputs)[0][DATA.test.mask].detach()
    assert abs(float(output.mean()) - 0.7) < 0.1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(loss="cross_entropy"), "has no classes; give it labels"),
        (dict(class_weights="balanced"), "knows no classes"),
        (dict(loss="hinge"), "loss = 'hinge': allowed are auto, mean_square, cross_entropy, van_rossum"),
        (dict(readout="solved"), "readout = 'solved': allowed are trained, start, end"),
        (dict(patience=0), "patience = 0"),
    ],
)  # fmt: skip
def test_options_that_do_not_fit_are_refused(options, message):
    with pytest.raises(TrainingError, match=message):
        train(small_network(), TASK, DATA, TrainingOptions(steps=2, batch=4, **options))


def test_a_score_is_told_by_hand():
    """Three classes, six series: rows of the confusion are what is, F1 by class, and confidence against hits."""
    shown = torch.tensor([[4.0, 0, 0], [4.0, 0, 0], [0, 4.0, 0], [0, 0, 2.0], [0, 0, 2.0], [0, 2.0, 0]])
    score = classification_score(shown, torch.tensor([0, 1, 1, 2, 2, 2]))
    assert score.accuracy == pytest.approx(4 / 6)
    assert score.confusion == ((1, 0, 0), (1, 1, 0), (0, 1, 2))
    assert score.f1 == pytest.approx((2 / 3, 1 / 2, 4 / 5))
    sure, unsure = math.exp(4) / (math.exp(4) + 2), math.exp(2) / (math.exp(2) + 2)
    # three series fall into each of the bins above 0.9 and above 0.7, and 2 of 3 are right in each
    expected = (3 * abs(sure - 2 / 3) + 3 * abs(unsure - 2 / 3)) / 6
    assert score.calibration == pytest.approx(expected, rel=1e-6)
    uneven = classification_score(shown[[0, 1, 2, 3]], torch.tensor([0, 1, 1, 2]))
    assert uneven.calibration == pytest.approx((3 * abs(sure - 2 / 3) + abs(unsure - 1)) / 4, rel=1e-6)
