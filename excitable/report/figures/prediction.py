"""Prediction against truth over the held-out series."""

import numpy as np
from matplotlib.axes import Axes

from conductance.shaping.figures.palette import colour
from excitable.config.series import SeriesConfiguration
from excitable.ladder.rungs import Waveforms
from excitable.ladder.steps import called
from excitable.report.evidence import Evidence, TaskSeries
from excitable.report.figures.base import Drawing, envelope
from excitable.report.style import grid, new_figure, rung_role
from excitable.report.verdict import number

ZOOM_SHARE = 0.16
"""Share of the series that the lower panel shows."""


def prediction_figure(evidence: Evidence) -> Drawing | None:
    """Truth, model and circuit over the whole series, and a stretch of it enlarged."""
    task = evidence.task
    if task is None or not evidence.rungs:
        return None
    shown = ends(evidence)
    figure = new_figure(4.5)
    whole, part = figure.subplots(2, 1, height_ratios=[1, 1.15])
    low, high = zoom(task, [rung for _, rung in shown])
    for axes in (whole, part):
        draw_prediction(axes, evidence)
        grid(axes)
        axes.set_ylabel("series, standardised" if task.aims else "output")
    whole.margins(y=0.14)
    whole.set(title=shown_part(evidence) if task.aims else "The whole run", xlim=(0, task.time[-1]))
    counted = task.time[task.mask]
    if counted[0] > task.time[0]:
        whole.axvspan(0, counted[0], color=colour("shade"), zorder=-1)
        whole.annotate(
            "warm-up, not counted",
            (0, 0),
            xycoords="axes fraction",
            xytext=(4, 3),
            textcoords="offset points",
            ha="left",
            va="bottom",
            fontsize=8,
            color=colour("muted"),
        )
    whole.axvspan(
        low, high, facecolor="none", edgecolor=colour("muted"), linewidth=0.8, linestyle=(0, (3, 2))
    )
    part.set(title="The framed stretch, enlarged", xlim=(low, high), xlabel=r"time / $\tau_\mathrm{m}$")
    handles, labels = whole.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper right", ncols=len(labels))
    words = ", ".join(
        f"{called(rung.rung)} with error {number(evidence.errors.get(rung.rung))}" for _, rung in shown
    )
    return Drawing(
        name="prediction",
        title="Prediction against truth" if task.aims else "Output",
        description=f"Lines over time: the true series and its predictions by {words}."
        if task.aims
        else "Lines over time: the output of model and circuit.",
        figure=figure,
    )


def shown_part(evidence: Evidence) -> str:
    """How much of the held-out series was simulated; its length is known of tasks that draw their series."""
    shown = 0 if evidence.task is None else len(evidence.task.time)
    found = evidence.configuration
    there = (
        found.task.model_dump().get("held_out_samples") if isinstance(found, SeriesConfiguration) else None
    )
    return (
        "The whole held-out series" if shown == there else f"The first {shown} samples of the held-out series"
    )


def draw_prediction(axes: Axes, evidence: Evidence, *, thick: float = 1.0) -> None:
    """Truth, model and circuit into axes."""
    task = evidence.task
    if task is None:
        return
    if task.aims:
        time, truth = envelope(task.time, task.truth[:, 0])
        axes.plot(time, truth, color=colour("truth"), linewidth=3.2 * thick, alpha=0.55, label="truth",
                  solid_capstyle="round", marker="o", markersize=3.2 * thick, markeredgewidth=0,
                  markevery=alone(truth))  # fmt: skip
    for index, rung in ends(evidence):
        first = index == 0
        values = task.prediction(rung)[:, 0]
        error = evidence.errors.get(rung.rung) if task.aims else None
        axes.plot(
            *envelope(task.time, values),
            color=colour(rung_role(index, max(len(evidence.rungs), 2))),
            linewidth=(2.0 if first else 1.1) * thick,
            alpha=0.75 if first else 1.0,
            label=called(rung.rung) + ("" if error is None else f", error {number(error)}"),
        )


def alone(values: np.ndarray) -> list[int]:
    """Places of numbers between gaps (NaN), of which a line shows nothing."""
    known = np.isfinite(np.concatenate([[np.nan], values, [np.nan]]))
    places: list[int] = np.flatnonzero(known[1:-1] & ~known[:-2] & ~known[2:]).tolist()
    return places


def ends(evidence: Evidence) -> list[tuple[int, Waveforms]]:
    """The model and, where there is one, the circuit, with their places on the ladder."""
    rungs = list(enumerate(evidence.rungs))
    return rungs[:1] if len(rungs) == 1 else [rungs[0], rungs[-1]]


def zoom(task: TaskSeries, rungs: list[Waveforms]) -> tuple[float, float]:
    """The stretch in which the predictions differ most from each other, or, of one alone, from the truth."""
    predictions = [task.prediction(rung)[:, 0] for rung in rungs]
    other = predictions[1] if len(predictions) > 1 else task.targets[:, 0]
    squares = np.where(task.mask, (predictions[0] - other) ** 2, 0.0)
    samples = max(2, round(ZOOM_SHARE * len(squares)))
    sums = np.convolve(squares, np.ones(samples), mode="valid")
    start = int(sums.argmax())
    low = 0.0 if start == 0 else float(task.time[start - 1])
    return low, float(task.time[min(start + samples, len(task.time)) - 1])
