"""Predictors without a network, against which a trained one is held."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from conductance.loading.lazy import torch
from conductance.tasks.options import TaskError
from conductance.tasks.splits import Split

if TYPE_CHECKING:
    from torch import Tensor


def autoregression(train: Split, split: Split, *, lags: Sequence[int], ridge: float = 1e-6) -> Tensor:
    """Predict the target by ridge regression on delayed inputs, fitted on `train`.

    What lies before the start of a series is read as 0, the mean of a standardised input, so every predictor
    is judged on the same samples.

    Args:
        train: the split to fit on; samples outside its mask are left out.
        split: the split to predict.
        lags: delays in samples, >= 0.
        ridge: weight of the penalty, relative to the number of samples; keeps near-collinear lags bounded.

    Returns:
        The prediction, with the shape and dtype of `split.targets`.

    Raises:
        TaskError: for no lags, a negative lag, or a negative ridge.
    """
    if not lags or min(lags) < 0 or ridge < 0:
        raise TaskError(
            f"autoregression: lags {list(lags)} and ridge {ridge} must be >= 0, with at least one lag."
        )
    counted = train.mask.numpy()
    design = _delayed(train, lags)[counted]
    target = train.targets.double().numpy()[counted]
    penalty = np.sqrt(ridge * len(design)) * np.eye(design.shape[1])
    penalty[-1] = 0  # the constant is not shrunk
    weights = np.linalg.lstsq(
        np.vstack([design, penalty]),
        np.vstack([target, np.zeros((len(penalty), target.shape[1]))]),
        rcond=None,
    )[0]
    return torch.from_numpy(_delayed(split, lags) @ weights).to(split.targets.dtype)


def _delayed(split: Split, lags: Sequence[int]) -> np.ndarray:
    """Delayed inputs and a constant 1, shape (time, batch, lags * input features + 1)."""
    inputs = split.inputs.double().numpy()
    columns = []
    for lag in lags:
        delayed = np.zeros_like(inputs)
        delayed[lag:] = inputs[: max(len(inputs) - lag, 0)]
        columns.append(delayed)
    columns.append(np.ones((*inputs.shape[:2], 1)))
    return np.concatenate(columns, axis=2)
