"""What a network's output is for: a class in each trial, or a course to be followed, and how each rung does it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from circuits.data.circuit import CircuitError
from conductance.tasks.decisions import Decision, check_decision, evidence
from conductance.tasks.metrics import nrmse
from excitable.ladder.steps import called

Reference = Literal["model", "equation"]
"""What a circuit is held to: the trained model in its steps of dt, or the equation that those approximate."""
NAMED = 3
"""Trials that a text names; the others are counted."""
ALL: Decision = "mean"
"""How outputs are taken as classes where nothing is said of them."""


@dataclass(frozen=True, kw_only=True)
class Aim:
    """What the outputs are judged by.

    Attributes:
        labels: (trial,) class of each trial, None where it is not known.
        targets: (time, trial, feature) that the outputs should follow; None of classes.
        mask: (time, trial), bool, where they count.
        decision: how outputs become a class; None where they are none.
    """

    labels: NDArray[np.int64] | None
    targets: NDArray[np.floating] | None
    mask: NDArray[np.bool_]
    decision: Decision | None


@dataclass(frozen=True, kw_only=True)
class Judged:
    """The outputs of all rungs, judged.

    Attributes:
        error_name: of `errors`; empty where the truth is not known.
        errors: by rung: the share of wrong decisions, or the nrmse from the targets.
        classes: by rung, (trial,), what each decides; empty of a network with one output or with targets.
        differing: trials in which the first rung decides otherwise than the last.
        stated: whether the user said that outputs are classes.
    """

    error_name: str
    errors: Mapping[str, float]
    classes: Mapping[str, NDArray[np.int64]]
    differing: tuple[int, ...]
    stated: bool

    def line(self) -> str:
        """What is decided, for the end of a text; empty where there is nothing to decide."""
        errors = ", ".join(f"{called(rung)} {error:.3g}" for rung, error in self.errors.items())
        if not self.classes:
            return f"Task error ({self.error_name}): {errors}." if errors else ""
        first, *_, last = self.classes
        trials = len(self.classes[first])
        low, high = called(first), called(last)
        shown = ", ".join(
            f"trial {k}: {self.classes[first][k]} and {self.classes[last][k]}" for k in self.differing[:NAMED]
        )
        more = ", ..." if len(self.differing) > NAMED else ""
        how = "Decisions" if self.stated else "By the largest mean output"
        text = f"{how}: {low} and {high} choose another class in {len(self.differing)} of {trials} trials"
        text += f" ({shown}{more})" if self.differing else ""
        return f"{text}; {self.error_name}: {errors}." if errors else f"{text}."


def aim_of(
    steps: int, trials: int, outputs: int, *, labels: ArrayLike | None, targets: ArrayLike | None,
    mask: ArrayLike | None, decision: Decision | None,
) -> Aim:  # fmt: skip
    """What the user said of the outputs, checked.

    Raises:
        CircuitError: both labels and targets, or one of another shape.
        TaskError: an unknown decision.
    """
    counted = np.ones((steps, trials), bool) if mask is None else np.asarray(mask, bool)
    counted = counted[:, None] if counted.ndim == 1 and trials == 1 else counted
    if counted.shape != (steps, trials) or not counted.any(axis=0).all():
        raise CircuitError(
            f"mask has shape {counted.shape}; give (time, trial) = ({steps}, {trials}), true at least once per trial"
        )
    if labels is not None and targets is not None:
        raise CircuitError("give labels of a classification or targets of a regression, not both")
    if decision is not None:
        check_decision(decision, "check_network")
        if targets is not None:
            raise CircuitError(
                f"decision = {decision!r} makes classes of outputs; with targets there are none"
            )
    course = None if targets is None else numbers_of(targets, "targets")
    if course is not None and course.ndim == 2 and trials == 1:
        course = course[:, None]
    if course is not None and course.shape != (steps, trials, outputs):
        raise CircuitError(
            f"targets have shape {course.shape}; give (time, trial, feature) = ({steps}, {trials}, {outputs})"
        )
    if course is not None:
        check_finite(course, "targets", counted)
    known = None if labels is None else np.atleast_1d(np.asarray(labels))
    if known is not None and (
        known.shape != (trials,) or known.dtype.kind not in "iu" or known.min() < 0 or known.max() >= outputs
    ):
        raise CircuitError(
            f"labels {known.tolist()}: give one whole number from 0 to {outputs - 1} for each of {trials} trials"
        )
    rule: Decision | None = decision or (ALL if known is not None else None)
    return Aim(labels=known, targets=course, mask=counted, decision=rule)


def numbers_of(values: ArrayLike, what: str) -> NDArray[np.floating]:
    """Values as an array of numbers.

    Raises:
        CircuitError: they are none.
    """
    try:
        return np.asarray(values.detach().cpu() if isinstance(values, torch.Tensor) else values, float)
    except (TypeError, ValueError):
        shown = repr(values) if isinstance(values, str) else f"a {type(values).__name__}"
        raise CircuitError(f"{what} are {shown}; give an array of numbers, (time, feature)") from None


def check_finite(values: NDArray[np.floating], what: str, counted: NDArray[np.bool_] | None = None) -> None:
    """Raise `CircuitError` with the first place of a value (time, trial, feature) that counts and is not finite."""
    bad = ~np.isfinite(values)
    if counted is not None:
        bad &= counted[:, :, None]
    if bad.any():
        step, trial, feature = np.argwhere(bad)[0]
        fix = "" if counted is None else ", or leave it out by the mask"
        raise CircuitError(
            f"{what} are {values[step, trial, feature]} at step {step}, trial {trial}, feature {feature} "
            f"({int(bad.sum())} such values); fill what is missing{fix}"
        )


def judged(aim: Aim, predictions: Mapping[str, Sequence[np.ndarray]]) -> Judged:
    """Judge every rung's predictions, (step, feature) of each trial."""
    mask = torch.as_tensor(aim.mask)
    outputs = {
        rung: torch.as_tensor(np.stack(list(each), axis=1), dtype=torch.float64)
        for rung, each in predictions.items()
    }
    if aim.targets is not None:
        targets = torch.as_tensor(aim.targets, dtype=torch.float64)
        errors = {rung: nrmse(output, targets, mask) for rung, output in outputs.items()}
        return Judged(error_name="nrmse", errors=errors, classes={}, differing=(), stated=False)
    several = next(iter(outputs.values())).shape[2] > 1
    classes = {
        rung: evidence(output, mask, aim.decision or ALL).argmax(1).numpy() for rung, output in outputs.items()
    } if several or aim.decision else {}  # fmt: skip
    differing: tuple[int, ...] = ()
    if classes:
        first, *_, last = classes.values()
        differing = tuple(np.flatnonzero(first != last).tolist())
    wrong = {}
    if aim.labels is not None:
        wrong = {rung: float((found != aim.labels).mean()) for rung, found in classes.items()}
    return Judged(
        error_name="share of wrong decisions" if wrong else "", errors=wrong, classes=classes,
        differing=differing, stated=aim.decision is not None,
    )  # fmt: skip
