"""Figures of map neurons: the cobweb, and what follows from each start under each input.

Each function returns a matplotlib `Figure` without global state.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from conductance.derivation.maps import bifurcations, fixed_points
from conductance.neurons.base import Neuron
from conductance.shaping.figures.curves import INK, MUTED, _quiet
from conductance.shaping.maps import OUTCOMES, outcomes, spikes_of, step_of

COLOURS = ("#e8eef2", "#56b4e9", "#e69f00", "#aa3f87")
"""One colour for each outcome, after Okabe & Ito."""
TRACES = ("#0072b2", "#d55e00", "#009e73")
POINTS = 400


def draw_cobweb(
    axes: Axes, neuron: Neuron, *, current: float = 0.0, starts: Sequence[float] = (), steps: int = 12,
    low: float = -4.5, high: float = 5.0,
) -> None:  # fmt: skip
    """The map, its fixed points and a few trajectories into axes, under one held input.

    Args:
        axes: to draw into.
        neuron: a map of one voltage.
        current: held input.
        starts: voltages at which trajectories begin, in V0.
        steps: their length.
        low: lowest voltage shown, in V0.
        high: highest voltage shown.
    """
    step, above = step_of(neuron), spikes_of(neuron)
    u = np.linspace(low, high, POINTS)
    axes.plot(u, u, color=MUTED, linewidth=0.8)
    axes.plot(u, step(u, 0.0, current), color=INK, linewidth=1.8)
    middle, half = (neuron.defaults[name] for name in ("mu_u", "sigma_u"))
    axes.axvspan(
        middle - half, middle + half, color="#f0e442", alpha=0.35, label="window of the spike's slope"
    )
    axes.axvline(neuron.defaults["u_th"], color=MUTED, linestyle="--", linewidth=1, label="threshold")
    for start, colour in zip(starts, TRACES, strict=False):
        path, voltage = [(start, low)], float(start)
        for _ in range(steps):
            following = float(step(voltage, float(above(voltage)), current))
            path += [(voltage, following), (following, following)]
            voltage = following
        axes.plot(*zip(*path, strict=True), color=colour, linewidth=1.1, label=f"from u = {start:g}")
    for point in fixed_points(neuron, current):
        face = INK if point.stable else "white"
        axes.plot(point.voltage, point.voltage, "o", color=INK, markerfacecolor=face, markersize=7, zorder=5)
    axes.set(xlim=(low, high), ylim=(low, high), aspect="equal")
    axes.set_xlabel("u[t] / $V_0$", fontsize=9, color=INK)
    axes.set_ylabel("u[t + 1] / $V_0$", fontsize=9, color=INK)
    axes.set_title(f"input {current:g}", loc="left", fontsize=10, fontweight="bold", color=INK)
    _quiet(axes)


def cobweb_figure(neuron: Neuron, currents: Sequence[float], starts: Sequence[float]) -> Figure:
    """One cobweb for each held input. Filled dots are stable fixed points, open ones unstable."""
    figure = Figure(figsize=(3.4 * len(currents), 4.2), layout="constrained")
    panels = figure.subplots(1, len(currents), squeeze=False)[0]
    for axes, current in zip(panels, currents, strict=True):
        draw_cobweb(axes, neuron, current=current, starts=starts)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False, fontsize=8)
    return figure


def regions_figure(
    neuron: Neuron, *, currents: tuple[float, float] = (-5.0, 2.5), starts: tuple[float, float] = (-6.0, 6.0)
) -> Figure:
    """What follows from each start under each input: of the free map, and with spikes and resets.

    Dotted lines are the saddle-node and the flip.
    """
    figure = Figure(figsize=(9.2, 4.0), layout="constrained")
    drive, begin = np.linspace(*currents, 301), np.linspace(*starts, 301)
    norm = BoundaryNorm(np.arange(len(OUTCOMES) + 1) - 0.5, len(OUTCOMES))
    for axes, spiking in zip(figure.subplots(1, 2, sharey=True), (False, True), strict=True):
        found = outcomes(neuron, drive, begin, spiking=spiking)
        axes.pcolormesh(drive, begin, found, cmap=ListedColormap(COLOURS), norm=norm, rasterized=True)
        for each in bifurcations(neuron):
            axes.axvline(each.current, color=INK, linestyle=":", linewidth=1)
            axes.annotate(
                f" {each.kind}", (each.current, begin[-1]), fontsize=7.5, color=INK, va="top", rotation=90,
                xytext=(-9, -3), textcoords="offset points",
            )  # fmt: skip
        axes.set_title(
            "with spikes and resets" if spiking else "without threshold", loc="left", fontsize=10,
            fontweight="bold", color=INK,
        )  # fmt: skip
        axes.set_xlabel("held input", fontsize=9, color=INK)
        axes.tick_params(labelsize=8, colors=INK)
    figure.axes[0].set_ylabel("voltage at the start / $V_0$", fontsize=9, color=INK)
    patches = [Patch(color=colour, label=name) for colour, name in zip(COLOURS, OUTCOMES, strict=True)]
    figure.legend(handles=patches, loc="outside upper right", ncols=len(OUTCOMES), frameon=False, fontsize=9)
    return figure
