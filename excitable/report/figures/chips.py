"""Virtual chips: which share stays within a limit of the error, and each chip's two errors."""

import numpy as np
from matplotlib.axes import Axes

from conductance.shaping.figures.palette import colour
from excitable.chips.yields import RATIO, Sweep
from excitable.report.evidence import Evidence
from excitable.report.figures.base import Drawing
from excitable.report.style import grid, literal, new_figure
from excitable.report.verdict import percent, short

WIDEST = 3.0
"""The yield curve ends at this multiple of the nominal error."""


def chips_figure(evidence: Evidence) -> Drawing | None:
    """The yield curve of a sweep, and the errors of model and circuit of every chip."""
    sweep = evidence.sweep
    if sweep is None:
        return None
    figure = new_figure(2.9)
    curve, pairs = figure.subplots(1, 2, width_ratios=[1.35, 1])
    _draw_curve(curve, sweep)
    _draw_pairs(pairs, sweep)
    share = percent(sweep.yields[0].share)
    return Drawing(
        name="chips",
        title="Virtual chips",
        description=f"Of {len(sweep.at_worst)} chips, {share} stay within {RATIO:g} times the nominal error.",
        figure=figure,
    )


def _draw_curve(axes: Axes, sweep: Sweep) -> None:
    ratios = np.linspace(0.5, WIDEST, 501)
    axes.plot(ratios, 100 * sweep.curve(ratios), color=colour("circuit"))
    axes.axvline(RATIO, color=colour("muted"), linewidth=0.9)
    axes.annotate(
        f"yield {short(percent(sweep.yields[0].share))}", (RATIO, 4), xytext=(5, 0), textcoords="offset points",
        fontsize=9, weight="bold",
    )  # fmt: skip
    axes.set(
        xlim=(0.5, WIDEST), ylim=(-2, 102), xlabel="limit of the error, in nominal ones", title="Yield curve"
    )
    axes.set_ylabel("chips within it / %")
    grid(axes)


def _draw_pairs(axes: Axes, sweep: Sweep) -> None:
    found = [(chip.model_error, chip.circuit_error) for chip in sweep.chips]
    known = np.array([(a, b) for a, b in found if a is not None and b is not None]).reshape(-1, 2)
    axes.plot(known[:, 0], known[:, 1], "o", markersize=3, alpha=0.6, color=colour("circuit"))
    axes.plot(
        [sweep.nominal.model_error or 0],
        [sweep.nominal.circuit_error or 0],
        "+",
        color=colour("ink"),
        markersize=9,
    )
    low, high = axes.get_xlim()
    axes.plot([low, high], [low, high], color=colour("muted"), linewidth=0.9)
    axes.set(xlabel=literal(f"{sweep.error_name} of the model"), title="The same chip twice")
    axes.set_ylabel(literal(f"{sweep.error_name} of the circuit"))
    grid(axes)
