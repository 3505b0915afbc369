"""From the samples of a file to the steps of the model."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import numpy as np

from conductance.tasks.options import TaskError

if TYPE_CHECKING:
    from conductance.tasks.table.task import Table

Between = Literal["held", "linear", "mean"]


def stepped(values: np.ndarray, per_sample: float, how: Between, owner: str) -> np.ndarray:
    """Values at the model's steps.

    Args:
        values: (sample, feature).
        per_sample: steps for one sample; below 1 a step spans several samples.
        how: held: every sample for a whole number of steps; linear: on the line between samples, any ratio; mean: of
            the whole number of samples that a step spans, those left over at the end are dropped.
        owner: for errors.

    Raises:
        TaskError: a ratio that `how` cannot do.

    >>> stepped(np.array([[0.0], [3.0]]), 3, "linear", "x").ravel().tolist()
    [0.0, 1.0, 2.0, 3.0, 3.0, 3.0]
    >>> stepped(np.arange(5.0)[:, None], 0.5, "mean", "x").ravel().tolist()
    [0.5, 2.5]
    """
    if per_sample == 1:
        return values
    repeats, spans = round(per_sample), round(1 / per_sample)
    if how == "held":
        if repeats < 1 or not math.isclose(per_sample, repeats, rel_tol=1e-6):
            raise TaskError(
                f"{owner}: a sample lasts {per_sample:g} steps, which is no whole number, so it cannot be held; change "
                f"the step, or set between = 'linear' or 'mean'."
            )
        return np.repeat(values, repeats, axis=0)
    if how == "mean":
        if spans < 1 or not math.isclose(per_sample * spans, 1, rel_tol=1e-6):
            raise TaskError(
                f"{owner}: a step spans {1 / per_sample:g} samples, which is no whole number, so there is no mean of "
                f"them; change the step, or set between = 'linear'."
            )
        if len(values) < spans:
            raise TaskError(f"{owner}: it has {len(values)} samples and a step spans {spans}; give more.")
        whole = len(values) // spans * spans
        return values[:whole].reshape(-1, spans, values.shape[1]).mean(1)
    places = np.arange(max(1, math.floor(len(values) * per_sample + 1e-9))) / per_sample
    known = np.arange(len(values))
    return np.stack([np.interp(places, known, column) for column in values.T], axis=1)


def steps_for_each_sample(task: Table, sample_step: float | None) -> float:
    """Model steps for one sample of the file.

    Raises:
        TaskError: a step in s for samples without a time.
    """
    if task.steps_per_sample is not None:
        return task.steps_per_sample
    if task.model_step is None:
        return 1.0
    if sample_step is None:
        raise TaskError(
            f"model_step = {task.model_step:g} s: the samples have no time to compare it with; give sample_step, or "
            f"the column time, or steps_per_sample."
        )
    ratio = sample_step / task.model_step
    return float(round(ratio)) if ratio > 0.5 and math.isclose(ratio, round(ratio), rel_tol=1e-6) else ratio


def whole_steps(value: float, what: str) -> int:
    """A number of steps that is whole.

    Raises:
        TaskError: it is not.
    """
    if not np.isclose(value, round(value), rtol=1e-6):
        raise TaskError(
            f"{what} is {value:g} steps of the model, which is no whole number; change it or the step."
        )
    return round(value)
