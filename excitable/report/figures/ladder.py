"""The ladder: the rungs from model to circuit as lines, what each step costs between them."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from conductance.shaping.figures.palette import colour
from excitable.ladder.steps import Step, called, steps
from excitable.report.evidence import Evidence
from excitable.report.figures.base import Drawing
from excitable.report.style import literal, log_axis, new_figure, rung_role
from excitable.report.verdict import number, percent, short
from netlists.comparison import Ladder

FLOOR = 1e-6
"""Smallest value a logarithmic axis shows, in V0 or tau_m; exact agreement is drawn there."""
MIDDLE = 0.5


def ladder_figure(evidence: Evidence) -> Drawing | None:
    """Task error of each rung; voltage difference, spikes and spike times of each step."""
    ladder = evidence.ladder
    if ladder is None:
        return None
    found = steps(ladder)
    count = len(ladder.rungs)
    figure = new_figure(1.5 + 1.05 * len(found))
    task, voltage, spikes, timing = figure.subplots(1, 4, sharey=True, width_ratios=[0.95, 1.45, 1.0, 1.25])
    for axes in (task, voltage, spikes, timing):
        axes.set_ylim(-0.3, count - 1 + 0.3)
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="y", length=0)
        for index in range(count):
            axes.axhline(index, color=colour(rung_role(index, count)), linewidth=1.6, alpha=0.55, zorder=0)
    task.set_yticks(
        range(count), [literal(called(rung.name)) for rung in ladder.rungs], weight="bold", fontsize=9.5
    )
    _task_panel(task, ladder, evidence)
    _strips(voltage, [[n.rms_v0 for n in step.comparison.neurons] for step in found])
    voltage.set(title="Voltage difference", xlabel=r"rms of each neuron / $V_0$")
    for index, step in enumerate(found):
        voltage.annotate(
            f"share {short(percent(step.share))}",
            (1.0, index + MIDDLE + 0.33),
            xycoords=("axes fraction", "data"),
            ha="right",
            va="center",
            fontsize=9,
            weight="bold",
        )
    _spike_panel(spikes, found)
    _strips(timing, [_times(step) for step in found], empty="no spikes to compare")
    timing.set(title="Spike-time error", xlabel=r"median of each neuron / $\tau_\mathrm{m}$")
    words = "; ".join(
        f"from {step.names[0]} to {step.names[1]} {number(step.rms)} V0 rms, {percent(step.share)}"
        for step in found
    )
    return Drawing(
        name="ladder",
        title="The error ladder",
        description=f"Rungs from model to circuit as lines, with what each step between them costs: {words}.",
        figure=figure,
    )


def _times(step: Step) -> list[float]:
    return [
        n.median_time_error_tau_m for n in step.comparison.neurons if n.median_time_error_tau_m is not None
    ]


def _task_panel(axes: Axes, ladder: Ladder, evidence: Evidence) -> None:
    axes.set(title="Task error", xlabel=literal(ladder.task_error_name))
    persistence = None if evidence.task is None else evidence.task.persistence
    errors = [
        (index, rung.task_error) for index, rung in enumerate(ladder.rungs) if rung.task_error is not None
    ]
    for index, error in errors:
        axes.plot(error, index, "o", color=colour(rung_role(index, len(ladder.rungs))), markersize=7)
        axes.annotate(number(error), (error, index), xytext=(0, 7), textcoords="offset points", ha="center",
                      va="bottom", fontsize=9, weight="bold")  # fmt: skip
    largest = max([1.0, *(error for _, error in errors), persistence or 0.0])
    axes.set_xlim(0, 1.12 * largest)
    aims = evidence.task is None or evidence.task.aims
    for place, label in ((persistence, "persistence"), (1.0, "mean")) if aims else ():
        if place is not None:
            axes.axvline(place, color=colour("muted"), linewidth=0.9, linestyle=(0, (4, 2)), zorder=0)
            axes.annotate(label, (place, MIDDLE), xytext=(-1, 0), textcoords="offset points", rotation=90, fontsize=7.5,
                          color=colour("muted"), ha="right", va="center")  # fmt: skip


def _strips(axes: Axes, groups: Sequence[Sequence[float]], empty: str = "") -> None:
    """One dot for each neuron, each group spread over its step of the ladder, with its median."""
    positive = [value for group in groups for value in group if value > FLOOR]
    low, high = (min(positive), max(positive)) if positive else (FLOOR, 1.0)
    log_axis(axes, "x")
    axes.set_xlim(max(FLOOR, 10 ** np.floor(np.log10(low) - 0.2)), 10 ** np.ceil(np.log10(high) + 0.05))
    left = axes.get_xlim()[0]
    for index, group in enumerate(groups):
        if not group:
            axes.annotate(empty, (0.5, index + MIDDLE), xycoords=("axes fraction", "data"), ha="center",
                          va="center", fontsize=8, color=colour("muted"))  # fmt: skip
            continue
        values = np.clip(group, left, None)
        axes.plot(values, index + MIDDLE + _spread(np.log10(values)), "o", color=colour("ultraslow"), alpha=0.45,
                  markersize=3.6, markeredgewidth=0, clip_on=False)  # fmt: skip
        median = float(np.median(values))
        axes.plot(
            [median, median],
            [index + MIDDLE - 0.21, index + MIDDLE + 0.21],
            color=colour("ink"),
            linewidth=1.6,
        )
        axes.annotate(f"median {number(median, 2)}", (median, index + MIDDLE - 0.22), xytext=(0, -2),
                      textcoords="offset points", ha="center", va="top", fontsize=8)  # fmt: skip
    axes.grid(axis="x", linewidth=0.7)
    axes.minorticks_off()


def _spread(values: np.ndarray, bins: int = 26) -> np.ndarray:
    """Heights that keep dots of similar value apart."""
    height = np.zeros(len(values))
    span = max(float(np.ptp(values)), 0.5)
    cell = np.floor((values - values.min()) / span * bins).astype(int)
    for index in np.unique(cell):
        members = np.flatnonzero(cell == index)
        order = np.arange(len(members))
        height[members] = 0.5 * (order + 1 - order % 2) * (-1.0) ** order if len(members) > 1 else 0.0
    largest = max(float(np.abs(height).max()), 4.0)
    return 0.17 * height / largest


def _spike_panel(axes: Axes, found: Sequence[Step]) -> None:
    """A bar for all spikes of a step: matched, missing, extra."""
    axes.set(title="Spikes", xlabel="all neurons")
    for index, step in enumerate(found):
        comparison = step.comparison
        parts = (
            (comparison.matched, "truth", ""),
            (comparison.missing, "fault", "////"),
            (comparison.extra, "fast", "xxxx"),
        )
        left = 0
        for size, role, hatch in parts:
            axes.barh(index + MIDDLE, size, left=left, height=0.2, color=colour(role), hatch=hatch,
                      edgecolor=colour("paper"), linewidth=0.4)  # fmt: skip
            left += size
        for shift, text, role in (
            (0.25, f"{comparison.matched} matched", "ink"),
            (-0.25, f"{comparison.missing} missing, {comparison.extra} extra", "ink" if not
             (comparison.missing or comparison.extra) else "fault"),
        ):  # fmt: skip
            axes.annotate(text, (0, index + MIDDLE + shift), xytext=(1, 0), textcoords="offset points",
                          ha="left", va="center", fontsize=8, color=colour(role))  # fmt: skip
    totals = [step.comparison.matched + step.comparison.missing + step.comparison.extra for step in found]
    axes.set_xlim(0, max([1, *totals]))
    axes.locator_params(axis="x", nbins=3)
