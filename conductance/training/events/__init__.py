"""Training of event-based classifiers on first spike times, by exact gradients."""

from conductance.training.events.loop import (
    EpochRecord,
    EventScore,
    EventTraining,
    NoGradientError,
    score,
    train_classifier,
)
from conductance.training.events.loss import classifier_loss

__all__ = [
    "EpochRecord",
    "EventScore",
    "EventTraining",
    "NoGradientError",
    "classifier_loss",
    "score",
    "train_classifier",
]
