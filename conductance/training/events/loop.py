"""The training loop of an event-based classifier: Adam on exact gradients of first spike times."""

import math
import statistics
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from conductance.events.losses import REGULARISER, first_spike_loss, predicted_class, silence_penalty
from conductance.events.network import EventNetwork
from conductance.events.spikes import EventError, Spikes
from conductance.storage.checkpoints import (
    CHECKPOINT,
    CheckpointError,
    put,
    read_checkpoint,
    threads_of,
    write_checkpoint,
)
from conductance.tasks.events import EventData, EventSplit
from conductance.training.events.loss import classifier_loss

KIND = "events"


class NoGradientError(EventError):
    """In a whole epoch no spike had a gradient, so training can change nothing."""


@dataclass(frozen=True, kw_only=True)
class EventTraining:
    """How an event-based classifier is trained: Adam, the learning rate falling to 0 along a cosine.

    Attributes:
        epochs: passes over the train split.
        batch: trials per step.
        learning_rate: at the beginning.
        clip: largest norm of a gradient; gradients of late spikes grow like exp(t/tau).
        loss_tau: the time, in units of tau, by which the loss tells two spikes apart.
        regulariser: see `first_spike_loss`.
        silence: weight of `silence_penalty` on every hidden layer; 0 is the published loss.
        seed: of the order of the trials.
    """

    epochs: int = 40
    batch: int = 100
    learning_rate: float = 1e-2
    clip: float = 1.0
    loss_tau: float = 0.2
    regulariser: float = REGULARISER
    silence: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        faults = [name for name in ("epochs", "batch") if getattr(self, name) < 1]
        positive = ("learning_rate", "clip", "loss_tau")
        faults += [name for name in positive if not 0 < getattr(self, name) < math.inf]
        if faults:
            raise EventError(f"event training: {', '.join(faults)} must be positive and finite")
        negative = [name for name in ("regulariser", "silence") if not 0 <= getattr(self, name) < math.inf]
        if negative:
            raise EventError(f"event training: {', '.join(negative)} must be finite and not negative")


@dataclass(frozen=True, kw_only=True)
class EventScore:
    """How a network answers a split.

    Attributes:
        accuracy: share of trials whose first output spike, or first pseudospike where none spikes, is right.
        decided: share of trials that an output spike inside the trial decides.
        silent: share of silent neurons of each layer but the last, by name.
        spikes: mean number of spikes per neuron and trial of each layer, by name.
    """

    accuracy: float
    decided: float
    silent: dict[str, float]
    spikes: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class EpochRecord:
    """One epoch of training.

    Attributes:
        epoch: number, from 0.
        loss: mean over the steps.
        gradient_norm: mean over the steps of the norm of the unclipped gradient.
        gradient_variance: variance of that norm over the steps.
        skipped: steps left out because their gradient was not finite, or because no spike had one.
        validation: score on the validation split.
    """

    epoch: int
    loss: float
    gradient_norm: float
    gradient_variance: float
    skipped: int
    validation: EventScore


def score(network: EventNetwork, split: EventSplit, *, batch: int = 500) -> EventScore:
    """The network's score on a split."""
    right = decided = 0
    silent: dict[str, list[Spikes]] = {name: [] for name in network.layers}
    with torch.no_grad():
        for index in torch.arange(split.trials).split(batch):
            part = split.select(index)
            record: dict[str, Spikes] = {}
            first = network(part.spikes, record=record).first()
            right += int((predicted_class(first) == part.labels).sum())
            decided += int((first.amin(1) < part.spikes.end).sum())
            for name, spikes in record.items():
                silent[name].append(spikes)
    counts = {name: torch.cat([spikes.counts() for spikes in parts]) for name, parts in silent.items()}
    *hidden, _ = counts
    return EventScore(
        accuracy=right / split.trials,
        decided=decided / split.trials,
        silent={name: float((counts[name].sum(0) == 0).double().mean()) for name in hidden},
        spikes={name: float(values.double().mean()) for name, values in counts.items()},
    )


def train_classifier(
    network: EventNetwork,
    data: EventData,
    options: EventTraining,
    *,
    report: Callable[[EpochRecord], None] | None = None,
    folder: Path | None = None,
) -> tuple[EpochRecord, ...]:
    """Train a network in place on first spike times; the last layer has one neuron per class.

    A step whose gradient is not finite is left out and counted, and so is one without any gradient.

    Args:
        network: takes the task's inputs.
        data: the task's splits.
        options: how to train.
        report: called with every epoch's record, those of an earlier call included.
        folder: keeps a checkpoint after every epoch; where there is one, training goes on from it, with the numbers
            of an unbroken training.

    Raises:
        EventError: the network does not fit the task, or the checkpoint is of another training.
        NoGradientError: an epoch changed nothing.
        StorageError: the checkpoint is damaged or cannot be written.
    """
    last = list(network.layers.values())[-1]
    if last.size != len(data.classes):
        raise EventError(
            f"event training: the last layer has {last.size} neurons and task {data.name} {len(data.classes)} classes"
        )
    with threads_of(None if folder is None else folder / CHECKPOINT):
        return _trained(network, data, options, report, folder)


def _trained(
    network: EventNetwork, data: EventData, options: EventTraining, report: Callable[[EpochRecord], None] | None,
    folder: Path | None,
) -> tuple[EpochRecord, ...]:  # fmt: skip
    random = torch.Generator().manual_seed(options.seed)
    optimiser = torch.optim.Adam(network.parameters(), lr=options.learning_rate)
    steps = options.epochs * math.ceil(data.train.trials / options.batch)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    records = _restored(network, optimiser, schedule, options, folder)
    for epoch in range(options.epochs):
        # drawn for finished epochs too, so that a resumed training sees the trials of an unbroken one
        order = torch.randperm(data.train.trials, generator=random)
        if epoch >= len(records):
            outcomes = []
            for index in order.split(options.batch):
                outcomes.append(_step(network, data.train.select(index), optimiser, options))
                with warnings.catch_warnings():
                    # torch warns of a step of the schedule without one of Adam: a step without gradient has none
                    warnings.simplefilter("ignore", UserWarning)
                    schedule.step()
            records.append(_recorded(epoch, outcomes, score(network, data.validation)))
            _keep(network, optimiser, schedule, options, records, folder)
        if report is not None:
            report(records[epoch])
    return tuple(records)


def _recorded(epoch: int, outcomes: list[tuple[float, float]], validation: EventScore) -> EpochRecord:
    """The record of an epoch from (loss, gradient norm) of its steps."""
    norms = [norm for _, norm in outcomes if math.isfinite(norm) and norm > 0]
    if not norms and not any(norm != 0 for _, norm in outcomes):
        raise NoGradientError(
            f"event training: no spike of epoch {epoch} has a gradient; raise the initial weights, or use QIF neurons"
        )
    return EpochRecord(
        epoch=epoch,
        loss=statistics.fmean(loss for loss, _ in outcomes),
        gradient_norm=statistics.fmean(norms) if norms else 0.0,
        gradient_variance=statistics.pvariance(norms) if norms else 0.0,
        skipped=len(outcomes) - len(norms),
        validation=validation,
    )


def _keep(
    network: EventNetwork, optimiser: torch.optim.Optimizer, schedule: torch.optim.lr_scheduler.LRScheduler,
    options: EventTraining, records: list[EpochRecord], folder: Path | None,
) -> None:  # fmt: skip
    if folder is not None:
        state = {
            "options": asdict(options), "weights": dict(network.state_dict()), "optimiser": optimiser.state_dict(),
            "schedule": schedule.state_dict(), "records": [asdict(record) for record in records],
        }  # fmt: skip
        write_checkpoint(folder / CHECKPOINT, KIND, state)


def _restored(
    network: EventNetwork, optimiser: torch.optim.Optimizer, schedule: torch.optim.lr_scheduler.LRScheduler,
    options: EventTraining, folder: Path | None,
) -> list[EpochRecord]:  # fmt: skip
    """The records of the folder's checkpoint, whose state the network and the optimiser take; none without one."""
    if folder is None or not (folder / CHECKPOINT).exists():
        return []
    state = read_checkpoint(folder / CHECKPOINT, KIND)
    try:
        given, rows = state["options"], state["records"]
        records = [EpochRecord(**{**row, "validation": EventScore(**row["validation"])}) for row in rows]
        weights, moments, annealing = state["weights"], state["optimiser"], state["schedule"]
    except (KeyError, TypeError) as error:
        raise CheckpointError(
            f"{folder / CHECKPOINT}: the checkpoint is damaged ({error!r}); delete it to train from the beginning"
        ) from None
    if given != asdict(options):
        raise EventError(
            f"{folder}: its checkpoint was trained with other options; delete it, or use another folder"
        )
    for own, numbers in ((network, weights), (optimiser, moments), (schedule, annealing)):
        put(folder / CHECKPOINT, own, numbers)
    return records


def _step(
    network: EventNetwork, batch: EventSplit, optimiser: torch.optim.Optimizer, options: EventTraining
) -> tuple[float, float]:
    """One update; the loss and the norm of the unclipped gradient, 0 where no spike has one."""
    optimiser.zero_grad()
    loss = _loss(network, batch, options)
    if not loss.requires_grad:
        return float(loss), 0.0
    loss.backward()
    norm = float(torch.nn.utils.clip_grad_norm_(network.parameters(), options.clip))
    if math.isfinite(norm) and norm > 0:
        optimiser.step()
    return float(loss.detach()), norm


def _loss(network: EventNetwork, batch: EventSplit, options: EventTraining) -> torch.Tensor:
    shared = {"tau": options.loss_tau, "regulariser": options.regulariser}
    if options.silence == 0:
        return classifier_loss(network, batch.spikes, batch.labels, **shared)
    record: dict[str, Spikes] = {}
    first = network(batch.spikes, record=record).first()
    *hidden, _ = record.values()
    late = sum(silence_penalty(spikes) for spikes in hidden)
    return first_spike_loss(first, batch.labels, end=batch.spikes.end, **shared) + options.silence * late
