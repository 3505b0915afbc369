"""The training curve, and what the neurons did meanwhile."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from conductance.shaping.figures.palette import colour
from excitable.report.evidence import Evidence
from excitable.report.figures.base import Drawing
from excitable.report.style import grid, literal, log_axis, new_figure
from excitable.report.verdict import number

Rows = Sequence[Mapping[str, Any]]


def training_figure(evidence: Evidence) -> Drawing | None:
    """Error, activity and gradient norm over the steps of training."""
    batches = rows(evidence.metrics, "train")
    checks = rows(evidence.metrics, "validation")
    if not batches and not checks:
        return None
    figure = new_figure(2.9)
    error, activity, gradient = figure.subplots(1, 3, width_ratios=[1.35, 1, 1])
    for axes in (error, activity, gradient):
        axes.set_xlabel("training step")
        grid(axes)
    _error(error, batches, checks, evidence)
    _activity(activity, batches)
    gradient.set_title("Norm of the gradient")
    _line(gradient, batches, "gradient_norm", colour("ink"), linewidth=0.9)
    _decades(gradient, "no gradient")
    last = (checks or batches)[-1]
    return Drawing(
        name="training",
        title="Training",
        description=f"Error, activity and gradient norm over {last['step']} training steps; the last error is "
        f"{number(last['error'])}.",
        figure=figure,
    )


def rows(metrics: Rows, split: str) -> list[Mapping[str, Any]]:
    """The records of one split that can be drawn."""
    return [row for row in metrics if row.get("split") == split and _is_number(row.get("error"))]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and bool(np.isfinite(value))


def _line(axes: Axes, records: Rows, key: str, tone: str, **options: Any) -> bool:
    points = [(row["step"], row[key]) for row in records if _is_number(row.get(key))]
    if points:
        axes.plot(*zip(*points, strict=True), color=tone, **options)
    return bool(points)


def _error(axes: Axes, batches: Rows, checks: Rows, evidence: Evidence) -> None:
    name = "error" if evidence.ladder is None else evidence.ladder.task_error_name
    axes.set(title="Error of the model", ylabel=literal(name))
    _line(axes, batches, "error", colour("model"), linewidth=0.8, alpha=0.5, label="training batch")
    _line(
        axes, checks, "error", colour("model"), linewidth=1.6, marker="o", markersize=3.2, label="validation"
    )
    persistence = None if evidence.task is None else evidence.task.persistence
    for level, label in ((1.0, "mean"), (persistence, "persistence, held-out series")):
        if level is not None:
            axes.axhline(level, color=colour("muted"), linewidth=0.9, linestyle=(0, (4, 2)))
            # clipped: a label far above the axis would take the panel's room
            axes.annotate(label, (0.99, level), xycoords=("axes fraction", "data"), xytext=(0, 2),
                          textcoords="offset points", ha="right", fontsize=8, color=colour("muted"),
                          annotation_clip=True)  # fmt: skip
    top = max([1.0, *(row["error"] for row in checks)])
    axes.set_ylim(0, 1.15 * top)
    axes.legend(loc="lower left")


def _activity(axes: Axes, batches: Rows) -> None:
    axes.set_title("Activity of the neurons")
    _line(axes, batches, "duty_cycle", colour("slow"), linewidth=1.2, label="computation")
    dashes = (0, (5, 1.6))
    if _line(axes, batches, "spikes", colour("fast"), linewidth=1.2, linestyle=dashes, label="communication"):
        axes.legend(loc="center right")
    _decades(axes, "no activity")


def _decades(axes: Axes, empty: str) -> None:
    """A logarithmic axis, or in words that nothing is above zero, which has no place on one."""
    if any(np.any(np.asarray(line.get_ydata()) > 0) for line in axes.lines):
        log_axis(axes, "y")
        return
    axes.set(ylim=(0, 1), yticks=[])
    axes.annotate(empty, (0.5, 0.5), xycoords="axes fraction", ha="center", fontsize=9, color=colour("muted"))
