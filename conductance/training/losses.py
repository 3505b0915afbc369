"""What training makes small: losses of a prediction, and penalties of what the neurons do."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from conductance.neurons.base import Neuron
from conductance.tasks.base import TaskData
from conductance.tasks.decisions import Decision, evidence, labels
from conductance.tasks.splits import Split
from conductance.training.options import TrainingError, TrainingOptions

Loss = Callable[[Tensor, Split], Tensor]
"""From a prediction (time, batch, feature) and its split to a number; differentiable. Yours may be any such."""


def mean_square(prediction: Tensor, split: Split) -> Tensor:
    """Mean square error over the samples that count."""
    return (prediction - split.targets)[split.mask].square().mean()


def cross_entropy(decision: Decision, weights: Tensor | None = None) -> Loss:
    """Cross-entropy between the label of each series and the softmax of the evidence, see `tasks.decisions`.

    Args:
        decision: how the output becomes evidence: of a mean, last or largest value, or a count.
        weights: (class,), how much a series of each class counts.
    """

    def loss(prediction: Tensor, split: Split) -> Tensor:
        shown = evidence(prediction, split.mask, decision)
        chosen = None if weights is None else weights.to(shown)
        return torch.nn.functional.cross_entropy(shown, labels(split.targets, split.mask), weight=chosen)

    return loss


def van_rossum(tau: float) -> Loss:
    """Van Rossum's distance of spike trains: both are filtered by exp(-t/tau), and the mean square is taken.

    Args:
        tau: in steps; short ones ask for the same times, long ones for the same rates (van Rossum 2001,
            doi 10.1162/089976601300014321). With 1/tau before it the distance of one spike from none is 1/2.
    """
    keep = float(torch.exp(torch.tensor(-1.0 / tau, dtype=torch.float64)))

    def loss(prediction: Tensor, split: Split) -> Tensor:
        trace = torch.zeros_like(prediction[0])
        total = prediction.new_zeros(())
        difference = (prediction - split.targets) * split.mask.unsqueeze(-1)
        for step in difference.unbind(0):
            trace = keep * trace + step
            total = total + trace.square().sum()
        return total / (tau * prediction.shape[1] * prediction.shape[2])

    return loss


def balanced_weights(split: Split) -> Tensor:
    """(class,): the inverse of each class's number of series, with mean 1 over the series; 0 of a class without any."""
    counts = torch.bincount(labels(split.targets, split.mask), minlength=split.targets.shape[2]).float()
    present = counts > 0
    return torch.where(present, counts.sum() / (present.sum() * counts.clamp(min=1)), 0.0)


def loss_of(options: TrainingOptions, data: TaskData) -> Loss:
    """The loss that options name for these data; "auto" is cross-entropy where there are classes, else mean square.

    Raises:
        TrainingError: a classification's loss for data without classes.
    """
    name = options.loss
    if name == "auto":
        name = "cross_entropy" if data.classes else "mean_square"
    if name != "cross_entropy" and options.class_weights != "none":
        raise TrainingError(
            f"class_weights = {options.class_weights!r}: the loss {name} knows no classes; set loss = 'cross_entropy'"
        )
    if name == "cross_entropy":
        if not data.classes:
            raise TrainingError(
                f"loss = 'cross_entropy': task {data.name} has no classes; give it labels, or take 'mean_square'"
            )
        weights = balanced_weights(data.train) if options.class_weights == "balanced" else None
        return cross_entropy(data.decision, weights)
    return van_rossum(options.van_rossum_tau) if name == "van_rossum" else mean_square


def rates(neuron: Neuron, output: Tensor, mask: Tensor) -> Tensor:
    """Spikes per step of each neuron, (neuron,), differentiable.

    Of neurons with events it is the mean output. Of others it is how much the output rises in sum, which is one per
    spike that saturates it.
    """
    counted = mask.unsqueeze(-1)
    rises = output if neuron.event is not None else torch.relu(output.diff(dim=0, prepend=output[:1]))
    return (rises * counted).sum((0, 1)) / counted.sum()


def penalty(
    options: TrainingOptions, spiking: Mapping[str, Neuron], outputs: Mapping[str, Tensor], mask: Tensor
) -> Tensor | None:
    """What the neurons' activity costs, over all layers; None where no penalty is asked for.

    rate_penalty (mean rate - rate_target)^2 + duty_penalty (share of time with an output, weighted by it)
    + silence_penalty mean of relu(1 - rate/silence_below)^2 over the neurons.
    """
    if not (options.rate_penalty or options.duty_penalty or options.silence_penalty) or not spiking:
        return None
    found = torch.cat([rates(neuron, outputs[name], mask) for name, neuron in spiking.items()])
    counted = mask.unsqueeze(-1)
    duty = torch.cat([(outputs[name] * counted).sum((0, 1)) / counted.sum() for name in spiking])
    silence = torch.relu(1 - found / options.silence_below).square().mean()
    return (
        options.rate_penalty * (found.mean() - options.rate_target).square()
        + options.duty_penalty * duty.mean()
        + options.silence_penalty * silence
    )
