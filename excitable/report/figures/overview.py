"""One picture of the whole: shape a neuron, build it, know how far it is off."""

from matplotlib.axes import Axes

from conductance.shaping.figures.palette import colour
from excitable.ladder.steps import called
from excitable.report.evidence import Evidence
from excitable.report.figures.base import Drawing, spike_times
from excitable.report.figures.curves import NeuronCurves, draw_curves
from excitable.report.figures.prediction import draw_prediction, ends, zoom
from excitable.report.figures.waveforms import draw_neuron
from excitable.report.style import grid, new_figure
from excitable.report.verdict import number

PIXELS = (1600, 500)
DPI = 100
SPAN = 260.0
"""Longest stretch of a trace that is shown, in tau_m."""
LARGE = 13
TIME = r"time / $\tau_\mathrm{m}$"


def overview_figure(evidence: Evidence, found: tuple[NeuronCurves, ...]) -> Drawing | None:
    """The I-V curves of a neuron, its voltage in model and circuit, and what the network predicts."""
    if evidence.task is None or not evidence.rungs or not found:
        return None
    figure = new_figure(PIXELS[1] / DPI, width=PIXELS[0] / DPI, pad=0.15)
    left, middle, right = figure.subplots(1, 3, width_ratios=[0.85, 1.25, 1.25])
    neuron = found[0]
    names = [called(rung.rung) for _, rung in ends(evidence)]
    draw_curves(left, neuron, thick=1.6)
    _dress(left, "Shape: I-V curves of a neuron", r"voltage / $V_0$", r"current / $I_0$")
    low, high = _stretch(evidence, neuron)
    draw_neuron(middle, evidence, neuron.neuron.column, low=low, high=high, thick=1.5)
    _dress(middle, f"Build: its voltage in {' and '.join(names)}", TIME, r"$U_\mathrm{m}$ / $V_0$")
    draw_prediction(right, evidence, thick=1.5)
    right.set_xlim(*zoom(evidence.task, [rung for _, rung in ends(evidence)]))
    _dress(right, "Know: truth and predictions", TIME, "series, standardised")
    for axes in (left, middle, right):
        grid(axes, "both")
        low_y, high_y = axes.get_ylim()
        axes.set_ylim(low_y, high_y + 0.2 * (high_y - low_y))
        axes.legend(
            loc="upper left", fontsize=11.5, ncols=3, columnspacing=1.0, handletextpad=0.5, borderaxespad=0.0
        )
    errors = ", ".join(f"{called(r.rung)} {number(evidence.errors.get(r.rung))}" for _, r in ends(evidence))
    return Drawing(
        name="overview",
        title="Overview",
        description=f"I-V curves of a neuron; its membrane voltage in {' and '.join(names)}; the predicted "
        f"series (errors: {errors}).",
        figure=figure,
    )


def _dress(axes: Axes, title: str, x: str, y: str) -> None:
    axes.set_title(title, fontsize=15, pad=10)
    axes.set_xlabel(x, fontsize=LARGE)
    axes.set_ylabel(y, fontsize=LARGE)
    axes.tick_params(labelsize=11.5)
    for spine in axes.spines.values():
        spine.set_color(colour("muted"))


def _stretch(evidence: Evidence, neuron: NeuronCurves) -> tuple[float, float]:
    """The stretch with the most spikes of the neuron."""
    stop = float(evidence.rungs[0].time[-1])
    if stop <= SPAN:
        return 0.0, stop
    spikes = spike_times(evidence.rungs[-1], neuron.neuron.column, evidence)
    starts = [min(max(0.0, spike - 0.04 * SPAN), stop - SPAN) for spike in spikes] or [0.0]
    counts = [int(((spikes >= start) & (spikes <= start + SPAN)).sum()) for start in starts]
    low = starts[counts.index(max(counts))]
    return low, low + SPAN
