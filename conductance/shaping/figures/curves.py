"""Figures of shaping: I-V curves beside the trace they cause, and the convergence of update rules.

Each function returns a matplotlib `Figure` without global state; `figure.savefig("name.svg")` keeps it.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from conductance.elements.base import Timescale
from conductance.neurons.base import Neuron
from conductance.neurons.presets import Preset
from conductance.shaping.convergence import TRIALS, Convergence
from conductance.shaping.curves import MARGIN, curves, negative_slope_regions, voltage_range
from conductance.shaping.equilibria import Branch
from conductance.shaping.figures.palette import DASHES, colour
from conductance.shaping.integrate import Trace, integrate

COLOURS: Mapping[Timescale, str] = MappingProxyType({scale: colour(scale) for scale in DASHES})
"""One colour for each timescale; told apart by dashes too."""
LABELS: Mapping[Timescale, str] = MappingProxyType(
    {"fast": "fast", "slow": "slow", "ultraslow": "ultra-slow"}
)
INK, MUTED, GRID = colour("ink"), colour("muted"), colour("grid")
RULES: Mapping[str, tuple[str, str, str]] = MappingProxyType(
    {
        "forward_euler": ("forward Euler", colour("model"), "o"),
        "exponential_euler": ("exponential Euler", colour("circuit"), "s"),
        "symplectic_euler": ("symplectic Euler", "#cc79a7", "D"),
        "alternating_euler": ("alternating Euler", "#8c6bb1", "v"),
        "heun": ("Heun", colour("equation"), "^"),
        "exponential": ("exponential", "#56b4e9", "P"),
        "moebius": ("Moebius", INK, "*"),
    }
)
"""Label, colour and marker of each update rule."""
SEEN = 2.2
"""How far beyond the outermost offset a curve is drawn, in V0."""
POINTS = 500
TRACE_POINTS = 6000
ROUNDING = 1e-16


def _quiet(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8, colors=INK)


def draw_curves(
    axes: Axes, neuron: Neuron, *, rest: float, values: Mapping[str, float] | None = None
) -> None:
    """The I-V curve of each timescale into axes, with a broad band where it falls.

    Args:
        axes: to draw into.
        neuron: the declaration.
        rest: voltage at which slower states are frozen, in V0; a dot marks it.
        values: parameter values other than the declaration's.
    """
    low, high = voltage_range(neuron, values)
    low, high = low + MARGIN - SEEN, high - MARGIN + SEEN
    voltages = np.linspace(low, high, POINTS)
    for timescale, curve in curves(neuron).items():
        current, colour = curve.function(values, rest=rest), COLOURS[timescale]
        axes.plot(voltages, current(voltages), color=colour, linestyle=DASHES[timescale], linewidth=1.6,
                  label=LABELS[timescale])  # fmt: skip
        for region in negative_slope_regions(curve, values):
            inside = np.linspace(max(region.lower, low), min(region.upper, high), 100)
            axes.plot(inside, current(inside), color=colour, linewidth=7, alpha=0.28, solid_capstyle="butt")
    meeting = float(curve.function(values, rest=rest)(rest))
    axes.plot(rest, meeting, "o", color=INK, markersize=4.5, zorder=5)
    axes.axhline(0, color=MUTED, linewidth=0.7)
    axes.set_xlim(low, high)
    axes.set_xlabel("membrane voltage / $V_0$", fontsize=9, color=INK)
    axes.set_ylabel("outward current / $I_b$", fontsize=9, color=INK)
    _quiet(axes)


def draw_trace(axes: Axes, below: Axes, trace: Trace, *, since: float, until: float) -> None:
    """Membrane voltage and its slower readings into one axes, the held current into the one below.

    Args:
        axes: for voltages.
        below: for the current.
        trace: from `integrate`.
        since: first time shown, in tau_m.
        until: last time shown.
    """
    times = np.linspace(since, until, TRACE_POINTS)
    states = trace.at(times)
    for state, column in zip(trace.neuron.states[:0:-1], states.T[:0:-1], strict=True):
        colour, dashes = COLOURS[state.timescale], DASHES[state.timescale]
        axes.plot(times - since, column, color=colour, linestyle=dashes, linewidth=1.2)
    axes.plot(times - since, states[:, 0], color=INK, linewidth=1.0)
    axes.set_ylabel("voltage / $V_0$", fontsize=9, color=INK)
    axes.tick_params(labelbottom=False)
    below.step(times - since, trace.stimulus.at(times), where="post", color=MUTED, linewidth=1.2)
    below.set_ylabel("$I_{app}$", fontsize=9, color=INK)
    below.set_xlabel(r"time / $\tau_m$", fontsize=9, color=INK)
    held = trace.stimulus.at(times)
    below.set_yticks(sorted({float(held.min()), float(held.max())}))
    below.margins(y=0.3)
    for each in (axes, below):
        _quiet(each)
        each.set_xlim(0, until - since)


def preset_figure(
    presets: Sequence[Preset], *, windows: Mapping[str, tuple[float, float]] | None = None
) -> Figure:
    """A row for each parameter set: its I-V curves, and the trace of its known run beside them.

    Args:
        presets: from `conductance.neurons.presets`.
        windows: first and last time shown by name of the preset, in tau_m; the whole run from shortly before the
            onset where not given.
    """
    figure = Figure(figsize=(9.5, 2.5 * len(presets)), layout="constrained")
    rows = figure.subfigures(len(presets), 1, squeeze=False)[:, 0]
    for row, preset in zip(rows, presets, strict=True):
        grid = row.add_gridspec(2, 2, width_ratios=(1, 2.4), height_ratios=(4, 1))
        left, upper, lower = (row.add_subplot(place) for place in (grid[:, 0], grid[0, 1], grid[1, 1]))
        current = preset.current if preset.before is None else preset.before
        draw_curves(left, preset.neuron, rest=resting_voltage(preset.neuron, current))
        trace = integrate(preset.neuron, preset.stimulus, preset.stop, start=preset.start, rtol=1e-8)
        since, until = (windows or {}).get(preset.name, (max(0.0, preset.onset - 50.0), preset.stop))
        draw_trace(upper, lower, trace, since=since, until=until)
        title = preset.name if preset.name.startswith(preset.regime) else f"{preset.name}: {preset.regime}"
        upper.set_title(title, loc="left", fontsize=10, fontweight="bold", color=INK)
        left.set_title(f"slower parts at rest under {current:g} $I_b$", loc="left", fontsize=8.5, color=MUTED)
    drawn = [axes for axes in figure.axes if axes.get_legend_handles_labels()[0]]
    widest = max(drawn, key=lambda axes: len(axes.get_legend_handles_labels()[0]))
    handles, labels = widest.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper right", ncols=len(labels), frameon=False, fontsize=9,
                  title="timescale; a broad band marks falling current", title_fontsize=9)  # fmt: skip
    return figure


def resting_voltage(neuron: Neuron, current: float, values: Mapping[str, float] | None = None) -> float:
    """The lowest equilibrium under a held current, in V0: where slower parts of the neuron are frozen."""
    found = Branch(neuron, values).equilibria(current)
    return found[0].voltage if found else 0.0


def convergence_figure(groups: Mapping[str, Sequence[Convergence]] | None = None) -> Figure:
    """Error over time step for each group of rules, with lines of order 1 and 2 to compare with.

    Args:
        groups: title to the convergences drawn together; those of `convergence.TRIALS`, measured now, where not given.
    """
    groups = {trial.title: trial.measured() for trial in TRIALS} if groups is None else groups
    columns = min(3, len(groups))
    rows = -(-len(groups) // columns)
    figure = Figure(figsize=(3.2 * columns, 3.1 * rows + 0.4), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False, sharey=True)
    for axes, (title, found) in zip(panels.ravel(), groups.items(), strict=False):
        for one in found:
            label, colour, marker = RULES[one.method]
            order = "exact" if one.exact else f"slope {one.slope:.2f}"
            axes.loglog(one.steps, np.maximum(one.errors, ROUNDING), color=colour, marker=marker, markersize=4.5,
                        linewidth=1.4, label=f"{label}: {order}")  # fmt: skip
        _guides(axes, found)
        axes.set_title(title, loc="left", fontsize=10, fontweight="bold", color=INK)
        axes.legend(frameon=False, fontsize=7.5, loc="lower right", bbox_to_anchor=(1.0, 0.14))
        axes.set_xlabel(r"time step / $\tau_m$", fontsize=9, color=INK)
        _quiet(axes)
    for axes in panels[:, 0]:
        axes.set_ylabel("largest error / $V_0$", fontsize=9, color=INK)
    for axes in panels.ravel()[len(groups) :]:
        axes.set_visible(False)
    return figure


def _guides(axes: Axes, found: Sequence[Convergence]) -> None:
    """Grey lines of order 1 and 2 through the upper right corner."""
    inexact = [one for one in found if not one.exact]
    if not inexact:
        return
    steps = inexact[0].steps
    top = 20 * max(float(one.errors.max()) for one in inexact)
    for order in (1, 2):
        errors = top * (steps / steps[0]) ** order
        axes.loglog(steps, errors, color=MUTED, linewidth=0.8, linestyle=":")
        axes.annotate(
            f"order {order}", (steps[-1], errors[-1]), fontsize=7.5, color=MUTED, ha="left", va="bottom"
        )
