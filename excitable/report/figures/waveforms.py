"""Membrane voltages of model and circuit over each other."""

import textwrap

import numpy as np
from matplotlib.axes import Axes

from conductance.shaping.figures.palette import colour
from excitable.ladder.rungs import Waveforms
from excitable.ladder.steps import called
from excitable.report.evidence import Evidence
from excitable.report.figures.base import (
    ChosenNeuron,
    Drawing,
    chosen_neurons,
    envelope,
    spike_levels,
    spike_times,
    window,
)  # fmt: skip
from excitable.report.style import grid, literal, new_figure, rung_role

BEFORE, AFTER = 7.0, 15.0
"""What an enlargement shows before and after a spike's upstroke, in tau_m: the spike and its end."""
WIDEST_TITLE = 66
"""Characters of a title's line that stay beside the title on the right."""
STEPS_SHOWN = 150
"""The model's steps are drawn as dots where no more than these are in view."""


def waveform_figure(evidence: Evidence) -> Drawing | None:
    """A row for each chosen neuron: the whole run, and the spike at which model and circuit differ most."""
    chosen = chosen_neurons(evidence)
    if not chosen:
        return None
    figure = new_figure(0.7 + 1.62 * len(chosen))
    grid_of_axes = figure.subplots(len(chosen), 2, sharey="row", width_ratios=[2.1, 1], squeeze=False)
    for (left, right), neuron in zip(grid_of_axes, chosen, strict=True):
        low, high = spike_window(evidence, neuron.column)
        draw_neuron(left, evidence, neuron.column, low=0.0, high=evidence.rungs[0].time[-1])
        draw_neuron(right, evidence, neuron.column, low=low, high=high, near=True)
        left.axvspan(
            low, high, facecolor="none", edgecolor=colour("muted"), linewidth=0.8, linestyle=(0, (3, 2))
        )
        title = textwrap.wrap(f"{neuron.name}: {neuron.why}", WIDEST_TITLE)
        left.set(ylabel=r"$U_\mathrm{m}$ / $V_0$", title="\n".join(map(literal, title)))
        right.set_title("the framed spike")
    for axes in grid_of_axes[-1]:
        axes.set_xlabel(r"time / $\tau_\mathrm{m}$")
    for axes in grid_of_axes[:-1, 0]:
        axes.tick_params(labelbottom=False)
    handles, labels = grid_of_axes[0][1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper right", ncols=len(labels))
    return Drawing(
        name="waveforms",
        title="Membrane voltages",
        description="Membrane voltage over time of " + "; ".join(_words(n) for n in chosen)
        + f". Lines: {', '.join(called(rung.rung) for rung in evidence.rungs)}.",
        figure=figure,
    )  # fmt: skip


def _words(neuron: ChosenNeuron) -> str:
    return f"{neuron.name} ({neuron.why})"


def draw_neuron(
    axes: Axes,
    evidence: Evidence,
    column: int,
    *,
    low: float,
    high: float,
    near: bool = False,
    thick: float = 1.0,
) -> None:
    """One neuron's voltage between two times on the first and the last rung; `near` adds the rungs between."""
    rungs = list(enumerate(evidence.rungs))
    for index, rung in rungs if near else [rungs[0], *rungs[1:][-1:]]:
        inside = window(rung.time, low, high)
        time, values = rung.time[inside], rung.membrane[inside, column]
        role = rung_role(index, max(len(rungs), 2))
        dots = near and index == 0 and len(time) <= STEPS_SHOWN
        axes.plot(
            *(envelope(time, values)),
            color=colour(role),
            linewidth={"model": 0.6 if dots else 2.2, "equation": 3.6, "circuit": 1.1}[role] * thick,
            alpha={"model": 0.75, "equation": 0.35, "circuit": 1.0}[role],
            marker="o" if dots else None,
            markersize=3.0 * thick,
            markeredgewidth=0,
            zorder={"model": 2.1, "equation": 2.0, "circuit": 2.2}[role],
            label=called(rung.rung),
            solid_capstyle="round",
        )
    axes.axhline(
        spike_levels(evidence)["threshold"], color=colour("muted"), linewidth=0.7, linestyle=(0, (2, 3))
    )
    axes.set_xlim(low, high)
    grid(axes)


def spike_window(evidence: Evidence, column: int) -> tuple[float, float]:
    """Around the spike, of any rung, at which first and last rung differ most; without spikes, where they do."""
    first, last = evidence.rungs[0], evidence.rungs[-1]
    difference = difference_of(first, last, column)
    stop = float(first.time[-1])
    candidates = np.concatenate([spike_times(first, column, evidence), spike_times(last, column, evidence)])
    if not candidates.size:
        candidates = first.time[[int(np.abs(difference).argmax())]]
    sizes = [
        float(np.sum(difference[window(first.time, spike - BEFORE, spike + AFTER)] ** 2))
        for spike in candidates
    ]
    centre = float(candidates[int(np.argmax(sizes))])
    low = min(max(0.0, centre - BEFORE), max(0.0, stop - BEFORE - AFTER))
    return low, min(stop, low + BEFORE + AFTER)


def difference_of(first: Waveforms, last: Waveforms, column: int) -> np.ndarray:
    """Last minus first rung at the times of the first, in V0."""
    return np.interp(first.time, last.time, last.membrane[:, column]) - first.membrane[:, column]
